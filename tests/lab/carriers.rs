//! Networks without UDP: TCP takes its place, and gives it back.

use std::fs;
use std::time::Duration;

use super::ground::on_lab_ground;
use super::meeting::{Meeting, PATIENCE, report, start_server_with};
use super::nat::{Filtering, Mapping, Nat};
use super::programs::Folder;
use super::walls::Wall;
use super::world::{Home, SERVER, World};

const HOME: Nat = Nat::new(Mapping::Endpoint, Filtering::Port);

/// The bar: a line is there this soon after the program was started.
const SOON: Duration = Duration::from_secs(5);

/// Two homes, and a host in each.
fn homes(world: &World) -> ([Home; 2], String, String) {
    let (mut one, mut other) = (world.home(HOME), world.home(HOME));
    let ((alice, _), (bob, _)) = (world.host(&mut one), world.host(&mut other));
    ([one, other], alice, bob)
}

/// Both have a line of the other's; how long after Alice's program was started.
fn talk(meeting: &mut Meeting) -> Result<Duration, String> {
    meeting.alice.send(None, "hello, bob");
    meeting.bob.wait_text("hello, bob", PATIENCE)?;
    meeting.bob.send(Some("alice"), "hello, alice");
    let answered = meeting.alice.wait_text("hello, alice", PATIENCE)?;
    Ok(answered.at.saturating_duration_since(meeting.alice.started))
}

fn check(what: &str, meeting: &mut Meeting) {
    let time = report(talk(meeting));
    println!("{what}: a line and its answer {:.2} s after the start", time.as_secs_f64());
    assert!(time < SOON, "{what}: {time:?}\n{}", meeting.alice.said());
    assert_eq!(meeting.alice.path().as_deref(), Some("relay"), "{}", meeting.alice.said());
}

fn is_transport(value: &serde_json::Value, transport: &str) -> bool {
    value["type"] == "transport" && value["transport"] == transport
}

#[test]
fn a_chat_works_within_5_s_whichever_side_has_no_udp() {
    on_lab_ground("carriers::a_chat_works_within_5_s_whichever_side_has_no_udp", || {
        for walled in [[true, false], [false, true], [true, true]] {
            let world = World::new();
            let (homes, alice, bob) = homes(&world);
            for (home, _) in homes.iter().zip(walled).filter(|(_, walled)| *walled) {
                world.wall(home, Wall::Udp);
            }
            let mut meeting = report(Meeting::start(&world, &alice, &bob));
            check(&format!("no UDP {walled:?}"), &mut meeting);
        }
    });
}

#[test]
fn a_chat_works_within_5_s_where_only_tls_to_443_passes() {
    on_lab_ground("carriers::a_chat_works_within_5_s_where_only_tls_to_443_passes", || {
        let world = World::new();
        let ([home, _], alice, bob) = homes(&world);
        world.wall(&home, Wall::AllButTls);
        let folder = Folder::new();
        let server = start_server_with(&world, &folder, &["--config", &with_tls(&folder)]);
        let mut meeting = report(Meeting::at(&world, folder, server, &alice, &bob, &[]));
        check("only TLS to 443", &mut meeting);
        report(meeting.alice.wait("TCP", PATIENCE, |value| is_transport(value, "tcp")));
    });
}

/// A configuration with TCP on 443, in TLS by a certificate of its own; its path.
fn with_tls(folder: &Folder) -> String {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
    let [chain, key, config] = ["chain.pem", "key.pem", "config.toml"].map(|n| folder.join(n));
    fs::write(&chain, made.cert.pem()).expect("written");
    fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    let text = format!(
        "listen_tcp = [\"{}:443\"]\ntls_certificate = {chain:?}\ntls_key = {key:?}\n",
        SERVER[0]
    );
    fs::write(&config, text).expect("written");
    config.to_str().expect("a plain path").to_owned()
}

#[test]
fn when_udp_comes_back_the_chat_goes_direct() {
    on_lab_ground("carriers::when_udp_comes_back_the_chat_goes_direct", || {
        let world = World::new();
        let (homes, alice, bob) = homes(&world);
        homes.iter().for_each(|home| world.wall(home, Wall::Udp));
        let mut meeting = report(Meeting::start(&world, &alice, &bob));
        check("no UDP", &mut meeting);
        homes.iter().for_each(|home| world.tear_down(home));
        let back = std::time::Instant::now();
        let direct = report(meeting.alice.wait_path(0, &["direct"], Duration::from_secs(40)));
        report(meeting.bob.wait_path(0, &["direct"], Duration::from_secs(40)));
        let time = direct.at.saturating_duration_since(back);
        println!("UDP is back: direct after {:.2} s", time.as_secs_f64());
        for number in 0..100 {
            meeting.alice.send(None, &number.to_string());
        }
        report(meeting.bob.wait_text("99", PATIENCE));
        let expected = (0..100).map(|number| number.to_string());
        let expected = std::iter::once("hello, bob".to_owned()).chain(expected);
        assert!(meeting.bob.texts().into_iter().eq(expected), "lost, doubled or unordered");
        report(meeting.alice.wait("UDP", PATIENCE, |value| is_transport(value, "udp")));
    });
}

#[test]
fn when_udp_dies_under_a_chat_it_goes_on() {
    on_lab_ground("carriers::when_udp_dies_under_a_chat_it_goes_on", || {
        let world = World::new();
        let ([home, _], alice, bob) = homes(&world);
        let mut meeting = report(Meeting::start(&world, &alice, &bob));
        report(meeting.say_hello());
        report(meeting.wait_path(&["direct"], PATIENCE));
        world.wall(&home, Wall::Udp);
        let walled = std::time::Instant::now();
        meeting.alice.send(None, "can you hear me?");
        let heard = report(meeting.bob.wait_text("can you hear me?", 2 * PATIENCE));
        meeting.bob.send(Some("alice"), "still");
        report(meeting.alice.wait_text("still", PATIENCE));
        let time = heard.at.saturating_duration_since(walled);
        println!("UDP is gone: the next line takes {:.2} s", time.as_secs_f64());
        assert_eq!(meeting.alice.path().as_deref(), Some("relay"), "{}", meeting.alice.said());
    });
}
