//! The boolean tree of a query, simplified as far as one repository decides it.

use crate::scope::Trait;
use model::Language;
use std::collections::HashSet;
use std::sync::Arc;

/// A condition, over leaves that the [`crate::plan::Plan`] holds by number. Depth is bounded by the parser, so that
/// recursion is safe.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Const(bool),
    /// `repo:`, decided per repository.
    Repo(usize),
    /// `repo:has.…(…)`, decided per repository before its documents are looked at.
    RepoHas(usize),
    /// A list of repositories in a context, decided per repository.
    Listed(usize),
    /// What a context asks of a repository's traits.
    Trait(Trait),
    /// `lang:`, decided per document.
    Language(Language),
    /// `file:`, decided per document.
    File(usize),
    /// `file:has.owner(…)`, decided per document.
    Owner(usize),
    /// `file:has.contributor(…)`, replaced by paths when a repository is taken up.
    Contributor(usize),
    /// Some paths, decided per document.
    Paths(Arc<HashSet<Vec<u8>>>),
    /// `author:`, `before:` and their kind, decided per commit; nothing of the kind holds for documents.
    Commit(usize),
    /// A pattern, decided by path or content.
    Term(usize),
    Not(Box<Node>),
    /// Sorted by rising cost, without constants, at least two.
    And(Vec<Node>),
    /// Sorted by rising cost, without constants, at least two.
    Or(Vec<Node>),
}

impl Node {
    /// Joins by AND, dropping what is constant.
    pub(crate) fn and(nodes: impl IntoIterator<Item = Node>) -> Node {
        Node::join(nodes, false)
    }

    /// Joins by OR, dropping what is constant.
    pub(crate) fn or(nodes: impl IntoIterator<Item = Node>) -> Node {
        Node::join(nodes, true)
    }

    /// `absorbing` is the constant that decides the whole: `false` for AND, `true` for OR.
    fn join(nodes: impl IntoIterator<Item = Node>, absorbing: bool) -> Node {
        let mut kept: Vec<Node> = Vec::new();
        for node in nodes {
            match node {
                Node::Const(value) if value == absorbing => return node,
                Node::Const(_) => {}
                Node::And(inner) if !absorbing => kept.extend(inner),
                Node::Or(inner) if absorbing => kept.extend(inner),
                other => kept.push(other),
            }
        }
        kept.sort_by_key(Node::cost);
        match (kept.pop(), kept.is_empty()) {
            (None, _) => Node::Const(!absorbing),
            (Some(only), true) => only,
            (Some(last), false) => {
                kept.push(last);
                if absorbing { Node::Or(kept) } else { Node::And(kept) }
            }
        }
    }

    /// Negates.
    #[allow(clippy::should_implement_trait, reason = "it is a constructor like its siblings")]
    pub(crate) fn not(node: Node) -> Node {
        match node {
            Node::Const(value) => Node::Const(!value),
            Node::Not(inner) => *inner,
            other => Node::Not(Box::new(other)),
        }
    }

    /// Rising cost: what is asked first.
    fn cost(&self) -> u32 {
        match self {
            Node::Const(_) | Node::Repo(_) | Node::RepoHas(_) | Node::Listed(_) | Node::Trait(_) => 0,
            Node::Language(_) => 1,
            Node::Owner(_) => 4,
            Node::Commit(_) => 1,
            Node::File(_) | Node::Contributor(_) | Node::Paths(_) => 2,
            Node::Term(_) => 100,
            Node::Not(inner) => inner.cost() + 1,
            Node::And(inner) | Node::Or(inner) => {
                inner.iter().fold(3, |sum: u32, node| sum.saturating_add(node.cost()))
            }
        }
    }

