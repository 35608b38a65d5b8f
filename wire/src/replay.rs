//! Which packet numbers have been seen: a sliding window (RFC 6479's block scheme).
//!
//! The order of use is the point: [`Window::is_fresh`] first, because it is cheap; then open
//! the seal; then [`Window::mark`]. A window that moves for an unopened packet lets anybody
//! shut out the genuine ones (CVE-2021-4239).

const BITS: u64 = 64;

/// How far behind the newest packet an older one may still arrive.
pub const WINDOW: u64 = ReplayWindow::WIDTH;

/// The window between peers, who may have thousands of packets on their way.
pub type ReplayWindow = Window<33>;

/// The window of a link, where a few signals are on their way, and a server has many links.
pub type LinkWindow = Window<5>;

/// The packet numbers seen under one key or in one session.
#[derive(Clone, Debug)]
pub struct Window<const BLOCKS: usize> {
    /// One more than the highest marked number; zero while none is marked.
    next: u64,
    blocks: [u64; BLOCKS],
}

impl<const BLOCKS: usize> Default for Window<BLOCKS> {
    fn default() -> Self {
        Self { next: 0, blocks: [0; BLOCKS] }
    }
}

impl<const BLOCKS: usize> Window<BLOCKS> {
    /// How far behind the newest packet an older one may still arrive. One block is always partly
    /// ahead of it.
    pub const WIDTH: u64 = (BLOCKS as u64 - 1) * BITS;

    /// Whether `number` is neither marked nor too old to tell. Changes nothing.
    #[must_use]
    pub fn is_fresh(&self, number: u64) -> bool {
        if number >= self.next {
            return number < u64::MAX;
        }
        self.next - number <= Self::WIDTH && self.blocks[Self::block(number)] & bit(number) == 0
    }

    /// Marks `number` as seen; call it only after the packet's seal was opened.
    ///
    /// Returns whether the number was fresh.
    pub fn mark(&mut self, number: u64) -> bool {
        if !self.is_fresh(number) {
            return false;
        }
        if number >= self.next {
            let (from, to) = (self.next.saturating_sub(1) / BITS, number / BITS);
            for ahead in (from + 1..=to).rev().take(BLOCKS) {
                self.blocks[Self::block(ahead * BITS)] = 0;
            }
            self.next = number + 1;
        }
        self.blocks[Self::block(number)] |= bit(number);
        true
    }

    fn block(number: u64) -> usize {
        // The remainder is below BLOCKS, so the cast keeps it.
        ((number / BITS) % BLOCKS as u64) as usize
    }
}

fn bit(number: u64) -> u64 {
    1 << (number % BITS)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_packet_is_accepted_once() {
        let mut window = ReplayWindow::default();
        for number in [0, 5, 3, 4, 2000, 1999] {
            assert!(window.mark(number), "{number}");
            assert!(!window.mark(number), "{number} again");
        }
    }

    #[test]
    fn what_is_older_than_the_window_is_refused() {
        let mut window = ReplayWindow::default();
        assert!(window.mark(WINDOW + 10));
        assert!(!window.is_fresh(10));
        assert!(window.is_fresh(11));
    }

    #[test]
    fn a_link_has_a_narrower_window() {
        let mut window = LinkWindow::default();
        assert!(window.mark(LinkWindow::WIDTH + 10));
        assert!(!window.is_fresh(10));
        assert!((11..LinkWindow::WIDTH + 10).rev().all(|number| window.mark(number)));
        assert!(!(0..LinkWindow::WIDTH + 11).any(|number| window.is_fresh(number)));
    }

    #[test]
    fn the_last_number_is_never_used() {
        let mut window = ReplayWindow::default();
        assert!(!window.mark(u64::MAX));
        assert!(window.mark(u64::MAX - 1));
        assert!(!window.mark(u64::MAX - 1));
    }

    proptest! {
        #[test]
        fn agrees_with_a_set_of_all_numbers(steps in proptest::collection::vec(-300i64..600, 1..400)) {
            let (mut window, mut seen) = (ReplayWindow::default(), HashSet::new());
            let (mut at, mut highest) = (0i64, 0u64);
            for step in steps {
                at = (at + step).max(0);
                let number = at as u64;
                let fresh = !seen.contains(&number) && (seen.is_empty() || number + WINDOW > highest);
                prop_assert_eq!(window.mark(number), fresh);
                if fresh {
                    seen.insert(number);
                    highest = highest.max(number);
                }
            }
        }
    }
}
