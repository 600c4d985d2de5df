//! A file of a repository: its lines, coloured, in windows where there are many.

use super::r::{
    Crumb, Notice, RefGroup, SideNode, Tool, crumbs, not_there, parent, permalink, redirect, ref_groups,
    rev_shown, side, tools,
};
use super::r_version::Versions;
use crate::browse::{Content, SHOWN_BYTES_MAX};
use crate::caller::Caller;
use crate::document::{self, Document};
use crate::failure::Failure;
use crate::format::{count, size, thousands};
use crate::git_access;
use crate::images::ImageKind;
use crate::links::{NameLinks, RepoAddress, path_link, query_number, query_value, with_query};
use crate::markup::{Html, code_line};
use crate::outline::Outline;
use crate::owning::{self, OwnedBy};
use crate::readable::Readable;
use crate::shell::{LanguageLabel, QueryBox, Shell};
use crate::state::AppState;
use crate::wire::lossy;
use askama::Template;
use axum::response::{Html as HtmlPage, IntoResponse, Response};
use git::{EntryKind, Listing};
use model::{BlobFlags, DocFlags, Language, ObjectId, SkipReason};
use std::fmt::Write as _;
use std::time::{Duration, Instant};
use store::Repository;
use syntax::{DecodeLimits, Decoded, HighlightLimits};

/// How many lines stand on one page: a screen of scrolling and a page well below a second of layout.
pub(crate) const N_LINES_WINDOW: usize = 2_000;
/// Longest piece of one line that is shown.
const LINE_BYTES_MAX: usize = 4_000;
/// Once a page holds so much code, lines are cut to [`LINE_BYTES_CUT`].
const WINDOW_BYTES_MAX: usize = 512 * 1024;
/// See [`WINDOW_BYTES_MAX`].
const LINE_BYTES_CUT: usize = 200;

#[derive(Template)]
#[template(path = "blob.html")]
struct BlobPage {
    shell: Shell,
    side: Vec<SideNode>,
    crumbs: Vec<Crumb>,
    rev_shown: String,
    refs: Vec<RefGroup>,
    path_shown: String,
    tools: Vec<Tool>,
    permalink: Option<String>,
    raw: Option<String>,
    why: String,
    /// Where programs ask what a name means, and the page about it.
    names: NameLinks,
    language: Option<LanguageLabel>,
    facts: Vec<String>,
    owners: Vec<OwnedBy>,
    state: Option<Notice>,
    views: Vec<ViewLink>,
    document: Option<Document>,
    /// What an image is, and where it is sent as one.
    image: Option<String>,
    versions: Option<Versions>,
    /// The definitions, where they were asked for; and the address of the page with them, or without.
    outline: Option<Outline>,
    outline_url: Option<String>,
    /// The address of the file's lines.
    lines_url: String,
    window: Option<Window>,
    code: Html,
    first_line: usize,
    last_line: usize,
    n_lines_window: usize,
}

/// A way to look at the file.
struct ViewLink {
    label: &'static str,
    url: String,
    current: bool,
}

/// What the page wants of a file.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    /// A line that must be in the window.
    pub(crate) line: usize,
    /// Whether documents and drawings are shown as what they are rather than as lines.
    pub(crate) rendered: bool,
    /// Whether the definitions are listed beside the lines.
    pub(crate) outline: bool,
    pub(crate) highlight_time: Duration,
}

/// Which lines are shown, and the way to the others.
pub(crate) struct Window {
    pub(crate) says: String,
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
}

/// What is read from the repository for this page.
enum Loaded {
    File(Box<File>),
    Folder,
    Nothing,
}

/// A file, ready to be shown.
struct File {
    commit: ObjectId,
    kind: EntryKind,
    listing: Listing,
    owners: Vec<OwnedBy>,
    /// Whether it can be shown in two ways, of which the wanted one is shown.
    has_views: bool,
    shown: Shown,
}

/// What is shown of a file.
enum Shown {
    Code(Code),
    Document { facts: Vec<String>, document: Document },
    Image { facts: Vec<String> },
    Notice { facts: Vec<String>, notice: Notice },
}

/// Lines.
pub(crate) struct Code {
    pub(crate) language: Language,
    pub(crate) outline: Option<Outline>,
    pub(crate) facts: Vec<String>,
    pub(crate) html: Html,
    pub(crate) first_line: usize,
    pub(crate) last_line: usize,
    pub(crate) n_lines: usize,
}

