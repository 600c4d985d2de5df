//! A commit, and a commit as a result.

use crate::file::GitBlob;
use crate::repository::{Markdown, Repository, escaped};
use crate::root::{backend, budget};
use crate::viewer::{Person, Signature};
use async_graphql::{Context, ID, Object, Result, SimpleObject};
use compat::CommitData;
use compat::opaque_id;
use compat::sourcegraph::{CommitText, commit_text, diff_text};
use model::{ObjectId, RepoName};
use search::{CommitMatch, DiffMatch};
use std::sync::Arc;

/// A commit: its id, and the rest once somebody asks for it.
#[derive(Clone)]
pub(crate) struct GitCommit {
    pub(crate) repo: RepoName,
    pub(crate) id: ObjectId,
    data: Option<Arc<CommitData>>,
}

/// A commit or a file's change in one, as a result.
pub(crate) struct CommitSearchResult {
    of: CommitMatch,
    text: CommitText,
}

#[derive(SimpleObject)]
#[graphql(serial)]
struct Highlight {
    /// From 1.
    line: i32,
    /// From 0, in code points.
    character: i32,
    length: i32,
}

#[derive(SimpleObject)]
#[graphql(serial)]
struct HighlightedString {
    value: String,
    highlights: Vec<Highlight>,
}

#[derive(SimpleObject)]
#[graphql(serial)]
struct SearchResultMatch {
    url: String,
    body: Markdown,
    highlights: Vec<Highlight>,
}

impl GitCommit {
    pub(crate) fn known(repo: &RepoName, data: CommitData) -> Self {
        GitCommit { repo: repo.clone(), id: data.id, data: Some(Arc::new(data)) }
    }

    pub(crate) fn with_id(repo: &RepoName, id: ObjectId) -> Self {
        GitCommit { repo: repo.clone(), id, data: None }
    }

    async fn data(&self, context: &Context<'_>) -> Result<Arc<CommitData>> {
        if let Some(data) = &self.data {
            return Ok(Arc::clone(data));
        }
        budget(context)?.lookup()?;
        let found = backend(context)?.commit(self.repo.clone(), self.id.to_string()).await?;
        found.map(Arc::new).ok_or_else(|| async_graphql::Error::new("commit not found"))
    }

    fn signature(context: &Context<'_>, person: &search::Person) -> Result<Signature> {
        Ok(Signature {
            date: backend(context)?.date(person),
            person: Person {
                name: person.name.clone(),
                display_name: person.name.clone(),
                email: person.email.clone(),
            },
        })
    }
}

#[Object(serial)]
impl GitCommit {
    async fn id(&self) -> ID {
        opaque_id("GitCommit", &format!("{}@{}", self.repo, self.id)).into()
    }

    async fn oid(&self) -> String {
        self.id.to_string()
    }

    #[graphql(name = "abbreviatedOID")]
    async fn abbreviated_oid(&self) -> String {
        self.id.to_string().chars().take(7).collect()
    }

    async fn repository(&self) -> Repository {
        Repository::named(&self.repo)
    }

    async fn url(&self, context: &Context<'_>) -> Result<String> {
        Ok(backend(context)?.links().commit(&self.repo, self.id))
    }

    #[graphql(name = "canonicalURL")]
    async fn canonical_url(&self, context: &Context<'_>) -> Result<String> {
        Ok(backend(context)?.links().commit(&self.repo, self.id))
    }

    async fn message(&self, context: &Context<'_>) -> Result<String> {
        Ok(self.data(context).await?.message.clone())
    }

    async fn subject(&self, context: &Context<'_>) -> Result<String> {
        Ok(self.data(context).await?.message.lines().next().unwrap_or("").to_owned())
    }

    async fn body(&self, context: &Context<'_>) -> Result<Option<String>> {
        let data = self.data(context).await?;
        Ok(data
            .message
            .split_once('\n')
            .map(|(_, body)| body.trim().to_owned())
            .filter(|body| !body.is_empty()))
    }

    async fn author(&self, context: &Context<'_>) -> Result<Signature> {
        GitCommit::signature(context, &self.data(context).await?.author)
    }

    async fn committer(&self, context: &Context<'_>) -> Result<Option<Signature>> {
        GitCommit::signature(context, &self.data(context).await?.committer).map(Some)
    }

