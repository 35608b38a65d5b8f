//! Files, with a disk and a network that are only played.

use super::*;
use crate::chat::files::disk::{
    BLOCK, Content, DiskAnswer, DiskProblem, DiskRequest, Hash, OfferId,
};
use crate::chat::files::record::{FileRecord, FileSays, Why};
use crate::chat::files::{FileRule, FileState, Stage};
use crate::chat::storage::Direction;
use crate::proto::{Incoming, Outgoing, StreamCommand, StreamEvent};

const ROOT: [u8; 32] = [8; 32];
const OFFER: LineId = LineId([9; 16]);

fn range(from: u64, to: u64) -> Vec<std::ops::Range<u64>> {
    std::iter::once(from..to).collect()
}

impl Bench {
    fn answers(&mut self, answer: DiskAnswer) -> &mut Self {
        self.input(Input::Disk(answer))
    }

    /// Bob says something about a file.
    fn hears_of(&mut self, id: LineId, says: FileSays) -> &mut Self {
        let record = Record::File(FileRecord { offer: id, says });
        self.event(Event::Message { peer: BOB, message: record.encode() })
    }

    /// Bob is here, and his program knows files.
    fn meets_bob(&mut self) -> &mut Self {
        self.connected(BOB, "bob").says_hello(true)
    }

    fn says_hello(&mut self, files: bool) -> &mut Self {
        self.says_hello_with(files, files)
    }

    fn says_hello_with(&mut self, files: bool, folders: bool) -> &mut Self {
        let hello = Record::Hello { log: 9, software: "b".to_owned(), files, folders };
        self.event(Event::Message { peer: BOB, message: hello.encode() })
    }

    /// Bob offers a file.
    fn is_offered(&mut self, seq: u64, size: u64) -> &mut Self {
        let line = Line {
            log: 9,
            seq,
            id: OFFER.0,
            sent_at_ms: 1,
            audience: Audience::You,
            text: "photo.jpg".to_owned(),
            manner: Manner::Offer { size, root: ROOT },
        };
        self.event(Event::Message { peer: BOB, message: Record::Line(line).encode() })
    }

    fn brings(&mut self, data: Vec<u8>, last: bool) -> &mut Self {
        let stream = Incoming(1);
        self.event(Event::Stream(BOB, StreamEvent::Data { stream, data, last }))
    }

    /// What was said of files to Bob, and nothing twice.
    fn said(&mut self) -> Vec<(LineId, FileSays)> {
        let said = |command: &Command| match command {
            Command::Send { peer: BOB, message, .. } => match Record::decode(message) {
                Ok(Some(Record::File(record))) => Some((record.offer, record.says)),
                _ => None,
            },
            _ => None,
        };
        let all = self.commands.iter().filter_map(said).collect();
        self.commands.clear();
        all
    }

    fn streams(&mut self) -> Vec<StreamCommand> {
        let stream = |command: Command| match command {
            Command::Stream(BOB, command) => Some(command),
            _ => None,
        };
        std::mem::take(&mut self.commands).into_iter().filter_map(stream).collect()
    }

    fn stages(&self) -> Vec<Stage> {
        let stage = |notice: &Notice| match notice {
            Notice::File(news) => Some(news.stage.clone()),
            _ => None,
        };
        self.notices.iter().filter_map(stage).collect()
    }

    fn asked(&mut self) -> Vec<DiskRequest> {
        std::mem::take(&mut self.disk)
    }

    /// A file of Alice's that was offered to Bob, and his to be asked for.
    fn offers(&mut self, size: u64) -> OfferId {
        self.offers_content(size, Content::File)
    }

    fn offers_content(&mut self, size: u64, content: Content) -> OfferId {
        self.line("/send photo.jpg");
        let errand = self.errands.pop();
        let Some(Errand::Locate { path, purpose }) = errand else { panic!("{errand:?}") };
        assert_eq!(path, "photo.jpg");
        let path = "/home/alice/photo.jpg".to_owned();
        self.input(Input::Ran(Outcome::Located { path, is_folder: false, purpose }));
        let asked = self.asked();
        let [DiskRequest::Examine { offer, .. }] = asked[..] else { panic!("{asked:?}") };
        self.answers(DiskAnswer::Examined { offer, size, root: Hash(ROOT), content, skipped: 0 });
        offer
    }
}