    /// Puts the answers of `decide` in the place of leaves it knows and simplifies.
    pub(crate) fn fold(&self, decide: &mut impl FnMut(&Node) -> Option<bool>) -> Node {
        match self {
            Node::And(inner) => Node::and(inner.iter().map(|node| node.fold(decide)).collect::<Vec<_>>()),
            Node::Or(inner) => Node::or(inner.iter().map(|node| node.fold(decide)).collect::<Vec<_>>()),
            Node::Not(inner) => Node::not(inner.fold(decide)),
            leaf => decide(leaf).map_or_else(|| leaf.clone(), Node::Const),
        }
    }

    /// Puts other leaves in the place of some.
    pub(crate) fn replace(&self, change: &mut impl FnMut(&Node) -> Option<Node>) -> Node {
        match self {
            Node::And(inner) => Node::and(inner.iter().map(|node| node.replace(change)).collect::<Vec<_>>()),
            Node::Or(inner) => Node::or(inner.iter().map(|node| node.replace(change)).collect::<Vec<_>>()),
            Node::Not(inner) => Node::not(inner.replace(change)),
            leaf => change(leaf).unwrap_or_else(|| leaf.clone()),
        }
    }

    /// What the tree says where leaves may be unknown (`None`). Stops at the first leaf that decides.
    pub(crate) fn eval<E>(
        &self,
        leaf: &mut impl FnMut(&Node) -> Result<Option<bool>, E>,
    ) -> Result<Option<bool>, E> {
        match self {
            Node::Const(value) => Ok(Some(*value)),
            Node::Not(inner) => Ok(inner.eval(leaf)?.map(|value| !value)),
            Node::And(inner) => Node::eval_joined(inner, false, leaf),
            Node::Or(inner) => Node::eval_joined(inner, true, leaf),
            other => leaf(other),
        }
    }

    fn eval_joined<E>(
        nodes: &[Node],
        absorbing: bool,
        leaf: &mut impl FnMut(&Node) -> Result<Option<bool>, E>,
    ) -> Result<Option<bool>, E> {
        let mut is_known = true;
        for node in nodes {
            match node.eval(leaf)? {
                Some(value) if value == absorbing => return Ok(Some(absorbing)),
                Some(_) => {}
                None => is_known = false,
            }
        }
        Ok(is_known.then_some(!absorbing))
    }

    /// Calls `visit` for every leaf with whether it stands under an odd number of negations.
    pub(crate) fn each_leaf(&self, is_negated: bool, visit: &mut impl FnMut(&Node, bool)) {
        match self {
            Node::Not(inner) => inner.each_leaf(!is_negated, visit),
            Node::And(inner) | Node::Or(inner) => {
                inner.iter().for_each(|node| node.each_leaf(is_negated, visit));
            }
            leaf => visit(leaf, is_negated),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    #[test]
    fn constants_disappear() {
        let tree = Node::and([Node::Repo(0), Node::or([Node::Repo(1), Node::Term(0)]), Node::File(0)]);
        let fold = |first: bool, second: bool| {
            tree.fold(&mut |leaf| match leaf {
                Node::Repo(0) => Some(first),
                Node::Repo(_) => Some(second),
                _ => None,
            })
        };
        assert_eq!(fold(false, true), Node::Const(false));
        assert_eq!(fold(true, true), Node::File(0));
        assert_eq!(fold(true, false), Node::And(vec![Node::File(0), Node::Term(0)]));
    }

    #[test]
    fn unknown_leaves_leave_the_whole_unknown_only_where_they_matter() {
        let tree = Node::or([Node::not(Node::Term(0)), Node::and([Node::File(0), Node::Term(1)])]);
        let eval = |term: Option<bool>, file: bool| {
            let answer = tree.eval::<Infallible>(&mut |leaf| {
                Ok(match leaf {
                    Node::Term(0) => term,
                    Node::File(_) => Some(file),
                    _ => None,
                })
            });
            match answer {
                Ok(answer) => answer,
                Err(never) => match never {},
            }
        };
        assert_eq!(eval(Some(false), false), Some(true));
        assert_eq!(eval(Some(true), false), Some(false));
        assert_eq!(eval(Some(true), true), None);
        assert_eq!(eval(None, false), None);
    }
}
