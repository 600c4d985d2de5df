//! What a commit says of itself.
//!
//! Commits are parsed here and not by the library, which refuses a commit as a whole where one field is odd: history is full of
//! commits with strange dates and authors, and their trees are as good as any.

use model::ObjectId;

/// Parents beyond this many are not told. git's own merges have at most a few dozen.
const PARENTS_MAX: usize = 1000;
/// Messages are cut to this.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Names and addresses are cut to this.
const PERSON_BYTES_MAX: usize = 1024;

/// A commit's metadata. Texts are UTF-8 (decoded, with U+FFFD for what cannot be), otherwise as hostile as they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: ObjectId,
    /// Its tree.
    pub tree: ObjectId,
    /// Its parents, the first 1,000.
    pub parents: Vec<ObjectId>,
    /// Who wrote it.
    pub author: Person,
    /// Who committed it.
    pub committer: Person,
    /// The whole message, cut to 64 KiB.
    pub message: String,
}

/// Somebody at some time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// Name.
    pub name: String,
    /// Mail address.
    pub email: String,
    /// Seconds since 1970; 0 where it cannot be read.
    pub seconds: i64,
    /// How far the person's clock was ahead of UTC, in seconds; within a day.
    pub offset_seconds: i32,
}

impl Commit {
    /// The first line of the message.
    pub fn subject(&self) -> &str {
        self.message.trim_start().lines().next().unwrap_or_default().trim_end()
    }
}

/// Parses a commit object. `None` where it names no tree.
pub(crate) fn parse(id: ObjectId, data: &[u8]) -> Option<Commit> {
    let (header, message) = split_header(data);
    let mut tree = None;
    let mut parents = Vec::new();
    let (mut author, mut committer, mut label): (&[u8], &[u8], &[u8]) = (b"", b"", b"");
    for line in header.split(|byte| *byte == b'\n') {
        let (key, value) = split_once(line, b' ').unwrap_or((line, b""));
        match key {
            b"tree" if tree.is_none() => tree = Some(hex_id(value)?),
            b"parent" if parents.len() < PARENTS_MAX => parents.extend(hex_id(value)),
            b"author" if author.is_empty() => author = value,
            b"committer" if committer.is_empty() => committer = value,
            b"encoding" if label.is_empty() => label = value,
            _ => (),
        }
    }
    let encoding = encoding_rs::Encoding::for_label(label).unwrap_or(encoding_rs::UTF_8);
    let text = |bytes: &[u8], n_bytes_max: usize| {
        encoding.decode_without_bom_handling(&bytes[..bytes.len().min(n_bytes_max)]).0.into_owned()
    };
    let person = |line: &[u8]| {
        let (name, email, seconds, offset_seconds) = split_person(line);
        Person {
            name: text(name, PERSON_BYTES_MAX),
            email: text(email, PERSON_BYTES_MAX),
            seconds,
            offset_seconds,
        }
    };
    Some(Commit {
        id,
        tree: tree?,
        parents,
        author: person(author),
        committer: person(committer),
        message: text(message, MESSAGE_BYTES_MAX),
    })
}

/// Of a commit what a walk needs.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) tree: ObjectId,
    pub(crate) parents: Vec<ObjectId>,
    /// When it was committed, in seconds since 1970.
    pub(crate) seconds: i64,
}

/// Parses a commit object for a walk. `None` where it names no tree.
pub(crate) fn step(data: &[u8]) -> Option<Step> {
    let mut step = Step { tree: tree_of(data)?, parents: Vec::new(), seconds: 0 };
    for line in data.split(|byte| *byte == b'\n').skip(1).take_while(|line| !line.is_empty()) {
        if let Some(parent) = line.strip_prefix(b"parent ") {
            if step.parents.len() < PARENTS_MAX {
                step.parents.extend(hex_id(parent));
            }
        } else if let Some(committer) = line.strip_prefix(b"committer ") {
            step.seconds = split_person(committer).2;
            break;
        }
    }
    Some(step)
}

/// The tree of a commit object.
pub(crate) fn tree_of(data: &[u8]) -> Option<ObjectId> {
    hex_id(first_line(data).strip_prefix(b"tree ")?)
}

