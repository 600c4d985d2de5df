//! Small worlds of repositories, written through the real index writers.

use index::{
    BlobIdx, Codec, Content, DocKind, NewBlob, NewDoc, NewSymbol, NewSymbols, RefTable, RefTableWriter,
    RevIdx, Revision, Segment, SegmentOrdinal, SegmentWriter, WriterOptions,
};
use model::{
    AccessSet, BlobFlags, Epoch, Language, ObjectId, PathRules, RefName, RepoId, RepoName, SkipReason,
};
use search::{
    About, CancelToken, Catalog, Facets, Limits, Match, RepoIndex, SearchError, Searcher, Sink, Stats,
    Summary, Visibility,
};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, LazyLock};

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum File {
    Text(String),
    Link(String),
    Binary(Vec<u8>),
}

impl File {
    pub(crate) fn text(text: &str) -> File {
        File::Text(text.to_owned())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            File::Text(text) | File::Link(text) => text.as_bytes(),
            File::Binary(bytes) => bytes,
        }
    }

    pub(crate) fn oid(&self) -> ObjectId {
        // Not git's own hash: equal contents must have equal ids and different ones different, no more.
        let mut state = [0xcbf2_9ce4_8422_2325_u64, 0x9e37_79b9_7f4a_7c15, 1];
        let tag = u8::from(matches!(self, File::Binary(_)));
        for byte in std::iter::once(&tag).chain(self.bytes()) {
            for (idx, word) in state.iter_mut().enumerate() {
                *word = (*word ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3 + 2 * idx as u64);
            }
        }
        let mut id = [0; 20];
        id[..8].copy_from_slice(&state[0].to_be_bytes());
        id[8..16].copy_from_slice(&state[1].to_be_bytes());
        id[16..].copy_from_slice(&state[2].to_be_bytes()[..4]);
        ObjectId(id)
    }
}

pub(crate) type Tree = BTreeMap<Vec<u8>, File>;

/// A repository: one tree per branch, the first is the default.
#[derive(Clone, Debug)]
pub(crate) struct Repo {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) branches: Vec<(String, Tree)>,
    /// When each branch's commit was made; 0 for those beyond.
    pub(crate) commit_seconds: Vec<i64>,
    pub(crate) visibility: Visibility,
    pub(crate) is_fork: bool,
    pub(crate) is_archived: bool,
    pub(crate) about: About,
    /// How many segments its blobs are spread over.
    pub(crate) n_segments: usize,
}

impl Repo {
    pub(crate) fn new(id: u32, name: &str, files: &[(&str, &str)]) -> Repo {
        let tree = files.iter().map(|(path, text)| (path.as_bytes().to_vec(), File::text(text))).collect();
        Repo {
            id,
            name: name.to_owned(),
            branches: vec![("main".to_owned(), tree)],
            commit_seconds: Vec::new(),
            visibility: Visibility::Public,
            is_fork: false,
            is_archived: false,
            about: About::default(),
            n_segments: 1,
        }
    }

    pub(crate) fn revisions(&self) -> Vec<Revision> {
        let branches = self.branches.iter().zip(1u8..);
        let revision = |((name, _), number): (&(String, Tree), u8)| Revision {
            refs: vec![RefName::new(format!("refs/heads/{name}")).expect("branch names in tests are valid")],
            commit: ObjectId([number; 20]),
            commit_time: self.commit_seconds.get(usize::from(number) - 1).copied().unwrap_or(0),
        };
        branches.map(revision).collect()
    }
}

pub(crate) fn language(path: &[u8]) -> Language {
    let name = match path.rsplit(|byte| *byte == b'.').next() {
        Some(b"c") => "c",
        Some(b"py") => "python",
        _ => return Language::UNKNOWN,
    };
    syntax::language_by_name(name).expect("linguist knows C and Python")
}

/// What a text defines.
pub(crate) fn definitions(language: Language, text: &str) -> syntax::Symbols {
    syntax::symbols(language, text, &syntax::SymbolLimits::default()).unwrap_or_default()
}

