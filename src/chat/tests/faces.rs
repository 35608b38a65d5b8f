//! Several faces that look at one chat.

use super::*;

/// A bench whose notices are sorted by the face that got them.
pub(super) struct Faces {
    pub(super) bench: Bench,
    pub(super) told: Vec<(FaceId, Notice)>,
    pub(super) left: Vec<(FaceId, ExitCode)>,
    all: Vec<FaceId>,
}

impl Faces {
    pub(super) fn new() -> Self {
        let mut bench = Bench::new(None, None);
        bench.registered();
        Self { bench, told: Vec::new(), left: Vec::new(), all: vec![FaceId::FIRST] }
    }

    pub(super) fn attach(&mut self, peer: Option<&str>, wait: Option<Wait>) -> FaceId {
        let face = self.bench.chat.attach(Timestamp(1_000_000), peer, wait, true);
        self.all.push(face);
        self.drain();
        face
    }

    pub(super) fn says(&mut self, face: FaceId, line: &str) {
        self.input(face, Input::Line(line.to_owned()));
    }

    pub(super) fn input(&mut self, face: FaceId, input: Input) {
        self.bench.chat.handle_face(Timestamp(1_000_000), face, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(effect) = self.bench.chat.poll_effect() {
            match effect {
                Effect::Show(notice) => {
                    self.told.extend(self.all.iter().map(|face| (*face, notice.clone())));
                }
                Effect::Answer(face, notice) => self.told.push((face, notice)),
                Effect::Left { face, code } => {
                    self.all.retain(|one| *one != face);
                    self.left.push((face, code));
                }
                Effect::Store(request) => {
                    let reply = self.bench.store(request);
                    self.bench.chat.handle_input(Timestamp(1_000_000), Input::Stored(reply));
                }
                Effect::Network(command) => self.bench.commands.push(command),
                Effect::Errand(..) | Effect::Disk(_) => {}
                Effect::Quit { code, .. } => self.bench.quit = Some((code, 0)),
            }
        }
    }

    /// Bob confirms everything that was written.
    fn confirmed(&mut self) {
        let last = self.bench.lines.last().expect("a line was sent").clone();
        let log = self.bench.chat.conversations[&address("bob")].contact.log;
        let record = Record::Committed { log, seq: last.seq, id: last.id.0 };
        let event = Event::Message { peer: BOB, message: record.encode() };
        self.bench.chat.handle_input(Timestamp(1_000_000), Input::Network(event));
        self.drain();
    }

    /// Who was told something of this kind, in order.
    pub(super) fn who(&self, is: impl Fn(&Notice) -> bool) -> Vec<FaceId> {
        let told = self.told.iter().filter(|(_, notice)| is(notice));
        told.map(|(face, _)| *face).collect()
    }
}

fn asked(notice: &Notice) -> bool {
    matches!(
        notice,
        Notice::Who(_)
            | Notice::Help(_)
            | Notice::Refused { .. }
            | Notice::History(_)
            | Notice::Settings(_)
            | Notice::Contacts(_)
            | Notice::Identity { .. }
            | Notice::Paths { .. }
    )
}

#[test]
fn an_answer_goes_to_the_face_that_asked_and_an_event_to_all() {
    let mut faces = Faces::new();
    let (one, two) = (faces.attach(Some("bob"), None), faces.attach(None, None));
    let questions = ["/who", "/help", "/nonsense", "/history", "/set", "/contacts", "/id", "/path"];
    for line in questions {
        faces.told.clear();
        faces.says(one, line);
        assert_eq!(faces.who(asked), [one], "{line}");
    }
    faces.told.clear();
    faces.says(one, "hi");
    let written = |notice: &Notice| matches!(notice, Notice::Written(_));
    assert_eq!(faces.who(written), [FaceId::FIRST, one, two]);
}

#[test]
fn every_face_has_a_conversation_of_its_own() {
    let mut faces = Faces::new();
    let (one, two) = (faces.attach(Some("bob"), None), faces.attach(Some("eve"), None));
    faces.says(one, "for bob");
    faces.says(two, "for eve");
    let to: Vec<Address> = faces.bench.lines.iter().map(|line| line.to.clone()).collect();
    assert_eq!(to, [address("bob"), address("eve")]);
    let chat = &faces.bench.chat;
    assert_eq!(chat.current(one), Some(&address("bob")));
    assert_eq!(chat.current(two), Some(&address("eve")));
    assert_eq!(chat.current(FaceId::FIRST), None);
    assert!(chat.peers(two).iter().all(|peer| peer.current == (peer.peer == address("eve"))));
}

#[test]
fn whoever_comes_is_told_how_things_stand() {
    let mut faces = Faces::new();
    faces.bench.connected(BOB, "bob");
    faces.told.clear();
    let face = faces.attach(None, None);
    assert_eq!(faces.who(|notice| matches!(notice, Notice::Registered { .. })), [face]);
    let connected = |notice: &Notice| {
        matches!(notice, Notice::Peer { state: Presence::Connected, path: Some(_), .. })
    };
    assert_eq!(faces.who(connected), [face]);
}

#[test]
fn whoever_comes_is_told_why_no_server_knows_us() {
    let mut faces = Faces::new();
    let comes = |faces: &mut Faces| {
        faces.told.clear();
        let face = faces.attach(None, None);
        let told = faces.told.iter().filter(|(who, _)| *who == face);
        told.map(|(_, notice)| notice.clone()).collect::<Vec<_>>()
    };
    let lost = RendezvousTrouble::Unreachable;
    let wrong = |trouble| Notice::Trouble { server: None, trouble, same_as: None, others: false };
    faces.bench.event(Event::RendezvousTrouble { server: ServerId(0), trouble: lost });
    assert_eq!(comes(&mut faces), [wrong(lost)]);
    // Whoever asks for the name is told the same: it is nobody's now.
    faces.told.clear();
    faces.says(FaceId::FIRST, "/id");
    assert!(faces.told.contains(&(FaceId::FIRST, wrong(lost))), "{:?}", faces.told);
    let refusal = Refusal::NameTaken;
    let (server, own) = (ServerId(0), name("alice"));
    faces.bench.event(Event::RegisterRefused { server, name: own.clone(), refusal });
    assert_eq!(comes(&mut faces), [Notice::RegisterRefused { server: None, name: own, refusal }]);
    let changed =
        RendezvousTrouble::KeyChanged { expected: PeerId([1; 32]), actual: PeerId([2; 32]) };
    faces.bench.event(Event::RendezvousTrouble { server: ServerId(0), trouble: changed });
    assert_eq!(comes(&mut faces), [wrong(changed)]);
    faces.bench.registered();
    assert!(matches!(comes(&mut faces)[..], [Notice::Registered { .. }]));
    faces.says(FaceId::FIRST, "/logout");
    faces.bench.event(Event::Unregistered(ServerId(0)));
    assert_eq!(comes(&mut faces), [Notice::Unregistered]);
}

/// What a face is told that comes and says something to bob, beside what becomes of its line.
fn hears_who_writes_to_bob(faces: &mut Faces) -> Vec<Notice> {
    let face = faces.attach(Some("bob"), Some(Wait::Delivered));
    faces.told.clear();
    for line in ["one", "two"] {
        faces.says(face, line);
    }
    let about_it = |notice: &&Notice| {
        !matches!(notice, Notice::Written(_) | Notice::Status { .. } | Notice::Measured { .. })
    };
    let told = faces.told.iter().filter(|(who, _)| *who == face).map(|(_, notice)| notice);
    told.filter(about_it).cloned().collect()
}

#[test]
fn whoever_writes_is_told_once_what_stood_in_the_way_before() {
    let bob = || address("bob");
    let mut faces = Faces::new();
    faces.says(FaceId::FIRST, "/msg bob hello");
    faces.bench.refused(Refusal::NoSuchName);
    assert_eq!(hears_who_writes_to_bob(&mut faces), [Notice::NoSuchName(bob())]);
    faces.bench.refused(Refusal::Busy);
    let busy = Notice::ConnectRefused { peer: bob(), refusal: Refusal::Busy };
    assert_eq!(hears_who_writes_to_bob(&mut faces), [busy]);
    faces.bench.refused(Refusal::Offline);
    let (to, state) = (bob(), Presence::Offline);
    let kept = Notice::Kept { to, state, waiting: 6 };
    assert_eq!(hears_who_writes_to_bob(&mut faces), [kept]);
    faces.bench.connected(BOB, "bob");
    faces.bench.event(Event::Message { peer: BOB, message: Record::Pending.encode() });
    assert_eq!(hears_who_writes_to_bob(&mut faces), [Notice::Pending(bob())]);
    faces.bench.disconnected(BOB, DisconnectReason::Closed);
    let by_us = true;
    faces.bench.event(Event::SecretLacking { peer: BOB, name: name("bob").into(), by_us });
    let lacking = Notice::SecretLacking { peer: bob(), by_us };
    let heard = hears_who_writes_to_bob(&mut faces);
    assert!(heard.contains(&lacking), "{heard:?}");
    // Who was here then has heard it.
    faces.told.clear();
    faces.says(FaceId::FIRST, "/msg bob again");
    assert_eq!(faces.who(|notice| matches!(notice, Notice::SecretLacking { .. })), []);
}

#[test]
fn a_face_leaves_when_its_own_lines_are_delivered_and_the_others_stay() {
    let mut faces = Faces::new();
    faces.bench.connected(BOB, "bob");
    let pipe = faces.attach(Some("bob"), Some(Wait::Delivered));
    let person = faces.attach(Some("eve"), None);
    faces.says(pipe, "one");
    faces.input(pipe, Input::EndOfInput);
    faces.says(person, "nobody confirms this");
    assert_eq!(faces.left, []);
    faces.bench.lines.retain(|line| line.to == address("bob"));
    faces.confirmed();
    assert_eq!(faces.left, [(pipe, ExitCode::Done)]);
    faces.says(pipe, "too late");
    assert!(faces.bench.lines.iter().all(|line| line.text != "too late"));
    assert_eq!(faces.bench.quit, None);
    faces.input(FaceId::FIRST, Input::Quit);
    assert_eq!(faces.bench.quit, Some((ExitCode::Done, 0)));
}

#[test]
fn a_face_does_not_wait_for_what_others_write_after_it() {
    let mut faces = Faces::new();
    faces.bench.connected(BOB, "bob");
    let pipe = faces.attach(Some("bob"), Some(Wait::Delivered));
    let other = faces.attach(Some("bob"), None);
    faces.says(pipe, "mine");
    let mine = faces.bench.lines.clone();
    faces.input(pipe, Input::EndOfInput);
    faces.says(other, "later");
    let later = faces.bench.lines.split_off(1);
    assert_eq!(faces.bench.lines.len(), mine.len());
    faces.confirmed();
    assert_eq!(faces.left, [(pipe, ExitCode::Done)]);
    assert_eq!((faces.bench.chat.undelivered(), later.len()), (1, 1));
}

#[test]
fn a_face_whose_time_is_up_says_what_was_missing_of_its_own() {
    let mut faces = Faces::new();
    let idle = faces.attach(None, Some(Wait::Delivered));
    let pipe = faces.attach(Some("bob"), Some(Wait::Delivered));
    faces.says(pipe, "hi");
    faces.bench.refused(Refusal::NoSuchName);
    faces.input(pipe, Input::TimeUp);
    faces.input(idle, Input::TimeUp);
    assert_eq!(faces.left, [(pipe, ExitCode::NoSuchName), (idle, ExitCode::Done)]);
}

#[test]
fn a_changed_key_ends_the_pipe_that_was_started_for_it_and_no_other() {
    let mut faces = Faces::new();
    faces.bench.connected(BOB, "bob").disconnected(BOB, DisconnectReason::Left);
    let bobs = faces.attach(Some("bob"), Some(Wait::Delivered));
    faces.attach(Some("eve"), Some(Wait::Delivered));
    faces.attach(Some("bob"), None);
    let changed = Event::KeyChanged { name: name("bob").into(), expected: BOB, actual: EVE };
    faces.bench.chat.handle_input(Timestamp(1_000_000), Input::Network(changed));
    faces.drain();
    assert_eq!(faces.left, [(bobs, ExitCode::KeyChanged)]);
    assert_eq!(faces.all.len(), 3);
}

#[test]
fn what_a_program_calls_its_line_is_told_to_no_other() {
    let mut faces = Faces::new();
    faces.bench.connected(BOB, "bob");
    let program = faces.attach(Some("bob"), None);
    let other = faces.attach(Some("bob"), None);
    for face in [program, other] {
        let reference = Some("r".to_owned());
        let send = Input::Send { to: None, text: "hi".to_owned(), reference, manner: Manner::Text };
        faces.input(face, send);
    }
    faces.confirmed();
    let references = |face: FaceId, own: bool| {
        let told = faces.told.iter().filter(|(one, _)| *one == face);
        let delivered = told.filter(|(_, notice)| match notice {
            Notice::Status { state: LineState::Delivered, reference, .. } => {
                reference.is_some() == own
            }
            _ => false,
        });
        delivered.count()
    };
    assert_eq!((references(program, true), references(program, false)), (1, 1));
    assert_eq!((references(other, true), references(other, false)), (1, 1));
    assert_eq!((references(FaceId::FIRST, true), references(FaceId::FIRST, false)), (0, 2));
}
