//! Found files as zoekt tells them.

use super::SearchRequest;
use crate::{Chunk, Location, Text, repository_number};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{ByteRange, ObjectId, RefName, RepoName};
use search::{ContentMatch, Match, SymbolMatch};
use serde::{Serialize, Serializer};

/// Most bytes of a whole file that are sent (`Whole`).
const WHOLE_BYTES_MAX: usize = 4 << 20;
/// Most bytes of whole files that one answer holds.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Bytes in base64, as Go writes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

/// A found file.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct FileShape {
    file_name: String,
    repository: String,
    version: String,
    language: String,
    branches: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line_matches: Option<Vec<LineShape>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chunk_matches: Option<Vec<ChunkShape>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Bytes>,
    checksum: Bytes,
    score: f64,
    #[serde(rename = "RepositoryID")]
    repository_id: u32,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ChunkShape {
    content: Bytes,
    content_start: LocationShape,
    ranges: Vec<RangeShape>,
    /// Beside each range; absent where none is a definition.
    symbol_info: Option<Vec<Option<SymbolShape>>>,
    file_name: bool,
    score: f64,
    best_line_match: usize,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct SymbolShape {
    sym: String,
    kind: String,
    parent: String,
    parent_kind: String,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct LocationShape {
    byte_offset: usize,
    line_number: usize,
    column: usize,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct RangeShape {
    start: LocationShape,
    end: LocationShape,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct LineShape {
    line: Bytes,
    line_start: usize,
    line_end: usize,
    line_number: usize,
    before: Option<Bytes>,
    after: Option<Bytes>,
    file_name: bool,
    score: f64,
    line_fragments: Vec<FragmentShape>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct FragmentShape {
    line_offset: usize,
    offset: usize,
    match_length: usize,
    symbol_info: Option<SymbolShape>,
}

/// Turns what the engine found into found files.
pub struct FileShaper<'a> {
    /// What was asked.
    pub request: &'a SearchRequest,
    /// The text of a file, where it can be had: its repository and its blob.
    pub text_of: &'a dyn Fn(&RepoName, ObjectId) -> Option<String>,
}

/// What found files have in common.
struct Of<'a> {
    repo: &'a RepoName,
    refs: &'a [RefName],
    commit: ObjectId,
    path: &'a [u8],
    path_ranges: &'a [ByteRange],
    language: model::Language,
    blob: ObjectId,
    score: f64,
}

impl FileShaper<'_> {
    /// The files of an answer, as many as were asked for.
    pub fn files(&self, found: &[Match]) -> Vec<FileShape> {
        let mut files: Vec<FileShape> = Vec::new();
        let mut matches_left = self.request.matches_max.unwrap_or(usize::MAX);
        let mut bytes_left = ANSWER_BYTES_MAX;
        let mut symbols: Vec<&SymbolMatch> = Vec::new();
        for found in found {
            if files.len() >= self.request.docs_max.unwrap_or(usize::MAX) || matches_left == 0 {
                return files;
            }
            if let Match::Symbol(symbol) = found {
                let is_next = symbols.first().is_none_or(|first| is_same_file(first, symbol));
                if !is_next {
                    files.extend(self.symbols(&std::mem::take(&mut symbols), &mut bytes_left));
                }
                symbols.push(symbol);
                matches_left -= 1;
                continue;
            }
            let Some(mut file) = self.file(found, &mut bytes_left) else { continue };
            file.truncate(&mut matches_left);
            files.push(file);
        }
        files.extend(self.symbols(&symbols, &mut bytes_left));
        files
    }

    fn file(&self, found: &Match, bytes_left: &mut usize) -> Option<FileShape> {
        match found {
            Match::Content(found) => Some(self.content(found, bytes_left)),
            Match::Path(found) => {
                let of = Of {
                    repo: &found.repo,
                    refs: &found.refs,
                    commit: found.commit,
                    path: &found.path,
                    path_ranges: &found.ranges,
                    language: found.language,
                    blob: found.blob,
                    score: found.score,
                };
                let text = self.request.whole.then(|| (self.text_of)(of.repo, of.blob)).flatten();
                Some(self.named(&of, text.as_deref(), bytes_left))
            }
            // zoekt has no other results; queries that give them are never sent.
            _ => None,
        }
    }

    fn content(&self, found: &ContentMatch, bytes_left: &mut usize) -> FileShape {
        let of = Of {
            repo: &found.repo,
            refs: &found.refs,
            commit: found.commit,
            path: &found.path,
            path_ranges: &found.path_ranges,
            language: found.language,
            blob: found.blob,
            score: found.score,
        };
        let text = match (self.text_of)(of.repo, of.blob) {
            Some(text) => Text::new(text),
            None => Text::of_lines(&found.lines),
        };
        let hits = text.hits(&found.lines);
        let mut file = self.base(&of);
        if self.request.wants_chunks {
            let chunks = text.chunks(&hits, self.request.context_lines);
            let chunks = chunks.iter().map(|chunk| ChunkShape::of(chunk, &text, of.score, |_| None));
            file.chunk_matches = Some(chunks.collect());
        } else {
            let lines = text.chunks(&hits, 0);
            let lines = lines.iter().flat_map(|chunk| {
                chunk.lines.clone().filter_map(|line| LineShape::of(line, &chunk.hits, &text, self, of.score))
            });
            file.line_matches = Some(lines.collect());
        }
        file.content = self.whole(Some(text.as_str()), bytes_left);
        file
    }

    /// A file that is found by its name.
    fn named(&self, of: &Of<'_>, text: Option<&str>, bytes_left: &mut usize) -> FileShape {
        let mut file = self.base(of);
        let name = Text::new(file.file_name.clone());
        let is_exact = std::str::from_utf8(of.path).is_ok();
        let ranges = if is_exact { of.path_ranges } else { &[] };
        if self.request.wants_chunks {
            let chunk = Chunk { lines: 0..1, hits: ranges.to_vec() };
            let shape = ChunkShape::of(&chunk, &name, of.score, |_| None);
            file.chunk_matches =
                Some(vec![ChunkShape { file_name: true, content: Bytes(of.path.to_vec()), ..shape }]);
        } else {
            let fragment = |range: &ByteRange| FragmentShape::of(range.start, range.start, range.len());
            file.line_matches = Some(vec![LineShape {
                line: Bytes(of.path.to_vec()),
                line_start: 0,
                line_end: of.path.len(),
                line_number: 0,
                before: None,
                after: None,
                file_name: true,
                score: of.score,
                line_fragments: ranges.iter().map(fragment).collect(),
            }]);
        }
        file.content = self.whole(text, bytes_left);
        file
    }

    /// Definitions of one file.
    fn symbols(&self, symbols: &[&SymbolMatch], bytes_left: &mut usize) -> Option<FileShape> {
        let first = symbols.first()?;
        let of = Of {
            repo: &first.repo,
            refs: &first.refs,
            commit: first.commit,
            path: &first.path,
            path_ranges: &[],
            language: first.language,
            blob: first.blob,
            score: first.score,
        };
        let text = Text::new((self.text_of)(of.repo, of.blob)?);
        let mut hits: Vec<(ByteRange, &SymbolMatch)> =
            symbols.iter().filter_map(|symbol| Some((name_in(&text, symbol)?, *symbol))).collect();
        hits.sort_by_key(|(range, _)| range.start);
        let info = |range: &ByteRange| {
            hits.iter().find(|(hit, _)| hit == range).map(|(_, symbol)| SymbolShape::of(symbol))
        };
        let ranges: Vec<ByteRange> = hits.iter().map(|(range, _)| range.clone()).collect();
        let mut file = self.base(&of);
        if self.request.wants_chunks {
            let chunks = text.chunks(&ranges, self.request.context_lines);
            file.chunk_matches =
                Some(chunks.iter().map(|chunk| ChunkShape::of(chunk, &text, of.score, info)).collect());
        } else {
            let lines = text.chunks(&ranges, 0);
            let mut shapes: Vec<LineShape> = lines
                .iter()
                .flat_map(|chunk| {
                    chunk
                        .lines
                        .clone()
                        .filter_map(|line| LineShape::of(line, &chunk.hits, &text, self, of.score))
                })
                .collect();
            for fragment in shapes.iter_mut().flat_map(|line| &mut line.line_fragments) {
                fragment.symbol_info = info(&(fragment.offset..fragment.offset + fragment.match_length));
            }
            file.line_matches = Some(shapes);
        }
        file.content = self.whole(Some(text.as_str()), bytes_left);
        Some(file)
    }

    fn base(&self, of: &Of<'_>) -> FileShape {
        FileShape {
            file_name: String::from_utf8_lossy(of.path).into_owned(),
            repository: of.repo.to_string(),
            version: of.commit.to_string(),
            language: syntax::language_name(of.language).unwrap_or("").to_owned(),
            branches: branches(of.refs),
            line_matches: None,
            chunk_matches: None,
            content: None,
            checksum: Bytes(of.blob.0.to_vec()),
            score: of.score,
            repository_id: repository_number(of.repo),
        }
    }

    fn whole(&self, text: Option<&str>, bytes_left: &mut usize) -> Option<Bytes> {
        let text = text.filter(|_| self.request.whole)?;
        if text.len() > WHOLE_BYTES_MAX.min(*bytes_left) {
            return None;
        }
        *bytes_left -= text.len();
        Some(Bytes(text.as_bytes().to_vec()))
    }
}

impl FileShape {
    /// Leaves out matches beyond a number, and takes those that stay from it.
    fn truncate(&mut self, left: &mut usize) {
        for chunk in self.chunk_matches.iter_mut().flatten() {
            chunk.ranges.truncate(*left);
            *left -= chunk.ranges.len();
        }
        for line in self.line_matches.iter_mut().flatten() {
            line.line_fragments.truncate(*left);
            *left -= line.line_fragments.len();
        }
        if let Some(chunks) = &mut self.chunk_matches {
            chunks.retain(|chunk| chunk.file_name || !chunk.ranges.is_empty());
        }
        if let Some(lines) = &mut self.line_matches {
            lines.retain(|line| line.file_name || !line.line_fragments.is_empty());
        }
    }
}

impl ChunkShape {
    fn of(chunk: &Chunk, text: &Text, score: f64, info: impl Fn(&ByteRange) -> Option<SymbolShape>) -> Self {
        let whole = text.with_last_newline(&chunk.lines);
        let infos: Vec<Option<SymbolShape>> = chunk.hits.iter().map(info).collect();
        let range = |hit: &ByteRange| RangeShape {
            start: LocationShape::of(text.location(hit.start)),
            end: LocationShape::of(text.location(hit.end)),
        };
        ChunkShape {
            content: Bytes(text.as_str()[whole.clone()].as_bytes().to_vec()),
            content_start: LocationShape::of(text.location(whole.start)),
            ranges: chunk.hits.iter().map(range).collect(),
            symbol_info: infos.iter().any(Option::is_some).then_some(infos),
            file_name: false,
            score,
            best_line_match: chunk.hits.first().map_or(1, |hit| text.location(hit.start).line + 1),
        }
    }
}

impl LocationShape {
    fn of(location: Location) -> Self {
        LocationShape {
            byte_offset: location.offset,
            line_number: location.line + 1,
            column: location.column + 1,
        }
    }
}

impl LineShape {
    /// A line with the pieces of matches in it; `None` where there is none.
    fn of(line: usize, hits: &[ByteRange], text: &Text, shaper: &FileShaper<'_>, score: f64) -> Option<Self> {
        let whole = text.line(line);
        let body = text.without_last_newline(&(line..line + 1));
        let fragments: Vec<FragmentShape> = hits
            .iter()
            .filter_map(|hit| {
                let (start, end) = (hit.start.max(body.start), hit.end.min(body.end));
                let is_here = hit.start < whole.end && hit.end > whole.start && start < end;
                is_here.then(|| FragmentShape::of(start - body.start, start, end - start))
            })
            .collect();
        if fragments.is_empty() {
            return None;
        }
        let around = |lines: std::ops::Range<usize>| {
            let range = text.without_last_newline(&lines);
            (!lines.is_empty()).then(|| Bytes(text.as_str()[range].as_bytes().to_vec()))
        };
        let n_around = shaper.request.context_lines;
        Some(LineShape {
            line: Bytes(text.as_str()[body.clone()].as_bytes().to_vec()),
            line_start: body.start,
            line_end: body.end,
            line_number: line + 1,
            before: around(line.saturating_sub(n_around)..line),
            after: around(line + 1..(line + 1 + n_around).min(text.n_lines()).max(line + 1)),
            file_name: false,
            score,
            line_fragments: fragments,
        })
    }
}

impl FragmentShape {
    fn of(line_offset: usize, offset: usize, match_length: usize) -> Self {
        FragmentShape { line_offset, offset, match_length, symbol_info: None }
    }
}

impl SymbolShape {
    fn of(symbol: &SymbolMatch) -> Self {
        SymbolShape {
            sym: symbol.name.clone(),
            kind: symbol.symbol_kind.as_str().to_owned(),
            parent: symbol.container.clone(),
            parent_kind: String::new(),
        }
    }
}

fn is_same_file(left: &SymbolMatch, right: &SymbolMatch) -> bool {
    (&left.repo, left.blob, &left.path) == (&right.repo, right.blob, &right.path)
}

/// Where the name of a definition stands in its file.
fn name_in(text: &Text, symbol: &SymbolMatch) -> Option<ByteRange> {
    let line = text.line(usize::try_from(symbol.line).ok()?.checked_sub(1)?);
    let name = symbol.text.get(symbol.name_range.clone()).unwrap_or(&symbol.name);
    // The shown text may be a piece of the line: the name is looked for where that begins.
    let base = memchr::memmem::find(text.as_str()[line.clone()].as_bytes(), symbol.text.as_bytes())?;
    let start = line.start + base + symbol.name_range.start;
    let range = start..start + name.len();
    (text.as_str().get(range.clone()) == Some(name)).then_some(range)
}

/// Branches as zoekt names them; other refs where there is no branch.
pub(super) fn branches(refs: &[RefName]) -> Vec<String> {
    let is_branch = |name: &&RefName| name.as_str().starts_with("refs/heads/");
    let branches: Vec<String> = refs.iter().filter(is_branch).map(|name| name.short().to_owned()).collect();
    match branches.is_empty() {
        true => refs.iter().map(|name| name.short().to_owned()).collect(),
        false => branches,
    }
}
