use super::*;

const FIRST: SocketId = SocketId::FIRST;

const SECOND: Duration = Duration::from_secs(1);

const VIA: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 10)), 3478);

fn start() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a test needs some first instant")]
    Instant::now()
}

fn port(port: u16) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 1], port))
}

/// A NAT, and how often a server is asked before it.
struct Bench {
    lifetime: Lifetime,
    now: Instant,
    /// The usual time between two questions.
    every: Duration,
    count: u16,
    born: Instant,
    used: Instant,
    learned: Vec<Duration>,
}

impl Bench {
    fn new(every: u64) -> Self {
        let now = start();
        let lifetime = Lifetime::default();
        let every = Duration::from_secs(every);
        Self { lifetime, now, every, count: 0, born: now, used: now, learned: Vec::new() }
    }

    /// Asks for so long, where a mapping ends at such an age, and after such a silence.
    fn run(&mut self, seconds: u64, life: impl Fn(u16) -> u64, idle: u64) {
        let end = self.now + Duration::from_secs(seconds);
        while self.now < end {
            let ended = self.now - self.born >= Duration::from_secs(life(self.count))
                || self.now - self.used >= Duration::from_secs(idle);
            if ended {
                self.count += 1;
                self.born = self.now;
            }
            self.used = self.now;
            let seen = self.lifetime.seen(self.now, FIRST, VIA, port(1000 + self.count));
            self.learned.extend(seen);
            let watching = self.lifetime.is_watching(self.now);
            self.now += if watching { WATCH } else { self.every };
        }
    }

    fn age(&self) -> Option<Duration> {
        self.lifetime.age(self.now)
    }
}

#[test]
fn a_carrier_that_ends_mappings_between_48_and_75_seconds_is_left_in_time() {
    for every in [8, 20, 45] {
        let mut bench = Bench::new(every);
        bench.run(600, |count| [61, 48, 75, 55][count as usize % 4], 1000);
        let age = bench.age().expect("regular enough");
        assert!(age >= 40 * SECOND && age <= 75 * SECOND, "{age:?}");
    }
}

#[test]
fn an_age_below_the_time_between_two_pings_is_found_out_too() {
    let mut bench = Bench::new(45);
    bench.run(600, |_| 30, 1000);
    assert_eq!(bench.age(), Some(25 * SECOND));
}

#[test]
fn a_router_that_was_restarted_now_and_then_is_not_left() {
    let mut bench = Bench::new(20);
    bench.run(20_000, |count| [4000, 90, 700][count as usize % 3], 1000);
    assert_eq!(bench.age(), None);
}

#[test]
fn mappings_that_end_between_any_two_packets_are_for_the_keepalive() {
    for idle in [8, 12, 15, 19] {
        let mut bench = Bench::new(20);
        bench.run(5000, |_| 100_000, idle);
        assert_eq!(bench.age(), None, "forgets after {idle} s");
    }
}

#[test]
fn ends_that_come_only_after_a_silence_are_no_rule_however_regular_they_are() {
    for (used, silent, idle) in [(40, 20, 15), (60, 30, 25), (180, 300, 120), (240, 30, 10)] {
        let mut bench = Bench::new(idle - 1);
        for _ in 0..20 {
            bench.run(used, |_| 100_000, idle);
            // Somebody shuts the laptop, or a path that kept the mapping is gone.
            bench.now = bench.used + Duration::from_secs(silent);
        }
        assert!(bench.count >= 19, "every silence ended a mapping");
        assert_eq!((bench.age(), bench.learned.len()), (None, 0), "after {silent} s of silence");
    }
}

#[test]
fn another_socket_ends_nothing_and_another_address_begins_anew() {
    let mut bench = Bench::new(20);
    bench.run(600, |_| 60, 1000);
    let (age, now) = (bench.age(), bench.now);
    let Bench { mut lifetime, .. } = bench;
    lifetime.seen(now, SocketId(1), VIA, port(5000));
    assert!(age.is_some() && lifetime.age(now) == age);
    let leave_at = lifetime.leave_at();
    assert_eq!(leave_at.map(|(socket, _)| socket), Some(SocketId(1)));
    lifetime.seen(
        now + SECOND,
        SocketId(1),
        SocketAddr::from(([203, 0, 113, 20], 3478)),
        port(5000),
    );
    assert_eq!(lifetime.leave_at(), leave_at, "to another server the mapping is as old");
    lifetime.seen(now, SocketId(1), VIA, SocketAddr::from(([192, 0, 2, 1], 5000)));
    assert_eq!(
        (lifetime.age(now), lifetime.leave_at(), lifetime.is_watching(now)),
        (None, None, false)
    );
    lifetime.seen(now, SocketId(1), VIA, port(5000));
    assert_eq!(lifetime.age(now), age, "the first network again");
}

#[test]
fn what_was_learned_is_believed_for_a_day_and_no_longer() {
    let mut bench = Bench::new(20);
    let until = bench.now + BELIEVED;
    bench.lifetime.recall(port(0).ip(), 48 * SECOND, until);
    bench.run(20, |_| 1000, 1000);
    assert_eq!(bench.age(), Some(48 * SECOND));
    assert_eq!(bench.lifetime.leave_at(), Some((FIRST, bench.born + 36 * SECOND)));
    bench.lifetime.seen(until - SECOND, SocketId(1), VIA, port(7));
    assert_eq!(bench.lifetime.leave_at(), None);
    assert_eq!(bench.lifetime.age(until), None);
}

#[test]
fn an_end_before_the_mapping_would_have_been_left_refutes_the_rule() {
    for (life, holds) in [(40, true), (30, false)] {
        let mut bench = Bench::new(5);
        bench.lifetime.recall(port(0).ip(), 48 * SECOND, bench.now + BELIEVED);
        bench.run(life + 5, |_| life, 1000);
        assert_eq!((bench.count, bench.age().is_some()), (1, holds), "ended after {life} s");
    }
}

#[test]
fn nonsense_from_the_disk_is_not_believed() {
    let mut bench = Bench::new(20);
    for age in [Duration::ZERO, 5 * SECOND, Duration::MAX] {
        bench.lifetime.recall(port(0).ip(), age, bench.now + BELIEVED);
    }
    bench.run(20, |_| 1000, 1000);
    assert_eq!(bench.age(), None);
    let limit = |learned_at_ms| AgeLimit { external: port(0).ip(), age: SECOND, learned_at_ms };
    let day = u64::try_from(BELIEVED.as_millis()).expect("a day");
    assert_eq!(limit(1000).believed_for(1000 + day / 4), Some(BELIEVED * 3 / 4));
    assert_eq!(limit(1000).believed_for(1000 + day), None);
    assert_eq!(limit(u64::MAX).believed_for(1000), Some(BELIEVED), "the clock was set back");
}
