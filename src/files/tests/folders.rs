//! A folder arrives as it was, whatever happens on the way, and never anywhere else.

use proptest::prelude::*;

use super::*;
use crate::chat::files::folder::{Entry, Head};

/// A folder that somebody gives us, as one stream.
struct Given {
    gift: Gift,
    content: Content,
}

impl Given {
    fn new(entries: Vec<Entry>, data: &[u8]) -> Self {
        let head = Head::new(entries).expect("a head");
        let content = Content::Folder { head: head.bytes(), files: head.files() };
        Self { gift: Gift::new([&head.write(), data].concat()), content }
    }

    /// With two files in it that fill some blocks, and two that are empty.
    fn some() -> Self {
        let size = 2 * BLOCK;
        let mut data = Gift::of(2 * size + 7).data;
        data[BLOCK as usize] ^= 1;
        Self::new(
            vec![
                entry(0, "a", None),
                entry(1, "first", Some(size)),
                entry(1, "empty", Some(0)),
                entry(0, "b", None),
                entry(1, "nothing", None),
                entry(1, "second", Some(size)),
                entry(0, "third", Some(7)),
            ],
            &data,
        )
    }

    fn begin(&self, run: &mut Run, folder: &Path) -> Vec<DiskAnswer> {
        run.ask(DiskRequest::Begin {
            offer: OFFER,
            folder: folder.to_owned(),
            name: FileName::of("photos"),
            size: self.gift.data.len() as u64,
            root: self.gift.root,
            content: self.content,
            insists: false,
        })
    }

    /// All of it arrives, as far as it is missing, or as long as it may: where it is then.
    fn receive(
        &self,
        run: &mut Run,
        folder: &Path,
        goes_on: &mut impl FnMut() -> bool,
    ) -> Option<PathBuf> {
        let mut said = self.begin(run, folder);
        let Some(DiskAnswer::Begun { missing, list, .. }) = said.first().cloned() else {
            panic!("not begun: {said:?}");
        };
        if list && goes_on() {
            said.extend(run.list(&self.gift));
        }
        for (at, block) in missing.into_iter().flatten().enumerate() {
            if !goes_on() {
                return None;
            }
            assert_eq!(run.write(&self.gift, block), [written(block)]);
            if at == 1 {
                run.desk.rest();
                said.extend(run.sync());
            }
        }
        if !goes_on() {
            return None;
        }
        said.extend(run.sync());
        match said.pop() {
            Some(DiskAnswer::Finished { path, .. }) => Some(path),
            other => panic!("not finished: {other:?}"),
        }
    }

    fn whole(&self, folder: &Path) -> PathBuf {
        self.receive(&mut Run::new(), folder, &mut || true).expect("it is whole")
    }
}

fn entry(depth: u8, name: &str, size: Option<u64>) -> Entry {
    Entry { depth, name: name.to_owned(), size }
}

/// Everything in a folder: its path, and what is in it if it is a file.
fn tree(folder: &Path) -> Vec<(String, Option<Vec<u8>>)> {
    let mut all = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(next) = waiting.pop() {
        for name in names(&next) {
            let path = next.join(name);
            let is_folder = path.symlink_metadata().expect("is there").is_dir();
            let data = (!is_folder).then(|| fs::read(&path).expect("reads"));
            let said = path.strip_prefix(folder).expect("in it").to_string_lossy().into_owned();
            if is_folder {
                waiting.push(path);
            }
            all.push((said, data));
        }
    }
    all.sort();
    all
}

/// A folder of ours with all sorts of things in it.
fn ours(at: &Path) -> PathBuf {
    let folder = at.join("ours");
    let deep = folder.join("x/y/z");
    fs::create_dir_all(&deep).expect("makes");
    fs::create_dir_all(folder.join("x/nothing")).expect("makes");
    fs::write(folder.join(".hidden"), "h").expect("writes");
    fs::write(folder.join("empty"), "").expect("writes");
    fs::write(folder.join("x/-rf  big"), Gift::of(3 * BLOCK + 5).data).expect("writes");
    fs::write(deep.join("文.txt"), "deep").expect("writes");
    folder
}

/// What a folder of ours is on its way, as a disk in this run reads it.
fn read(run: &mut Run, path: &Path) -> Given {
    let answers = run.ask(DiskRequest::Examine { offer: OFFER, path: path.to_owned() });
    let [DiskAnswer::Examined { size, root, content, .. }] = answers[..] else {
        panic!("{answers:?}");
    };
    run.ask(DiskRequest::Serve { offer: OFFER, path: path.to_owned(), size, root });
    let mut data = Vec::new();
    for block in 0..size.div_ceil(BLOCK) {
        let mut answers = run.ask(DiskRequest::Read { offer: OFFER, block });
        match answers.pop() {
            Some(DiskAnswer::Block { data: more, .. }) => data.extend(more),
            other => panic!("{other:?}"),
        }
    }
    let gift = Gift::new(data);
    assert_eq!(gift.root, root);
    Given { gift, content }
}