#[test]
fn what_is_offered_is_a_line_and_goes_when_it_is_wanted() {
    let mut bench = Bench::new(Some("bob"), None);
    bench.registered().meets_bob();
    let offer = bench.offers(BLOCK + 5);
    let line = bench.lines.last().expect("a line").clone();
    assert_eq!(line.manner, Manner::Offer { size: BLOCK + 5, root: ROOT });
    assert_eq!((line.text.as_str(), bench.stages()), ("photo.jpg", vec![Stage::Offered]));
    bench.confirmed().said();
    bench.hears_of(line.id, FileSays::Want { list: true, blocks: vec![(0, 2)] });
    let path = "/home/alice/photo.jpg".into();
    let serve = DiskRequest::Serve { offer, path, size: BLOCK + 5, root: Hash(ROOT) };
    assert_eq!(bench.asked(), [serve]);
    bench.answers(DiskAnswer::Served { offer, list: vec![3; 64] });
    let stream = Outgoing(1);
    assert_eq!(bench.streams(), [StreamCommand::Open { stream, priority: 1 }]);
    let read = |block| DiskRequest::Read { offer, block };
    assert_eq!(bench.asked(), [read(0), read(1)]);
    bench.event(Event::Stream(BOB, StreamEvent::Writable { stream, more: 60 }));
    bench.answers(DiskAnswer::Block { offer, block: 0, data: vec![1; BLOCK as usize] });
    bench.answers(DiskAnswer::Block { offer, block: 1, data: vec![2; 5] });
    bench.event(Event::Stream(BOB, StreamEvent::Writable { stream, more: 2 << 20 }));
    let mut written = Vec::new();
    let mut finished = false;
    for command in bench.streams() {
        match command {
            StreamCommand::Write { data, .. } => written.extend(data),
            StreamCommand::Finish(_) => finished = true,
            other => panic!("{other:?}"),
        }
    }
    let expected = [
        &line.id.0[..],
        &[3; 64],
        &0_u64.to_be_bytes(),
        &vec![1; BLOCK as usize],
        &1_u64.to_be_bytes(),
        &[2; 5],
    ]
    .concat();
    assert!(finished && written == expected);
    bench.hears_of(line.id, FileSays::Received);
    assert_eq!(bench.stages().last(), Some(&Stage::Done { path: None }));
    let path = Some("/home/alice/photo.jpg".into());
    assert_eq!(bench.asked(), [DiskRequest::Forget { offer, path }]);
    // It cannot be had a second time.
    bench.hears_of(line.id, FileSays::Want { list: false, blocks: vec![(0, 1)] });
    assert_eq!(bench.said(), [(line.id, FileSays::Withdrawn(Why::Gone))]);
}

#[test]
fn what_is_accepted_is_wanted_and_comes_no_faster_than_the_disk() {
    let mut bench = Bench::new(None, None);
    bench.registered().meets_bob().is_offered(1, 8 * BLOCK);
    assert_eq!(bench.stages(), [Stage::Offered]);
    bench.said();
    bench.line("/accept");
    let asked = bench.asked();
    let [DiskRequest::Begin { offer, folder, name, .. }] = &asked[..] else { panic!("{asked:?}") };
    let offer = *offer;
    assert_eq!((folder.to_str(), name.as_str()), (Some("/downloads"), "photo.jpg"));
    bench.answers(DiskAnswer::Begun { offer, missing: range(2, 8), list: true });
    let want = FileSays::Want { list: true, blocks: vec![(2, 8)] };
    assert_eq!(bench.said(), [(OFFER, want)]);
    let stream = Incoming(1);
    bench.event(Event::Stream(BOB, StreamEvent::Opened(stream)));
    assert_eq!(bench.streams(), [StreamCommand::Read { stream, more: 16 }]);
    bench.brings(OFFER.0.to_vec(), false);
    let window = 4 * (BLOCK as usize + 8);
    assert_eq!(bench.streams(), [StreamCommand::Read { stream, more: window }]);
    bench.brings(vec![7; 8 * 32], false);
    assert_eq!(bench.asked(), [DiskRequest::List { offer, list: vec![7; 8 * 32] }]);
    assert_eq!(bench.streams(), [StreamCommand::Read { stream, more: 8 * 32 }]);
    bench.brings([&2_u64.to_be_bytes()[..], &vec![5; BLOCK as usize]].concat(), false);
    let data = vec![5; BLOCK as usize];
    assert_eq!(bench.asked(), [DiskRequest::Write { offer, block: 2, data }]);
    assert_eq!(bench.streams(), [], "the disk has not written it");
    bench.answers(DiskAnswer::Written { offer, block: 2 });
    let more = BLOCK as usize + 8;
    assert_eq!(bench.streams(), [StreamCommand::Read { stream, more }]);
    // The session breaks; the next one goes on.
    bench.disconnected(BOB, DisconnectReason::TimedOut);
    assert_eq!(bench.asked(), [DiskRequest::Close { offer }]);
    bench.answers(DiskAnswer::Closed { offer });
    bench.meets_bob();
    assert!(matches!(bench.asked()[..], [DiskRequest::Begin { .. }]));
    bench.said();
    bench.answers(DiskAnswer::Begun { offer, missing: range(3, 8), list: false });
    let want = FileSays::Want { list: false, blocks: vec![(3, 8)] };
    assert_eq!(bench.said(), [(OFFER, want)]);
    let path = "/downloads/photo.jpg".into();
    bench.answers(DiskAnswer::Finished { offer, path });
    assert_eq!(bench.said(), [(OFFER, FileSays::Received)]);
    let path = Some("/downloads/photo.jpg".to_owned());
    assert_eq!(bench.stages().last(), Some(&Stage::Done { path }));
    // Whoever asks hears it again.
    bench.hears_of(OFFER, FileSays::Stands);
    assert_eq!(bench.said(), [(OFFER, FileSays::Received)]);
}

