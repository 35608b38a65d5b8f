//! Invitations in the running chat.

use p2pchat_wire::handshake::SharedSecret;

use super::*;
use crate::chat::invitation::{CodeWords, ContactLink, NotACode};
use crate::proto::InvitationFailure;

fn here() -> Bench {
    let mut bench = Bench::new(None, None);
    bench.registered();
    bench
}

/// Bob is introduced by an invitation.
fn invited(bench: &mut Bench, key: PeerId, by_us: bool) {
    bench.event(Event::Invited {
        server: ServerId::FIRST,
        name: name("bob"),
        key,
        secret: SharedSecret::new([6; 32]),
        by_us,
    });
}

fn opened(bench: &mut Bench, number: u32) -> (u32, CodeWords) {
    bench.event(Event::InvitationOpened { server: ServerId::FIRST, number });
    match bench.last() {
        Notice::Invitation { number, words, .. } => (*number, words.clone()),
        other => panic!("{other:?}"),
    }
}

fn asked(bench: &Bench) -> usize {
    bench.commands.iter().filter(|command| matches!(command, Command::Invite { .. })).count()
}

fn pinned(bench: &Bench) -> Option<PeerId> {
    bench.commands.iter().rev().find_map(|command| match command {
        Command::Pin { name: pinned, key } if pinned.name == name("bob") => Some(*key),
        _ => None,
    })
}

fn failed(reason: InvitationFailure, by_us: bool) -> Event {
    Event::InvitationFailed { server: ServerId::FIRST, number: Some(7), reason, by_us }
}

#[test]
fn an_invitation_is_shown_when_it_is_open_and_told_when_it_was_taken() {
    let mut bench = here();
    bench.line("/invite");
    assert!(!matches!(bench.last(), Notice::Invitation { .. }), "it has no number yet");
    let code = opened(&mut bench, 7);
    // The same again for whoever asks again.
    bench.line("/invite");
    assert!(
        matches!(bench.last(), Notice::Invitation { number: 7, words, .. } if *words == code.1)
    );
    assert_eq!(asked(&bench), 1);
    invited(&mut bench, BOB, true);
    let taken = Notice::Invited { peer: address("bob"), key: BOB, by_us: true, verified: true };
    assert!(bench.notices.contains(&taken));
    assert_eq!(pinned(&bench), Some(BOB));
    let bob = &bench.chat.peers(FaceId::FIRST)[0];
    assert_eq!((bob.key, bob.trust), (Some(BOB), Trust::Verified));
    let called =
        |command: &Command| matches!(command, Command::Connect(who) if who.name == name("bob"));
    assert!(bench.commands.iter().any(called));
    bench.line("/invite");
    assert_eq!(asked(&bench), 2, "the next is another one");
}

#[test]
fn a_guess_that_was_wrong_and_an_end_without_one_are_told_and_the_code_is_gone() {
    for reason in [InvitationFailure::WrongWords, InvitationFailure::Gone] {
        let mut bench = here();
        bench.line("/invite");
        opened(&mut bench, 7);
        bench.event(failed(reason, true));
        assert_eq!(*bench.last(), Notice::InvitationFailed { reason, by_us: true });
        bench.line("/invite");
        assert_eq!(asked(&bench), 2);
    }
    let mut bench = here();
    bench.line("/invite");
    opened(&mut bench, 7);
    bench.line("/invite new");
    assert_eq!(asked(&bench), 2, "another in its place");
}

#[test]
fn a_code_is_accepted_and_what_is_almost_one_uses_nothing_up() {
    let mut bench = here();
    bench.line("/accept 7-abandon-zoo");
    let code = |command: &Command| matches!(command, Command::Accept { number: 7, words, .. } if words.as_str() == "abandon-zoo");
    assert!(bench.commands.iter().any(code));
    bench.event(failed(InvitationFailure::WrongWords, false));
    let wrong = Notice::InvitationFailed { reason: InvitationFailure::WrongWords, by_us: false };
    assert_eq!(*bench.last(), wrong);
    let before = bench.commands.len();
    bench.line("/accept 7-abandon-zooo");
    let misheard = Problem::NotACode(NotACode::Unknown(2));
    assert_eq!(*bench.last(), Notice::Refused { reference: None, problem: misheard });
    bench.line("/accept 7-abandon");
    assert_eq!(*bench.last(), Notice::Refused { reference: None, problem: Problem::NoRequest });
    assert_eq!(bench.commands.len(), before);
    invited(&mut bench, BOB, false);
    assert_eq!(bench.chat.peers(FaceId::FIRST)[0].trust, Trust::Verified);
}

