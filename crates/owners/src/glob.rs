//! Globs on paths, matched without backtracking.
//!
//! A glob is a sequence of tokens; all places in it that the path so far can have reached are carried along together, so
//! that a match costs at most tokens times bytes.

/// Longest glob, in bytes.
const GLOB_BYTES_MAX: usize = 1024;
/// Most globs that one with braces may stand for.
const ALTERNATIVES_MAX: usize = 64;

/// What a glob's marks mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GlobStyle {
    /// As gitignore, without `!` and `[ ]`: a slash within or before ties it to the root, what matches a directory matches all
    /// that is in it, but for a last `*`.
    /// <https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners>
    GitHub,
    /// As Ruby's `File.fnmatch` with `FNM_PATHNAME` and `FNM_DOTMATCH`: without a slash before it, it matches at any depth; with
    /// one behind it, all that is in the directory.
    /// <https://docs.gitlab.com/user/project/codeowners/reference/>
    GitLab,
    /// Gerrit's `FIND_OWNERS_GLOB`: `{a,b}` too, and every glob matches in all directories below.
    /// <https://gerrit.googlesource.com/plugins/code-owners/+/refs/heads/master/resources/Documentation/path-expressions.md>
    Gerrit,
}

/// A compiled glob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    alternatives: Vec<Alternative>,
}

/// Why a text is not a glob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GlobError {
    /// It is empty.
    Empty,
    /// It is longer than 1,024 bytes.
    TooLong,
    /// A bracket or brace is not closed.
    Unclosed(char),
    /// It stands for more than 64 globs.
    TooManyAlternatives,
    /// The style does not know this mark.
    Unsupported(char),
}

impl std::fmt::Display for GlobError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            GlobError::Empty => f.write_str("the pattern is empty"),
            GlobError::TooLong => write!(f, "the pattern is longer than {GLOB_BYTES_MAX} bytes"),
            GlobError::Unclosed(mark) => write!(f, "the '{mark}' of the pattern is not closed"),
            GlobError::TooManyAlternatives => {
                write!(f, "the braces of the pattern stand for more than {ALTERNATIVES_MAX} patterns")
            }
            GlobError::Unsupported(mark) => {
                write!(f, "'{mark}' is not supported in these patterns")
            }
        }
    }
}

impl std::error::Error for GlobError {}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Alternative {
    tokens: Vec<Token>,
    /// What every match begins with.
    prefix: Vec<u8>,
    /// Whether what is below a match matches too.
    descends: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Byte(u8),
    /// `?`: one character but a slash.
    One,
    Class {
        is_negated: bool,
        ranges: Vec<(u8, u8)>,
    },
    /// `*`: any characters but slashes.
    Star,
    /// Any bytes at all.
    Anything,
    /// `**/`: directories, or none. Followed by [`Token::InDirs`].
    Dirs,
    /// Within one of them.
    InDirs,
}

impl Glob {
    /// Compiles a glob.
    pub fn new(text: &str, style: GlobStyle) -> Result<Glob, GlobError> {
        if text.is_empty() {
            return Err(GlobError::Empty);
        }
        if text.len() > GLOB_BYTES_MAX {
            return Err(GlobError::TooLong);
        }
        let texts = if style == GlobStyle::Gerrit { expanded(text)? } else { vec![text.to_owned()] };
        let alternatives: Result<Vec<Alternative>, GlobError> =
            texts.iter().map(|text| Alternative::new(text, style)).collect();
        Ok(Glob { alternatives: alternatives? })
    }

    /// Whether a path matches: relative to the root, without a slash before it.
    pub fn is_match(&self, path: &[u8]) -> bool {
        self.alternatives.iter().any(|alternative| alternative.is_match(path))
    }
}

impl Alternative {
    fn new(text: &str, style: GlobStyle) -> Result<Alternative, GlobError> {
        let rooted = text.strip_prefix('/');
        let body = rooted.unwrap_or(text);
        let bare = body.strip_suffix('/');
        let is_folder = bare.is_some();
        let body = bare.unwrap_or(body);
        let is_tied = match style {
            GlobStyle::GitHub => rooted.is_some() || body.contains('/'),
            GlobStyle::GitLab => rooted.is_some(),
            GlobStyle::Gerrit => false,
        };
        let mut tokens = Vec::new();
        if !is_tied {
            tokens.extend([Token::Dirs, Token::InDirs]);
        }
        if body.is_empty() {
            // `/`: everything.
            tokens.push(Token::Anything);
        }
        push_body(&mut tokens, body, style)?;
        let last = body.rsplit('/').next().unwrap_or_default();
        let descends = match style {
            GlobStyle::GitHub => is_folder || last != "*",
            GlobStyle::GitLab | GlobStyle::Gerrit => false,
        };
        if is_folder && !body.is_empty() {
            // Only what is in it: the thing itself may be a file of that name.
            tokens.extend([Token::Byte(b'/'), Token::Anything]);
        }
        let literal = |token: &Token| match token {
            Token::Byte(byte) => Some(*byte),
            _ => None,
        };
        let prefix = tokens.iter().map_while(literal).collect();
        Ok(Alternative { tokens, prefix, descends: descends && !is_folder })
    }