#[test]
fn streams_that_nobody_has_asked_for_are_stopped() {
    let mut bench = Bench::new(None, None);
    bench.registered().meets_bob().is_offered(1, 8 * BLOCK);
    let stop = |stream| StreamCommand::Stop { stream, code: 1 };
    bench.commands.clear();
    bench.event(Event::Stream(BOB, StreamEvent::Opened(Incoming(1))));
    assert_eq!(bench.streams(), [stop(Incoming(1))], "nothing was accepted");
    bench.line("/accept");
    let offer = bench.asked()[0].offer();
    bench.answers(DiskAnswer::Begun { offer, missing: range(0, 8), list: true });
    bench.event(Event::Stream(BOB, StreamEvent::Opened(Incoming(2))));
    bench.commands.clear();
    let data = vec![1; 16];
    let stream = Incoming(2);
    bench.event(Event::Stream(BOB, StreamEvent::Data { stream, data, last: false }));
    assert_eq!(bench.streams(), [stop(stream)], "another file");
}

#[test]
fn a_file_is_said_to_be_accepted_and_comes_once_that_is_on_disk() {
    let mut bench = Bench::new(None, None);
    bench.meets_bob().is_offered(1, 5).line("/msg bob");
    let mut accept = |input| bench.chat.handle_input(Timestamp(1_000_000), input);
    accept(Input::Line("/accept 1".to_owned()));
    // Killed now, it would be as if nobody had accepted it.
    let effects: Vec<Effect> = std::iter::from_fn(|| bench.chat.poll_effect()).collect();
    let [Effect::Store(StoreRequest::SaveFile(kept))] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(kept.state, FileState::Accepted);
    // Whatever its sender asks meanwhile.
    assert_eq!(bench.hears_of(OFFER, FileSays::Stands).asked(), []);
    bench.input(Input::Stored(StoreReply::Done));
    assert_eq!(bench.stages(), [Stage::Offered, Stage::Accepted]);
    assert!(matches!(bench.asked()[..], [DiskRequest::Begin { .. }]));
}

#[test]
fn a_disk_that_is_full_stops_a_file_and_the_next_session_tries_again() {
    let mut bench = Bench::new(None, None);
    bench.registered().meets_bob().is_offered(1, 8 * BLOCK).line("/accept 1");
    let offer = bench.asked()[0].offer();
    let why = DiskProblem::Full { place: "/downloads".to_owned(), cause: "full".to_owned() };
    bench.answers(DiskAnswer::Failed { offer, why: why.clone() });
    assert_eq!(bench.stages().last(), Some(&Stage::Stalled(why)));
    bench.disconnected(BOB, DisconnectReason::Left).meets_bob();
    assert!(matches!(bench.asked()[..], [DiskRequest::Begin { .. }]));
}

