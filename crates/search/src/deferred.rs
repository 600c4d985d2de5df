//! An expression that is compiled when it is first run: most searches find by its grams that no name can match.

use ngram::{GramQuery, for_each_window};
use regex_automata::meta;
use regex_syntax::hir::Hir;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// So many names are looked at by their grams; whoever has more of them is better off with the automaton.
const LOOKS_MAX: u32 = 16;

/// What matches is known, the automaton is not made yet.
#[derive(Debug)]
pub(crate) struct DeferredRegex {
    hir: Hir,
    config: meta::Config,
    size_bytes: usize,
    n_looks: AtomicU32,
    /// `None` where it would be too large.
    regex: OnceLock<Option<meta::Regex>>,
}

impl DeferredRegex {
    /// `size_bytes` is what it is expected to occupy: what the same expression does for content, within the same limits.
    pub(crate) fn new(hir: Hir, config: meta::Config, size_bytes: usize) -> DeferredRegex {
        DeferredRegex { hir, config, size_bytes, n_looks: AtomicU32::new(0), regex: OnceLock::new() }
    }

    /// The expression, compiled now if it was not.
    pub(crate) fn get(&self) -> Option<&meta::Regex> {
        let compile = || meta::Builder::new().configure(self.config.clone()).build_from_hir(&self.hir).ok();
        self.regex.get_or_init(compile).as_ref()
    }

    /// What it occupies, in bytes.
    pub(crate) fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// Whether the text may match; `true` without a look where the automaton is there or would be the cheaper way.
    pub(crate) fn may_match(&self, grams: &GramQuery, text: &[u8]) -> bool {
        if *grams == GramQuery::All
            || self.regex.get().is_some()
            || self.n_looks.fetch_add(1, Ordering::Relaxed) >= LOOKS_MAX
        {
            return true;
        }
        let mut windows = Vec::with_capacity(text.len() + 4);
        for_each_window(text, &mut Vec::new(), |window| windows.push(window));
        grams.holds(&|gram| windows.iter().any(|window| window.gram() == Some(gram)), &|bigram| {
            windows.iter().any(|window| window.bigram() == Some(bigram))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grams_rule_a_name_out_before_anything_is_compiled() {
        let hir = regex_syntax::parse("dev_(err|warn).*timeout").expect("an expression");
        let grams = GramQuery::from_hir(&hir);
        let deferred = DeferredRegex::new(hir, meta::Config::new(), 0);
        for _ in 0..LOOKS_MAX - 2 {
            assert!(!deferred.may_match(&grams, b"tools/anchor"));
        }
        assert!(deferred.may_match(&grams, b"DEV_warn/timeout"), "any case");
        assert!(deferred.regex.get().is_none());
        assert!(!deferred.may_match(&grams, b"tools/anchor"));
        assert!(deferred.may_match(&grams, b"tools/anchor"), "many names are the automaton's");
        let regex = deferred.get().expect("it is small");
        assert!(!regex.is_match("tools/anchor") && regex.is_match("dev_err/x_timeout"));
    }
}
