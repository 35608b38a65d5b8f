//! The streams that take the place of UDP in networks that let none through.
//!
//! While a server owes us an answer over UDP, its TCP ports are dialled as well: the port that it is
//! known by, bare, and 443 inside TLS; a second later the other way round. The first passes most
//! networks that block UDP; 443 is the port that passes nearly all, and those that look into it want
//! TLS there. Each is said hello to, and the first that answers is used. Nothing else is ever said on
//! one that has not answered.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::sockets::Sockets;
use crate::proto::SocketId;
use crate::proto::path::Pair;

/// How long an answer over UDP is waited for before TCP is tried beside it: longer than the round
/// trip to most servers, and no time at all to a person.
const DIAL_AFTER: Duration = Duration::from_millis(500);

/// Gaps between the rounds of dialling; the last repeats.
const GAPS: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(15),
    Duration::from_secs(30),
];

/// The port that passes where nearly nothing does.
const HTTPS: u16 = 443;

/// One stream, and what it was dialled for.
#[derive(Clone, Copy, Debug)]
struct Carrier {
    pair: Pair,
    tls: bool,
}

/// The streams to one server.
#[derive(Debug, Default)]
pub(super) struct Carriers {
    open: Vec<Carrier>,
    /// When the next round is due, while an answer is owed.
    next_at: Option<Instant>,
    round: usize,
}

impl Carriers {
    /// Whether one of our sockets is one of these streams.
    pub(super) fn holds(&self, socket: SocketId) -> bool {
        self.open.iter().any(|carrier| carrier.pair.local == socket)
    }

    /// The streams that are dialled or connected.
    pub(super) fn pairs(&self) -> impl Iterator<Item = Pair> {
        self.open.iter().map(|carrier| carrier.pair)
    }

    /// When the next round is due.
    pub(super) fn timeout(&self) -> Option<Instant> {
        self.next_at
    }

    /// A server at `addresses` owes us an answer: dials if it has done so for long enough. Returns
    /// the streams that are new. Those that are `used` stay.
    pub(super) fn await_answer(
        &mut self,
        now: Instant,
        addresses: &[SocketAddr],
        used: &[Option<SocketId>],
        sockets: &mut Sockets,
    ) -> Vec<Pair> {
        let next_at = *self.next_at.get_or_insert(now + DIAL_AFTER);
        if now < next_at {
            return Vec::new();
        }
        let mut dialled = Vec::new();
        for (to, tls) in targets(addresses, self.round) {
            // Whatever hangs since an earlier round will not come to life.
            self.open.retain(|known| {
                let is_other = (known.pair.remote, known.tls) != (to, tls);
                let stays = is_other || used.contains(&Some(known.pair.local));
                if !stays {
                    sockets.close(known.pair.local);
                }
                stays
            });
            let pair = Pair { local: sockets.dial(to, tls), remote: to };
            self.open.push(Carrier { pair, tls });
            dialled.push(pair);
        }
        self.next_at = Some(now + GAPS[self.round.min(GAPS.len() - 1)]);
        self.round = self.round.saturating_add(1);
        dialled
    }

    /// Does not wait any longer before the next round.
    pub(super) fn hurry(&mut self, now: Instant) {
        (self.next_at, self.round) = (Some(now), 0);
    }

    /// No answer is owed any more: closes all streams but the one in use.
    pub(super) fn keep_only(&mut self, used: Option<SocketId>, sockets: &mut Sockets) {
        (self.next_at, self.round) = (None, 0);
        self.open.retain(|carrier| {
            let stays = Some(carrier.pair.local) == used;
            if !stays {
                sockets.close(carrier.pair.local);
            }
            stays
        });
    }

    /// A stream could not be dialled, or has broken. Returns whether it was one of these.
    pub(super) fn lose(&mut self, socket: SocketId) -> bool {
        let before = self.open.len();
        self.open.retain(|carrier| carrier.pair.local != socket);
        self.open.len() < before
    }
}