#[test]
fn what_has_too_little_room_is_begun_if_somebody_accepts_it_once_more() {
    let mut bench = Bench::new(None, None);
    bench.registered().meets_bob().is_offered(1, 8 * BLOCK).line("/accept 1");
    let offer = bench.asked()[0].offer();
    let why = DiskProblem::NoRoom { place: "/downloads".to_owned(), needed: 9, free: 3 };
    bench.answers(DiskAnswer::Failed { offer, why: why.clone() });
    assert_eq!(bench.stages().last(), Some(&Stage::Stalled(why)));
    bench.disconnected(BOB, DisconnectReason::Left).meets_bob();
    assert!(matches!(bench.asked()[..], [DiskRequest::Begin { insists: false, .. }]));
    let why = DiskProblem::NoRoom { place: "/downloads".to_owned(), needed: 9, free: 3 };
    bench.answers(DiskAnswer::Failed { offer, why });
    bench.line("/accept 1");
    assert!(matches!(bench.asked()[..], [DiskRequest::Begin { insists: true, .. }]));
}

#[test]
fn both_sides_come_to_agree_on_what_was_decided_while_they_were_apart() {
    let mut bench = Bench::new(Some("bob"), None);
    bench.registered().meets_bob();
    bench.offers(5);
    let line = bench.lines.last().expect("a line").clone();
    bench.confirmed().said();
    bench.disconnected(BOB, DisconnectReason::Left).meets_bob();
    assert_eq!(bench.said(), [(line.id, FileSays::Stands)]);
    bench.disconnected(BOB, DisconnectReason::Left).line("/cancel").meets_bob();
    assert_eq!(bench.said(), [], "it does not stand any more");
    bench.hears_of(line.id, FileSays::Want { list: true, blocks: vec![(0, 1)] });
    assert_eq!(bench.said(), [(line.id, FileSays::Withdrawn(Why::Person))]);
    // Of what nobody here knows, nothing comes.
    bench.hears_of(OFFER, FileSays::Stands);
    assert_eq!(bench.said(), [(OFFER, FileSays::Declined)]);
    bench.hears_of(OFFER, FileSays::Want { list: true, blocks: vec![(0, 1)] });
    assert_eq!(bench.said(), [(OFFER, FileSays::Withdrawn(Why::Gone))]);
}

#[test]
fn what_was_decided_about_a_contact_holds_for_each_file() {
    let mut bench = Bench::new(None, None);
    bench.registered().meets_bob().line("/files bob always 1MB");
    let (peer, rule) = (address("bob"), FileRule::UpTo(1_000_000));
    assert_eq!(bench.last(), &Notice::FileRule { peer, rule });
    bench.is_offered(1, 1_000_000);
    assert_eq!(bench.stages(), [Stage::Offered, Stage::Accepted]);
    assert!(matches!(bench.asked()[..], [DiskRequest::Begin { .. }]));
    let mut bench = Bench::new(None, None);
    bench.registered().meets_bob().line("/files bob always 1MB").is_offered(1, 1_000_001);
    assert_eq!(bench.stages(), [Stage::Offered], "it is larger");
    let mut bench = Bench::new(None, None);
    bench.registered().meets_bob().line("/files bob never").said();
    bench.is_offered(1, 5);
    assert_eq!(bench.said(), [(OFFER, FileSays::Declined)]);
    bench.line("/files eve never");
    let problem = Problem::NoContact(address("eve"));
    assert_eq!(bench.last(), &Notice::Refused { reference: None, problem });
}

#[test]
fn nothing_is_said_of_files_to_a_program_that_knows_none() {
    let mut bench = Bench::new(Some("bob"), None);
    bench.registered().connected(BOB, "bob");
    bench.offers(5);
    bench.confirmed().said();
    bench.says_hello(false);
    assert_eq!(bench.said(), []);
    assert_eq!(bench.last(), &Notice::NoFiles(address("bob")));
}

