//! `p2pchat doctor` behind kernels' NATs says what the router is.

use serde_json::{Value, json};

use super::ground::on_lab_ground;
use super::meeting::start_server;
use super::nat::{Filtering, Mapping, Nat};
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

fn examine(world: &World, host: &str, folder: &Folder) -> Value {
    let data = folder.join("alice");
    let data = data.to_str().expect("a path of this test");
    let program = peer_program().to_str().expect("a path of this build");
    let server = SERVER[0].to_string();
    // Once: what a router lets in depends on what went out before.
    let arguments =
        ["--data-dir", data, "doctor", "--rendezvous", &server, "--json", "--no-port-mapping"];
    let said = world.run(host, program, &arguments);
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error} in {said}"))
}
