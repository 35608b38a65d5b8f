//! Endpoints that somebody named and that have not answered, and how much may go there.
//!
//! A candidate, an introduction, a server's second address: each is somebody's word, and lying
//! costs nothing. So what goes to an endpoint on such a word is counted here, once for the whole
//! [endpoint](crate::proto::Endpoint), whoever gave it: a server that invents fifty peers, or
//! fifty peers in one pay, have a victim sent no more than one liar has.
//!
//! An endpoint leaves the account when it proves that it gets what we send: it echoes a probe, or
//! answers a question. Else it leaves it an hour after the last packet. Nobody can hasten that, as
//! nothing is thrown out to make room: whoever has named too many is believed no more until some of
//! them are forgotten. What others name has room of its own.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use p2pchat_wire::identity::PeerId;

use super::MAX_UNANSWERED;
use crate::proto::ServerId;

/// Packets to all ports of an address together, as long as none of them has answered: for a NAT's
/// mapping, a forwarded port, and two peers behind one NAT.
const MAX_AT_ADDRESS: u32 = 4 * MAX_UNANSWERED;

/// How long an endpoint stays in the account after the last packet, and an address counts as one
/// that answers after the last answer.
const KEPT: Duration = Duration::from_secs(60 * 60);

/// The least time between two announcements of a neighbour that begin an endpoint's account anew.
const RENEWED_AFTER: Duration = Duration::from_secs(30);

/// Endpoints in the account that one contact has named.
const MAX_OF_CONTACT: usize = 64;

/// Endpoints in the account that a server, and those whom it introduced to us, have named.
const MAX_OF_SERVER: usize = 1024;

/// Addresses that have answered which are remembered.
const MAX_ANSWERED: usize = 1024;

/// How often what is old is looked for.
const SWEEP: Duration = Duration::from_secs(60);

/// On whose word a packet goes to a stranger.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Sponsor {
    /// Somebody whom we want to be connected to. The wish is ours, so there are not many.
    Contact(PeerId),
    /// The server that introduced whoever it is. It can invent as many as it likes, so all of them
    /// share what it has; those who came without a server likewise.
    Server(ServerId),
}

/// Whether a packet may go to a stranger.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Leave {
    Granted,
    /// Others have to answer first, or to be forgotten.
    NotNow,
    /// This one was sent everything that it is due.
    Denied,
}

/// The account of an endpoint.
#[derive(Debug)]
struct Unanswered {
    packets: u32,
    last: Instant,
    sponsor: Sponsor,
    renewed_at: Option<Instant>,
}

impl Unanswered {
    fn is_kept(&self, now: Instant) -> bool {
        is_kept(now, self.last)
    }
}

/// Everybody's account.
#[derive(Debug, Default)]
pub(crate) struct Strangers {
    endpoints: BTreeMap<SocketAddr, Unanswered>,
    /// How many of them each sponsor has named.
    named: BTreeMap<Sponsor, usize>,
    /// Addresses at which some port has answered, and when the last did.
    answered: BTreeMap<IpAddr, Instant>,
    swept_at: Option<Instant>,
}

/// The account, on somebody's word.
#[derive(Debug)]
pub(crate) struct Account<'a> {
    strangers: &'a mut Strangers,
    sponsor: Sponsor,
}