/// The page.
pub(crate) async fn page(
    state: AppState,
    caller: Caller,
    row: Repository,
    address: RepoAddress,
    query: Option<&str>,
) -> Result<Response, Failure> {
    let line = query_number(query, "line").unwrap_or(1);
    let rendered = query_value(query, "view").is_some_and(|view| view == b"rendered");
    let outline = query_value(query, "outline").is_some();
    let wanted = Wanted { line, rendered, outline, highlight_time: state.config.highlight_time };
    let (asked, asked_row) = (address.clone(), row.clone());
    let loaded = git_access::read(&state, &caller.access, &row, move |repository| {
        load(repository, &asked_row, &asked, wanted)
    })
    .await?;
    let mut page = frame(&state, &caller, &row, &address);
    let file = match loaded {
        Loaded::Folder => return Ok(redirect(&address, "tree")),
        Loaded::Nothing => {
            page.state = Some(not_there(&row));
            return Ok(HtmlPage(page.render().map_err(Failure::internal)?).into_response());
        }
        Loaded::File(file) => file,
    };
    page.permalink = Some(permalink(&address, file.commit));
    page.owners = file.owners;
    page.side = side(&address, parent(&address.path), &file.listing);
    page.tools = tools(&caller, &row, &address, file.kind != EntryKind::Submodule);
    if file.kind != EntryKind::Submodule {
        page.versions = Versions::of(&caller, &row, &address);
        page.raw = Some(path_link(&address.repo, address.rev.as_deref(), "raw", &address.path));
    }
    if file.has_views {
        page.views = views(&address, rendered);
    }
    page.show(file.shown, &address);
    Ok(HtmlPage(page.render().map_err(Failure::internal)?).into_response())
}

/// The ways to look at a file that is a document or a drawing, too.
fn views(address: &RepoAddress, rendered: bool) -> Vec<ViewLink> {
    let url = path_link(&address.repo, address.rev.as_deref(), "blob", &address.path);
    let view = |label, url, current| ViewLink { label, url, current };
    vec![view("Rendered", with_query(&url, "view=rendered"), rendered), view("Source", url, !rendered)]
}

impl BlobPage {
    /// The address of a line, with the list of definitions beside it.
    fn line_url(&self, line: &u64) -> String {
        match usize::try_from(*line) {
            Ok(line) if (self.first_line..=self.last_line).contains(&line) => format!("#L{line}"),
            _ => format!("{}&line={line}#L{line}", self.lines_url),
        }
    }

    fn show(&mut self, shown: Shown, address: &RepoAddress) {
        match shown {
            Shown::Code(code) => self.fill(code, address),
            Shown::Document { facts, document } => {
                self.facts = facts;
                self.document = Some(document);
            }
            Shown::Image { facts } => {
                self.facts = facts;
                let url = path_link(&address.repo, address.rev.as_deref(), "raw", &address.path);
                self.image = Some(format!("{url}{}as=image", if url.contains('?') { '&' } else { '?' }));
            }
            Shown::Notice { facts, notice } => {
                self.facts = facts;
                self.state = Some(notice);
            }
        }
    }

    fn fill(&mut self, code: Code, address: &RepoAddress) {
        self.window = (code.n_lines > N_LINES_WINDOW).then(|| Window::of(&code, address));
        self.language = LanguageLabel::of(code.language);
        self.facts = code.facts;
        self.code = code.html;
        let plain = path_link(&address.repo, address.rev.as_deref(), "blob", &address.path);
        self.outline_url = Some(if code.outline.is_some() { plain } else { with_query(&plain, "outline=1") });
        self.outline = code.outline;
        (self.first_line, self.last_line) = (code.first_line, code.last_line);
    }
}

impl Window {
    pub(crate) fn of(code: &Code, address: &RepoAddress) -> Self {
        let page = path_link(&address.repo, address.rev.as_deref(), &address.page, &address.path);
        let link = |line: usize| with_query(&page, &format!("line={line}"));
        let says = format!(
            "Lines {} to {} of {}",
            thousands(code.first_line as u64),
            thousands(code.last_line as u64),
            thousands(code.n_lines as u64)
        );
        Window {
            says,
            before: (code.first_line > 1)
                .then(|| link(code.first_line.saturating_sub(N_LINES_WINDOW).max(1))),
            after: (code.last_line < code.n_lines).then(|| link(code.last_line + 1)),
        }
    }
}

