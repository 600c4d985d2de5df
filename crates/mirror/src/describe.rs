//! What is said of repositories: from their sources into the database, from the database into the catalog.

use crate::IndexError;
use search::{About, RepoSays};
use store::{Repository, Source, Store, Visibility};

/// What a row says, as searches ask for it.
pub fn said_of(row: &Repository) -> RepoSays {
    let about = &row.about;
    let valued = |(key, value): (&String, &String)| (key.clone(), (!value.is_empty()).then(|| value.clone()));
    RepoSays {
        visibility: match row.visibility {
            Visibility::Public => search::Visibility::Public,
            Visibility::Private => search::Visibility::Private,
        },
        is_fork: row.fork,
        is_archived: row.archived,
        about: About {
            description: about.description.clone(),
            topics: about.topics.clone(),
            metadata: about.metadata.iter().map(valued).collect(),
        },
    }
}

/// Records how a local repository describes itself. A mirror has nothing of its own to say.
pub(crate) async fn note_description(store: &Store, row: &Repository) -> Result<(), IndexError> {
    let Source::Local(path) = &row.source else { return Ok(()) };
    let path = path.clone();
    let read = move || git::Repository::open(&path, &crate::process::open_options()).map(|r| r.description());
    let Ok(Ok(description)) = tokio::task::spawn_blocking(read).await else { return Ok(()) };
    store.maintenance().set_source_description(row.id, description.as_deref().unwrap_or_default()).await?;
    Ok(())
}
