//! What stands at one path in many trees: a folder that is the same in a thousand commits is looked into once.

use crate::commit::Step;
use crate::tree::find_entry;
use crate::{EntryKind, LookupError, ObjectError, Reader};
use model::ObjectId;
use std::collections::HashMap;
use std::rc::Rc;

/// Answers kept; each takes some 60 bytes.
const KEPT_MAX: usize = 200_000;
/// Deepest path that is looked up.
const DEPTH_MAX: usize = 512;

/// Commits kept likewise.
const STEPS_MAX: usize = 100_000;

/// Commits on the way: each is met as a parent and then for itself.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    known: HashMap<ObjectId, Rc<Step>>,
}

impl Steps {
    pub(crate) fn get(&mut self, reader: &Reader, id: ObjectId) -> Result<Rc<Step>, ObjectError> {
        if let Some(step) = self.known.get(&id) {
            return Ok(Rc::clone(step));
        }
        let step = Rc::new(reader.step(id)?);
        if self.known.len() >= STEPS_MAX {
            self.known.clear();
        }
        self.known.insert(id, Rc::clone(&step));
        Ok(step)
    }
}

/// A file or folder as git knows it.
pub(crate) type Stand = (EntryKind, ObjectId);

/// Looks up one path in one tree after the other.
#[derive(Debug)]
pub(crate) struct PathAt {
    parts: Vec<Vec<u8>>,
    known: HashMap<(ObjectId, usize), Option<Stand>>,
}

impl PathAt {
    pub(crate) fn new(path: &[u8]) -> Self {
        let parts = path.split(|byte| *byte == b'/').filter(|part| !part.is_empty());
        PathAt { parts: parts.map(<[u8]>::to_vec).collect(), known: HashMap::new() }
    }

    /// What stands at the path in a root tree; the tree itself where the path is empty.
    pub(crate) fn find(&mut self, reader: &Reader, root: ObjectId) -> Result<Option<Stand>, LookupError> {
        let mut at = (EntryKind::Tree, root);
        let mut asked = Vec::new();
        if self.parts.len() > DEPTH_MAX {
            return Ok(None);
        }
        let mut found = None;
        for depth in 0..self.parts.len() {
            if at.0 != EntryKind::Tree {
                break;
            }
            if let Some(known) = self.known.get(&(at.1, depth)) {
                found = *known;
                at = (EntryKind::Submodule, at.1);
                break;
            }
            asked.push((at.1, depth));
            match find_entry(reader, at.1, &self.parts[depth])? {
                Some(next) => at = next,
                None => {
                    at = (EntryKind::Submodule, at.1);
                    break;
                }
            }
            if depth + 1 == self.parts.len() {
                found = Some(at);
            }
        }
        if self.parts.is_empty() {
            return Ok(Some(at));
        }
        if self.known.len() > KEPT_MAX {
            self.known.clear();
        }
        self.known.extend(asked.into_iter().map(|key| (key, found)));
        Ok(found)
    }
}