/// Writes a blob with its definitions.
fn add(writer: &mut SegmentWriter, blob: NewBlob<'_>, text: &str) -> BlobIdx {
    let outcome = syntax::symbols(blob.language, text, &syntax::SymbolLimits::default());
    let is_cut = matches!(outcome, Err(syntax::SymbolError::TooLarge { .. }));
    let known = outcome.unwrap_or_default();
    let symbols: Vec<NewSymbol<'_>> = known
        .symbols
        .iter()
        .map(|symbol| NewSymbol {
            name: text[symbol.name.clone()].as_bytes(),
            name_start: symbol.name.start as u32,
            kind: symbol.kind,
            container: known.containers[symbol.container as usize].as_bytes(),
            extent: symbol.extent.start as u32..symbol.extent.end as u32,
        })
        .collect();
    let symbols = if is_cut { NewSymbols::Cut(&symbols) } else { NewSymbols::Known(&symbols) };
    writer.add(NewBlob { symbols, ..blob }).expect("add")
}

/// A path, and a revision it stands in.
type Place = (Vec<u8>, RevIdx);

/// A file, where it stands, and where its text is.
type Placed = (File, Vec<Place>, SegmentOrdinal, BlobIdx);

/// Writes and opens a repository's index.
pub(crate) fn build(folder: &Path, repo: &Repo) -> RepoIndex {
    let mut blobs: BTreeMap<(ObjectId, File), Vec<Place>> = BTreeMap::new();
    for ((_, tree), rev) in repo.branches.iter().zip(0..) {
        for (path, file) in tree {
            blobs.entry((file.oid(), file.clone())).or_default().push((path.clone(), RevIdx(rev)));
        }
    }
    let n_segments = repo.n_segments.max(1);
    let segment_path = |ordinal: usize| folder.join(format!("{}-{ordinal}.seg", repo.id));
    let mut writers: Vec<SegmentWriter> = (0..n_segments)
        .map(|ordinal| {
            SegmentWriter::create(&segment_path(ordinal), WriterOptions { codec: Codec::Lz4, threads: 0 })
                .expect("create")
        })
        .collect();
    let mut placed: Vec<Placed> = Vec::new();
    let mut known: BTreeMap<ObjectId, (usize, BlobIdx)> = BTreeMap::new();
    for (number, ((oid, file), places)) in blobs.into_iter().enumerate() {
        let (ordinal, blob) = *known.entry(oid).or_insert_with(|| {
            let ordinal = number % n_segments;
            let content = match &file {
                File::Text(text) | File::Link(text) => Content::Text(text.as_bytes()),
                File::Binary(_) => Content::Skipped(SkipReason::Binary),
            };
            let blob = NewBlob {
                oid,
                size: file.bytes().len() as u64,
                content,
                flags: BlobFlags::default(),
                rank: oid.0[7] % 7,
                language: language(&places[0].0),
                symbols: NewSymbols::default(),
            };
            let text = match &file {
                File::Text(text) => text.as_str(),
                _ => "",
            };
            (ordinal, add(&mut writers[ordinal], blob, text))
        });
        placed.push((file, places, SegmentOrdinal(ordinal as u16), blob));
    }
    let infos: Vec<_> = writers.into_iter().map(|writer| writer.finish().expect("finish")).collect();
    let table_path = folder.join(format!("{}.refs", repo.id));
    let ids: Vec<_> = infos.iter().map(|info| info.id).collect();
    let default = (!repo.branches.is_empty()).then_some(RevIdx(0));
    let mut table = RefTableWriter::create(&table_path, &ids, &repo.revisions(), default).expect("create");
    for (file, places, segment, blob) in placed {
        let mut by_path: BTreeMap<Vec<u8>, Vec<RevIdx>> = BTreeMap::new();
        places.into_iter().for_each(|(path, rev)| by_path.entry(path).or_default().push(rev));
        for (path, revisions) in by_path {
            let kind = if matches!(file, File::Link(_)) { DocKind::Symlink } else { DocKind::File };
            let (oid, language) = (file.oid(), language(&path));
            let doc = NewDoc {
                path: &path,
                kind,
                oid,
                blob: Some((segment, blob)),
                language,
                flags: syntax::doc_flags(&path),
                revisions: &revisions,
            };
            table.add(doc).expect("add");
        }
    }
    table.finish().expect("finish");
    RepoIndex {
        id: RepoId(repo.id),
        name: RepoName::new(repo.name.clone()).expect("repository names in tests are valid"),
        visibility: repo.visibility,
        is_fork: repo.is_fork,
        is_archived: repo.is_archived,
        about: Arc::new(repo.about.clone()),
        objects: Default::default(),
        ref_table: Arc::new(RefTable::open(&table_path).expect("open")),
        segments: (0..n_segments)
            .map(|ordinal| Arc::new(Segment::open(&segment_path(ordinal)).expect("open")))
            .collect(),
        history: None,
    }
}

