use std::collections::BTreeMap;

use p2pchat_wire::stun::{Answer, Request};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

const HOME: SocketId = SocketId::FIRST;

fn start() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a test needs some first instant")]
    Instant::now()
}

fn server(last: u8) -> SocketAddr {
    SocketAddr::from(([203, 0, 113, last], 3478))
}

fn address(last: u8) -> IpAddr {
    IpAddr::from([198, 51, 100, last])
}

/// A NAT, a server behind it, and the search before it.
struct Bench {
    now: Instant,
    search: IdleSearch,
    random: Random,
    /// How long the NAT keeps a mapping that is not used.
    idle: Duration,
    /// Whether the server knows RESPONSE-PORT.
    directs: bool,
    /// Whether the server answers, when so many requests were sent.
    answers: fn(usize) -> bool,
    external: fn(SocketId) -> IpAddr,
    home: Option<Sample>,
    busy: bool,
    opened: u32,
    closed: Vec<SocketId>,
    /// When each socket last sent.
    used: BTreeMap<SocketId, Instant>,
    requests: usize,
    learned: Vec<(Duration, IdleLimit)>,
}

impl Bench {
    fn new(idle: u64) -> Self {
        let mapped = SocketAddr::new(address(1), port(HOME));
        Self {
            now: start(),
            search: IdleSearch::default(),
            random: Random::from_seed([1; 32]),
            idle: Duration::from_secs(idle),
            directs: true,
            answers: |_| true,
            external: |_| address(1),
            home: Some(Sample { socket: HOME, via: server(1), mapped }),
            busy: false,
            opened: 0,
            closed: Vec::new(),
            used: BTreeMap::new(),
            requests: 0,
            learned: Vec::new(),
        }
    }

    fn run(&mut self, seconds: u64) {
        let (begin, end) = (self.now, self.now + Duration::from_secs(seconds));
        loop {
            self.search.seen(self.now, self.home);
            let (opened, busy) = (&mut self.opened, self.busy);
            let open = || {
                *opened += 1;
                SocketId(*opened)
            };
            match self.search.poll(self.now, HOME, busy, open, &mut self.random) {
                Some(Step::Transmit(transmit)) => self.carry(&transmit),
                Some(Step::Close(socket)) => self.closed.push(socket),
                Some(Step::Learned(limit)) => self.learned.push((self.now - begin, limit)),
                None => match self.search.timeout(self.busy).filter(|at| *at <= end) {
                    Some(at) => {
                        assert!(at > self.now, "it asks to be woken in vain");
                        self.now = at;
                    }
                    None => break,
                },
            }
        }
        self.now = end;
    }

    fn carry(&mut self, transmit: &Transmit) {
        assert_eq!(Some(transmit.to), self.home.map(|home| home.via));
        self.used.insert(transmit.from, self.now);
        self.requests += 1;
        if !(self.answers)(self.requests) {
            return;
        }
        let request = Request::parse(&transmit.payload).expect("a request");
        let mapped = SocketAddr::new((self.external)(transmit.from), port(transmit.from));
        let answer = Answer { mapped, origin: None, other: None };
        let answer = request.succeed(&answer).expect("an answer");
        let to = match request.response_port().filter(|_| self.directs) {
            Some(to) => SocketId(u32::from(to - port(HOME))),
            None => transmit.from,
        };
        if self.now - self.used[&to] < self.idle {
            self.search.handle(Pair { local: to, remote: transmit.to }, &answer);
        }
    }

    fn assert_all_closed(&self) {
        let mut closed = self.closed.clone();
        closed.sort_unstable();
        assert_eq!(closed, (1..=self.opened).map(SocketId).collect::<Vec<_>>());
    }
}

fn port(socket: SocketId) -> u16 {
    5000 + socket.0 as u16
}

#[test]
fn the_longest_rest_that_a_nat_allows_is_found_within_minutes() {
    let found = [(3, 5), (12, 10), (18, 15), (25, 20), (31, 30), (50, 45), (120, 60)];
    for (idle, expected) in found {
        let mut bench = Bench::new(idle);
        bench.run(270);
        let limits: Vec<_> = bench.learned.iter().map(|(_, limit)| limit.idle.as_secs()).collect();
        assert_eq!(limits, [expected], "a NAT that forgets after {idle} s");
        assert!(bench.learned[0].0 >= SETTLE, "short chats need no search");
        assert!(bench.requests <= 40, "{}", bench.requests);
        bench.assert_all_closed();
    }
}

#[test]
fn what_is_found_sets_how_often_mappings_are_used_within_bounds() {
    let found = [(3, 4000, 8000), (12, 7500, 8000), (31, 22_500, 22_500), (120, 25_000, 45_000)];
    for (idle, path, link) in found {
        let mut bench = Bench::new(idle);
        assert_eq!(path_keepalive(bench.search.idle()), PATH_KEEPALIVE);
        assert_eq!(link_keepalive(bench.search.idle()), LINK_KEEPALIVE);
        bench.run(270);
        assert_eq!(path_keepalive(bench.search.idle()), Duration::from_millis(path));
        assert_eq!(link_keepalive(bench.search.idle()), Duration::from_millis(link));
    }
}

#[test]
fn the_socket_in_use_sends_only_when_a_rest_is_over() {
    let mut bench = Bench::new(120);
    bench.run(61);
    assert!(bench.opened > 0 && !bench.used.contains_key(&HOME));
    bench.run(200);
    assert!(bench.used.contains_key(&HOME) && !bench.closed.contains(&HOME));
}

