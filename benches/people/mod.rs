//! People with a long history, made by the store as a chat would have it made.

use std::path::{Path, PathBuf};

use bip39::Language;
use p2pchat::chat::{
    Address, Audience, Contact, LineId, Manner, ReceivedLine, StoreReply, StoreRequest, Timestamp,
};
use p2pchat::store::Profile;
use p2pchat_wire::identity::{Name, PeerId};
use p2pchat_wire::random::Random;

/// Conversations that share the lines.
const PEOPLE: u64 = 20;

/// Changes with what a profile is made of, so that none of an earlier kind is used.
const KIND: u32 = 2;

/// Words that have a rank.
const WORDS: usize = 20_000;

/// Words as often as Zipf has them: the n-th of 20,000 with a probability of 1/n.
struct Speech {
    random: Random,
    /// The weights of all words up to each.
    sums: Vec<f64>,
}

impl Speech {
    fn new() -> Self {
        let mut sum = 0.0;
        let sums = (1..=WORDS).map(|rank| {
            sum += 1.0 / rank as f64;
            sum
        });
        Self { sums: sums.collect(), random: Random::from_seed([1; 32]) }
    }

    fn rank(&mut self) -> usize {
        let all = self.sums.last().copied().unwrap_or(1.0);
        let at = f64::from(self.random.below(1 << 30)) / f64::from(1 << 30) * all;
        self.sums.partition_point(|sum| *sum < at)
    }

    /// English for half of the lines, Chinese for the others.
    fn line(&mut self) -> String {
        let chinese = self.random.below(2) == 0;
        let words = (0..4 + self.random.below(9)).map(|_| {
            let rank = self.rank();
            if chinese { han(rank) } else { english(rank) }
        });
        words.collect::<Vec<_>>().join(if chinese { "" } else { " " })
    }
}

/// The word of this rank; ranks beyond the list of BIP-39 are two of its words in one.
pub(crate) fn english(rank: usize) -> String {
    let list = Language::English.word_list();
    match rank / list.len() {
        0 => list[rank].to_owned(),
        more => format!("{}{}", list[rank % list.len()], list[more]),
    }
}

/// The Chinese word of this rank: two characters.
pub(crate) fn han(rank: usize) -> String {
    let list = Language::SimplifiedChinese.word_list();
    let second = 13 * rank + 101 * (rank / list.len()) + 5;
    [list[rank % list.len()], list[second % list.len()]].concat()
}

/// One of those with whom there is a conversation.
pub(crate) fn friend(number: u64, host: &str) -> Address {
    Address::new(Name::new(&format!("friend{number}")).expect("a name"), host)
}

/// What the sealed profiles are sealed with.
pub(crate) const PASSPHRASE: &str = "correct horse";

/// A profile with so many lines of friends at `host`, of which the last `unseen` of each friend have
/// not been seen. It is made once, in the target folder.
pub(crate) fn profile(lines: u64, host: &str, unseen: u64) -> PathBuf {
    let place = format!("bench-{KIND}-{lines}-{unseen}-{}", host.replace(':', "-"));
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(place);
    if dir.join("made").exists() {
        return dir;
    }
    // What is left of an attempt that was interrupted.
    let _ = std::fs::remove_dir_all(&dir);
    let store = Profile::open(&dir).expect("opens").run(|reply| {
        assert!(!matches!(reply, StoreReply::Failed(_)), "{reply:?}");
    });
    let store = store.expect("runs");
    for number in 0..PEOPLE {
        store.request(StoreRequest::SaveContact(Contact {
            address: friend(number, host),
            key: Some(key(number)),
            verified: false,
            offered: None,
            log: number,
            last_seq: 0,
            waiting: 0,
            unread: 0,
            since: Timestamp(0),
            is_new: false,
            regard: p2pchat::chat::Regard::default(),
        }));
    }
    let mut speech = Speech::new();
    for number in 0..lines {
        let (from, seq) = (number % PEOPLE, number / PEOPLE + 1);
        let (address, id) = (friend(from, host), id(number));
        let at = Timestamp(1_700_000_000_000 + number * 1000);
        store.request(StoreRequest::Receive(ReceivedLine {
            author: None,
            from: address.clone(),
            peer: key(from),
            log: 1,
            seq,
            after: seq - 1,
            id,
            sent_at: at,
            received_at: at,
            audience: Audience::You,
            text: speech.line(),
            manner: Manner::Text,
        }));
        if seq == (lines / PEOPLE).saturating_sub(unseen) {
            store.request(StoreRequest::Shown(vec![(address, id)]));
        }
    }
    store.close();
    std::fs::write(dir.join("made"), "").expect("writes");
    dir
}

/// The same lines as those of [`profile`], all of them seen, sealed.
pub(crate) fn sealed(lines: u64, host: &str) -> PathBuf {
    let clear = profile(lines, host, 0);
    let mut dir = clear.clone().into_os_string();
    dir.push("-sealed");
    let dir = PathBuf::from(dir);
    if dir.join("made").exists() {
        return dir;
    }
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir(&dir).expect("makes");
    for entry in std::fs::read_dir(&clear).expect("reads") {
        let from = entry.expect("reads").path();
        let name = from.file_name().expect("a name");
        if name != "made" {
            std::fs::copy(&from, dir.join(name)).expect("copies");
        }
    }
    std::fs::set_permissions(&dir, std::fs::metadata(&clear).expect("is there").permissions())
        .expect("is ours");
    Profile::open(&dir).expect("opens").set_passphrase(PASSPHRASE).expect("seals");
    std::fs::write(dir.join("made"), "").expect("writes");
    dir
}

fn key(number: u64) -> PeerId {
    PeerId([u8::try_from(number).unwrap_or(0); 32])
}

fn id(number: u64) -> LineId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_le_bytes());
    LineId(id)
}
