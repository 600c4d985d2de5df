//! Accounts that people get by signing in at an identity provider that is trusted with that.

use crate::failure::Failure;
use crate::visitor::Visitor;
use access::{Randomness as _, SystemRandomness, UserName};
use oidc::{Person, Provider};
use store::{Address, LinkProviderError, ProviderIdentity};

/// Names that are tried before one is drawn.
const N_TRIED: usize = 20;
/// Longest part of a name that comes from the provider, so that a number fits behind it.
const NAME_CHARS_MAX: usize = 50;

/// Makes an account for somebody, where the provider may do that. False where it may not, or somebody who is shut out has
/// that account there.
pub(crate) async fn make(
    visitor: &Visitor,
    provider: &Provider,
    person: &Person,
    identity: &ProviderIdentity,
) -> Result<bool, Failure> {
    if !provider.admits(person) {
        return Ok(false);
    }
    let names = names_for(person)?;
    let address = person.verified_address.as_deref().and_then(|address| Address::new(address).ok());
    match visitor.store.create_from_provider(&names, identity, address.as_ref()).await {
        Ok(made) => Ok(made.is_some()),
        Err(LinkProviderError::Fault(fault)) => Err(fault.into()),
        Err(_) => Ok(false),
    }
}

/// Names to try, in this order: as they are called there, then with numbers. SECURITY: a name that is taken is somebody
/// else's; it never leads to their account.
fn names_for(person: &Person) -> Result<Vec<UserName>, Failure> {
    let address = person.verified_address.as_deref().and_then(|address| address.split('@').next());
    let base = person.name.as_deref().or(address).map(plain).filter(|name| !name.is_empty());
    let base = base.unwrap_or_else(|| "user".to_owned());
    let mut drawn = [0; 4];
    SystemRandomness.fill(&mut drawn).map_err(Failure::internal)?;
    let numbered = (2..=N_TRIED).map(|number| format!("{base}-{number}"));
    let last = format!("{base}-{:08x}", u32::from_be_bytes(drawn));
    let texts = std::iter::once(base.clone()).chain(numbered).chain([last]);
    Ok(texts.filter_map(|text| UserName::new(&text).ok()).collect())
}

/// What of a text can stand in a name; of an address, what stands before the `@`.
fn plain(text: &str) -> String {
    let local = text.split('@').next().unwrap_or_default();
    let kept = local.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    let kept: String = kept.take(NAME_CHARS_MAX).collect();
    kept.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(name: Option<&str>, address: Option<&str>) -> Person {
        Person {
            subject: "1".into(),
            name: name.map(str::to_owned),
            verified_address: address.map(str::to_owned),
            proved_at: None,
            has_second_factor: false,
        }
    }

    #[test]
    fn names_are_plain_and_many() {
        for (name, address, expected) in [
            (Some("Ada"), None, "ada"),
            (Some("ada lovelace"), None, "ada-lovelace"),
            (None, Some("ada@example.org"), "ada"),
            (Some("../../etc"), None, "etc"),
            (Some("ада"), None, "user"),
            (None, None, "user"),
        ] {
            let names = names_for(&person(name, address)).unwrap();
            assert_eq!(names[0].as_str(), expected);
            assert_eq!(names.len(), N_TRIED + 1);
        }
        assert_eq!(names_for(&person(Some(&"x".repeat(500)), None)).unwrap().len(), N_TRIED + 1);
    }
}