/// A catalog of repositories, with the folder its files are in.
pub(crate) struct World {
    pub(crate) catalog: Catalog,
    pub(crate) repos: Vec<Repo>,
    folder: tempfile::TempDir,
}

impl World {
    /// With sketches of all repositories.
    pub(crate) fn new(repos: Vec<Repo>) -> World {
        let world = World::unsketched(repos);
        world.sketch();
        world
    }

    pub(crate) fn unsketched(repos: Vec<Repo>) -> World {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let catalog = Catalog::new();
        catalog.publish_all(repos.iter().map(|repo| build(folder.path(), repo)));
        World { catalog, repos, folder }
    }

    /// Makes the sketches that are missing.
    pub(crate) fn sketch(&self) {
        self.catalog.sketch(&self.everyone(), &mut || true);
    }

    /// Someone who may read everything.
    pub(crate) fn everyone(&self) -> AccessSet {
        access(self.repos.iter().map(|repo| repo.id))
    }

    /// Attaches raw sidecars that hold every blob but each `n_skipped`th one.
    pub(crate) fn attach_raw(&self, n_skipped: u32) {
        for segment in self.catalog.snapshot().repos(&self.everyone()).flat_map(|repo| repo.segments.clone())
        {
            let path = self.folder.path().join(format!("{}.raw", segment.id()));
            let wants = |blob: BlobIdx| !(blob.0 + 1).is_multiple_of(n_skipped);
            index::RawText::write(&path, &segment, &wants, &mut || true).expect("it can be written");
            let raw = index::RawText::open(&path, &segment).expect("it was written");
            assert!(segment.set_raw(Some(Arc::new(raw))));
        }
    }

    /// Searches as someone who may read everything.
    pub(crate) fn search(&self, query: &str) -> Answer {
        self.search_as(&self.everyone(), query, &Limits::default())
    }

    pub(crate) fn search_as(&self, access: &AccessSet, query: &str, limits: &Limits) -> Answer {
        self.try_search(access, query, limits).unwrap_or_else(|error| panic!("{query}: {error}"))
    }

    /// Publishes a repository, in the place of the one with its id.
    pub(crate) fn publish(&self, repo: &Repo) {
        let folder = tempfile::tempdir_in(&self.folder).expect("a folder").keep();
        self.catalog.publish(build(&folder, repo));
    }

    pub(crate) fn try_search(
        &self,
        access: &AccessSet,
        query: &str,
        limits: &Limits,
    ) -> Result<Answer, SearchError> {
        let query = parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
        let mut kept = Kept::default();
        let snapshot = self.catalog.snapshot();
        let summary = SEARCHER.search(&snapshot, access, &query, limits, &CancelToken::new(), &mut kept)?;
        Ok(Answer { batches: kept.batches, told: kept.told, summary })
    }
}

