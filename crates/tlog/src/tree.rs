//! The tree: hashes of leaves and nodes, and the few hashes that suffice to append.

use sha2::{Digest as _, Sha256};
use std::fmt;

/// A SHA-256 hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 32]);

impl fmt::Debug for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// The hash of a leaf: SHA-256 of 0x00 and its bytes.
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Hash(Sha256::new().chain_update([0]).chain_update(leaf).finalize().into())
}

/// The hash of a node: SHA-256 of 0x01 and both hashes below it.
fn node_hash(left: Hash, right: Hash) -> Hash {
    Hash(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// The root of a tree without leaves.
pub fn empty_root() -> Hash {
    Hash(Sha256::digest([]).into())
}

/// The roots of the full subtrees a tree consists of, the largest first: what is needed to append and to tell the root. One
/// hash for each bit that is set in the size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    hashes: Vec<Hash>,
}

/// Bytes are no frontier of a tree of that size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{n_bytes} bytes are no frontier of a tree of {size} leaves")]
pub struct FrontierError {
    n_bytes: usize,
    size: u64,
}

impl Frontier {
    /// What [`Frontier::to_bytes`] gave for a tree of this size.
    pub fn from_bytes(size: u64, bytes: &[u8]) -> Result<Self, FrontierError> {
        let (hashes, rest) = bytes.as_chunks::<32>();
        if !rest.is_empty() || hashes.len() != size.count_ones() as usize {
            return Err(FrontierError { n_bytes: bytes.len(), size });
        }
        Ok(Frontier { size, hashes: hashes.iter().copied().map(Hash).collect() })
    }

    /// The hashes one after another: at most 2,048 bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.hashes.iter().flat_map(|hash| hash.0).collect()
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf by its hash.
    pub fn append(&mut self, leaf: Hash) {
        let mut hash = leaf;
        // Each full subtree of the same size as what is added becomes one with it.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.hashes.pop() {
                hash = node_hash(left, hash);
            }
        }
        self.hashes.push(hash);
        self.size += 1;
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        let mut hashes = self.hashes.iter().rev().copied();
        let Some(smallest) = hashes.next() else { return empty_root() };
        hashes.fold(smallest, |right, left| node_hash(left, right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(hash: Hash) -> String {
        format!("{hash:?}")
    }

    /// The tree head of RFC 6962, section 2.1, as it is written there.
    fn of_the_rfc(leaves: &[&[u8]]) -> Hash {
        match leaves {
            [] => empty_root(),
            [leaf] => leaf_hash(leaf),
            _ => {
                let k = leaves.len().next_power_of_two() / 2;
                node_hash(of_the_rfc(&leaves[..k]), of_the_rfc(&leaves[k..]))
            }
        }
    }

    /// The leaves and roots that the implementations of Certificate Transparency are tested with.
    #[test]
    fn known_roots() {
        let leaves: [&[u8]; 8] = [
            &[],
            &[0x00],
            &[0x10],
            &[0x20, 0x21],
            &[0x30, 0x31],
            &[0x40, 0x41, 0x42, 0x43],
            &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
            &[0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
        ];
        let mut frontier = Frontier::default();
        assert_eq!(hex(frontier.root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        for (leaf, root) in leaves.iter().zip(roots) {
            frontier.append(leaf_hash(leaf));
            assert_eq!(hex(frontier.root()), root);
        }
        assert_eq!(frontier.size(), 8);
    }

    proptest::proptest! {
        #[test]
        fn appending_gives_the_tree_of_the_rfc(leaves in proptest::collection::vec(proptest::collection::vec(0_u8.., 0..4), 0..70)) {
            let mut frontier = Frontier::default();
            for leaf in &leaves {
                frontier.append(leaf_hash(leaf));
                frontier = Frontier::from_bytes(frontier.size(), &frontier.to_bytes()).unwrap();
            }
            let leaves: Vec<&[u8]> = leaves.iter().map(Vec::as_slice).collect();
            assert_eq!(frontier.root(), of_the_rfc(&leaves));
        }
    }

    #[test]
    fn bytes_of_another_size_are_refused() {
        assert!(Frontier::from_bytes(3, &[0; 32]).is_err());
        assert!(Frontier::from_bytes(1, &[0; 33]).is_err());
        assert!(Frontier::from_bytes(0, &[]).is_ok());
    }
}