/// What an annotated tag object leads to.
pub(crate) fn tag_target(data: &[u8]) -> Option<ObjectId> {
    hex_id(first_line(data).strip_prefix(b"object ")?)
}

fn first_line(data: &[u8]) -> &[u8] {
    data.split(|byte| *byte == b'\n').next().unwrap_or_default()
}

fn split_header(data: &[u8]) -> (&[u8], &[u8]) {
    match data.windows(2).position(|pair| pair == b"\n\n") {
        Some(at) => (&data[..at], &data[at + 2..]),
        None => (data, b""),
    }
}

fn split_once(line: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = line.iter().position(|byte| *byte == separator)?;
    Some((&line[..at], &line[at + 1..]))
}

fn hex_id(text: &[u8]) -> Option<ObjectId> {
    ObjectId::from_hex(std::str::from_utf8(text).ok()?).ok()
}

/// `Name <address> 1700000000 +0100`, any part of which may be missing or nonsense.
fn split_person(line: &[u8]) -> (&[u8], &[u8], i64, i32) {
    let open = line.iter().position(|byte| *byte == b'<');
    let close = line.iter().rposition(|byte| *byte == b'>');
    let (name, email, rest): (&[u8], &[u8], &[u8]) = match (open, close) {
        (Some(open), Some(close)) if open < close => {
            (&line[..open], &line[open + 1..close], &line[close + 1..])
        }
        _ => (line, b"", b""),
    };
    let mut words = std::str::from_utf8(rest).unwrap_or_default().split_ascii_whitespace();
    let seconds = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
    let offset_seconds = words.next().and_then(offset_seconds).unwrap_or(0);
    (name.trim_ascii(), email.trim_ascii(), seconds, offset_seconds)
}

/// `+0130` in seconds, where it is within a day.
fn offset_seconds(word: &str) -> Option<i32> {
    let value: i32 = word.parse().ok()?;
    let (hours, minutes) = (value / 100, value % 100);
    (hours.abs() < 24 && minutes.abs() < 60).then_some((hours * 60 + minutes) * 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

    fn parsed(rest: &[u8]) -> Commit {
        let data = [format!("tree {TREE}\n").as_bytes(), rest].concat();
        parse(ObjectId::NULL, &data).unwrap()
    }

    #[test]
    fn reads_what_is_there() {
        let commit = parsed(
            b"parent 0123456789abcdef0123456789abcdef01234567\nauthor A U Thor <a@example.org> 1700000000 -0130\n\
              committer C <c@example.org> 1700000001 +0100\ngpgsig -----BEGIN\n tree 0\n\nSubject\n\nBody\n",
        );
        assert_eq!(
            (commit.parents.len(), commit.subject(), commit.author.offset_seconds),
            (1, "Subject", -5400)
        );
        assert_eq!(
            (commit.author.name.as_str(), commit.author.email.as_str()),
            ("A U Thor", "a@example.org")
        );
        assert_eq!((commit.committer.seconds, commit.message.as_str()), (1_700_000_001, "Subject\n\nBody\n"));
    }

    #[test]
    fn nonsense_is_empty_not_an_error() {
        for line in
            ["author", "author <", "author ><", "author x <y> 99999999999999999999 +9999", "author \u{0}"]
        {
            let commit = parsed(format!("{line}\n\nm").as_bytes());
            assert_eq!((commit.author.seconds, commit.author.offset_seconds), (0, 0), "{line}");
        }
        assert_eq!(parsed(b"author x <y> 9223372036854775807 +0000\n\nm").author.seconds, i64::MAX);
        assert_eq!(parse(ObjectId::NULL, b"parent x\n\n"), None);
        assert_eq!(parse(ObjectId::NULL, b"tree zz\n\n"), None);
    }

    #[test]
    fn old_encodings_are_decoded() {
        let commit = parsed(b"author J\xf6rg <j@x> 1 +0000\nencoding ISO-8859-1\n\n\xfcber\n");
        assert_eq!((commit.author.name.as_str(), commit.subject()), ("Jörg", "über"));
        assert_eq!(parsed(b"\n\xff").message, "\u{fffd}");
    }
}
