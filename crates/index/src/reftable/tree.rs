//! Folders, as the sorted paths imply them.

use super::RefTable;
use crate::{DocIdx, ReadError, RevIdx};

/// One entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// Its name: one path component.
    pub name: Vec<u8>,
    /// The document, or `None` for a folder.
    pub doc: Option<DocIdx>,
}

impl RefTable {
    /// What is in a folder in a revision: folders and files together, in byte order of their names. `folder` is empty for
    /// the root, else a path without a `/` at its end. Empty where there is no such folder.
    pub fn children(&self, folder: &[u8], revision: RevIdx) -> Result<Vec<Child>, ReadError> {
        let filter = self.rev_filter(&[revision])?;
        let mut prefix = folder.to_vec();
        if !prefix.is_empty() {
            prefix.push(b'/');
        }
        let mut children: Vec<Child> = Vec::new();
        let mut from = prefix.clone();
        // Each turn reads on from `from` until it has found a folder, and goes on after everything in that folder.
        loop {
            let mut next = None;
            self.for_each_from(&from, &mut |doc_idx, path, doc| {
                let Some(rest) = path.strip_prefix(&prefix[..]) else { return false };
                if rest.is_empty() || !filter.admits(doc.revisions) {
                    return true;
                }
                match rest.iter().position(|byte| *byte == b'/') {
                    None => {
                        children.push(Child { name: rest.to_vec(), doc: Some(doc_idx) });
                        true
                    }
                    Some(len) => {
                        children.push(Child { name: rest[..len].to_vec(), doc: None });
                        // The byte after '/': the first that no path in the folder can have there.
                        next = Some([&prefix, &rest[..len], &[b'/' + 1]].concat());
                        false
                    }
                }
            })?;
            match next {
                Some(next) => from = next,
                None => break,
            }
        }
        children.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(children)
    }
}
