//! The chat where there is no server, and the local network is all there is.

use p2pchat_wire::neighbour::Announcement;

use super::*;

fn announcement(open: bool) -> Event {
    let open = open.then(|| (name("alice"), ALICE));
    let mut random = Random::from_seed([1; 32]);
    Event::Announce(Some(Announcement::new([1; 16], [], open, &mut random)))
}

#[test]
fn without_a_server_the_local_network_is_all_there_is() {
    for (contacts, met) in [(vec![], false), (vec![known("bob", LOCAL_HOST, BOB)], true)] {
        let snapshot = Snapshot { contacts, ..Snapshot::default() };
        let mut bench = Bench::at(&[], Some("bob"), Some(Wait::Delivered), snapshot);
        let bob = proto::PeerName { name: name("bob"), server: ServerId::LOCAL };
        let asked = |command: &Command| matches!(command, Command::Connect(name) if *name == bob);
        assert!(bench.commands.iter().any(asked));
        bench.event(announcement(false)).event(announcement(false));
        let me = Address::new(name("alice"), LOCAL_HOST);
        let peer = Address::new(name("bob"), LOCAL_HOST);
        let visible = false;
        let said = [
            Notice::Announced { me, key: ALICE, visible },
            Notice::Searching { peer, met, visible },
        ];
        assert!(bench.notices.ends_with(&said), "once each: {:?}", bench.notices);
        bench.line("hi").input(Input::TimeUp);
        assert_eq!(bench.quit, Some((ExitCode::PeerOffline, 1)));
    }
}

#[test]
fn beside_a_server_the_local_network_is_not_spoken_of() {
    let mut bench = Bench::new(Some("bob"), None);
    bench.event(announcement(true));
    let of_it =
        |notice: &Notice| matches!(notice, Notice::Announced { .. } | Notice::Searching { .. });
    assert!(!bench.notices.iter().any(of_it));
    bench.line("/msg carol@local");
    assert!(matches!(bench.last(), Notice::Searching { visible: true, met: false, .. }));
}
