//! What is offered is read as it was, or not at all.

use super::*;
use crate::files::Files;

fn examine(path: &Path) -> DiskRequest {
    DiskRequest::Examine { offer: OFFER, path: path.to_owned() }
}

fn serve(path: &Path, gift: &Gift) -> DiskRequest {
    let size = gift.data.len() as u64;
    DiskRequest::Serve { offer: OFFER, path: path.to_owned(), size, root: gift.root }
}

fn served(gift: &Gift) -> DiskAnswer {
    DiskAnswer::Served { offer: OFFER, list: gift.list.clone() }
}

fn changed(path: &Path) -> DiskAnswer {
    failed(DiskProblem::Changed { place: path.display().to_string() })
}

/// A file with the gift in it.
fn written_down(folder: &TempDir, gift: &Gift) -> PathBuf {
    let path = folder.path().join("mine");
    fs::write(&path, &gift.data).expect("writes");
    path
}

#[test]
fn a_file_is_examined_and_read_also_in_another_run() {
    for size in [0, 1, BLOCK, 3 * BLOCK + 7] {
        let folder = folder();
        let gift = Gift::of(size);
        let path = written_down(&folder, &gift);
        let mut run = Run::new();
        let examined = DiskAnswer::Examined {
            offer: OFFER,
            size,
            root: gift.root,
            content: Content::File,
            skipped: 0,
        };
        assert_eq!(run.ask(examine(&path)), [examined]);
        assert_eq!(run.ask(serve(&path, &gift)), [served(&gift)]);
        assert_eq!(run.ask(DiskRequest::Close { offer: OFFER }), [CLOSED]);
        assert_eq!(run.ask(serve(&path, &gift)), [served(&gift)]);
        let mut run = Run::new();
        assert_eq!(run.ask(serve(&path, &gift)), [served(&gift)]);
        for (block, data) in (0..).zip(gift.data.chunks(BLOCK as usize)) {
            let data = data.to_vec();
            let answers = run.ask(DiskRequest::Read { offer: OFFER, block });
            assert_eq!(answers, [DiskAnswer::Block { offer: OFFER, block, data }]);
        }
        let behind = DiskRequest::Read { offer: OFFER, block: size.div_ceil(BLOCK) };
        assert_eq!(run.ask(behind), [failed(DiskProblem::NotOpen)]);
        assert_eq!(run.ask(DiskRequest::Forget { offer: OFFER, path: None }), [CLOSED]);
    }
}

#[test]
fn a_file_that_changes_is_not_offered_any_more() {
    let folder = folder();
    let gift = Gift::of(2 * BLOCK);
    let path = written_down(&folder, &gift);
    // While it is read.
    let mut run = Run::new();
    run.ask(serve(&path, &gift));
    fs::write(&path, &gift.data[1..]).expect("writes");
    assert_eq!(run.ask(DiskRequest::Read { offer: OFFER, block: 0 }), [changed(&path)]);
    // Before it is read again.
    assert_eq!(run.ask(serve(&path, &gift)), [changed(&path)]);
    let mut other = gift.data.clone();
    other[5] ^= 1;
    fs::write(&path, &other).expect("writes");
    assert_eq!(run.ask(serve(&path, &gift)), [changed(&path)]);
    // While it is hashed.
    run.desk.handle(examine(&path));
    run.desk.step();
    fs::write(&path, &gift.data[..BLOCK as usize]).expect("writes");
    while run.desk.is_busy() {
        run.desk.step();
    }
    assert_eq!(run.answers.try_iter().collect::<Vec<_>>(), [changed(&path)]);
    // It is what it was, whenever it was written.
    fs::write(&path, &gift.data).expect("writes");
    assert_eq!(run.ask(serve(&path, &gift)), [served(&gift)]);
}

#[test]
fn what_is_no_file_is_not_offered() {
    let folder = folder();
    let mut run = Run::new();
    let gone = folder.path().join("gone");
    let place = gone.display().to_string();
    assert_eq!(run.ask(examine(&gone)), [failed(DiskProblem::Gone { place })]);
    #[cfg(unix)]
    {
        let zero = Path::new("/dev/zero");
        let place = zero.display().to_string();
        assert_eq!(run.ask(examine(zero)), [failed(DiskProblem::NotAFile { place })]);
    }
    assert_eq!(
        run.ask(DiskRequest::Read { offer: OFFER, block: 0 }),
        [failed(DiskProblem::NotOpen)]
    );
}

