//! `.mailmap`: under which name and address somebody wants to be known whose commits have several.

use gix::bstr::BStr;

/// A file of such wishes. Lines that are none are passed over, as git does.
#[derive(Clone, Debug, Default)]
pub struct Mailmap {
    entries: gix::mailmap::Snapshot,
}

impl Mailmap {
    /// Reads one.
    pub fn parse(bytes: &[u8]) -> Self {
        Mailmap { entries: gix::mailmap::Snapshot::from_bytes(bytes) }
    }

    /// The name and address for those of a commit.
    pub fn resolve(&self, name: &str, email: &str) -> (String, String) {
        let signature =
            gix::actor::SignatureRef { name: BStr::new(name), email: BStr::new(email), time: "0 +0000" };
        let resolved = self.entries.resolve(signature);
        (resolved.name.to_string(), resolved.email.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_known_as_they_wish() {
        let map = Mailmap::parse(b"Ada L <ada@new> <ADA@old>\nBob <bob@x> bobby <b@y>\nnonsense\n<\xff\n");
        let resolved = |name, email| map.resolve(name, email);
        assert_eq!(resolved("ada", "ada@old"), ("Ada L".into(), "ada@new".into()));
        assert_eq!(resolved("bobby", "b@y"), ("Bob".into(), "bob@x".into()));
        assert_eq!(resolved("other", "b@y"), ("other".into(), "b@y".into()));
    }
}