#[test]
fn a_folder_arrives_as_it_is() {
    let (here, there) = (folder(), folder());
    let path = ours(here.path());
    let given = read(&mut Run::new(), &path);
    assert!(matches!(given.content, Content::Folder { files: 4, .. }), "{:?}", given.content);
    let arrived = given.whole(there.path());
    assert_eq!(arrived, there.path().join("photos"));
    assert_eq!(tree(&arrived), tree(&path));
    // What is beside it goes when that is written down.
    Run::new().discard(there.path());
    assert_eq!(names(there.path()), ["photos"]);
    // Another of its name has another name, and an empty folder is not replaced either.
    fs::create_dir(there.path().join("photos (2)")).expect("makes");
    assert_eq!(given.whole(there.path()), there.path().join("photos (3)"));
    assert_eq!(tree(&there.path().join("photos (3)")), tree(&path));
    // One with nothing in it is a folder, too.
    let nothing = here.path().join("nothing");
    fs::create_dir(&nothing).expect("makes");
    let given = read(&mut Run::new(), &nothing);
    Run::new().discard(there.path());
    assert_eq!(tree(&given.whole(there.path())), []);
}

#[test]
fn a_folder_is_the_same_in_another_run_until_something_in_it_changes() {
    let here = folder();
    let path = ours(here.path());
    let mut run = Run::new();
    let given = read(&mut run, &path);
    let (size, root) = (given.gift.data.len() as u64, given.gift.root);
    let serve = || DiskRequest::Serve { offer: OFFER, path: path.clone(), size, root };
    let block = || DiskRequest::Read { offer: OFFER, block: 0 };
    assert!(matches!(Run::new().ask(serve())[..], [DiskAnswer::Served { .. }]));
    fs::write(path.join("x/-rf  big"), "other").expect("writes");
    let answers = run.ask(block());
    assert!(
        matches!(answers[..], [DiskAnswer::Failed { why: DiskProblem::Changed { .. }, .. }]),
        "{answers:?}"
    );
    for mut run in [run, Run::new()] {
        let answers = run.ask(serve());
        assert!(
            matches!(answers[..], [DiskAnswer::Failed { why: DiskProblem::Changed { .. }, .. }]),
            "{answers:?}"
        );
    }
    let given = read(&mut Run::new(), &path);
    let mut run = Run::new();
    let (size, root) = (given.gift.data.len() as u64, given.gift.root);
    run.ask(DiskRequest::Serve { offer: OFFER, path: path.clone(), size, root });
    fs::remove_file(path.join("x/y/z/文.txt")).expect("removes");
    let answers = run.ask(block());
    assert!(
        matches!(answers[..], [DiskAnswer::Failed { why: DiskProblem::Changed { .. }, .. }]),
        "{answers:?}"
    );
}

#[test]
#[cfg(unix)]
fn links_are_neither_followed_nor_given() {
    let here = folder();
    let path = ours(here.path());
    let before = read(&mut Run::new(), &path);
    fs::write(here.path().join("secret"), "secret").expect("writes");
    std::os::unix::fs::symlink(here.path().join("secret"), path.join("link")).expect("links");
    std::os::unix::fs::symlink(here.path(), path.join("x/loop")).expect("links");
    std::os::unix::fs::symlink("nowhere", path.join("dangling")).expect("links");
    let answers = Run::new().ask(DiskRequest::Examine { offer: OFFER, path: path.clone() });
    assert!(
        matches!(answers[..], [DiskAnswer::Examined { root, skipped: 3, .. }] if root == before.gift.root),
        "{answers:?}"
    );
    // One that takes the place of a file while that is given.
    let mut run = Run::new();
    let given = read(&mut run, &path);
    fs::remove_file(path.join(".hidden")).expect("removes");
    std::os::unix::fs::symlink(here.path().join("secret"), path.join(".hidden")).expect("links");
    let answers = run.ask(DiskRequest::Read { offer: OFFER, block: 0 });
    assert!(matches!(answers[..], [DiskAnswer::Failed { .. }]), "{answers:?}");
    // One in place of the folder that arrives.
    let there = folder();
    let link = there.path().join(format!(".p2pchat-{OFFER}.folder"));
    std::os::unix::fs::symlink(here.path(), link).expect("links");
    let answers = given.begin(&mut Run::new(), there.path());
    assert!(matches!(answers[..], [DiskAnswer::Failed { .. }]), "{answers:?}");
    Run::new().discard(there.path());
    assert!(here.path().join("secret").exists());
}

