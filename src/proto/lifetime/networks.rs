//! What is remembered of the networks that we were in.

use std::net::IpAddr;

/// Networks that are remembered.
pub(super) const MAX_NETWORKS: usize = 16;

/// Something for each network, which our external address stands for.
#[derive(Debug)]
pub(super) struct Networks<T> {
    /// The newest last.
    known: Vec<(IpAddr, T)>,
}

impl<T> Default for Networks<T> {
    fn default() -> Self {
        Self { known: Vec::new() }
    }
}

impl<T: Copy> Networks<T> {
    /// Remembers this, in place of what was known of the network before; the oldest gives way.
    pub(super) fn learn(&mut self, external: IpAddr, what: T) {
        self.forget(external);
        if self.known.len() >= MAX_NETWORKS {
            self.known.remove(0);
        }
        self.known.push((external, what));
    }

    /// Nothing is known of this one any more.
    pub(super) fn forget(&mut self, external: IpAddr) {
        self.known.retain(|(known, _)| *known != external);
    }

    /// What is known of a network.
    pub(super) fn of(&self, external: IpAddr) -> Option<T> {
        self.known.iter().find(|(known, _)| *known == external).map(|(_, what)| *what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_each_network_is_known_and_the_oldest_networks_are_forgotten() {
        let address = |last: u8| IpAddr::from([198, 51, 100, last]);
        let mut networks = Networks::default();
        for network in 0..20 {
            networks.learn(address(network), 1);
            networks.learn(address(network), 2);
        }
        assert_eq!(networks.known.len(), MAX_NETWORKS);
        networks.forget(address(18));
        assert_eq!(networks.of(address(18)), None);
        assert_eq!((networks.of(address(3)), networks.of(address(19))), (None, Some(2)));
    }
}
