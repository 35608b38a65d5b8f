//! Ours beside quinn, s2n-quic, iroh, KCP, ENet, raw UDP and the kernel's TCP: the same questions over the
//! same links, in one run.
//!
//! - [`peer`] is what each transport must be able to do; [`ours`], [`quic`], [`s2n`], [`iroh`], [`kcp`],
//!   [`enet`], [`udp`] and [`tcp`] do it. [`tls`] is the certificate of [`quic`] and [`s2n`].
//! - [`link`] stands between two of them where a network is to be emulated.
//! - [`pair`] puts a client and a server on a processor each and lets them answer one question;
//!   [`figures`] makes medians of the answers.
//!
//! ```sh
//! cargo run --release --manifest-path benches/peers/Cargo.toml            # everything, an hour
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- lines   # rows whose name has this
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- --runs 1
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- --of ours --of KCP
//! ```

mod enet;
mod figures;
mod iroh;
mod kcp;
mod link;
mod ours;
mod pair;
mod peer;
mod quic;
mod s2n;
mod tcp;
mod tls;
mod udp;

use std::fs;
use std::time::Duration;

use crate::iroh::Iroh;
use enet::Enet;
use figures::{Row, milliseconds, per_byte, rate, times};
use kcp::Kcp;
use link::Profile;
use ours::Ours;
use pair::{Answer, Question, ask};
use peer::Peer;
use quic::Quic;
use s2n::S2n;
use tcp::Tcp;
use udp::Udp;

/// Runs of which the median is told.
const RUNS: usize = 5;

/// 100 Mbit/s over 25 ms each way, one datagram in a hundred lost, a queue of one product, packets as long
/// as Ethernet's.
const NEAR: Profile = Profile {
    rate: 100_000_000,
    delay: Duration::from_millis(25),
    per_mille: 10,
    queue: 625_000,
    mtu: 1_500,
};

/// The same rate over 100 ms each way, one in twenty lost.
const FAR: Profile = Profile { delay: Duration::from_millis(100), per_mille: 50, ..NEAR };

const BBR: Quic = Quic { bbr: true };
const CUBIC: Quic = Quic { bbr: false };
const S2N_BBR: S2n = S2n { bbr: true };
const S2N_CUBIC: S2n = S2n { bbr: false };
const IROH: Iroh = Iroh { linked: false };
const IROH_LINKED: Iroh = Iroh { linked: true };

fn main() {
    let (mut wanted, mut of, mut runs) = (Vec::new(), Vec::new(), RUNS);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--runs" => runs = words.next().and_then(|number| number.parse().ok()).unwrap_or(runs),
            "--of" => of.extend(words.next()),
            _ => wanted.push(word),
        }
    }
    let wants =
        |name: &str| wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str()));
    println!("load before: {}", load());
    if wants("round trip") {
        let question = Question::RoundTrips { count: 20_000 };
        table((runs, &of), "round trip of 64 bytes on loopback", None, question, &times, |row| {
            row.add(&Udp);
            row.add(&Tcp);
            row.add(&Ours);
            row.add(&BBR);
            row.add(&S2N_BBR);
            row.add(&IROH);
            row.add(&Kcp);
            row.add(&Enet);
        });
    }
    if wants("first reply") {
        let question = Question::FirstReply;
        table(
            (runs, &of),
            "from nothing to the first reply on loopback",
            None,
            question,
            &times,
            |row| {
                row.runs *= 8;
                row.add(&Tcp);
                row.add(&Ours);
                row.add(&BBR);
                row.add(&S2N_BBR);
                row.add(&IROH);
                row.add(&Kcp);
                row.add(&Enet);
            },
        );
    }
    if wants("bulk on loopback") {
        let question = Question::Bulk { time: Duration::from_secs(2) };
        table((runs, &of), "bulk on loopback, one stream", None, question, &per_byte, |row| {
            row.add(&Tcp);
            row.add(&Ours);
            row.add(&CUBIC);
            row.add(&BBR);
            row.add(&S2N_CUBIC);
            row.add(&S2N_BBR);
            row.add(&IROH);
            row.add(&Kcp);
            row.add(&Enet);
        });
    }
    for (name, profile) in [("50 ms, 1 %", NEAR), ("200 ms, 5 %", FAR)] {
        if wants(&format!("bulk at {name}")) {
            let question = Question::Bulk { time: profile.delay * 150 + Duration::from_secs(5) };
            let title = format!("bulk at 100 Mbit/s, {name}");
            table((runs, &of), &title, Some(profile), question, &rate, |row| {
                row.add(&Ours);
                row.add(&BBR);
                row.add(&CUBIC);
                row.add(&S2N_BBR);
                row.add(&S2N_CUBIC);
                row.add(&IROH_LINKED);
                row.add(&Kcp);
                row.add(&Enet);
            });
        }
    }
    for (name, profile) in [("50 ms, 1 %", NEAR), ("200 ms, 5 %", FAR)] {
        if wants(&format!("lines at {name}")) {
            let question = Question::Lines { count: 600, pause: Duration::from_millis(50) };
            let title = format!("a line of 64 bytes each 50 ms at {name}");
            table((runs, &of), &title, Some(profile), question, &milliseconds, |row| {
                row.add(&Ours);
                row.add(&BBR);
                row.add(&CUBIC);
                row.add(&S2N_BBR);
                row.add(&IROH_LINKED);
                row.add(&Kcp);
                row.add(&Enet);
            });
        }
    }
    println!("load after: {}", load());
}

fn load() -> String {
    fs::read_to_string("/proc/loadavg").unwrap_or_default().trim().to_owned()
}

/// Asks peers one question in turn, and prints what each answers.
fn table(
    (runs, of): (usize, &[String]),
    title: &str,
    profile: Option<Profile>,
    question: Question,
    figure: &dyn Fn(&[Answer]) -> String,
    ask_peers: impl Fn(&mut Asked),
) {
    println!("\n{title}; load {}", load());
    let mut asked = Asked { runs, of: of.to_vec(), question, profile, rows: Vec::new() };
    ask_peers(&mut asked);
    let first = asked.rows.iter().map(|row| row.median).next().unwrap_or(1.0);
    for row in &asked.rows {
        println!(
            "{:<12} {}   {:.2} of the first",
            row.name,
            figure(&row.answers),
            row.median / first
        );
    }
}

/// The peers that have answered.
struct Asked {
    runs: usize,
    /// Parts of the names of those who are asked; without any, everybody is.
    of: Vec<String>,
    question: Question,
    profile: Option<Profile>,
    rows: Vec<Row>,
}

impl Asked {
    fn add<P: Peer>(&mut self, peer: &P) {
        if !self.of.is_empty() && !self.of.iter().any(|part| peer.name().contains(part.as_str())) {
            return;
        }
        let answers = (0..self.runs).filter_map(|run| {
            let answer = ask(*peer, self.question, self.profile, run as u64);
            answer.inspect_err(|error| eprintln!("{}: {error:?}", peer.name())).ok()
        });
        self.rows.push(Row::new(peer.name(), answers.collect()));
    }
}