/// The box above a file starts with the filter for its repository.
pub(crate) fn box_for(row: &Repository, address: &RepoAddress) -> QueryBox {
    let mut text = format!("repo:^{}$ ", super::complete::escape_regex(row.name.as_str()));
    // The default branch is searched anyway, and a commit is not what one searches by: it is where a permalink led.
    let is_default = |rev: &str| row.default_branch.as_ref().is_some_and(|branch| branch.short() == rev);
    if let Some(rev) =
        address.rev.as_deref().filter(|rev| !is_default(rev) && ObjectId::from_hex(rev).is_err())
    {
        let _ = write!(text, "rev:{rev} ");
    }
    crate::paint::query_box(&text)
}

fn frame(state: &AppState, caller: &Caller, row: &Repository, address: &RepoAddress) -> BlobPage {
    let path_shown = lossy(&address.path);
    let mut shell = caller.shell(&format!("{path_shown} · {}", row.name), "repos");
    shell.query = Some(box_for(row, address));
    BlobPage {
        shell,
        side: Vec::new(),
        crumbs: crumbs(address),
        rev_shown: rev_shown(row, address),
        refs: ref_groups(state, caller, row, address),
        path_shown,
        tools: Vec::new(),
        permalink: None,
        raw: None,
        why: super::why::link_for_file(address),
        names: NameLinks::of(&address.repo, address.rev.as_deref(), &address.path),
        language: None,
        facts: Vec::new(),
        owners: Vec::new(),
        state: None,
        views: Vec::new(),
        document: None,
        image: None,
        versions: None,
        outline: None,
        outline_url: None,
        lines_url: with_query(
            &path_link(&address.repo, address.rev.as_deref(), "blob", &address.path),
            "outline=1",
        ),
        window: None,
        code: Html::default(),
        first_line: 0,
        last_line: 0,
        n_lines_window: N_LINES_WINDOW,
    }
}

fn load(
    repository: &Readable,
    row: &Repository,
    address: &RepoAddress,
    wanted: Wanted,
) -> Result<Loaded, Failure> {
    let Some(spot) = repository.locate(row, address)? else { return Ok(Loaded::Nothing) };
    if spot.kind == EntryKind::Tree {
        return Ok(Loaded::Folder);
    }
    let folder = parent(&address.path);
    let listing = repository.list(&repository.at(spot.commit, folder)?, folder)?;
    let (shown, has_views) = match spot.kind {
        EntryKind::Submodule => (submodule(spot.id), false),
        kind => show(repository.content(spot.id, SHOWN_BYTES_MAX), kind, address, wanted),
    };
    let owners = OwnedBy::of(owning::rules(repository, spot.commit, address));
    Ok(Loaded::File(Box::new(File {
        commit: spot.commit,
        kind: spot.kind,
        listing,
        owners,
        has_views,
        shown,
    })))
}

fn submodule(id: ObjectId) -> Shown {
    let notice = Notice {
        title: "A submodule".into(),
        detail: format!(
            "Another repository stands here, at its commit {id}. It is searchable if it is added to this server."
        ),
    };
    Shown::Notice { facts: vec!["submodule".into()], notice }
}

/// What is shown of a file's bytes, and whether it can be shown in two ways.
fn show(content: Content, kind: EntryKind, address: &RepoAddress, wanted: Wanted) -> (Shown, bool) {
    let path = &address.path;
    let notice = |facts: Vec<String>, reason: SkipReason| {
        let (title, detail) = why_not(reason);
        (Shown::Notice { facts, notice: Notice { title: title.into(), detail: detail.into() } }, false)
    };
    let bytes = match content {
        Content::Bytes(bytes) => bytes,
        Content::TooLarge(size_bytes) => return notice(vec![size(size_bytes)], SkipReason::TooLarge),
        Content::Unreadable => return notice(Vec::new(), SkipReason::Unreadable),
    };
    let image = ImageKind::of(&bytes, path);
    if let Some(image) = image.filter(|image| wanted.rendered || !image.is_drawing()) {
        return (
            Shown::Image { facts: vec![image.name.to_owned(), size(bytes.len() as u64)] },
            image.is_drawing(),
        );
    }
    let limits = DecodeLimits { size_bytes_max: SHOWN_BYTES_MAX as usize };
    match syntax::decode(&bytes, &limits) {
        Decoded::Skipped(SkipReason::Binary) => (binary(&bytes), false),
        Decoded::Skipped(reason) => notice(vec![size(bytes.len() as u64)], reason),
        Decoded::Text { utf8, flags, encoding } => {
            let facts = facts(bytes.len(), kind, path, flags, encoding);
            let rendered = || Document::rendered(&utf8, path, address, wanted.highlight_time);
            match wanted.rendered.then(rendered).flatten() {
                Some(document) => (Shown::Document { facts, document }, true),
                None => {
                    let has_views = document::has_rendering(path) || image.is_some();
                    (Shown::Code(code(&utf8, facts, path, wanted, None)), has_views)
                }
            }
        }
    }
}

