//! What a name means where several servers are used, and who is one person.

use super::*;

#[test]
fn a_name_alone_means_whom_we_know_and_nobody_of_several() {
    let contacts =
        vec![known("bob", "two", BOB), known("eve", "rv", EVE), known("eve", "two", BOB)];
    let snapshot = Snapshot { contacts, ..Snapshot::default() };
    let bench = Bench::at(&["rv", "two"], Some("bob"), None, snapshot);
    let meant = |typed: &str| bench.chat.resolve(typed);
    assert_eq!(meant("bob"), Ok(Address::new(name("bob"), "two")));
    assert_eq!(meant("bob@rv"), Ok(Address::new(name("bob"), "rv")));
    assert_eq!(meant("new"), Ok(Address::new(name("new"), "rv")));
    let both = ["rv", "two"].map(|host| Address::new(name("eve"), host));
    assert_eq!(meant("eve"), Err(Problem::Ambiguous(both.to_vec())));
    assert!(matches!(meant("eve@three"), Err(Problem::OtherHost { .. })));
    // Asked for where he is known.
    let bob = proto::PeerName { name: name("bob"), server: ServerId(1) };
    let asked = |command: &Command| matches!(command, Command::Connect(name) if *name == bob);
    assert!(bench.commands.iter().any(asked));
}

#[test]
fn who_names_himself_in_the_local_network_is_nobody_of_a_server() {
    let contacts = vec![known("bob", "rv", BOB)];
    let mut bench = Bench::with(None, None, Snapshot { contacts, ..Snapshot::default() });
    let bob = proto::PeerName { name: name("bob"), server: ServerId::LOCAL };
    bench.event(Event::Connected { peer: EVE, name: bob, path: RELAY }).says(EVE, "hi");
    let from = Address::new(name("bob"), LOCAL_HOST);
    assert!(matches!(bench.last(), Notice::Message(message) if message.from == from));
    assert!(matches!(bench.chat.resolve("bob"), Err(Problem::Ambiguous(_))));
    assert_eq!(bench.chat.resolve("bob@local"), Ok(from));
    assert!(!bench.notices.iter().any(|notice| matches!(notice, Notice::KeyChanged { .. })));
}

#[test]
fn one_person_at_two_servers_has_one_session_and_it_goes_where_lines_wait() {
    let contacts = vec![known("bob", "rv", BOB), known("bob", "two", BOB)];
    let snapshot = Snapshot { contacts, ..Snapshot::default() };
    let mut bench = Bench::at(&["rv", "two"], None, None, snapshot);
    bench.registered().connected(BOB, "bob").line("/msg bob@rv one").line("/msg bob@two two");
    let sent = |bench: &Bench| bench.texts_sent().into_iter().map(|(_, text)| text);
    assert!(sent(&bench).eq(["one"]), "the other name waits its turn");
    let log = bench.chat.conversations[&address("bob")].contact.log;
    let first = bench.lines[0].clone();
    let record = Record::Committed { log, seq: first.seq, id: first.id.0 };
    bench.event(Event::Message { peer: BOB, message: record.encode() });
    assert!(sent(&bench).eq(["one", "two"]));
    let (peer, before) = (Address::new(name("bob"), "two"), address("bob"));
    assert!(bench.notices.contains(&Notice::SamePerson { peer, before }));
}

#[test]
fn a_line_that_could_not_be_kept_is_still_missing_when_its_session_has_another_name() {
    let mut bench = Bench::at(&["rv"], None, None, Snapshot::default());
    bench.registered().connected(BOB, "bob").disk_fails = 2;
    bench.says_under(BOB, 1, "one").connected(BOB, "robert").says_under(BOB, 2, "two");
    assert_eq!(bench.heard(), Vec::<&str>::new(), "{:?}", bench.notices);
    bench.says_under(BOB, 1, "one").says_under(BOB, 2, "two");
    assert_eq!(bench.heard(), ["one", "two"]);
}

#[test]
fn a_refused_name_ends_a_pipe_only_where_no_other_server_helps() {
    let refused = |server| Event::RegisterRefused {
        server: ServerId(server),
        name: name("alice"),
        refusal: Refusal::NameTaken,
    };
    let contacts = vec![known("bob", "rv", BOB)];
    let snapshot = Snapshot { contacts, ..Snapshot::default() };
    for (peer, code) in [("bob", None), ("eve@two", None), ("eve@rv", Some(ExitCode::Refused))] {
        let wait = Some(Wait::Delivered);
        let mut bench = Bench::at(&["rv", "two"], Some(peer), wait, snapshot.clone());
        bench.event(refused(0));
        assert_eq!(bench.quit.map(|(code, _)| code), code, "{peer}");
        if code.is_none() {
            bench.event(refused(1));
            assert_eq!(bench.quit.map(|(code, _)| code), Some(ExitCode::Refused));
        }
    }
}

#[test]
fn the_servers_of_a_run_are_remembered_together_once_one_of_them_knows_us() {
    let old = Rendezvous { place: Some(0), ..Rendezvous::new("old") };
    let snapshot = Snapshot { rendezvous: vec![old], ..Snapshot::default() };
    let hosts = ["rv".to_owned(), "two".to_owned()];
    let mut servers = Servers::new(&hosts, &snapshot);
    let places = |saved: Vec<Rendezvous>| {
        saved.into_iter().map(|one| (one.host, one.place)).collect::<Vec<_>>()
    };
    let place = |host: &str, place| (host.to_owned(), place);
    let first = places(servers.learnt(ServerId(1), Timestamp(7)));
    assert_eq!(first, [place("rv", Some(0)), place("two", Some(1)), place("old", None)]);
    let second = places(servers.learnt(ServerId(0), Timestamp(8)));
    assert_eq!(second, [place("rv", Some(0))]);
}
