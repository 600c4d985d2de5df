//! The remotes that a repository's own configuration names.

use crate::Repository;

/// Remotes that are told.
const N_REMOTES_MAX: usize = 50;

impl Repository {
    /// The names and addresses of its remotes, `origin` first; as they are written, and nothing is done with them.
    ///
    /// SECURITY: an address may hold a credential, and comes from whoever made the repository: it is for [`crate::RemoteUrl::parse`].
    pub fn remotes(&self) -> Vec<(String, String)> {
        let local = self.local();
        let config = local.config_snapshot();
        let sections = config.plumbing().sections_by_name("remote").into_iter().flatten();
        let remotes = sections.filter_map(|section| {
            let name = section.header().subsection_name()?.to_string();
            Some((name, section.value("url")?.to_string()))
        });
        let mut remotes: Vec<_> = remotes.take(N_REMOTES_MAX).collect();
        remotes.sort_by_key(|(name, _)| name != "origin");
        remotes
    }
}
