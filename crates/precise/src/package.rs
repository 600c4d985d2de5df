//! The package that a symbol's name says it belongs to.

/// A package as the symbols of SCIP name it. An empty field is one the symbol leaves open.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Package {
    /// Who distributes it: `npm`, `pip`, `cargo`, …
    pub manager: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// A symbol's name taken apart: `scheme manager package version descriptors`. A space inside of a part is written twice, a
/// part that is empty as `.`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymbolParts<'a> {
    /// Which indexer's rules the descriptors follow.
    pub scheme: String,
    /// Its package.
    pub package: Package,
    /// The rest.
    pub descriptors: &'a str,
}

impl<'a> SymbolParts<'a> {
    /// `None` for local symbols and for what is no symbol of SCIP.
    pub fn parse(symbol: &'a str) -> Option<SymbolParts<'a>> {
        if symbol.starts_with("local ") {
            return None;
        }
        let (scheme, rest) = part(symbol)?;
        let (manager, rest) = part(rest)?;
        let (name, rest) = part(rest)?;
        let (version, descriptors) = part(rest)?;
        Some(SymbolParts { scheme, package: Package { manager, name, version }, descriptors })
    }

    /// The name that the same symbol has in another version of its package.
    pub fn with_version(&self, version: &str) -> String {
        let package = &self.package;
        let escaped = |part: &str| if part.is_empty() { ".".to_owned() } else { part.replace(' ', "  ") };
        let parts = [&*self.scheme, &*package.manager, &*package.name, version].map(escaped);
        format!("{} {}", parts.join(" "), self.descriptors)
    }
}

fn part(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        if character != ' ' {
            value.push(character);
        } else if characters.next_if(|(_, next)| *next == ' ').is_some() {
            value.push(' ');
        } else {
            let value = if value == "." { String::new() } else { value };
            return Some((value, &text[at + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let parts =
            SymbolParts::parse("scip-typescript npm a  b 1.2.3 src/`x y.ts`/f().").expect("it is one");
        assert_eq!(
            (parts.package.name.as_str(), parts.package.version.as_str(), parts.descriptors),
            ("a b", "1.2.3", "src/`x y.ts`/f().")
        );
        assert_eq!(parts.with_version(""), "scip-typescript npm a  b . src/`x y.ts`/f().");
        assert_eq!(SymbolParts::parse("x . . . d#").map(|parts| parts.package), Some(Package::default()));
        assert!(SymbolParts::parse("local 3").is_none() && SymbolParts::parse("a b c").is_none());
    }
}
