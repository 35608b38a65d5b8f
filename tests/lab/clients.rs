//! STUN clients that nobody here wrote ask our server what kind of NAT they are behind.
//!
//! They are coturn's `turnutils_natdiscovery` and `turnutils_stunclient` (RFC 5389, RFC 5780), and
//! the classic `stun` (RFC 3489 behaviour tests). Their answers are right only if the server's
//! are: mapped address, other address, and replies from the port and address that were asked for.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::ground::on_lab_ground;
use super::meeting::start_server;
use super::nat::{Filtering, Mapping, Nat};
use super::programs::Folder;
use super::world::{SERVER, World};

/// One question to one client behind one router, and a part of the right answer.
struct Question {
    nat: Nat,
    client: &'static str,
    option: &'static str,
    answer: &'static str,
}

const EIM: Mapping = Mapping::Endpoint;
const HAIRPIN: Nat = Nat::new(EIM, Filtering::Port).with_hairpin();

const MAPPING: &str = "-m";
const FILTERING: &str = "-f";
const HAIRPINNING: &str = "-H";

#[rustfmt::skip]
const QUESTIONS: &[Question] = &[
    coturn(Nat::new(EIM, Filtering::Port), MAPPING, "NAT with Endpoint Independent Mapping!"),
    coturn(Nat::new(EIM, Filtering::Port), FILTERING, "NAT with Address and Port Dependent Filtering!"),
    coturn(Nat::new(EIM, Filtering::Address), FILTERING, "NAT with Address Dependent Filtering!"),
    coturn(Nat::new(EIM, Filtering::None), FILTERING, "NAT with Endpoint Independent Filtering!"),
    coturn(HAIRPIN, HAIRPINNING, "maybe a successful hairpinning"),
    coturn(Nat::new(Mapping::Address, Filtering::Port), MAPPING, "NAT with Address Dependent Mapping!"),
    coturn(Nat::new(Mapping::Address, Filtering::Port), FILTERING, "NAT with Address and Port Dependent Filtering!"),
    coturn(Nat::new(Mapping::Sequential, Filtering::Port), MAPPING, "NAT with Address and Port Dependent Mapping!"),
    coturn(Nat::new(Mapping::Block, Filtering::Port), MAPPING, "NAT with Address and Port Dependent Mapping!"),
    coturn(Nat::new(Mapping::Random, Filtering::Port), MAPPING, "NAT with Address and Port Dependent Mapping!"),
    coturn(Nat::new(Mapping::Random, Filtering::Port), FILTERING, "NAT with Address and Port Dependent Filtering!"),
    coturn(Nat::new(EIM, Filtering::NoUdp), MAPPING, "STUN receive timeout"),
    plain(Nat::new(EIM, Filtering::Port), "UDP reflexive addr: 198.51.100.10:"),
    plain(Nat::new(Mapping::Block, Filtering::Port), "UDP reflexive addr: 198.51.100.10:3"),
    classic(Nat::new(EIM, Filtering::Port), "Independent Mapping, Port Dependent Filter, preserves ports, no hairpin"),
    classic(Nat::new(EIM, Filtering::Open), "Independent Mapping, Port Dependent Filter, preserves ports, no hairpin"),
    // The order of its tests opens the address first: address-dependent looks independent to it.
    classic(Nat::new(EIM, Filtering::Address), "Independent Mapping, Independent Filter, preserves ports, no hairpin"),
    classic(Nat::new(EIM, Filtering::None), "Independent Mapping, Independent Filter, preserves ports, no hairpin"),
    classic(HAIRPIN, "Independent Mapping, Port Dependent Filter, preserves ports, will hairpin"),
    classic(Nat::new(Mapping::Address, Filtering::Port), "Dependent Mapping, random port, no hairpin"),
    classic(Nat::new(Mapping::Random, Filtering::Port), "Dependent Mapping, random port, no hairpin"),
    classic(Nat::new(EIM, Filtering::NoUdp), "Blocked or could not reach STUN server"),
];

const fn coturn(nat: Nat, option: &'static str, answer: &'static str) -> Question {
    Question { nat, client: "turnutils_natdiscovery", option, answer }
}

const fn plain(nat: Nat, answer: &'static str) -> Question {
    Question { nat, client: "turnutils_stunclient", option: "", answer }
}

const fn classic(nat: Nat, answer: &'static str) -> Question {
    Question { nat, client: "stun", option: "", answer }
}

/// Clients at a time: they spend their seconds waiting for answers that routers swallow.
const AT_ONCE: usize = 8;

#[test]
fn stun_clients_learn_from_our_server_what_they_are_behind() {
    on_lab_ground("clients::stun_clients_learn_from_our_server_what_they_are_behind", || {
        let next = AtomicUsize::new(0);
        let problems = Mutex::new(String::new());
        thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    while let Some(question) = QUESTIONS.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let Question { nat, client, option, answer } = question;
                        let said = ask(question);
                        if said.contains(answer) {
                            println!("{nat:>12} {client} {option}: {answer}");
                            continue;
                        }
                        let mut problems = problems.lock().expect("no test panicked");
                        let _ = writeln!(
                            problems,
                            "{client} {option} behind {nat} does not say {answer:?}:\n{said}"
                        );
                    }
                });
            }
        });
        let problems = problems.into_inner().expect("no test panicked");
        assert!(problems.is_empty(), "{problems}");
    });
}

/// What the client says. Each question has a world of its own, because filters remember.
fn ask(question: &Question) -> String {
    let world = World::new();
    let folder = Folder::new();
    let _server = start_server(&world, &folder);
    let mut home = world.home(question.nat);
    let (host, address) = world.host(&mut home);
    let (address, server) = (address.to_string(), SERVER[0].to_string());
    let args: &[&str] = match question.client {
        "turnutils_natdiscovery" => &[question.option, "-L", &address, &server],
        "turnutils_stunclient" => &["-L", &address, &server],
        _ => &[&server],
    };
    world.run(&host, question.client, args)
}
