//! Skipping lines that a regular expression cannot match, at the speed of memory.
//!
//! Many expressions have no literal that could be searched for, but a *window*: neighbouring positions that every match
//! has, each from a small set of bytes. `\b[A-Z]{2}[0-9]{3}\b` has `[A-Z][A-Z][0-9][0-9]`. Windows are looked for many places
//! at a time ([`vector`]); an automaton takes each byte one after another. Where a window was found, its neighbours are
//! looked at too, as far as every match has them. Where the rarest window is a literal, it is looked for as one.

mod runs;
mod vector;

use memchr::memmem;
use regex_syntax::hir::Hir;
use runs::{Runs, Set};
use std::ops::Range;
use vector::Position;

/// How many positions are looked for at a time at most.
const POSITIONS_MAX: usize = 4;
/// A window as rare as this is rarer than most literals, and one more frequent than the second is not worth looking for.
const RARE: f64 = 1.0 / 4096.0;
const FREQUENT: f64 = 1.0 / 96.0;
/// A literal at least as long as this is looked for as such.
const LITERAL_MIN: usize = 3;

/// A window of an expression.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    core: Core,
    /// What every match has around the core, and where the core begins in it.
    run: Vec<Set>,
    offset: usize,
    /// Whether a character outside ASCII can stand at a position: then a text that has any may match anywhere.
    stops_at_non_ascii: bool,
    is_rare: bool,
}

/// What is looked for.
#[derive(Clone, Debug)]
enum Core {
    Literal(Box<memmem::Finder<'static>>),
    Positions(Vec<Position>),
}

impl Window {
    /// The rarest window of an expression, if it has one that is rare enough. Recursion is bounded by the nesting limit of
    /// patterns.
    pub(crate) fn of(hir: &Hir) -> Option<Window> {
        let mut best: Option<(f64, Window)> = None;
        for run in Runs::of(hir) {
            let positions: Vec<Position> = run.iter().map(Position::of).collect();
            let shares: Vec<f64> = positions.iter().map(|position| position.share()).collect();
            let candidates =
                rarest_positions(&positions, &shares).into_iter().chain(rarest_literal(&run, &shares));
            for (share, start, core) in candidates {
                if share < FREQUENT && best.as_ref().is_none_or(|(least, _)| share < *least) {
                    best = Some((share, Window::around(&run, &shares, start, core)));
                }
            }
        }
        best.map(|(_, window)| window)
    }

    fn around(run: &[Set], shares: &[f64], start: usize, core: Core) -> Window {
        let end = start + core.len();
        let stops_at_non_ascii = run[start..end].iter().any(|set| set.has_non_ascii_chars);
        // A character outside ASCII takes several places: what lies behind one has none of its own.
        let is_known = |set: &&Set| stops_at_non_ascii || !set.has_non_ascii_chars;
        let offset = run[..start].iter().rev().take_while(is_known).count();
        let known = start - offset..end + run[end..].iter().take_while(is_known).count();
        let is_rare = shares[known.clone()].iter().product::<f64>() < RARE;
        Window { core, run: run[known].to_vec(), offset, stops_at_non_ascii, is_rare }
    }

    /// Whether it stops at hardly any line that does not match.
    pub(crate) fn is_rare(&self) -> bool {
        self.is_rare
    }

    /// The first place at or after `from` where there may be a match's window: whatever lies between belongs to no match's.
    /// What stands before `from` may belong to the match.
    pub(crate) fn find(&self, text: &[u8], from: usize) -> Option<usize> {
        match &self.core {
            Core::Positions(positions) => {
                vector::find(positions, self.stops_at_non_ascii, text, from, |at| self.fits(text, at))
            }
            Core::Literal(literal) => {
                // Occurrences may overlap, and only the second fit.
                let mut from = from;
                loop {
                    let at = from + literal.find(text.get(from..)?)?;
                    if self.fits(text, at) {
                        return Some(at);
                    }
                    from = at + 1;
                }
            }
        }
    }

    /// Whether everything around the window is as every match has it.
    fn fits(&self, text: &[u8], at: usize) -> bool {
        if self.stops_at_non_ascii && !text[at].is_ascii() {
            return true;
        }
        let start = at.checked_sub(self.offset).filter(|start| start + self.run.len() <= text.len());
        start.is_some_and(|start| self.run.iter().zip(start..).all(|(set, at)| set.fits(text, at)))
    }
}

impl Core {
    fn len(&self) -> usize {
        match self {
            Core::Literal(literal) => literal.needle().len(),
            Core::Positions(positions) => positions.len(),
        }
    }
}

/// The rarest few positions of a run: how much of a source text they are, and where they begin.
fn rarest_positions(positions: &[Position], shares: &[f64]) -> Option<(f64, usize, Core)> {
    let mut best: Option<(f64, Range<usize>)> = None;
    for start in 0..positions.len() {
        for end in start + 1..=positions.len().min(start + POSITIONS_MAX) {
            let share: f64 = shares[start..end].iter().product();
            if best.as_ref().is_none_or(|(least, _)| share < *least) {
                best = Some((share, start..end));
            }
            if share < RARE {
                break;
            }
        }
    }
    best.map(|(share, range)| (share, range.start, Core::Positions(positions[range].to_vec())))
}

/// Likewise the rarest literal of a run.
fn rarest_literal(run: &[Set], shares: &[f64]) -> Option<(f64, usize, Core)> {
    let mut best: Option<(f64, usize, Vec<u8>)> = None;
    let mut start = 0;
    while start < run.len() {
        let literal: Vec<u8> = run[start..].iter().map_while(|set| set.only).collect();
        let share: f64 = shares[start..start + literal.len()].iter().product();
        let n_looked_at = literal.len().max(1);
        if literal.len() >= LITERAL_MIN && best.as_ref().is_none_or(|(least, ..)| share < *least) {
            best = Some((share, start, literal));
        }
        start += n_looked_at;
    }
    best.map(|(share, start, literal)| {
        (share, start, Core::Literal(Box::new(memmem::Finder::new(&literal).into_owned())))
    })
}