#[test]
fn nothing_hostile_leads_out_of_the_folder_or_over_another_file() {
    let there = folder();
    fs::write(there.path().join("precious"), "mine").expect("writes");
    let hostile = [
        "../precious",
        "..",
        "/etc/passwd",
        "C:\\x",
        "nul",
        "a",
        "A",
        "a",
        "x\u{1b}[2J",
        "e\u{301}",
        "é",
    ];
    let mut entries = vec![entry(0, "..", None)];
    entries.extend(hostile.iter().map(|name| entry(1, name, Some(1))));
    let given = Given::new(entries, b"0123456789!");
    let arrived = given.whole(there.path());
    let tree = tree(&arrived);
    let mut data: Vec<u8> = tree.iter().filter_map(|(_, data)| data.clone()).flatten().collect();
    data.sort_unstable();
    assert_eq!(data, b"!0123456789", "each is there, none over another: {tree:?}");
    assert_eq!(tree.len(), 1 + hostile.len());
    Run::new().discard(there.path());
    assert_eq!(names(there.path()), ["photos", "precious"]);
    assert_eq!(fs::read(there.path().join("precious")).expect("reads"), b"mine");
}

#[test]
fn a_folder_that_is_not_what_was_offered_is_refused_before_anything_is_made() {
    let honest = Given::some();
    let Content::Folder { head, files } = honest.content else { unreachable!("a folder") };
    let with = |head, files| Given {
        gift: Gift::new(honest.gift.data.clone()),
        content: Content::Folder { head, files },
    };
    let junk = Given { gift: Gift::of(BLOCK + 9), content: honest.content };
    let mut longer = honest.gift.data.clone();
    longer.push(1);
    let longer = Given { gift: Gift::new(longer), content: honest.content };
    for given in [with(head - 1, files), with(head + 1, files), with(head, files + 1), junk, longer]
    {
        let there = folder();
        let mut run = Run::new();
        given.begin(&mut run, there.path());
        run.list(&given.gift);
        assert_eq!(run.write(&given.gift, 0), [failed(DiskProblem::WrongFolder)]);
        assert_eq!(tree(&there.path().join(format!(".p2pchat-{OFFER}.folder"))), []);
    }
}

#[test]
fn what_comes_before_the_head_is_not_taken() {
    let entries = (0..21_000).map(|n| entry(0, &format!("{n:0>100}"), Some(1))).collect();
    let data = vec![7; 21_000];
    let given = Given::new(entries, &data);
    let Content::Folder { head, .. } = given.content else { unreachable!("a folder") };
    assert!(u64::from(head) > 2 * BLOCK, "the head has several blocks");
    let there = folder();
    let mut run = Run::new();
    given.begin(&mut run, there.path());
    run.list(&given.gift);
    assert_eq!(run.write(&given.gift, 2), [failed(DiskProblem::WrongBlock { block: 2 })]);
    assert_eq!(run.write(&given.gift, 1), [written(1)]);
    drop(run);
    let arrived = given.whole(there.path());
    assert_eq!(names(&arrived).len(), 21_000);
}

#[test]
fn a_folder_with_too_much_in_it_is_not_offered() {
    let here = folder();
    let mut deep = here.path().to_owned();
    for _ in 0..66 {
        deep.push("d");
    }
    fs::create_dir_all(&deep).expect("makes");
    let place = here.path().display().to_string();
    let answers =
        Run::new().ask(DiskRequest::Examine { offer: OFFER, path: here.path().to_owned() });
    assert_eq!(answers, [failed(DiskProblem::TooMuch { place })]);
}

#[test]
fn a_finished_folder_that_was_not_written_down_is_found_and_one_that_was_changed_comes_again() {
    let there = folder();
    let given = Given::some();
    let arrived = given.whole(there.path());
    assert_eq!(given.whole(there.path()), arrived, "found, and nothing comes twice");
    fs::write(arrived.join("a/first"), "changed").expect("writes");
    let second = given.whole(there.path());
    assert_eq!(second, there.path().join("photos (2)"));
    assert_eq!(fs::read(arrived.join("a/first")).expect("reads"), b"changed");
}

#[test]
fn what_is_taken_back_leaves_nothing() {
    let there = folder();
    let given = Given::some();
    let mut run = Run::new();
    let mut left = 3;
    given.receive(&mut run, there.path(), &mut || {
        left -= 1;
        left > 0
    });
    assert_eq!(names(there.path()).len(), 3);
    assert_eq!(run.discard(there.path()), [CLOSED]);
    assert_eq!(names(there.path()), [""; 0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn one_whole_folder_is_there_in_the_end_and_nothing_else(
        moments in proptest::collection::vec(0_usize..9, 0..6),
    ) {
        let (there, whole) = (folder(), folder());
        let given = Given::some();
        for moment in moments {
            let mut left = moment;
            let mut goes_on = || { left = left.saturating_sub(1); left > 0 };
            given.receive(&mut Run::new(), there.path(), &mut goes_on);
        }
        let arrived = given.whole(there.path());
        prop_assert_eq!(&arrived, &there.path().join("photos"));
        prop_assert!(tree(&arrived) == tree(&given.whole(whole.path())));
        Run::new().discard(there.path());
        prop_assert_eq!(names(there.path()), ["photos"]);
    }
}