    fn is_match(&self, path: &[u8]) -> bool {
        if !path.starts_with(&self.prefix) {
            return false;
        }
        let n_tokens = self.tokens.len();
        let mut at = vec![false; n_tokens + 1];
        let mut next = vec![false; n_tokens + 1];
        at[self.prefix.len()] = true;
        self.close(&mut at);
        for byte in &path[self.prefix.len()..] {
            if self.descends && *byte == b'/' && at[n_tokens] {
                return true;
            }
            next.fill(false);
            let mut is_alive = false;
            for (place, _) in at.iter().enumerate().filter(|(_, is_reached)| **is_reached) {
                for reached in self.step(place, *byte).into_iter().flatten() {
                    next[reached] = true;
                    is_alive = true;
                }
            }
            if !is_alive {
                return false;
            }
            self.close(&mut next);
            std::mem::swap(&mut at, &mut next);
        }
        at[n_tokens]
    }

    /// Where a byte leads from a place: at most two places.
    fn step(&self, place: usize, byte: u8) -> [Option<usize>; 2] {
        // A character of several bytes counts as one: what follows its first byte is passed over.
        let is_within = byte & 0xC0 == 0x80
            && place > 0
            && matches!(self.tokens[place - 1], Token::One | Token::Class { .. });
        let stays = is_within.then_some(place);
        let leads = match self.tokens.get(place) {
            Some(Token::Byte(wanted)) => (*wanted == byte).then_some(place + 1),
            Some(Token::One) => (byte != b'/').then_some(place + 1),
            Some(Token::Class { is_negated, ranges }) => {
                let is_in = ranges.iter().any(|(low, high)| (*low..=*high).contains(&byte));
                (byte != b'/' && is_in != *is_negated).then_some(place + 1)
            }
            Some(Token::Star) => (byte != b'/').then_some(place),
            Some(Token::Anything) => Some(place),
            Some(Token::Dirs) => (byte != b'/').then_some(place + 1),
            Some(Token::InDirs) => Some(if byte == b'/' { place - 1 } else { place }),
            None => None,
        };
        [leads, stays]
    }

    /// Adds the places that are reached without a byte.
    fn close(&self, at: &mut [bool]) {
        for (place, token) in self.tokens.iter().enumerate() {
            if at[place] {
                match token {
                    Token::Star | Token::Anything => at[place + 1] = true,
                    Token::Dirs => at[place + 2] = true,
                    _ => {}
                }
            }
        }
    }
}

fn push_body(tokens: &mut Vec<Token>, body: &str, style: GlobStyle) -> Result<(), GlobError> {
    let bytes = body.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let begins_part = at == 0 || bytes[at - 1] == b'/';
        match rest[0] {
            b'*' if rest.starts_with(b"**") => {
                let n_stars = rest.iter().take_while(|byte| **byte == b'*').count();
                match (begins_part, rest.get(n_stars)) {
                    (true, Some(b'/')) => {
                        tokens.extend([Token::Dirs, Token::InDirs]);
                        at += n_stars + 1;
                    }
                    (true, None) => {
                        tokens.push(Token::Anything);
                        at += n_stars;
                    }
                    // Elsewhere git reads it as one star, and Java, which Gerrit uses, as any text.
                    _ => {
                        let is_java = style == GlobStyle::Gerrit;
                        tokens.push(if is_java { Token::Anything } else { Token::Star });
                        at += n_stars;
                    }
                }
                continue;
            }
            b'*' => tokens.push(Token::Star),
            b'?' => tokens.push(Token::One),
            b'[' if style == GlobStyle::GitHub => return Err(GlobError::Unsupported('[')),
            b'[' => {
                let (class, len) = class(rest)?;
                tokens.push(class);
                at += len;
                continue;
            }
            b'\\' if rest.len() > 1 => {
                tokens.push(Token::Byte(rest[1]));
                at += 1;
            }
            byte => tokens.push(Token::Byte(byte)),
        }
        at += 1;
    }
    Ok(())
}

/// `[a-z]`, `[!a]`, `[^a]`, and its length.
fn class(rest: &[u8]) -> Result<(Token, usize), GlobError> {
    let mut at = 1;
    let is_negated = matches!(rest.get(at), Some(b'!' | b'^'));
    at += usize::from(is_negated);
    let first = at;
    let mut ranges = Vec::new();
    loop {
        match rest.get(at) {
            None => return Err(GlobError::Unclosed('[')),
            Some(b']') if at > first => return Ok((Token::Class { is_negated, ranges }, at + 1)),
            Some(low) => match (rest.get(at + 1), rest.get(at + 2)) {
                (Some(b'-'), Some(high)) if *high != b']' => {
                    ranges.push((*low, *high));
                    at += 3;
                }
                _ => {
                    ranges.push((*low, *low));
                    at += 1;
                }
            },
        }
    }
}

/// What a glob with braces stands for. Braces do not nest.
fn expanded(text: &str) -> Result<Vec<String>, GlobError> {
    let mut texts = vec![String::new()];
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let close = rest[open..].find('}').ok_or(GlobError::Unclosed('{'))? + open;
        let inside = &rest[open + 1..close];
        if inside.contains('{') {
            return Err(GlobError::Unsupported('{'));
        }
        let words: Vec<&str> = inside.split(',').collect();
        if texts.len() * words.len() > ALTERNATIVES_MAX {
            return Err(GlobError::TooManyAlternatives);
        }
        let before = &rest[..open];
        texts = texts
            .iter()
            .flat_map(|text| words.iter().map(move |word| format!("{text}{before}{word}")))
            .collect();
        rest = &rest[close + 1..];
    }
    texts.iter_mut().for_each(|text| text.push_str(rest));
    Ok(texts)
}