#[test]
fn without_a_server_there_is_no_invitation() {
    let mut bench = Bench::new(None, None);
    for line in ["/invite", "/accept 7-abandon-zoo"] {
        bench.line(line);
        let problem = Problem::NotRegistered;
        assert_eq!(*bench.last(), Notice::Refused { reference: None, problem }, "{line}");
    }
    bench.registered().line("/invite @elsewhere");
    assert!(matches!(bench.last(), Notice::Refused { problem: Problem::OtherHost { .. }, .. }));
    bench.line("/logout").line("/invite");
    let problem = Problem::NoName;
    assert_eq!(*bench.last(), Notice::Refused { reference: None, problem });
    assert_eq!(asked(&bench), 0);
}

#[test]
fn an_invitation_outweighs_the_key_that_the_server_named_and_whoever_has_it_is_gone() {
    let mut bench = Bench::meeting(Strangers::Request, &["rv"], None, None, Snapshot::default());
    bench.registered().line("/msg bob").connected(EVE, "bob");
    assert_eq!(bench.chat.peers(FaceId::FIRST)[0].key, Some(EVE));
    invited(&mut bench, BOB, true);
    assert_eq!(bench.chat.peers(FaceId::FIRST)[0].key, Some(BOB));
    assert_eq!(pinned(&bench), Some(BOB));
    let left =
        |command: &Command| matches!(command, Command::Disconnect(who) if who.name == name("bob"));
    assert!(bench.commands.iter().any(left));
    // Nor does somebody get in who waits under the name.
    let mut bench = Bench::meeting(Strangers::Request, &["rv"], None, None, Snapshot::default());
    bench.registered().connected(EVE, "bob");
    invited(&mut bench, BOB, true);
    let bob = &bench.chat.peers(FaceId::FIRST)[0];
    assert_eq!((bob.key, bob.state), (Some(BOB), Presence::Offline));
    bench.line("/requests");
    assert_eq!(*bench.last(), Notice::Requests(Vec::new()));
    // Bob himself does.
    let mut bench = Bench::meeting(Strangers::Request, &["rv"], None, None, Snapshot::default());
    bench.registered().connected(BOB, "bob");
    invited(&mut bench, BOB, true);
    assert_eq!(bench.chat.peers(FaceId::FIRST)[0].state, Presence::Connected);
}

#[test]
fn a_link_introduces_and_verifies_nobody_and_no_key_gives_way_to_it() {
    let link = |host: &str, server, key| {
        let link = ContactLink { name: name("bob"), host: host.to_owned(), server, key };
        format!("/accept {link}")
    };
    let mut bench = here();
    bench.line(&link("rv", None, BOB));
    let bob = &bench.chat.peers(FaceId::FIRST)[0];
    assert_eq!((bob.key, bob.trust), (Some(BOB), Trust::New));
    bench.line(&link("rv", None, EVE));
    let changed = Notice::KeyChanged { peer: address("bob"), expected: BOB, actual: EVE };
    assert!(bench.notices.contains(&changed), "{:?}", bench.notices);
    assert_eq!(bench.chat.peers(FaceId::FIRST)[0].key, Some(BOB));
    bench.event(Event::RendezvousKey { server: ServerId::FIRST, key: PeerId([9; 32]) });
    for (line, problem) in [
        (link("rv", None, ALICE), "Yourself"),
        (link("elsewhere", None, BOB), "OtherHost"),
        (link("rv", Some(EVE), BOB), "OtherServerKey"),
        ("/accept p2pchat:bob".to_owned(), "NoLink"),
    ] {
        bench.line(&line);
        let said = format!("{:?}", bench.last());
        assert!(said.contains(problem), "{line}: {said}");
    }
}

#[test]
fn whoever_lacks_the_secret_is_told_once_and_strangers_do_not_flood_with_it() {
    let lacking = |name: Name, peer| Event::SecretLacking { peer, name: name.into(), by_us: true };
    let told = |bench: &Bench| {
        bench.notices.iter().filter(|one| matches!(one, Notice::SecretLacking { .. })).count()
    };
    let mut bench = here();
    bench.line("/msg bob").connected(BOB, "bob").disconnected(BOB, DisconnectReason::Left);
    for _ in 0..3 {
        bench.event(lacking(name("bob"), BOB));
    }
    assert_eq!(told(&bench), 1);
    bench.event(lacking(name("bob"), EVE));
    assert_eq!(told(&bench), 1, "that is not bob");
    for number in 0..100 {
        bench.event(lacking(name(&format!("eve{number}")), EVE));
    }
    assert_eq!(told(&bench), 6, "five strangers, and then one a minute");
}