#[test]
fn hashing_gives_way_to_others_and_says_how_far_it_is() {
    let folder = folder();
    let path = folder.path().join("sparse");
    let size = 200 * BLOCK;
    File::create(&path).and_then(|file| file.set_len(size)).expect("a file of holes");
    let gift = Gift::of(2 * BLOCK);
    let mut run = Run::new();
    run.desk.handle(examine(&path));
    run.desk.step();
    let other = OfferId([8; 16]);
    run.desk.handle(DiskRequest::Begin {
        offer: other,
        folder: folder.path().to_owned(),
        name: FileName::of("other"),
        size: gift.data.len() as u64,
        root: gift.root,
        content: Content::File,
        insists: false,
    });
    run.desk.step();
    run.desk.step();
    let first = run.answers.try_recv();
    assert!(matches!(first, Ok(DiskAnswer::Begun { offer, .. }) if offer == other), "{first:?}");
    while run.desk.is_busy() {
        run.desk.step();
    }
    let answers: Vec<_> = run.answers.try_iter().collect();
    let progress = |done| DiskAnswer::Progress { offer: OFFER, done: done * BLOCK, total: size };
    let (last, before) = answers.split_last().expect("answers");
    assert_eq!(before, [progress(64), progress(128), progress(192)]);
    assert!(matches!(last, DiskAnswer::Examined { size: 209_715_200, .. }), "{last:?}");
    // Stopped in the middle.
    run.desk.handle(examine(&path));
    run.desk.step();
    assert_eq!(run.ask(DiskRequest::Forget { offer: OFFER, path: None }), [CLOSED]);
}

#[test]
fn what_is_named_first_is_known_first_however_large_it_is() {
    let folder = folder();
    let (large, small) = (folder.path().join("large"), folder.path().join("small"));
    File::create(&large).and_then(|file| file.set_len(5 * BLOCK)).expect("a file of holes");
    fs::write(&small, "small").expect("writes");
    let mut run = Run::new();
    let offers = [1, 2, 3, 4].map(|number| OfferId([number; 16]));
    for (offer, path) in offers.into_iter().zip([&large, &large, &small, &small]) {
        run.desk.handle(DiskRequest::Examine { offer, path: path.clone() });
    }
    run.desk.step();
    // One is taken back meanwhile.
    run.desk.handle(DiskRequest::Forget { offer: offers[1], path: None });
    while run.desk.is_busy() {
        run.desk.step();
    }
    let known = |answer: DiskAnswer| match answer {
        DiskAnswer::Examined { offer, .. } => Some(offer),
        _ => None,
    };
    let known: Vec<OfferId> = run.answers.try_iter().filter_map(known).collect();
    assert_eq!(known, [offers[0], offers[2], offers[3]]);
}

#[test]
fn threads_carry_a_file_from_one_place_to_another() {
    let folder = folder();
    let gift = Gift::of(9 * BLOCK + 99);
    let path = written_down(&folder, &gift);
    let (say, answers) = mpsc::channel();
    let files = Files::start(PathBuf::new(), move |answer| drop(say.send(answer))).expect("starts");
    let to = OfferId([9; 16]);
    files.request(serve(&path, &gift));
    files.request(DiskRequest::Begin {
        offer: to,
        folder: folder.path().join("there"),
        name: FileName::of("mine"),
        size: gift.data.len() as u64,
        root: gift.root,
        content: Content::File,
        insists: false,
    });
    let mut begun = 0;
    let finished = loop {
        match answers.recv().expect("the thread lives") {
            DiskAnswer::Served { list, .. } => {
                files.request(DiskRequest::List { offer: to, list });
            }
            DiskAnswer::Begun { .. } | DiskAnswer::Listed { .. } => {
                begun += 1;
                if begun == 2 {
                    (0..10).for_each(|block| {
                        files.request(DiskRequest::Read { offer: OFFER, block });
                    });
                }
            }
            DiskAnswer::Block { block, data, .. } => {
                files.request(DiskRequest::Write { offer: to, block, data });
            }
            DiskAnswer::Finished { path, .. } => break path,
            DiskAnswer::Written { .. } => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(fs::read(finished).expect("reads"), gift.data);
    files.close();
}