impl Strangers {
    /// The account as it is for what goes out on this one's word.
    pub(crate) fn named_by(&mut self, sponsor: Sponsor) -> Account<'_> {
        Account { strangers: self, sponsor }
    }

    /// An endpoint has proved that it gets what we send to it.
    pub(crate) fn answered(&mut self, now: Instant, remote: SocketAddr) {
        self.remove(remote);
        self.sweep(now);
        if self.answered.len() < MAX_ANSWERED || self.answered.contains_key(&remote.ip()) {
            self.answered.insert(remote.ip(), now);
        }
    }

    /// There is news of an endpoint that only its owner can have. A false owner gains little: his
    /// news counts every half minute, whoever else has some.
    pub(crate) fn renew(&mut self, now: Instant, remote: SocketAddr) {
        if let Some(one) = self.endpoints.get_mut(&remote)
            && one.renewed_at.is_none_or(|at| now.saturating_duration_since(at) >= RENEWED_AFTER)
        {
            one.renewed_at = Some(now);
            one.packets = 0;
        }
    }

    fn at_address(&self, now: Instant, ip: IpAddr) -> u32 {
        let ports = SocketAddr::new(ip, 0)..=SocketAddr::new(ip, u16::MAX);
        let kept = self.endpoints.range(ports).filter(|(_, one)| one.is_kept(now));
        kept.map(|(_, one)| one.packets).sum()
    }

    fn remove(&mut self, remote: SocketAddr) {
        let Some(one) = self.endpoints.remove(&remote) else { return };
        if let Some(named) = self.named.get_mut(&one.sponsor) {
            *named -= 1;
            if *named == 0 {
                self.named.remove(&one.sponsor);
            }
        }
    }

    /// Forgets what is old.
    fn sweep(&mut self, now: Instant) {
        if self.swept_at.is_some_and(|at| now.saturating_duration_since(at) < SWEEP) {
            return;
        }
        self.swept_at = Some(now);
        self.answered.retain(|_, at| is_kept(now, *at));
        let old = self.endpoints.iter().filter(|(_, one)| !one.is_kept(now));
        for remote in old.map(|(remote, _)| *remote).collect::<Vec<_>>() {
            self.remove(remote);
        }
    }
}

impl Account<'_> {
    /// Whether one more packet may go there.
    pub(crate) fn leave(&mut self, now: Instant, remote: SocketAddr) -> Leave {
        self.strangers.sweep(now);
        let known = self.strangers.endpoints.get(&remote).filter(|one| one.is_kept(now));
        if known.is_some_and(|one| one.packets >= MAX_UNANSWERED) {
            return Leave::Denied;
        }
        let most = match self.sponsor {
            Sponsor::Contact(_) => MAX_OF_CONTACT,
            Sponsor::Server(_) => MAX_OF_SERVER,
        };
        let named = self.strangers.named.get(&self.sponsor).copied().unwrap_or_default();
        let answers = self.strangers.answered.get(&remote.ip()).is_some_and(|&at| is_kept(now, at));
        if known.is_none() && named >= most
            || !answers && self.strangers.at_address(now, remote.ip()) >= MAX_AT_ADDRESS
        {
            return Leave::NotNow;
        }
        Leave::Granted
    }

    /// One more packet goes there.
    pub(crate) fn sent(&mut self, now: Instant, remote: SocketAddr) {
        let old = |one: &Unanswered| !one.is_kept(now);
        if self.strangers.endpoints.get(&remote).is_some_and(old) {
            self.strangers.remove(remote);
        }
        let sponsor = self.sponsor;
        let one = self.strangers.endpoints.entry(remote).or_insert_with(|| {
            *self.strangers.named.entry(sponsor).or_default() += 1;
            Unanswered { packets: 0, last: now, sponsor, renewed_at: None }
        });
        one.packets += 1;
        one.last = now;
    }

    /// Counts one more packet, if it may go.
    pub(crate) fn may_send(&mut self, now: Instant, remote: SocketAddr) -> bool {
        let granted = self.leave(now, remote) == Leave::Granted;
        if granted {
            self.sent(now, remote);
        }
        granted
    }
}

