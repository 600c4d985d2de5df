//! Numbers and opaque ids for repositories, made from their names.
//!
//! SECURITY: a number given out in sequence would tell how many repositories one cannot see. These depend on the name
//! alone, which whoever gets one already has.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use model::RepoName;

/// A repository's number for clients that want one: positive, below 2³¹, the same on every server.
pub fn repository_number(name: &RepoName) -> u32 {
    let hash = blake3::hash(name.as_str().as_bytes());
    let mut first = [0; 4];
    first.copy_from_slice(&hash.as_bytes()[..4]);
    (u32::from_le_bytes(first) >> 1).max(1)
}

/// An opaque id of something of a kind: base64 of `Kind:key`.
pub fn opaque_id(kind: &str, key: &str) -> String {
    BASE64.encode(format!("{kind}:{key}"))
}

/// The repository that [`opaque_id`] made this id for, if it is one.
pub fn repository_of_id(id: &str) -> Option<RepoName> {
    let bytes = BASE64.decode(id.trim_end_matches('=')).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    RepoName::new(text.strip_prefix("Repository:")?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_lead_back() {
        let name = RepoName::new("github.com/o/n").unwrap();
        assert_eq!(repository_of_id(&opaque_id("Repository", name.as_str())), Some(name.clone()));
        for wrong in ["", "x", "UmVwb3NpdG9yeTo", &opaque_id("User", "ada"), "é"] {
            assert_eq!(repository_of_id(wrong), None, "{wrong}");
        }
        assert!((1..1 << 31).contains(&repository_number(&name)));
    }
}
