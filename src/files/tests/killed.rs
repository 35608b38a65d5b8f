//! The program may be killed at any moment.

use proptest::prelude::*;

use super::*;

#[test]
fn what_was_written_is_there_in_the_next_run() {
    let folder = folder();
    let gift = Gift::of(5 * BLOCK - 1);
    let mut run = Run::new();
    run.begin(folder.path(), &gift);
    run.list(&gift);
    run.write(&gift, 1);
    run.write(&gift, 4);
    drop(run);
    let mut run = Run::new();
    assert_eq!(run.begin(folder.path(), &gift), [begun(&[0..1, 2..4], false)]);
    run.write(&gift, 3);
    run.desk.rest();
    run.sync();
    drop(run);
    let mut run = Run::new();
    assert_eq!(run.begin(folder.path(), &gift), [begun(&[0..1, 2..3], false)]);
    assert_eq!(fs::read(run.receive(folder.path(), &gift)).expect("reads"), gift.data);
}

#[test]
fn a_file_is_not_received_twice() {
    let folder = folder();
    let gift = Gift::of(2 * BLOCK + 1);
    // Killed before the chat has written down that it is there.
    let path = Run::new().receive(folder.path(), &gift);
    let mut run = Run::new();
    let finished = DiskAnswer::Finished { offer: OFFER, path: path.clone() };
    assert_eq!(run.begin(folder.path(), &gift), [begun(&[], false), finished]);
    // Unless it has become another one meanwhile.
    fs::write(&path, vec![1; gift.data.len()]).expect("writes");
    let second = Run::new().receive(folder.path(), &gift);
    assert_eq!(second, folder.path().join("gift (2).tar.gz"));
    assert_eq!(fs::read(second).expect("reads"), gift.data);
    assert_eq!(fs::read(path).expect("reads"), vec![1; gift.data.len()]);
}

#[test]
fn notes_without_a_part_and_a_part_without_notes_begin_anew() {
    for lost in hidden() {
        let folder = folder();
        let gift = Gift::of(3 * BLOCK);
        let mut run = Run::new();
        run.begin(folder.path(), &gift);
        run.list(&gift);
        run.write(&gift, 0);
        run.desk.rest();
        run.sync();
        drop(run);
        fs::remove_file(folder.path().join(&lost)).expect("removes");
        let mut run = Run::new();
        let list = lost.ends_with(".notes");
        let all = begun(std::slice::from_ref(&(0..3)), list);
        assert_eq!(run.begin(folder.path(), &gift), [all]);
        assert_eq!(fs::read(run.receive(folder.path(), &gift)).expect("reads"), gift.data);
    }
}

#[test]
fn the_part_of_another_file_is_no_beginning() {
    let folder = folder();
    let (one, other) = (Gift::of(2 * BLOCK), Gift::of(2 * BLOCK + 1));
    let mut run = Run::new();
    run.begin(folder.path(), &one);
    run.list(&one);
    run.write(&one, 0);
    assert_eq!(run.begin(folder.path(), &other), [begun(std::slice::from_ref(&(0..3)), true)]);
    assert_eq!(fs::read(run.receive(folder.path(), &other)).expect("reads"), other.data);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn one_whole_file_is_there_in_the_end_and_nothing_else(
        size in 1..4 * BLOCK,
        moments in proptest::collection::vec(0_usize..12, 0..6),
        power in any::<bool>(),
    ) {
        let folder = folder();
        let gift = Gift::of(size);
        for moment in moments {
            let mut run = Run::new();
            let mut left = moment;
            live(&mut run, folder.path(), &gift, &mut || { left = left.saturating_sub(1); left > 0 });
            drop(run);
            let part = folder.path().join(&hidden()[1]);
            if power && part.exists() {
                // The computer was killed, too: of what was not yet kept, a piece is lost.
                lose(folder.path(), &gift);
            }
        }
        let mut run = Run::new();
        let path = run.receive(folder.path(), &gift);
        prop_assert_eq!(&path, &folder.path().join("gift.tar.gz"));
        prop_assert!(fs::read(path).expect("reads") == gift.data);
        run.discard(folder.path());
        prop_assert_eq!(names(folder.path()), ["gift.tar.gz"]);
    }
}

/// A run that goes on for as long as it may.
fn live(run: &mut Run, folder: &Path, gift: &Gift, goes_on: &mut impl FnMut() -> bool) {
    run.desk.handle(DiskRequest::Begin {
        offer: OFFER,
        folder: folder.to_owned(),
        name: FileName::of("gift.tar.gz"),
        size: gift.data.len() as u64,
        root: gift.root,
        content: Content::File,
        insists: false,
    });
    while run.desk.is_busy() {
        if !goes_on() {
            return;
        }
        run.desk.step();
    }
    let Ok(DiskAnswer::Begun { missing, list, .. }) = run.answers.try_recv() else { return };
    if list && goes_on() {
        run.list(gift);
    }
    for (at, block) in missing.into_iter().flatten().enumerate() {
        if !goes_on() {
            return;
        }
        run.write(gift, block);
        if at == 1 {
            run.desk.rest();
            run.sync();
        }
    }
    if goes_on() {
        run.sync();
    }
}

/// Damages the blocks that the notes do not call kept.
fn lose(folder: &Path, gift: &Gift) {
    let notes = fs::read(folder.join(&hidden()[0])).expect("reads");
    let mut part =
        fs::OpenOptions::new().write(true).open(folder.join(&hidden()[1])).expect("opens");
    for (block, _) in (0..).zip(gift.data.chunks(BLOCK as usize)) {
        // Where the states are, src/files/notes.rs says.
        if notes.get(313 + block).is_some_and(|state| *state == 1) {
            part::put(&mut part, block as u64 * BLOCK, &[0]).expect("writes");
        }
    }
}