/// What is dialled in a round: the first address of each family.
fn targets(addresses: &[SocketAddr], round: usize) -> impl Iterator<Item = (SocketAddr, bool)> {
    let v4 = addresses.iter().find(|address| address.is_ipv4());
    let v6 = addresses.iter().find(|address| address.is_ipv6());
    let swapped = round % 2 == 1;
    v4.into_iter().chain(v6).flat_map(move |&address| {
        let https = SocketAddr::new(address.ip(), HTTPS);
        [(address, swapped), (https, !swapped)]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::SocketRequest;

    fn parse(address: &str) -> SocketAddr {
        address.parse().expect("an address")
    }

    #[expect(clippy::disallowed_methods, reason = "some first instant")]
    fn epoch() -> Instant {
        Instant::now()
    }

    #[test]
    fn nothing_is_dialled_while_an_answer_may_still_come_over_udp() {
        let (mut carriers, mut sockets, now) = (Carriers::default(), Sockets::default(), epoch());
        let server = [parse("203.0.113.10:3478")];
        assert!(carriers.await_answer(now, &server, &[], &mut sockets).is_empty());
        assert_eq!(carriers.timeout(), Some(now + DIAL_AFTER));
        carriers.keep_only(None, &mut sockets);
        assert_eq!(carriers.timeout(), None, "it has come");
        assert_eq!(sockets.poll_opening(), None);
    }

    #[test]
    fn what_is_used_is_not_dialled_anew() {
        let (mut carriers, mut sockets, now) = (Carriers::default(), Sockets::default(), epoch());
        let server = [parse("203.0.113.10:3478")];
        carriers.hurry(now);
        let first = carriers.await_answer(now, &server, &[], &mut sockets);
        let (used, hanging) = (first[0].local, first[1].local);
        for _ in 0..2 {
            let later = carriers.timeout().expect("another round");
            carriers.await_answer(later, &server, &[None, Some(used)], &mut sockets);
        }
        assert!(carriers.holds(used));
        assert!(!carriers.holds(hanging));
    }

    #[test]
    fn a_round_dials_one_address_of_each_family_and_what_hangs_is_dialled_anew() {
        let (mut carriers, mut sockets, now) = (Carriers::default(), Sockets::default(), epoch());
        let addresses = ["203.0.113.10:3478", "203.0.113.20:3478", "[2001:db8::10]:3478"];
        let addresses = addresses.map(parse);
        carriers.hurry(now);
        let mut later = now;
        let mut rounds = Vec::new();
        for _ in 0..3 {
            rounds.push(carriers.await_answer(later, &addresses, &[], &mut sockets).len());
            later = carriers.timeout().expect("another round");
        }
        assert_eq!(rounds, [4, 4, 4]);
        assert_eq!(carriers.pairs().count(), 8);
        assert_eq!(std::iter::from_fn(|| sockets.poll_closing()).count(), 4);
        let dialled: Vec<_> = std::iter::from_fn(|| sockets.poll_opening())
            .map(|request| match request {
                SocketRequest::Dial { to, tls, .. } => (to.to_string(), tls),
                other => panic!("{other:?}"),
            })
            .collect();
        let dialled: Vec<_> = dialled.iter().map(|(to, tls)| (to.as_str(), *tls)).collect();
        assert_eq!(dialled[..4], dialled[8..]);
        assert_eq!(
            dialled[..8],
            [
                ("203.0.113.10:3478", false),
                ("203.0.113.10:443", true),
                ("[2001:db8::10]:3478", false),
                ("[2001:db8::10]:443", true),
                ("203.0.113.10:3478", true),
                ("203.0.113.10:443", false),
                ("[2001:db8::10]:3478", true),
                ("[2001:db8::10]:443", false),
            ]
        );
    }

    #[test]
    fn what_was_lost_is_dialled_again_in_its_turn() {
        let (mut carriers, mut sockets, now) = (Carriers::default(), Sockets::default(), epoch());
        let server = [parse("203.0.113.10:3478")];
        carriers.hurry(now);
        let first = carriers.await_answer(now, &server, &[], &mut sockets);
        assert!(first.iter().all(|pair| carriers.lose(pair.local)));
        assert!(!carriers.lose(SocketId::FIRST));
        let second = carriers.timeout().expect("a second round");
        assert_eq!(carriers.await_answer(second, &server, &[], &mut sockets).len(), 2);
        let third = carriers.timeout().expect("a third round");
        let again = carriers.await_answer(third, &server, &[], &mut sockets);
        assert_eq!(
            again.iter().map(|pair| pair.remote).collect::<Vec<_>>(),
            first.iter().map(|pair| pair.remote).collect::<Vec<_>>()
        );
    }

    #[test]
    fn with_an_answer_all_streams_but_the_one_in_use_are_closed() {
        let (mut carriers, mut sockets, now) = (Carriers::default(), Sockets::default(), epoch());
        carriers.hurry(now);
        let dialled = carriers.await_answer(now, &[parse("203.0.113.10:443")], &[], &mut sockets);
        let [bare, tls] = dialled.as_slice() else { panic!("{dialled:?}") };
        assert_eq!(bare.remote, tls.remote);
        carriers.keep_only(Some(tls.local), &mut sockets);
        assert_eq!(sockets.poll_closing(), Some(SocketRequest::Close(bare.local)));
        assert_eq!(sockets.poll_closing(), None);
        assert!(carriers.holds(tls.local) && !carriers.holds(bare.local));
    }
}
