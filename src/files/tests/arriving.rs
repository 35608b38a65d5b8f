//! What arrives is what was offered, and takes nothing else's place.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::chat::files::disk::{MAX_SIZE, blocks};

#[test]
fn a_file_is_whole_whatever_the_order_of_its_blocks() {
    let folder = folder();
    let gift = Gift::of(5 * BLOCK + 123);
    let mut run = Run::new();
    assert_eq!(run.begin(folder.path(), &gift), [begun(std::slice::from_ref(&(0..6)), true)]);
    assert_eq!(names(folder.path()), hidden());
    assert_eq!(run.list(&gift), [DiskAnswer::Listed { offer: OFFER }]);
    for block in [5, 0, 3, 1, 4] {
        assert_eq!(run.write(&gift, block), [written(block)]);
    }
    // Once more, as after a session that broke.
    assert_eq!(run.write(&gift, 3), [written(3)]);
    assert_eq!(run.write(&gift, 2), [written(2)]);
    assert_eq!(names(folder.path()), hidden(), "not before the disk keeps it");
    let path = folder.path().join("gift.tar.gz");
    assert_eq!(run.sync(), [DiskAnswer::Finished { offer: OFFER, path: path.clone() }]);
    assert_eq!(fs::read(&path).expect("reads"), gift.data);
    assert_eq!(run.discard(folder.path()), [CLOSED]);
    assert_eq!(names(folder.path()), ["gift.tar.gz"]);
}

#[test]
fn small_and_empty_files_need_no_list() {
    for size in [0, 1, BLOCK] {
        let folder = folder();
        let gift = Gift::of(size);
        let mut run = Run::new();
        let path = run.receive(&folder.path().join("made"), &gift);
        assert_eq!(fs::read(&path).expect("reads"), gift.data);
        assert_eq!(path, folder.path().join("made/gift.tar.gz"));
        let mut run = Run::new();
        assert!(matches!(
            run.begin(folder.path(), &gift).first(),
            Some(DiskAnswer::Begun { list: false, .. })
        ));
    }
}

#[test]
fn what_is_not_of_the_file_is_not_written() {
    let folder = folder();
    let gift = Gift::of(2 * BLOCK + 5);
    let mut run = Run::new();
    run.begin(folder.path(), &gift);
    assert_eq!(run.write(&gift, 0), [failed(DiskProblem::NotOpen)], "without a list");
    run.begin(folder.path(), &gift);
    let mut wrong = gift.list.clone();
    wrong[0] ^= 1;
    for list in [wrong, Vec::new(), gift.list[1..].to_vec(), [&gift.list[..], &[0; 32]].concat()] {
        let answers = run.ask(DiskRequest::List { offer: OFFER, list });
        assert_eq!(answers, [failed(DiskProblem::WrongList)]);
        run.begin(folder.path(), &gift);
    }
    run.list(&gift);
    let mut other = gift.block(0).to_vec();
    other[77] ^= 1;
    for (block, data) in [
        (0, other),
        (0, gift.block(1).to_vec()),
        (2, gift.block(0).to_vec()),
        (0, Vec::new()),
        (3, Vec::new()),
        (3, vec![0; 5]),
        (u64::MAX, vec![1]),
    ] {
        let answers = run.ask(DiskRequest::Write { offer: OFFER, block, data });
        assert_eq!(answers, [failed(DiskProblem::WrongBlock { block })]);
    }
    let part = fs::read(folder.path().join(&hidden()[1])).expect("reads");
    assert_eq!(part, vec![0; gift.data.len()]);
    // Others may still be right.
    assert_eq!(run.write(&gift, 0), [written(0)]);
}

#[test]
fn a_hash_that_no_file_has_ends_with_its_list() {
    let folder = folder();
    let mut run = Run::new();
    let lie = Gift { data: Vec::new(), root: Hash([0; 32]), list: Vec::new() };
    assert_eq!(run.begin(folder.path(), &lie), [begun(&[], true)]);
    assert_eq!(run.list(&lie), [failed(DiskProblem::WrongList)]);
}

