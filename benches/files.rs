//! What it costs to hash, to check and to keep a file of 1 GiB, beside a plain copy of it.
//!
//! `cargo bench --bench files`. A file is examined, and then carried block by block from one place to another through the
//! thread that does so in a chat, as the network would hand them over. The same blocks are copied without looking
//! at them, which is what any receiver has to do. Both are measured until the last block is in its place, and until
//! the disk has all of it to stay. `P2PCHAT_BENCH_DIR` says on which disk, if not on that of the target folder.
//!
//! `cargo bench --bench files -- sparse 100` carries a file of 100 GiB that is one hole, once, and says how much memory
//! that has taken.

#![allow(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench drives the real world"
)]

mod figures;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use figures::{Sample, heading};
use p2pchat::chat::files::FileName;
use p2pchat::chat::files::disk::{
    AHEAD, BLOCK, Content, DiskAnswer, DiskRequest, Hash, OfferId, blocks,
};
use p2pchat::files::Files;

const GIB: u64 = 1024 * 1024 * 1024;
const TIMES: u64 = 5;
const GIVEN: OfferId = OfferId([1; 16]);
const TAKEN: OfferId = OfferId([2; 16]);

fn main() {
    let place = std::env::var_os("P2PCHAT_BENCH_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    let folder = tempfile::tempdir_in(place).expect("a folder");
    let source = folder.path().join("source");
    if let Some(size) = std::env::args().skip_while(|word| word != "sparse").nth(1) {
        let size = size.parse::<u64>().expect("GiB") * GIB;
        File::create(&source).and_then(|file| file.set_len(size)).expect("a hole");
        let [hashed, _, kept] = carry(&source, folder.path());
        println!("hashed in {hashed:.1?}, carried in {kept:.1?}, {}", memory());
        return;
    }
    make(&source, GIB);

    let names =
        ["hash it", "copy: the last block", "copy: kept", "check: the last block", "check: kept"];
    let mut samples: [Sample; 5] = Default::default();
    // In turn, so that what else the machine does falls on all alike. The first time is not counted.
    for time in 0..=TIMES {
        let [copied, copy_kept] = copy(&source, &folder.path().join("copy"));
        let [hashed, checked, kept] = carry(&source, folder.path());
        let durations = [hashed, copied, copy_kept, checked, kept];
        if time > 0 {
            samples.iter_mut().zip(durations).for_each(|(sample, took)| sample.push(took));
        }
    }
    heading("a file of 1 GiB");
    names.iter().zip(&samples).for_each(|(name, sample)| sample.tell(name));
}

/// The file, which is no repetition of anything.
fn make(path: &Path, size: u64) {
    let mut file = File::create(path).expect("creates");
    let mut reader = blake3::Hasher::new().finalize_xof();
    let mut block = vec![0; BLOCK as usize];
    for _ in 0..blocks(size) {
        reader.fill(&mut block);
        file.write_all(&block).expect("writes");
    }
    file.sync_all().expect("keeps");
}

/// Until the last block is there, and until the disk keeps it.
fn copy(from: &Path, to: &Path) -> [Duration; 2] {
    let began = Instant::now();
    let (mut from, mut file) =
        (File::open(from).expect("opens"), File::create(to).expect("creates"));
    let mut block = vec![0; BLOCK as usize];
    for _ in 0..blocks(GIB) {
        from.read_exact(&mut block).expect("reads");
        file.write_all(&block).expect("writes");
    }
    let copied = began.elapsed();
    file.sync_data().expect("keeps");
    let kept = began.elapsed();
    fs::remove_file(to).expect("removes");
    [copied, kept]
}

/// How long it takes to hash the file, and then as [`copy`].
fn carry(source: &Path, folder: &Path) -> [Duration; 3] {
    let (say, answers) = channel();
    let files = Files::start(PathBuf::new(), move |answer| drop(say.send(answer))).expect("starts");
    let began = Instant::now();
    files.request(DiskRequest::Examine { offer: GIVEN, path: source.to_owned() });
    let (size, root) = loop {
        match next(&answers) {
            DiskAnswer::Progress { .. } => {}
            DiskAnswer::Examined { size, root, .. } => break (size, root),
            other => panic!("{other:?}"),
        }
    };
    let hashed = began.elapsed();
    let [checked, kept] = receive(&files, &answers, source, folder, size, root);
    [hashed, checked, kept]
}

fn receive(
    files: &Files,
    answers: &Receiver<DiskAnswer>,
    source: &Path,
    folder: &Path,
    size: u64,
    root: Hash,
) -> [Duration; 2] {
    let serve = DiskRequest::Serve { offer: GIVEN, path: source.to_owned(), size, root };
    files.request(serve);
    let DiskAnswer::Served { list, .. } = next(answers) else { panic!("not served") };
    let began = Instant::now();
    let name = FileName::of("carried");
    let (here, content) = (folder.to_owned(), Content::File);
    let folder = here.clone();
    // What is one hole has room on any disk.
    let insists = true;
    let offer = TAKEN;
    files.request(DiskRequest::Begin { offer, folder: here, name, size, root, content, insists });
    let mut list = Some(list);
    // What is on its way is bounded on both sides, as in a chat.
    let (mut read, mut checked) = (0, Duration::ZERO);
    loop {
        match next(answers) {
            DiskAnswer::Begun { .. } => {
                let list = list.take().expect("begun once");
                files.request(DiskRequest::List { offer: TAKEN, list });
            }
            DiskAnswer::Listed { .. } => {
                (0..AHEAD as u64)
                    .for_each(|block| files.request(DiskRequest::Read { offer: GIVEN, block }));
                read = AHEAD as u64;
            }
            DiskAnswer::Block { block, data, .. } => {
                files.request(DiskRequest::Write { offer: TAKEN, block, data });
            }
            DiskAnswer::Written { block, .. } => {
                if read < blocks(size) {
                    files.request(DiskRequest::Read { offer: GIVEN, block: read });
                    read += 1;
                }
                if block + 1 == blocks(size) {
                    checked = began.elapsed();
                }
            }
            DiskAnswer::Finished { path, .. } => {
                let kept = began.elapsed();
                fs::remove_file(path).expect("removes");
                files.request(DiskRequest::Discard { offer: TAKEN, folder });
                return [checked, kept];
            }
            other => panic!("{other:?}"),
        }
    }
}

/// The most that this process has ever had.
fn memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let most = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("memory unknown");
    most.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn next(answers: &Receiver<DiskAnswer>) -> DiskAnswer {
    answers.recv().expect("the thread lives")
}