    async fn parents(&self, context: &Context<'_>) -> Result<Vec<GitCommit>> {
        let data = self.data(context).await?;
        Ok(data.parents.iter().map(|id| GitCommit::with_id(&self.repo, *id)).collect())
    }

    /// The file at a path; none where there is none.
    async fn blob(&self, context: &Context<'_>, path: String) -> Result<Option<GitBlob>> {
        let blob = GitBlob::at(&self.repo, self.id, path.into_bytes());
        Ok(blob.exists(context).await?.then_some(blob))
    }

    /// The file at a path; none where there is none.
    async fn file(&self, context: &Context<'_>, path: String) -> Result<Option<GitBlob>> {
        let blob = GitBlob::at(&self.repo, self.id, path.into_bytes());
        Ok(blob.exists(context).await?.then_some(blob))
    }
}

impl CommitSearchResult {
    pub(crate) fn of_commit(found: &CommitMatch) -> Self {
        CommitSearchResult { of: found.clone(), text: commit_text(found) }
    }

    pub(crate) fn of_diff(found: &DiffMatch) -> Self {
        CommitSearchResult { of: found.of.clone(), text: diff_text(found) }
    }

    fn highlighted(&self, language: &str) -> Option<HighlightedString> {
        let is_this = self.text.language == language;
        is_this.then(|| HighlightedString {
            value: self.text.text.clone(),
            highlights: highlights(&self.text.ranges, 1),
        })
    }
}

#[Object(serial)]
impl CommitSearchResult {
    async fn label(&self, context: &Context<'_>) -> Result<Markdown> {
        let links = backend(context)?.links();
        let (repo, commit) = (links.repo(&self.of.repo), links.commit(&self.of.repo, self.of.commit));
        let subject = self.of.message.lines().next().unwrap_or("");
        let (name, author) = (self.of.repo.as_str(), self.of.author.name.as_str());
        Ok(Markdown {
            text: format!("{name} › {author}: {subject}"),
            html: format!(
                "<a href=\"{}\">{}</a> › <a href=\"{commit}\">{}</a>: <a href=\"{commit}\">{}</a>",
                escaped(&repo),
                escaped(name),
                escaped(author),
                escaped(subject),
                commit = escaped(&commit),
            ),
        })
    }

    async fn detail(&self, context: &Context<'_>) -> Result<Markdown> {
        let commit = backend(context)?.links().commit(&self.of.repo, self.of.commit);
        let date = backend(context)?.date(&self.of.author);
        let short: String = self.of.commit.to_string().chars().take(7).collect();
        let html = format!("<a href=\"{}\"><code>{short}</code> {}</a>", escaped(&commit), escaped(&date));
        Ok(Markdown { text: format!("{short} {date}"), html })
    }

    async fn icon(&self) -> &str {
        ""
    }

    async fn url(&self, context: &Context<'_>) -> Result<String> {
        Ok(backend(context)?.links().commit(&self.of.repo, self.of.commit))
    }

    async fn commit(&self) -> GitCommit {
        let data = CommitData {
            id: self.of.commit,
            message: self.of.message.clone(),
            author: self.of.author.clone(),
            committer: self.of.committer.clone(),
            parents: Vec::new(),
        };
        GitCommit::known(&self.of.repo, data)
    }

    async fn message_preview(&self) -> Option<HighlightedString> {
        self.highlighted("COMMIT_EDITMSG")
    }

    async fn diff_preview(&self) -> Option<HighlightedString> {
        self.highlighted("diff")
    }

    async fn matches(&self, context: &Context<'_>) -> Result<Vec<SearchResultMatch>> {
        let (content, ranges) = self.text.fenced();
        let html = format!("<pre>{}</pre>", escaped(&self.text.text));
        Ok(vec![SearchResultMatch {
            url: backend(context)?.links().commit(&self.of.repo, self.of.commit),
            body: Markdown { text: content, html },
            // Of the text within the fence, counted from 1: the fence is line 0.
            highlights: highlights(&ranges, 0),
        }])
    }
}

fn highlights(ranges: &[[usize; 3]], first_line: usize) -> Vec<Highlight> {
    let number = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    let highlight = |[line, character, length]: &[usize; 3]| Highlight {
        line: number(line + first_line),
        character: number(*character),
        length: number(*length),
    };
    ranges.iter().map(highlight).collect()
}
