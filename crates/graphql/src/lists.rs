//! Lists, and what has an id.

use crate::repository::Repository;
use async_graphql::{Object, SimpleObject, Union};
use compat::RepositoryPage;
use compat::opaque_id;

/// Some of the repositories.
pub(crate) struct RepositoryConnection {
    pub(crate) page: RepositoryPage,
}

#[derive(SimpleObject)]
#[graphql(serial)]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

/// What an id leads to.
#[derive(Union)]
pub(crate) enum Node {
    /// A repository.
    Repository(Repository),
}

#[Object(serial)]
impl RepositoryConnection {
    async fn nodes(&self) -> Vec<Repository> {
        self.page.repositories.iter().cloned().map(Repository::known).collect()
    }

    async fn total_count(&self) -> Option<i32> {
        i32::try_from(self.page.n_total).ok()
    }

    async fn page_info(&self) -> PageInfo {
        let last = self.page.repositories.last().filter(|_| self.page.has_more);
        PageInfo {
            has_next_page: self.page.has_more,
            end_cursor: last.map(|last| opaque_id("Repository", last.name.as_str())),
        }
    }
}