/// A file that is not text: what it seems to be, to be downloaded.
fn binary(bytes: &[u8]) -> Shown {
    let kind = crate::images::binary_kind(bytes);
    let (title, detail) = why_not(SkipReason::Binary);
    let facts = kind.into_iter().map(str::to_owned).chain([size(bytes.len() as u64)]).collect();
    Shown::Notice { facts, notice: Notice { title: kind.unwrap_or(title).into(), detail: detail.into() } }
}

/// Why a file's content is neither shown nor searched.
fn why_not(reason: SkipReason) -> (&'static str, &'static str) {
    match reason {
        SkipReason::Binary => (
            "Not text",
            "This file is binary: its name is searchable, its content is not. It can be downloaded as it is.",
        ),
        SkipReason::TooLarge => (
            "Too large to show",
            "Its name is searchable, its content is not. It can be downloaded as it is.",
        ),
        SkipReason::Unreadable => (
            "Cannot be read",
            "git could not produce this file: the repository is damaged or incomplete here.",
        ),
    }
}

fn facts(size_bytes: usize, kind: EntryKind, path: &[u8], flags: BlobFlags, encoding: &str) -> Vec<String> {
    let mut facts = vec![size(size_bytes as u64)];
    if encoding != "UTF-8" {
        facts.push(format!("shown decoded from {encoding}"));
    }
    let of_path = syntax::doc_flags(path);
    let known = [
        (kind == EntryKind::Executable, "executable"),
        (kind == EntryKind::Symlink, "symbolic link"),
        (flags.contains(BlobFlags::GENERATED) || of_path.contains(DocFlags::GENERATED), "generated"),
        (flags.contains(BlobFlags::MINIFIED), "minified"),
        (of_path.contains(DocFlags::VENDORED), "vendored"),
        (of_path.contains(DocFlags::TEST), "test"),
    ];
    facts.extend(known.iter().filter(|(holds, _)| *holds).map(|(_, word)| (*word).to_owned()));
    facts
}

/// Puts a cell before a line: given the line's number and the first and last one of the window.
pub(crate) type Beside<'a> = dyn Fn(usize, usize, usize, &mut Html) + 'a;

/// The window of lines that holds `line`.
pub(crate) fn code(
    text: &str,
    mut facts: Vec<String>,
    path: &[u8],
    wanted: Wanted,
    beside: Option<&Beside<'_>>,
) -> Code {
    let head = &text.as_bytes()[..text.len().min(syntax::HEAD_BYTES)];
    let language = syntax::detect_language(path, head);
    let n_lines = text.bytes().filter(|byte| *byte == b'\n').count()
        + usize::from(!text.is_empty() && !text.ends_with('\n'));
    let line = wanted.line.clamp(1, n_lines.max(1));
    let first_line = (line - 1) / N_LINES_WINDOW * N_LINES_WINDOW + 1;
    let limits = HighlightLimits {
        deadline: Some(Instant::now() + wanted.highlight_time),
        ..HighlightLimits::default()
    };
    let spans = syntax::highlight(language, text, &limits).unwrap_or_default();
    let mut html = Html::default();
    let mut last_line = first_line.saturating_sub(1);
    for line in syntax::lines(text, &spans).skip(first_line - 1).take(N_LINES_WINDOW) {
        let n_bytes_max =
            if html.as_str().len() > WINDOW_BYTES_MAX { LINE_BYTES_CUT } else { LINE_BYTES_MAX };
        html.push_tag(&format!("<tr id=L{}>", line.number));
        if let Some(beside) = beside {
            beside(line.number, first_line, n_lines.min(first_line + N_LINES_WINDOW - 1), &mut html);
        }
        html.push_tag(&format!("<td class=n><a href=\"#L{n}\">{n}</a><td class=c>", n = line.number));
        html.push(&code_line(text, line.range, &line.spans, n_bytes_max));
        html.push_tag("\n");
        last_line = line.number;
    }
    facts.insert(0, count(n_lines as u64, "line", "lines"));
    let outline = wanted.outline.then(|| Outline::of(language, text));
    Code { language, outline, facts, html, first_line, last_line, n_lines }
}