#[test]
fn what_is_too_large_is_refused_before_anything_is_made() {
    let folder = folder();
    let size = MAX_SIZE + 1;
    let answers = Run::new().ask(DiskRequest::Begin {
        offer: OFFER,
        folder: folder.path().to_owned(),
        name: FileName::of("x"),
        size,
        root: Hash([0; 32]),
        content: Content::File,
        insists: false,
    });
    assert_eq!(answers, [failed(DiskProblem::TooLarge { size })]);
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn nothing_is_written_over() {
    let folder = folder();
    let gift = Gift::of(10);
    fs::write(folder.path().join("gift.tar.gz"), "mine").expect("writes");
    fs::create_dir(folder.path().join("gift (2).tar.gz")).expect("a folder");
    let third = folder.path().join("gift (3).tar.gz");
    #[cfg(unix)]
    std::os::unix::fs::symlink("nowhere", &third).expect("a link");
    #[cfg(not(unix))]
    fs::write(&third, "mine").expect("writes");
    let path = Run::new().receive(folder.path(), &gift);
    assert_eq!(path, folder.path().join("gift (4).tar.gz"));
    assert_eq!(fs::read(folder.path().join("gift.tar.gz")).expect("reads"), b"mine");
    assert_eq!(fs::read(path).expect("reads"), gift.data);
}

#[test]
#[cfg(unix)]
fn a_link_in_place_of_the_part_is_not_followed() {
    let folder = folder();
    let gift = Gift::of(10);
    let precious = folder.path().join("precious");
    fs::write(&precious, "precious things").expect("writes");
    for name in hidden() {
        let link = folder.path().join(name);
        std::os::unix::fs::symlink(&precious, &link).expect("a link");
        let answers = Run::new().begin(folder.path(), &gift);
        assert!(matches!(answers[..], [DiskAnswer::Failed { .. }]), "{answers:?}");
        assert_eq!(fs::read(&precious).expect("reads"), b"precious things");
        fs::remove_file(link).expect("removes");
    }
}

#[test]
fn a_full_disk_keeps_what_arrived() {
    let folder = folder();
    let gift = Gift::of(4 * BLOCK);
    let room = Arc::new(AtomicU64::new(2));
    let left = Arc::clone(&room);
    let mut run = Run::on(move |file, at, bytes| {
        let take = |left: u64| left.checked_sub(1);
        if left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_err() {
            part::put(file, at, &bytes[..100])?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        part::put(file, at, bytes)
    });
    run.begin(folder.path(), &gift);
    run.list(&gift);
    assert_eq!(run.write(&gift, 2), [written(2)]);
    assert_eq!(run.write(&gift, 1), [written(1)]);
    let answers = run.write(&gift, 0);
    let [DiskAnswer::Failed { why: why @ DiskProblem::Full { .. }, .. }] = &answers[..] else {
        panic!("{answers:?}");
    };
    assert!(why.ends());
    // What was on its way comes to nothing.
    assert_eq!(run.write(&gift, 3), [failed(DiskProblem::NotOpen)]);
    room.store(9, Ordering::Relaxed);
    assert_eq!(run.begin(folder.path(), &gift), [begun(&[0..1, 3..4], false)]);
    assert_eq!(fs::read(run.receive(folder.path(), &gift)).expect("reads"), gift.data);
}

#[test]
fn what_the_disk_could_not_keep_is_looked_at_again() {
    let folder = folder();
    let gift = Gift::of(3 * BLOCK);
    let mut run = Run::new();
    run.begin(folder.path(), &gift);
    run.list(&gift);
    run.write(&gift, 0);
    run.write(&gift, 1);
    run.desk.rest();
    let sync = run.syncs.try_recv().expect("the disk is asked");
    // Meanwhile one comes that it was not asked for.
    run.write(&gift, 2);
    run.desk.synced(sync.offer, sync.run, Err(io::ErrorKind::StorageFull.into()));
    let answers: Vec<_> = run.answers.try_iter().collect();
    let full = |answer: &DiskAnswer| {
        matches!(answer, DiskAnswer::Failed { why: DiskProblem::Full { .. }, .. })
    };
    assert!(matches!(&answers[..], [one] if full(one)), "{answers:?}");
    // The disk has lost one of them.
    let part = folder.path().join(&hidden()[1]);
    let mut file = fs::OpenOptions::new().write(true).open(part).expect("opens");
    part::put(&mut file, BLOCK, &[0; 4096]).expect("writes");
    assert_eq!(run.begin(folder.path(), &gift), [begun(std::slice::from_ref(&(1..2)), false)]);
    assert_eq!(fs::read(run.receive(folder.path(), &gift)).expect("reads"), gift.data);
}

#[test]
fn the_disk_is_asked_for_many_blocks_at_once() {
    let folder = folder();
    // Holes, so that it is not much.
    let gift = Gift::new(vec![0; 130 * BLOCK as usize]);
    let mut run = Run::new();
    run.begin(folder.path(), &gift);
    run.list(&gift);
    for block in 0..63 {
        run.write(&gift, block);
    }
    assert!(run.syncs.try_recv().is_err());
    for block in 63..129 {
        run.write(&gift, block);
    }
    let first = run.syncs.try_recv().expect("the disk is asked");
    assert!(run.syncs.try_recv().is_err(), "one after the other");
    run.desk.synced(first.offer, first.run, Ok(()));
    let second = run.syncs.try_recv().expect("the disk is asked");
    run.write(&gift, 129);
    run.desk.synced(second.offer, second.run, Ok(()));
    let answers = run.sync();
    assert!(matches!(answers.last(), Some(DiskAnswer::Finished { .. })), "{answers:?}");
}

#[test]
#[cfg(unix)]
fn what_has_no_room_is_not_begun() {
    let folder = folder();
    // 1 TiB, of which there is no list: nobody has so much in a temporary folder.
    let begin = |insists| DiskRequest::Begin {
        offer: OFFER,
        folder: folder.path().to_owned(),
        name: FileName::of("x"),
        size: MAX_SIZE,
        root: Hash([1; 32]),
        content: Content::File,
        insists,
    };
    let answers = Run::new().ask(begin(false));
    let no_room = |answer: &DiskAnswer| match answer {
        DiskAnswer::Failed { why: DiskProblem::NoRoom { needed, free, .. }, .. } => {
            *needed == MAX_SIZE && free < needed
        }
        _ => false,
    };
    let system = rustix::fs::statvfs(folder.path()).expect("a file system");
    let is_huge = system.f_bavail * system.f_frsize >= MAX_SIZE;
    assert!(is_huge || matches!(&answers[..], [one] if no_room(one)), "{answers:?}");
    // Somebody may know that most of it is empty.
    let answers = Run::new().ask(begin(true));
    assert!(matches!(answers[..], [DiskAnswer::Begun { .. }]), "{answers:?}");
}

#[test]
#[cfg(unix)]
fn holes_stay_holes() {
    use std::os::unix::fs::MetadataExt;
    let folder = folder();
    let gift = Gift::new(vec![0; 20 * BLOCK as usize + 1]);
    let mut run = Run::new();
    run.begin(folder.path(), &gift);
    run.list(&gift);
    // Something was half written when the program was killed.
    let part = folder.path().join(&hidden()[1]);
    let mut file = fs::OpenOptions::new().write(true).open(part).expect("opens");
    part::put(&mut file, BLOCK + 9, b"half a block").expect("writes");
    let path = run.receive(folder.path(), &gift);
    assert!(path.metadata().expect("is there").blocks() * 512 <= 2 * BLOCK);
    assert_eq!(fs::read(path).expect("reads"), gift.data);
}

#[test]
fn two_processes_do_not_receive_the_same_file() {
    let folder = folder();
    let gift = Gift::of(2 * BLOCK);
    let (mut one, mut other) = (Run::new(), Run::new());
    one.begin(folder.path(), &gift);
    let busy =
        failed(DiskProblem::Busy { place: folder.path().join(&hidden()[0]).display().to_string() });
    assert_eq!(other.begin(folder.path(), &gift), std::slice::from_ref(&busy));
    assert_eq!(other.discard(folder.path()), [busy]);
    assert_eq!(one.ask(DiskRequest::Close { offer: OFFER }), [CLOSED]);
    assert_eq!(other.begin(folder.path(), &gift).len(), 1);
    assert_eq!(fs::read(other.receive(folder.path(), &gift)).expect("reads"), gift.data);
}

#[test]
fn what_is_given_up_leaves_nothing() {
    let folder = folder();
    let gift = Gift::of(3 * BLOCK);
    fs::write(folder.path().join("gift.tar.gz"), "mine").expect("writes");
    let mut run = Run::new();
    run.begin(folder.path(), &gift);
    run.list(&gift);
    run.write(&gift, 1);
    assert_eq!(run.discard(folder.path()), [CLOSED]);
    assert_eq!(names(folder.path()), ["gift.tar.gz"]);
    assert_eq!(run.write(&gift, 0), [failed(DiskProblem::NotOpen)]);
    assert_eq!(run.discard(folder.path()), [CLOSED], "there is nothing to remove");
    assert_eq!(blocks(gift.data.len() as u64), 3);
}