/// Reads a query; these contexts are known to everybody.
pub(crate) fn parse(text: &str) -> Result<query::Query, query::ParseError> {
    let list = |list: &[(&str, &str)]| {
        list.iter().map(|(name, revisions)| (name.to_string(), revisions.to_string())).collect()
    };
    let definition = |query: &str, repositories: &[(&str, &str)]| {
        Some(query::ContextDefinition { query: query.to_owned(), repositories: list(repositories) })
    };
    query::parse(text, &query::Options::default())?.expand_contexts(&|name| match name {
        "foos" => definition("repo:foo", &[]),
        "forks" => definition("repo:foo fork:only", &[]),
        "all" => definition("fork:yes archived:yes", &[]),
        "sources" => definition("file:\\.c$ repo:has.path(src) OR lang:python", &[]),
        "dev" => definition("rev:dev repo:foo -repo:has.topic(topic-2)", &[]),
        "listed" => {
            definition("", &[("foo-1", ""), ("foo-2", ""), ("z-3", ""), ("lib", ""), ("aaa/secret", "")])
        }
        "at" => {
            definition("", &[("foo-1", "dev"), ("bar/foo-2", "main:old"), ("z-1", "dev"), ("kmalloc-3", "")])
        }
        "both" => definition("repo:kmalloc", &[("foo-2", "")]),
        "nested" => definition("(context:forks OR repo:z) NOT (context:sources)", &[]),
        "public" => definition("visibility:public repo:has.content(secret)", &[]),
        "private" => definition("visibility:private", &[]),
        _ => None,
    })
}

/// A caller who may read these repositories.
#[allow(clippy::disallowed_methods, reason = "tests play every caller")]
pub(crate) fn access(ids: impl IntoIterator<Item = u32>) -> AccessSet {
    AccessSet::assemble(ids.into_iter().map(RepoId).collect(), BTreeMap::new(), Epoch(1), None)
}

/// A caller who may read all of these repositories, but of each only what the rules leave.
#[allow(clippy::disallowed_methods, reason = "tests play every caller")]
pub(crate) fn access_to_parts(rules: &BTreeMap<u32, PathRules>) -> AccessSet {
    let ruled = rules.iter().map(|(id, rules)| (RepoId(*id), Arc::new(rules.clone())));
    AccessSet::assemble(rules.keys().copied().map(RepoId).collect(), ruled.collect(), Epoch(1), None)
}

pub(crate) static SEARCHER: LazyLock<Searcher> = LazyLock::new(|| Searcher::new(3).expect("three threads"));

/// Everything a search said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) batches: Vec<Vec<Match>>,
    /// What was told on the way.
    pub(crate) told: Vec<Stats>,
    pub(crate) summary: Summary,
}

impl Answer {
    pub(crate) fn matches(&self) -> impl Iterator<Item = &Match> {
        self.batches.iter().flatten()
    }

    pub(crate) fn stats(&self) -> &Stats {
        &self.summary.stats
    }

    pub(crate) fn facets(&self) -> &Facets {
        &self.summary.facets
    }

    /// One line for each result: `repo:path:number:text`, `repo:path`, `repo`.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for found in self.matches() {
            match found {
                Match::Content(content) => {
                    let path = String::from_utf8_lossy(&content.path);
                    for line in &content.lines {
                        lines.push(format!("{}:{path}:{}:{}", content.repo, line.number, line.text));
                    }
                }
                Match::Path(path) => {
                    lines.push(format!("{}:{}", path.repo, String::from_utf8_lossy(&path.path)));
                }
                Match::Repo(repo) => lines.push(repo.repo.to_string()),
                Match::Directory(directory) => {
                    lines.push(format!("{}:{}/", directory.repo, String::from_utf8_lossy(&directory.path)));
                }
                Match::Symbol(symbol) => {
                    let path = String::from_utf8_lossy(&symbol.path);
                    lines.push(format!("{}:{path}:{}:{}", symbol.repo, symbol.line, symbol.name));
                }
                other => panic!("unexpected {other:?}"),
            }
        }
        lines
    }
}

/// A sink that keeps everything.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) batches: Vec<Vec<Match>>,
    pub(crate) told: Vec<Stats>,
}

impl Sink for Kept {
    fn matches(&mut self, batch: Vec<Match>) -> ControlFlow<()> {
        self.batches.push(batch);
        ControlFlow::Continue(())
    }

    fn progress(&mut self, stats: &Stats) {
        self.told.push(stats.clone());
    }
}
