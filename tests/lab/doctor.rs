//! `p2pchat doctor` behind kernels' NATs says what the router is.

use serde_json::{Value, json};

use super::gateway::{Gateway, OUTSIDE, Speaks, TOOLS};
use super::ground::{on_lab_ground, on_lab_ground_with};
use super::meeting::{peer, report, start_server};
use super::nat::{Filtering, Mapping, Nat};
use super::programs::chat::Chat;
use super::programs::{Folder, peer_program};
use super::world::{SERVER, World};

/// A router, and a part of what the program has to say about it.
type Row = (Nat, Value);

fn rows() -> Vec<Row> {
    let easy = |filtering, name: &str| {
        let found = json!({
            "udp": true, "mapping": "endpoint-independent", "addresses_compared": true,
            "filtering": name, "ports": {"model": "constant"}, "mtu": 1472, "verdict": "easy",
        });
        (Nat::new(Mapping::Endpoint, filtering), found)
    };
    let strict = "address-and-port-dependent";
    let symmetric = |mapping, verdict: &str| {
        let found = json!({
            "udp": true, "mapping": strict, "filtering": strict, "verdict": verdict,
        });
        (Nat::new(mapping, Filtering::Port), found)
    };
    vec![
        easy(Filtering::None, "endpoint-independent"),
        easy(Filtering::Address, "address-dependent"),
        easy(Filtering::Port, strict),
        easy(Filtering::Open, strict),
        (
            Nat::new(Mapping::Address, Filtering::Port),
            json!({"mapping": "address-dependent", "filtering": strict, "verdict": "random"}),
        ),
        symmetric(Mapping::Sequential, "predictable"),
        symmetric(Mapping::Block, "block"),
        symmetric(Mapping::Random, "random"),
        (
            Nat::new(Mapping::Endpoint, Filtering::NoUdp),
            json!({"udp": false, "tcp": "open", "mapped": null, "verdict": "udp-blocked"}),
        ),
    ]
}

#[test]
fn doctor_says_what_the_router_is() {
    on_lab_ground("doctor::doctor_says_what_the_router_is", || {
        for (nat, expected) in rows() {
            let world = World::new();
            let folder = Folder::new();
            let _server = start_server(&world, &folder);
            let mut home = world.home(nat);
            let (host, address) = world.host(&mut home);
            let found = examine(&world, &host, &folder);
            for (field, value) in expected.as_object().expect("an object") {
                assert_eq!(found[field], *value, "{field} behind {nat}: {found:#}");
            }
            if found["udp"] == json!(true) {
                let mapped = found["mapped"].as_str().expect("an endpoint");
                assert!(mapped.starts_with(&format!("{}:", home.wan)), "{mapped}");
            }
            let hosts = found["hosts"].to_string();
            assert!(hosts.contains(&address.to_string()), "{hosts}");
            println!("{nat:>12} {} {}", found["verdict"], found["ports"]);
        }
    });
}

#[test]
fn doctor_says_with_a_peer_why_the_path_is_what_it_is() {
    let random = Nat::new(Mapping::Random, Filtering::Port);
    let easy = Nat::new(Mapping::Endpoint, Filtering::Port);
    on_lab_ground("doctor::doctor_says_with_a_peer_why_the_path_is_what_it_is", || {
        for (ours, theirs, path, reason, punch) in [
            (easy, easy, "direct", "only-direct", "direct"),
            (random, random, "relay", "nothing-answered", "hopeless"),
        ] {
            let world = World::new();
            let folder = Folder::new();
            let _server = start_server(&world, &folder);
            let (mut home, mut other) = (world.home(ours), world.home(theirs));
            let ((alice, address), (bob, _)) = (world.host(&mut home), world.host(&mut other));
            let bob = Chat::start("bob", peer(&world, &bob, &folder, "bob"));
            report(bob.wait_ready());
            let peer = format!("bob@{}", SERVER[0]);
            let more = ["--no-port-mapping", "--name", "alice", "--peer", &peer];
            let said = doctor(&world, &alice, &folder, &more);
            let objects = said.lines().map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {said}"))
            });
            let objects: Vec<Value> = objects.collect();
            let of_type = |kind: &str| {
                let found = objects.iter().find(|object| object["type"] == kind);
                found.unwrap_or_else(|| panic!("no {kind} in {said}"))
            };
            let paths = of_type("paths");
            assert_eq!(paths["paths"][0]["path"], path, "{paths:#}");
            assert_eq!(paths["reason"], reason, "{paths:#}");
            assert_eq!(paths["punch"]["state"], punch, "{paths:#}");
            println!("{ours} and {theirs}: {}", paths["why"]);
            let told = of_type("circumstances").to_string();
            assert!(!told.contains(&address.to_string()) && !told.contains("192.168."), "{told}");
        }
    });
}

#[test]
fn doctor_says_which_port_the_router_forwards_and_what_that_is_worth() {
    let symmetric = Nat::new(Mapping::Random, Filtering::Port);
    let easy = Nat::new(Mapping::Endpoint, Filtering::Port);
    let strict = "address-and-port-dependent";
    // The router forwards at an address of its own. Where the world sees another, that is a second
    // NAT as far as anybody can tell.
    let rows = [
        (symmetric, Some("fully-random"), Speaks::Pcp, strict, "mapped", "mapped"),
        (symmetric, Some("fully-random"), Speaks::Upnp, strict, "mapped", "mapped"),
        (easy, Some(""), Speaks::NatPmp, "endpoint-independent", "mapped", "easy"),
        (symmetric, None, Speaks::Pcp, strict, "second-nat", "random"),
    ];
    let test = "doctor::doctor_says_which_port_the_router_forwards_and_what_that_is_worth";
    on_lab_ground_with(test, TOOLS, || {
        for (nat, rule, speaks, mapping, port_mapping, verdict) in rows {
            let (world, folder) = (World::new(), Folder::new());
            let _server = start_server(&world, &folder);
            let mut home = world.home(nat);
            let (host, _) = world.host(&mut home);
            let gateway = Gateway::open(&world, "core", &home, &folder, speaks);
            if let Some(rule) = rule {
                gateway.translate(&world, rule);
            }
            let found = read(&doctor(&world, &host, &folder, &[]));
            for (field, expected) in [
                ("mapping", mapping),
                ("filtering", strict),
                ("port_mapping", port_mapping),
                ("verdict", verdict),
            ] {
                assert_eq!(found[field], expected, "{field} behind {nat}, {speaks:?}: {found:#}");
            }
            let forwarded = found["port_mapped"].as_str().expect("an endpoint");
            assert!(forwarded.starts_with(&format!("{OUTSIDE}:")), "{forwarded}");
            assert_eq!(gateway.forwarded(&world), 0, "it was given back");
            println!("{nat:>12} {speaks:?} {} {}", found["port_mapping"], found["verdict"]);
        }
    });
}

fn examine(world: &World, host: &str, folder: &Folder) -> Value {
    // Once: what a router lets in depends on what went out before.
    read(&doctor(world, host, folder, &["--no-port-mapping"]))
}

fn read(said: &str) -> Value {
    serde_json::from_str(said).unwrap_or_else(|error| panic!("{error} in {said}"))
}

fn doctor(world: &World, host: &str, folder: &Folder, more: &[&str]) -> String {
    let data = folder.join("alice");
    let data = data.to_str().expect("a path of this test");
    let program = peer_program().to_str().expect("a path of this build");
    let server = SERVER[0].to_string();
    let arguments = ["--data-dir", data, "doctor", "--rendezvous", &server, "--json"];
    world.run(host, program, &[&arguments[..], more].concat())
}
