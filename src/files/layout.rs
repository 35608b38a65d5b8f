//! Where each byte of a folder's stream stands: in which file of the folder, and at which place in it.

use std::ops::Range;
use std::path::{Path, PathBuf};

/// The files and folders of a folder, as they are here.
#[derive(Debug)]
pub(super) struct Layout {
    nodes: Vec<Node>,
    /// Those of them that have bytes, in the order of these.
    filled: Vec<usize>,
}

/// A folder or a file in a folder.
#[derive(Debug)]
pub(super) struct Node {
    /// In which one it lies, if not in the folder itself: one before it.
    pub(super) within: Option<usize>,
    pub(super) name: PathBuf,
    /// Where its bytes begin.
    pub(super) at: u64,
    /// How many a file has; none of a folder.
    pub(super) size: Option<u64>,
}

/// Bytes that stand in one file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Stretch {
    /// Which file.
    pub(super) node: usize,
    /// Where in it they begin.
    pub(super) at: u64,
    pub(super) length: usize,
}

impl Layout {
    /// Nodes in the order of their bytes.
    pub(super) fn new(nodes: Vec<Node>) -> Self {
        let filled = nodes.iter().enumerate();
        let filled = filled.filter(|(_, node)| node.size.is_some_and(|size| size > 0));
        let filled = filled.map(|(index, _)| index).collect();
        Self { nodes, filled }
    }

    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Where a node is, if the folder is there.
    pub(super) fn path(&self, folder: &Path, node: usize) -> PathBuf {
        let mut names = Vec::new();
        let mut next = self.nodes.get(node);
        while let Some(node) = next {
            names.push(&node.name);
            next = node.within.and_then(|within| self.nodes.get(within));
        }
        let mut path = folder.to_owned();
        path.extend(names.into_iter().rev());
        path
    }

    /// In which files these bytes of the stream stand, in their order.
    pub(super) fn stretches(&self, bytes: Range<u64>) -> impl Iterator<Item = Stretch> + '_ {
        let end_of = |node: &Node| node.at + node.size.unwrap_or(0);
        let first = self.filled.partition_point(|node| {
            self.nodes.get(*node).is_some_and(|node| end_of(node) <= bytes.start)
        });
        let rest = self.filled.get(first..).unwrap_or_default().iter();
        let known = rest.filter_map(|node| Some((*node, self.nodes.get(*node)?)));
        known.map_while(move |(index, node)| {
            let (from, to) = (bytes.start.max(node.at), bytes.end.min(end_of(node)));
            let length =
                usize::try_from(to.checked_sub(from)?).ok().filter(|length| *length > 0)?;
            Some(Stretch { node: index, at: from - node.at, length })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_stand_in_the_files_one_after_the_other() {
        let node = |within, name: &str, at, size| Node { within, name: name.into(), at, size };
        let layout = Layout::new(vec![
            node(None, "a", 10, None),
            node(Some(0), "empty", 10, Some(0)),
            node(Some(0), "b", 10, Some(5)),
            node(None, "c", 15, Some(0)),
            node(None, "d", 15, Some(100)),
        ]);
        assert_eq!(layout.path(Path::new("x"), 2), Path::new("x/a/b"));
        let all = |bytes| {
            layout.stretches(bytes).map(|one| (one.node, one.at, one.length)).collect::<Vec<_>>()
        };
        assert_eq!(all(0..12), [(2, 0, 2)]);
        assert_eq!(all(12..20), [(2, 2, 3), (4, 0, 5)]);
        assert_eq!(all(15..16), [(4, 0, 1)]);
        assert_eq!(all(114..200), [(4, 99, 1)]);
        assert_eq!(all(115..200), []);
        assert_eq!(all(0..10), []);
        assert_eq!(all(11..11), []);
    }
}
