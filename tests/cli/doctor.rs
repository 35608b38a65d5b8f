//! `p2pchat doctor`, on this computer: what it prints, and with which code it ends.

use std::net::UdpSocket;

use p2pchat_wire::identity::PeerId;
use serde_json::{Value, json};

use super::program::Profile;
use super::server::Server;

#[test]
fn without_a_rendezvous_it_says_how_to_name_one() {
    Profile::new().run(&["doctor"], "").exits(2).says("--rendezvous HOST");
}

#[test]
fn where_all_is_well_it_says_so_with_the_facts_and_asks_the_remembered_server() {
    let server = Server::start();
    let address = server.address().to_string();
    let profile = Profile::new();
    let outcome = profile.run(&["doctor", "--rendezvous", &address], "").exits(0);
    let said = outcome.out.join("\n");
    assert!(said.contains(&format!("{address} answers in")), "{said}");
    assert!(said.ends_with("There is nothing to do."), "{said}");
    assert!(outcome.err.is_empty(), "{:?}", outcome.err);

    profile.register("alice", &address);
    let outcome = profile.run(&["doctor", "--json"], "").exits(0);
    let object: Value = serde_json::from_str(&outcome.out[0]).expect("JSON");
    for (field, value) in [
        ("type", json!("doctor")),
        ("rendezvous", json!(address)),
        ("udp", json!(true)),
        ("mapping", json!("none")),
        ("mtu", json!(1472)),
        ("mtu_needed", json!(1209)),
    ] {
        assert_eq!(object[field], value, "{field} in {object:#}");
    }
}

#[test]
fn each_of_several_servers_is_examined_and_one_that_is_well_is_enough() {
    let server = Server::start();
    let address = server.address().to_string();
    let silent = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let dead = silent.local_addr().expect("bound").to_string();
    let both = ["doctor", "--rendezvous", &dead, "--rendezvous", &address];
    let outcome = Profile::new().run(&both, "").exits(0);
    let said = outcome.out.join("\n");
    assert!(said.contains(&format!("{address} answers in")), "{said}");
    assert!(said.contains(&format!("The computer {dead} is there, and no rendezvous")), "{said}");

    let outcome = Profile::new().run(&[&both[..], &["--json"]].concat(), "").exits(0);
    let object: Value = serde_json::from_str(&outcome.out[0]).expect("JSON");
    assert_eq!(object["rendezvous"], json!(address), "{object:#}");
    for (at, udp, verdict) in [(0, false, "not-listening"), (1, true, "well")] {
        let server = &object["servers"][at];
        assert_eq!((&server["udp"], &server["verdict"]), (&json!(udp), &json!(verdict)));
    }
}

#[test]
fn it_works_while_a_chat_uses_the_profile() {
    let server = Server::start();
    let address = server.address().to_string();
    let profile = Profile::new();
    let mut alice = profile.start(&["--name", "alice", "--rendezvous", &address]);
    alice.hears("You are alice@");
    // Named, because the disk may learn of it a moment after we do.
    profile.run(&["doctor", "--rendezvous", &address], "").exits(0);
    assert!(alice.is_running());
}

#[test]
fn silence_is_5_and_a_name_that_leads_nowhere_too() {
    let silent = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = silent.local_addr().expect("bound").to_string();
    let outcome = Profile::new().run(&["doctor", "--json", "--rendezvous", &address], "").exits(5);
    let object: Value = serde_json::from_str(&outcome.out[0]).expect("JSON");
    assert_eq!((&object["udp"], &object["verdict"]), (&json!(false), &json!("not-listening")));

    let nowhere = ["doctor", "--rendezvous", "does-not-exist.invalid"];
    let outcome = Profile::new().run(&nowhere, "").exits(5);
    let said = outcome.out.join("\n");
    assert!(said.contains("does not lead to an address"), "{said}");
}

#[test]
fn with_a_peer_both_sides_tell_and_the_reason_for_the_path_is_said() {
    let server = Server::start();
    let address = server.address().to_string();
    let (a, b) = (Profile::new(), Profile::new());
    let mut alice = a.start(&["--name", "alice", "--rendezvous", &address]);
    alice.hears("You are alice@");
    let peer = format!("alice@{address}");
    let arguments = ["doctor", "--json", "--name", "bob", "--peer", &peer];
    let outcome = b.run(&arguments, "").exits(0);
    let objects: Vec<Value> =
        outcome.out.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of_type = |kind: &str| {
        let found = objects.iter().find(|object| object["type"] == kind);
        found.unwrap_or_else(|| panic!("no {kind} in {objects:#?}"))
    };
    assert_eq!(of_type("doctor")["udp"], true);
    let told = of_type("circumstances");
    assert_eq!((&told["peer"], &told["forwarded"]), (&json!(peer), &json!(false)));
    let ahead = told["clock_ahead_ms"].as_i64().expect("milliseconds");
    assert!(ahead.abs() < 5000, "{ahead}");
    let paths = of_type("paths");
    assert_eq!(paths["paths"][0]["active"], true, "{paths:#}");
    assert_ne!(paths["paths"][0]["path"], "relay", "{paths:#}");
    assert!(paths["why"].as_str().is_some_and(|why| why.ends_with('.')), "{paths:#}");
    assert!(alice.is_running());
}

#[test]
fn a_peer_that_is_away_is_4_and_one_that_does_not_exist_3() {
    let server = Server::start();
    let address = server.address().to_string();
    let profile = Profile::new();
    Profile::new().register("alice", &address);
    let doctor = |name: &str| {
        let peer = format!("{name}@{address}");
        profile.run(&["doctor", "--name", "bob", "--peer", &peer], "")
    };
    let outcome = doctor("alice").exits(4);
    assert!(outcome.out.join("\n").contains("alice@"), "{outcome:?}");
    doctor("zoe").exits(3);
}

#[test]
fn another_key_than_the_one_given_is_7() {
    let server = Server::start();
    let address = format!("{}#{}", server.address(), PeerId([7; 32]));
    let outcome = Profile::new().run(&["doctor", "--rendezvous", &address], "").exits(7);
    assert!(outcome.out.join("\n").contains("STOP"), "{outcome:?}");
}
