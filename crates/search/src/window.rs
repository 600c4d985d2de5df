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
            let candidates = rarest_positions(&run).into_iter().chain(rarest_literal(&run));
            for (share, start, core) in candidates {
                if share < FREQUENT && best.as_ref().is_none_or(|(least, _)| share < *least) {
                    best = Some((share, Window::around(&run, start, core)));
                }
            }
        }
        best.map(|(_, window)| window)
    }

    fn around(run: &[Set], start: usize, core: Core) -> Window {
        let end = start + core.len();
        let stops_at_non_ascii = run[start..end].iter().any(|set| set.has_non_ascii_chars);
        // A character outside ASCII takes several places: what lies behind one has none of its own.
        let is_known = |set: &&Set| stops_at_non_ascii || !set.has_non_ascii_chars;
        let n_before = run[..start].iter().rev().take_while(is_known).count();
        let n_behind = run[end..].iter().take_while(is_known).count();
        let run = run[start - n_before..end + n_behind].to_vec();
        let share: f64 = run.iter().map(|set| Position::of(set).share()).product();
        Window { core, run, offset: n_before, stops_at_non_ascii, is_rare: share < RARE }
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

/// The rarest few positions of a run, and how much of a source text they are.
fn rarest_positions(run: &[Set]) -> Option<(f64, usize, Core)> {
    let positions: Vec<Position> = run.iter().map(Position::of).collect();
    let mut best: Option<(f64, &[Position], usize)> = None;
    for start in 0..run.len() {
        for end in start + 1..=run.len().min(start + POSITIONS_MAX) {
            let share: f64 = positions[start..end].iter().map(|position| position.share()).product();
            if best.is_none_or(|(least, ..)| share < least) {
                best = Some((share, &positions[start..end], start));
            }
            if share < RARE {
                break;
            }
        }
    }
    best.map(|(share, positions, start)| (share, start, Core::Positions(positions.to_vec())))
}

/// The rarest literal of a run. The share of a long one is not told from that of its first bytes.
fn rarest_literal(run: &[Set]) -> Option<(f64, usize, Core)> {
    let mut best: Option<(f64, usize, Vec<u8>)> = None;
    let mut start = 0;
    while start < run.len() {
        let literal: Vec<u8> = run[start..].iter().map_while(Set::only).collect();
        if literal.len() >= LITERAL_MIN {
            let shares = run[start..start + literal.len()].iter().map(|set| Position::of(set).share());
            let share: f64 = shares.product();
            if best.as_ref().is_none_or(|(least, ..)| share < *least) {
                best = Some((share, start, literal.clone()));
            }
        }
        start += literal.len().max(1);
    }
    best.map(|(share, start, literal)| {
        (share, start, Core::Literal(Box::new(memmem::Finder::new(&literal).into_owned())))
    })
}