fn is_kept(now: Instant, since: Instant) -> bool {
    now.saturating_duration_since(since) < KEPT
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: Sponsor = Sponsor::Server(ServerId::FIRST);

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "a test needs some first instant")]
        Instant::now()
    }

    fn contact(seed: u8) -> Sponsor {
        Sponsor::Contact(PeerId([seed; 32]))
    }

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 66], port))
    }

    /// The endpoint with this number, each at an address of its own.
    fn elsewhere(number: u16) -> SocketAddr {
        let [high, low] = number.to_be_bytes();
        SocketAddr::from(([198, 51, high, low], 4000))
    }

    /// How many of so many packets may go.
    fn granted(account: &mut Account<'_>, now: Instant, remote: SocketAddr, tries: u32) -> u32 {
        (0..tries).map(|_| u32::from(account.may_send(now, remote))).sum()
    }

    #[test]
    fn all_who_name_an_endpoint_have_it_sent_a_dozen_packets_in_an_hour() {
        let (now, mut strangers) = (start(), Strangers::default());
        let sponsors = || (1..50).map(contact).chain([SERVER]);
        let all = |strangers: &mut Strangers, now| -> u32 {
            sponsors().map(|one| granted(&mut strangers.named_by(one), now, at(9), 5)).sum()
        };
        assert_eq!(all(&mut strangers, now), MAX_UNANSWERED);
        assert_eq!(all(&mut strangers, now + KEPT - Duration::from_secs(1)), 0);
        assert_eq!(all(&mut strangers, now + KEPT), MAX_UNANSWERED, "as if nobody had ever asked");
    }

    #[test]
    fn no_flood_shortens_the_hour() {
        let (now, mut strangers) = (start(), Strangers::default());
        assert_eq!(granted(&mut strangers.named_by(contact(1)), now, at(9), 99), MAX_UNANSWERED);
        let later = now + KEPT / 2;
        for number in 0..u16::MAX {
            for sponsor in [SERVER, contact(1), contact(2)] {
                strangers.named_by(sponsor).may_send(later, elsewhere(number));
            }
        }
        assert_eq!(strangers.endpoints.len(), MAX_OF_SERVER + 2 * MAX_OF_CONTACT);
        assert_eq!(granted(&mut strangers.named_by(contact(1)), later, at(9), 1), 0);
        // And whoever did not take part has room.
        assert_eq!(granted(&mut strangers.named_by(contact(3)), later, at(10), 1), 1);
    }

    #[test]
    fn the_ports_of_an_address_share_what_it_is_due_until_one_of_them_answers() {
        let (now, mut strangers) = (start(), Strangers::default());
        let mut account = strangers.named_by(SERVER);
        let sum: u32 = (1..100).map(|port| granted(&mut account, now, at(port), 5)).sum();
        assert_eq!(sum, MAX_AT_ADDRESS);
        assert_eq!(account.leave(now, at(100)), Leave::NotNow);
        strangers.answered(now, at(1));
        let mut account = strangers.named_by(SERVER);
        assert_eq!(granted(&mut account, now, at(1), 99), MAX_UNANSWERED, "it is in no account");
        assert_eq!(granted(&mut account, now, at(2), 99), MAX_UNANSWERED - 5, "but the others are");
        assert_eq!(granted(&mut account, now, at(100), 99), MAX_UNANSWERED);
    }

    #[test]
    fn what_is_old_takes_no_room() {
        let (now, mut strangers) = (start(), Strangers::default());
        for number in 0..2000 {
            strangers.named_by(SERVER).may_send(now, elsewhere(number));
            strangers.answered(now, SocketAddr::new(elsewhere(number).ip(), 1));
        }
        strangers.named_by(contact(1)).may_send(now + KEPT, at(9));
        assert_eq!((strangers.endpoints.len(), strangers.named.len()), (1, 1));
        assert_eq!(strangers.answered.len(), 0);
    }

    #[test]
    fn news_of_a_neighbour_counts_every_half_minute_whoever_has_some() {
        let (now, mut strangers) = (start(), Strangers::default());
        let mut sum = 0;
        for second in 0..120 {
            let now = now + Duration::from_secs(second);
            strangers.renew(now, at(9));
            sum += granted(&mut strangers.named_by(contact(1)), now, at(9), 99);
        }
        assert_eq!(sum, 5 * MAX_UNANSWERED);
    }
}
