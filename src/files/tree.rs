//! How the values of a file's blocks lead to its hash: the upper part of its BLAKE3 tree.
//!
//! A block is a whole subtree, because its length is a power of two chunks; the last one may be shorter. Its value is the
//! chaining value of that subtree. The root is computed otherwise than other nodes, so the one block of a
//! small file has the hash of the file itself.

use blake3::hazmat::{self, HasherExt, Mode};

use crate::chat::files::disk::{BLOCK, ENTRY, Hash, blocks};

/// What a list holds for a block.
pub(super) type Value = [u8; ENTRY];

/// The value of a block of a file of `size` bytes. `data` is the whole block.
pub(super) fn value(size: u64, block: u64, data: &[u8]) -> Value {
    debug_assert!(!data.is_empty() && data.len() as u64 <= BLOCK, "not a block");
    if blocks(size) == 1 {
        return *blake3::hash(data).as_bytes();
    }
    blake3::Hasher::new().set_input_offset(block * BLOCK).update(data).finalize_non_root()
}

/// Values, block by block, on their way to the root. It holds one for each bit of their number at most.
#[derive(Debug, Default)]
pub(super) struct Tree {
    subtrees: Vec<Value>,
    count: u64,
}

impl Tree {
    /// The value of the next block.
    pub(super) fn push(&mut self, value: Value) {
        // Only now it is known that the subtrees before it are not the root's own children.
        while self.subtrees.len() > self.count.count_ones() as usize {
            self.merge();
        }
        self.subtrees.push(value);
        self.count += 1;
    }

    /// The hash of the file that has these blocks and no others.
    pub(super) fn root(mut self) -> Hash {
        while self.subtrees.len() > 2 {
            self.merge();
        }
        match self.subtrees[..] {
            [] => Hash(*blake3::hash(&[]).as_bytes()),
            [only] => Hash(only),
            [left, right, ..] => {
                Hash(*hazmat::merge_subtrees_root(&left, &right, Mode::Hash).as_bytes())
            }
        }
    }

    fn merge(&mut self) {
        if let (Some(right), Some(left)) = (self.subtrees.pop(), self.subtrees.pop()) {
            self.subtrees.push(hazmat::merge_subtrees_non_root(&left, &right, Mode::Hash));
        }
    }
}

/// The hash of the file that has this list; `None` if no file has it.
#[must_use]
pub fn root_of(list: &[u8]) -> Option<Hash> {
    let (values, rest) = list.as_chunks::<ENTRY>();
    let mut tree = Tree::default();
    values.iter().for_each(|value| tree.push(*value));
    rest.is_empty().then(|| tree.root())
}

/// Whether a list is that of the file with this size and hash.
#[must_use]
pub fn is_list(list: &[u8], size: u64, root: Hash) -> bool {
    list.len() as u64 == blocks(size) * ENTRY as u64 && root_of(list) == Some(root)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(data: &[u8]) -> Vec<u8> {
        let size = data.len() as u64;
        let blocks = data.chunks(BLOCK as usize).zip(0..);
        blocks.flat_map(|(data, block)| value(size, block, data)).collect()
    }

    #[test]
    fn the_list_of_a_file_leads_to_what_b3sum_prints() {
        let block = BLOCK as usize;
        let sizes = [0, 1, block - 1, block, block + 1, 2 * block, 3 * block - 5, 4 * block];
        for size in sizes.into_iter().chain([5 * block + 1, 7 * block, 8 * block, 9 * block + 3]) {
            let data: Vec<u8> = (0..size).map(|at| (at / 251 + at) as u8).collect();
            let root = Hash(*blake3::hash(&data).as_bytes());
            let list = list(&data);
            let size = size as u64;
            assert!(is_list(&list, size, root), "{size}");
            assert!(!is_list(&list, size + BLOCK, root), "{size}");
            assert!(!is_list(&list, size, Hash([0; 32])), "{size}");
            assert!(list.is_empty() || !is_list(&list[1..], size, root), "{size}");
        }
    }

    #[test]
    fn blocks_that_change_their_places_are_not_the_file() {
        let data = [vec![1; BLOCK as usize], vec![2; BLOCK as usize], vec![3; 10]].concat();
        let root = Hash(*blake3::hash(&data).as_bytes());
        let mut list = list(&data);
        list[..2 * ENTRY].rotate_left(ENTRY);
        assert!(!is_list(&list, data.len() as u64, root));
    }

    proptest! {
        #[test]
        fn a_tree_holds_no_more_than_its_height(count in 0_u64..5000) {
            let mut tree = Tree::default();
            for block in 0..count {
                tree.push([block as u8; ENTRY]);
                prop_assert!(tree.subtrees.len() <= 14);
            }
        }
    }
}
