//! The and/or query over grams that a pattern lowers to.

use crate::{Bigram, Gram};

/// Most leaves of a query. Each is a dictionary look-up per segment (a microsecond) and a list to decode per chunk; a
/// conjunction past the limit loses its widest members, a disjunction past it becomes [`GramQuery::All`].
pub const LEAVES_MAX: usize = 1024;

/// What a text must hold to be able to match. Satisfied by every text that matches; not only by those.
///
/// In a query for a pattern that cannot match a newline (see [`crate::may_match_newline`]), all grams of one match lie
/// within one line, so the query may be asked of each block of lines. Otherwise ask it of the whole text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GramQuery {
    /// Anything may match: the index cannot help.
    All,
    /// Nothing can match.
    None,
    /// The folded text holds this gram.
    Gram(Gram),
    /// The folded text holds these two bytes in a row.
    Bigram(Bigram),
    /// Every one of these holds: two or more, ascending, none of them `And`, `All` or `None`.
    And(Vec<GramQuery>),
    /// At least one of these holds: two or more, ascending, none of them `Or`, `All` or `None`.
    Or(Vec<GramQuery>),
}

impl GramQuery {
    /// All of these must hold. [`GramQuery::All`] where there are none.
    pub fn and(queries: impl IntoIterator<Item = GramQuery>) -> GramQuery {
        let mut members = Vec::new();
        for query in queries {
            match query {
                GramQuery::All => {}
                GramQuery::None => return GramQuery::None,
                GramQuery::And(inner) => members.extend(inner),
                other => members.push(other),
            }
        }
        members.sort_unstable();
        members.dedup();
        cut_to_limit(&mut members);
        match members.len() {
            0 => GramQuery::All,
            1 => members.remove(0),
            _ => GramQuery::And(members),
        }
    }

    /// At least one of these must hold. [`GramQuery::None`] where there are none.
    pub fn or(queries: impl IntoIterator<Item = GramQuery>) -> GramQuery {
        let mut members = Vec::new();
        for query in queries {
            match query {
                GramQuery::None => {}
                GramQuery::All => return GramQuery::All,
                GramQuery::Or(inner) => members.extend(inner),
                other => members.push(other),
            }
        }
        members.sort_unstable();
        members.dedup();
        match members.len() {
            0 => GramQuery::None,
            1 => members.remove(0),
            _ if members.iter().map(GramQuery::n_leaves).sum::<usize>() > LEAVES_MAX => GramQuery::All,
            _ => GramQuery::Or(members),
        }
    }

    /// How many grams and bigrams the query names.
    pub fn n_leaves(&self) -> usize {
        match self {
            GramQuery::All | GramQuery::None => 0,
            GramQuery::Gram(_) | GramQuery::Bigram(_) => 1,
            GramQuery::And(members) | GramQuery::Or(members) => members.iter().map(GramQuery::n_leaves).sum(),
        }
    }

    /// Whether the query holds for something, given which grams and bigrams it has.
    pub fn holds(&self, has_gram: &dyn Fn(Gram) -> bool, has_bigram: &dyn Fn(Bigram) -> bool) -> bool {
        match self {
            GramQuery::All => true,
            GramQuery::None => false,
            GramQuery::Gram(gram) => has_gram(*gram),
            GramQuery::Bigram(bigram) => has_bigram(*bigram),
            GramQuery::And(members) => members.iter().all(|member| member.holds(has_gram, has_bigram)),
            GramQuery::Or(members) => members.iter().any(|member| member.holds(has_gram, has_bigram)),
        }
    }
}

/// Drops the widest members of a conjunction until the limit holds: a weaker query is still a right one.
fn cut_to_limit(members: &mut Vec<GramQuery>) {
    let mut n_leaves: usize = members.iter().map(GramQuery::n_leaves).sum();
    if n_leaves <= LEAVES_MAX {
        return;
    }
    members.sort_by_key(GramQuery::n_leaves);
    while n_leaves > LEAVES_MAX {
        n_leaves -= members.pop().map_or(n_leaves, |widest| widest.n_leaves());
    }
    members.sort_unstable();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gram(text: &str) -> GramQuery {
        GramQuery::literal(text.as_bytes())
    }

    #[test]
    fn constants_vanish_and_nesting_flattens() {
        let (abc, xyz) = (gram("abc"), gram("xyz"));
        assert_eq!(GramQuery::and([]), GramQuery::All);
        assert_eq!(GramQuery::or([]), GramQuery::None);
        assert_eq!(GramQuery::and([abc.clone(), GramQuery::All]), abc);
        assert_eq!(GramQuery::and([abc.clone(), GramQuery::None]), GramQuery::None);
        assert_eq!(GramQuery::or([abc.clone(), GramQuery::None]), abc);
        assert_eq!(GramQuery::or([abc.clone(), GramQuery::All]), GramQuery::All);
        let nested = GramQuery::and([GramQuery::and([xyz.clone(), abc.clone()]), abc.clone()]);
        assert_eq!(nested, GramQuery::And(vec![abc, xyz]));
    }

    #[test]
    fn limits_hold() {
        let all =
            || (0..2000u32).filter_map(|n| Gram::new([1, (n >> 8) as u8, n as u8])).map(GramQuery::Gram);
        assert_eq!(GramQuery::and(all()).n_leaves(), LEAVES_MAX);
        assert_eq!(GramQuery::or(all()), GramQuery::All);
    }
}