#[test]
fn a_folder_waits_for_a_program_that_knows_folders() {
    let mut bench = Bench::new(Some("bob"), None);
    bench.registered().connected(BOB, "bob").says_hello_with(true, false);
    let content = Content::Folder { head: 9, files: 2 };
    let offer = bench.offers_content(50, content);
    let line = bench.lines.last().expect("a line").clone();
    assert_eq!(line.manner, Manner::OfferFolder { size: 50, root: ROOT, head: 9, files: 2 });
    let no_folders = Notice::NoFolders(address("bob"));
    let told = |bench: &Bench| bench.notices.iter().filter(|one| **one == no_folders).count();
    assert_eq!(told(&bench), 1);
    bench.confirmed().said();
    bench.says_hello_with(true, false);
    assert_eq!((bench.said(), told(&bench)), (vec![], 2));
    bench.says_hello_with(true, true);
    assert_eq!((bench.said(), told(&bench)), (vec![(line.id, FileSays::Stands)], 2));
    bench.hears_of(line.id, FileSays::Want { list: true, blocks: vec![(0, 1)] });
    let path = "/home/alice/photo.jpg".into();
    let serve = DiskRequest::Serve { offer, path, size: 50, root: Hash(ROOT) };
    assert_eq!(bench.asked(), [serve]);
}

#[test]
fn what_does_not_go_with_a_folder_is_said() {
    let mut bench = Bench::new(Some("bob"), None);
    bench.registered().meets_bob();
    bench.line("/send photos");
    let Some(Errand::Locate { purpose, .. }) = bench.errands.pop() else { panic!("no errand") };
    let path = "/home/alice/photos".to_owned();
    bench.input(Input::Ran(Outcome::Located { path, is_folder: true, purpose }));
    let asked = bench.asked();
    let [DiskRequest::Examine { offer, .. }] = asked[..] else { panic!("{asked:?}") };
    let content = Content::Folder { head: 9, files: 2 };
    bench.answers(DiskAnswer::Examined { offer, size: 50, root: Hash(ROOT), content, skipped: 3 });
    let left_out = Notice::LeftOut { name: "photos".to_owned(), count: 3 };
    assert!(bench.notices.contains(&left_out), "{:?}", bench.notices);
}

#[test]
fn a_file_that_is_not_what_was_offered_is_withdrawn() {
    let mut bench = Bench::new(Some("bob"), None);
    bench.registered().meets_bob();
    let offer = bench.offers(5);
    let line = bench.lines.last().expect("a line").clone();
    bench.confirmed().said();
    bench.hears_of(line.id, FileSays::Want { list: true, blocks: vec![(0, 1)] });
    let why = DiskProblem::Changed { place: "photo.jpg".to_owned() };
    bench.answers(DiskAnswer::Failed { offer, why });
    assert_eq!(bench.said(), [(line.id, FileSays::Withdrawn(Why::Changed))]);
    assert_eq!(bench.stages().last(), Some(&Stage::Withdrawn(Why::Changed)));
    bench.hears_of(line.id, FileSays::Want { list: true, blocks: vec![(0, 2)] });
    assert_eq!(bench.said().len(), 1, "more blocks than there are");
}

#[test]
fn what_was_kept_goes_on_in_the_next_run() {
    let kept = |by, id, state| KeptFile {
        with: address("bob"),
        by,
        id,
        delivered: true,
        name: "photo.jpg".to_owned(),
        size: 5,
        root: Hash(ROOT),
        content: Content::File,
        state,
        path: Some("/home/alice/photo.jpg".to_owned()),
        folder: Some("/other".to_owned()),
        called: Some("x.jpg".to_owned()),
    };
    let (given, taken, ended) = (LineId([1; 16]), LineId([2; 16]), LineId([3; 16]));
    let files = vec![
        kept(Direction::Out, given, FileState::Offered),
        kept(Direction::In, taken, FileState::Accepted),
        kept(Direction::In, ended, FileState::Done),
    ];
    let contacts = vec![known("bob", "rv", BOB)];
    let snapshot = Snapshot { contacts, files, ..Snapshot::default() };
    let mut bench = Bench::with(Some("bob"), None, snapshot);
    bench.registered().meets_bob();
    assert_eq!(bench.said(), [(given, FileSays::Stands)]);
    let asked = bench.asked();
    let [DiskRequest::Begin { folder, name, .. }] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!((folder.to_str(), name.as_str()), (Some("/other"), "x.jpg"));
    bench.line("/files");
    let Notice::Files(files) = bench.last() else { panic!("{:?}", bench.last()) };
    assert_eq!(files.iter().map(|one| one.number).collect::<Vec<_>>(), [1, 2]);
}
