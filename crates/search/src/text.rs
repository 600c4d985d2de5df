//! The whole text of a found document, as it was searched.

use crate::Snapshot;
use index::{ReadError, SegmentOrdinal};
use model::{AccessSet, ObjectId, RepoName};

impl Snapshot {
    /// The text of a blob of a searchable repository: decoded, as patterns saw it. `None` where no segment of the
    /// repository holds it, and just so where the caller may not read the repository or there is none. Blocks while it
    /// decompresses.
    pub fn text(
        &self,
        access: &AccessSet,
        repo: &RepoName,
        blob: &ObjectId,
    ) -> Result<Option<String>, ReadError> {
        // SECURITY: through the one look-up that knows the access set.
        let Some(repo) = self.repo(access, repo.as_str()) else { return Ok(None) };
        // SECURITY: segments are shared with those who may read more paths; a view's documents say which of it is theirs.
        let is_part = access.path_rules(repo.id).is_some();
        for (segment, ordinal) in repo.segments.iter().zip(0u16..) {
            if let Some(blob) = segment.find(blob)? {
                if is_part && repo.ref_table.docs_of_blob(SegmentOrdinal(ordinal), blob)?.is_empty() {
                    return Ok(None);
                }
                let mut text = Vec::new();
                segment.read_blob(blob, &mut text)?;
                let text = String::from_utf8(text);
                return Ok(Some(
                    text.unwrap_or_else(|fault| String::from_utf8_lossy(fault.as_bytes()).into_owned()),
                ));
            }
        }
        Ok(None)
    }
}