#[test]
fn a_server_that_does_not_know_response_port_is_asked_no_more_until_the_next_day() {
    let mut bench = Bench::new(120);
    bench.directs = false;
    bench.run(3600);
    assert_eq!((bench.opened, bench.learned.len()), (2, 0));
    assert_eq!(path_keepalive(bench.search.idle()), PATH_KEEPALIVE);
    bench.assert_all_closed();
    bench.directs = true;
    bench.run(24 * 3600);
    assert_eq!(bench.learned.len(), 1);
}

#[test]
fn a_nat_with_several_addresses_is_not_searched() {
    let mut bench = Bench::new(120);
    bench.external = |socket| address(1 + (socket.0 % 2) as u8);
    bench.run(3600);
    assert_eq!((bench.opened, bench.learned.len()), (1, 0));
    bench.assert_all_closed();
}

#[test]
fn silence_of_the_server_says_nothing_of_the_nat() {
    // The trial without a rest takes three requests, and the first rest begins after two more.
    for silent_from in [0, 1, 2, 3, 4, 5] {
        let mut bench = Bench::new(120);
        bench.answers = match silent_from {
            0 => |sent| sent > 3,
            1 => |sent| !(2..5).contains(&sent),
            2 => |sent| !(3..9).contains(&sent),
            3 => |sent| !(4..7).contains(&sent),
            4 => |sent| !(5..8).contains(&sent),
            _ => |sent| !(6..12).contains(&sent),
        };
        bench.run(1000);
        let limits: Vec<_> = bench.learned.iter().map(|(_, limit)| limit.idle.as_secs()).collect();
        assert_eq!(limits, [60], "silent from {silent_from}");
        assert!(bench.learned[0].0 > RETRY, "tried again later");
        bench.assert_all_closed();
    }
}

#[test]
fn a_rest_that_ended_late_because_the_computer_slept_says_nothing() {
    let mut bench = Bench::new(25);
    bench.run(70);
    assert!(matches!(bench.search.search.as_ref().expect("one").state, State::Resting(..)));
    bench.now += 3600 * SECOND;
    bench.run(300);
    let limits: Vec<_> = bench.learned.iter().map(|(_, limit)| limit.idle.as_secs()).collect();
    assert_eq!(limits, [20]);
    bench.assert_all_closed();
}

#[test]
fn another_network_begins_anew_and_an_earlier_one_is_recognised() {
    let mut bench = Bench::new(25);
    bench.run(270);
    let at = |network| {
        let mapped = SocketAddr::new(address(network), 5000);
        Some(Sample { socket: HOME, via: server(1), mapped })
    };
    bench.home = at(2);
    bench.external = |_| address(2);
    bench.idle = 120 * SECOND;
    bench.run(1);
    assert_eq!(bench.search.idle(), None);
    bench.run(270);
    assert_eq!(bench.search.idle(), Some(60 * SECOND));
    bench.home = at(1);
    bench.run(1);
    assert_eq!(bench.search.idle(), Some(20 * SECOND));
    bench.assert_all_closed();
}

#[test]
fn a_trial_ends_with_the_link_or_its_server_and_is_repeated_with_the_next() {
    let mut bench = Bench::new(25);
    bench.run(70);
    let home = bench.home.take();
    bench.busy = true;
    bench.run(1);
    bench.assert_all_closed();
    bench.run(600);
    assert_eq!(bench.opened as usize, bench.closed.len());
    bench.busy = false;
    bench.home = home.map(|home| Sample { via: server(2), ..home });
    bench.run(300);
    assert_eq!(bench.learned.len(), 1);
    bench.assert_all_closed();
}

#[test]
fn no_trial_begins_while_it_is_unwelcome() {
    let mut bench = Bench::new(25);
    bench.busy = true;
    bench.run(600);
    assert_eq!(bench.opened, 0);
    bench.busy = false;
    bench.run(240);
    assert_eq!(bench.learned.len(), 1);
}

#[test]
fn what_was_known_is_used_at_once_and_tried_first() {
    let mut bench = Bench::new(50);
    bench.search.learn(IdleLimit { external: address(1), idle: 45 * SECOND });
    bench.run(1);
    assert_eq!(path_keepalive(bench.search.idle()), 25 * SECOND);
    bench.run(600);
    assert_eq!(bench.learned.len(), 1);
    assert_eq!((bench.search.idle(), bench.opened), (Some(45 * SECOND), 4), "0, 45, 60, a control");
}

#[test]
fn a_search_is_repeated_after_a_day_and_finds_what_has_changed() {
    let mut bench = Bench::new(50);
    bench.run(3600);
    bench.idle = 16 * SECOND;
    bench.run(24 * 3600);
    let limits: Vec<_> = bench.learned.iter().map(|(_, limit)| limit.idle.as_secs()).collect();
    assert_eq!(limits, [45, 15]);
    bench.assert_all_closed();
}

#[test]
fn nonsense_from_the_disk_is_bounded() {
    for (idle, expected) in [(Duration::MAX, 60 * SECOND), (Duration::ZERO, LEAST)] {
        let mut bench = Bench::new(50);
        bench.search.learn(IdleLimit { external: address(1), idle });
        bench.run(1);
        assert_eq!(bench.search.idle(), Some(expected));
    }
}
