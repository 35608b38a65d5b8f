//! What is done outside of network and store, and what is decided for all conversations.

use std::time::Duration;

use super::*;

/// The lines that wait, as a page.
pub(super) fn page(lines: &[OutgoingLine]) -> StoreReply {
    let lines = lines.iter().map(|line| HistoryLine {
        author: None,
        key: None,
        with: line.to.clone(),
        id: line.id,
        direction: Direction::Out,
        sent_at: line.sent_at,
        arrived_at: None,
        audience: line.audience,
        text: line.text.clone(),
        manner: line.manner,
        quote: None,
        edited_at: None,
        deleted: false,
        standing: room::Standing::Counts,
        reactions: Vec::new(),
        state: LineState::Queued,
        namesake: false,
        progress: None,
        place: Place(line.seq.cast_signed()),
    });
    StoreReply::Page { lines: lines.collect(), end: true }
}

/// What is to be done outside since the last time.
fn errands(bench: &mut Bench) -> Vec<Errand> {
    std::mem::take(&mut bench.errands)
}

fn talking() -> Bench {
    let mut bench = Bench::new(Some("bob"), None);
    bench.registered().connected(BOB, "bob");
    bench
}

#[test]
fn an_export_is_of_the_conversation_that_is_open() {
    let mut bench = talking();
    bench.line("/export ~/with bob.md");
    let path = "~/with bob.md".to_owned();
    let with = Some(address("bob"));
    let expected = Errand::Export { format: Format::Markdown, with, path: path.clone() };
    assert_eq!(errands(&mut bench), [expected]);
    bench.input(Input::Ran(Outcome::Exported { path: path.clone(), lines: 2 }));
    assert_eq!(bench.last(), &Notice::Exported { path, lines: 2 });
}

#[test]
fn nobody_leaves_before_an_errand_is_done() {
    let mut bench = talking();
    bench.line("/export a").line("/quit");
    assert_eq!(bench.quit, None);
    bench.input(Input::Ran(Outcome::Failed(Problem::FileExists("a".to_owned()))));
    assert_eq!(bench.quit, Some((ExitCode::Done, 0)));
}

#[test]
fn links_are_counted_back_from_the_newest() {
    let mut bench = talking();
    for text in
        ["https://example.org/1 https://example.org/2", "none", "see https://example.org/3."]
    {
        bench.line(text);
    }
    for (number, page) in [(1, 3), (2, 2), (3, 1)] {
        bench.line(&format!("/open {number}"));
        let link = format!("https://example.org/{page}");
        assert_eq!(errands(&mut bench), [Errand::Open(link.clone())]);
        bench.input(Input::Ran(Outcome::Opened(link.clone())));
        assert_eq!(bench.last(), &Notice::Opened { link });
    }
    bench.line("/open 4");
    let refused = Notice::Refused { reference: None, problem: Problem::NoSuchLink };
    assert_eq!(bench.last(), &refused);
    assert!(errands(&mut bench).is_empty());
}

#[test]
fn how_long_lines_are_kept_is_a_setting_like_others() {
    let mut bench = talking();
    bench.line("/set retention 2w");
    let settings = |retention: &str| {
        let all = [("read", "off"), ("typing", "off"), ("retention", retention)];
        Notice::Settings(all.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    };
    assert_eq!(bench.last(), &settings("14d"));
    let saved = vec![("retention".to_owned(), "14d".to_owned())];
    let snapshot = Snapshot { settings: saved, ..Snapshot::default() };
    let mut bench = Bench::with(None, None, snapshot);
    bench.line("/set");
    assert_eq!(bench.last(), &settings("14d"));
}

#[test]
fn a_line_ends_typing_and_what_is_typed_next_is_told_at_once() {
    let mut bench = talking();
    bench.line("/set typing on");
    let types = |bench: &mut Bench, typing| {
        let before = bench.commands.len();
        bench.input(Input::Typing { to: address("bob"), typing });
        bench.commands.len() - before
    };
    assert_eq!(types(&mut bench, true), 1);
    assert_eq!(types(&mut bench, true), 0, "it is known");
    bench.line("hello");
    assert_eq!(types(&mut bench, false), 0, "the line has said so");
    assert_eq!(types(&mut bench, true), 1);
}

#[test]
fn a_path_that_takes_longer_is_news_for_the_screen_alone() {
    let mut bench = talking();
    let rtt = Duration::from_millis(80);
    bench.event(Event::PathMeasured { peer: BOB, rtt });
    assert_eq!(bench.last(), &Notice::Measured { peer: address("bob"), rtt });
    let summary = bench.chat.peers(FaceId::FIRST).remove(0);
    assert_eq!(summary.path.and_then(|path| path.rtt), Some(rtt));
}
