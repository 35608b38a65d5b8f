//! What a folder is on its way: one stream of bytes, at whose beginning stands what is in it.
//!
//! The *head* names all folders and files, in the order of a walk: each folder before what is in it, and how deep each
//! lies. Behind it stand the bytes of the files, in the same order, one after the other. So one hash stands for all of it,
//! and what is known of a file's blocks holds for a folder's.
//!
//! A head is somebody else's. [`Head::read`] takes in none that is not bounded and whole, and [`Head::places`] finds for
//! each entry a name that leads nowhere else: a name is one component, so a head cannot say *above*.

use std::collections::{HashMap, HashSet};

use p2pchat_wire::codec;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use super::disk::MAX_SIZE;
use super::name::FileName;

/// The longest head, in bytes.
pub const MAX_HEAD: u32 = 16 << 20;

/// Folders and files in a folder, at most.
pub const MAX_ENTRIES: usize = 200_000;

/// How deep a folder may be: what lies in it directly has the depth 0.
pub const MAX_DEPTH: u8 = 64;

/// Bytes in all names that lead to an entry, at most: systems bound the length of paths.
pub const MAX_PATH: usize = 1024;

/// The longest name that an entry may be given, in bytes: as long as those of file systems.
const MAX_NAME: usize = 255;

/// What a head begins with.
const VERSION: u8 = 1;

/// The bytes of the longest entry.
const LONGEST: usize = MAX_NAME + 32;

/// A folder or a file in a folder.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// In how many folders of this folder it lies. It is in the last entry before it that lies less deep.
    pub depth: u8,
    /// What it is called, without where it lies; as its sender says.
    pub name: String,
    /// How many bytes a file has; none of a folder.
    pub size: Option<u64>,
}

/// What is in a folder.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Head {
    entries: Vec<Entry>,
    bytes: u32,
    content: u64,
}

/// It is no head, or breaks a limit.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("this is not what is in a folder")]
pub struct NoHead;

/// An entry, as it is here.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// Which place it is in, if not in the folder itself: one before it.
    pub within: Option<usize>,
    /// What it is called here.
    pub name: String,
    /// Where its bytes begin, counted from the beginning of the stream.
    pub at: u64,
    /// How many bytes a file has; none of a folder.
    pub size: Option<u64>,
}

impl Head {
    /// What is to be said of these entries.
    ///
    /// # Errors
    ///
    /// They are too many, too large, or not in the order of a walk.
    pub fn new(entries: Vec<Entry>) -> Result<Self, NoHead> {
        let bytes = 1 + entries.iter().map(|entry| codec::encode(entry).len()).sum::<usize>();
        let content = check(&entries)?;
        let bytes = u32::try_from(bytes).ok().filter(|bytes| *bytes <= MAX_HEAD).ok_or(NoHead)?;
        if content > MAX_SIZE - u64::from(bytes) {
            return Err(NoHead);
        }
        Ok(Self { entries, bytes, content })
    }

    /// Reads a head that fills these bytes.
    ///
    /// # Errors
    ///
    /// They are no head, or break a limit.
    pub fn read(bytes: &[u8]) -> Result<Self, NoHead> {
        let (VERSION, mut rest) =
            bytes.split_first().map(|(first, rest)| (*first, rest)).ok_or(NoHead)?
        else {
            return Err(NoHead);
        };
        if bytes.len() > MAX_HEAD as usize {
            return Err(NoHead);
        }
        let mut entries = Vec::new();
        while !rest.is_empty() {
            if entries.len() == MAX_ENTRIES {
                return Err(NoHead);
            }
            let (entry, used) = codec::decode_prefix::<Entry, LONGEST>(rest).map_err(|_| NoHead)?;
            entries.push(entry);
            rest = rest.get(used..).unwrap_or_default();
        }
        let this = Self::new(entries)?;
        // There is one way to write it, so that nothing hides in it.
        if this.bytes as usize == bytes.len() { Ok(this) } else { Err(NoHead) }
    }

    /// The bytes with which the stream begins.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        self.entries.iter().for_each(|entry| codec::encode_onto(entry, &mut bytes));
        bytes
    }

    /// Bytes of the head itself.
    #[must_use]
    pub fn bytes(&self) -> u32 {
        self.bytes
    }

    /// Bytes of the whole stream: the head and all files.
    #[must_use]
    pub fn size(&self) -> u64 {
        u64::from(self.bytes) + self.content
    }

    /// How many files there are.
    #[must_use]
    pub fn files(&self) -> u32 {
        let files = self.entries.iter().filter(|entry| entry.size.is_some()).count();
        u32::try_from(files).unwrap_or(u32::MAX)
    }

    /// Where each entry is to be here. No two are in the same place, also if the system takes `A` for `a` and does not
    /// tell apart in how many characters an accented letter is written (`folds`): then the later one gets a number.
    #[must_use]
    pub fn places(&self, folds: bool) -> Vec<Place> {
        let key = |name: &str| {
            if folds {
                name.nfd().flat_map(char::to_lowercase).nfc().collect()
            } else {
                name.to_owned()
            }
        };
        let mut places: Vec<Place> = Vec::with_capacity(self.entries.len());
        let mut taken: HashSet<(Option<usize>, String)> = HashSet::new();
        let mut next: HashMap<(Option<usize>, String), u32> = HashMap::new();
        let mut above: Vec<usize> = Vec::new();
        let mut at = u64::from(self.bytes);
        for (index, entry) in self.entries.iter().enumerate() {
            above.truncate(usize::from(entry.depth));
            let within = above.last().copied();
            let said = FileName::within(&entry.name);
            let mut name = said.to_string();
            if !taken.insert((within, key(&name))) {
                let number = next.entry((within, key(&name))).or_insert(2);
                loop {
                    name = said.numbered(*number);
                    *number = number.saturating_add(1);
                    if taken.insert((within, key(&name))) {
                        break;
                    }
                }
            }
            places.push(Place { within, name, at, size: entry.size });
            match entry.size {
                Some(size) => at += size,
                None => above.push(index),
            }
        }
        places
    }
}

/// Whether these are the entries of a folder, and how many bytes their files have.
fn check(entries: &[Entry]) -> Result<u64, NoHead> {
    if entries.len() > MAX_ENTRIES {
        return Err(NoHead);
    }
    let mut content = 0_u64;
    // The bytes of the names that lead to each folder that we are in.
    let mut above: Vec<usize> = Vec::new();
    for entry in entries {
        let depth = usize::from(entry.depth);
        let is_name = (1..=MAX_NAME).contains(&entry.name.len());
        if !is_name || entry.depth > MAX_DEPTH || depth > above.len() {
            return Err(NoHead);
        }
        above.truncate(depth);
        let path = above.last().map_or(0, |above| above + 1) + entry.name.len();
        if path > MAX_PATH {
            return Err(NoHead);
        }
        match entry.size {
            Some(size) => {
                content = content.checked_add(size).filter(|all| *all <= MAX_SIZE).ok_or(NoHead)?;
            }
            None => above.push(path),
        }
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn folder(depth: u8, name: &str) -> Entry {
        Entry { depth, name: name.to_owned(), size: None }
    }

    fn file(depth: u8, name: &str, size: u64) -> Entry {
        Entry { depth, name: name.to_owned(), size: Some(size) }
    }

    fn names(head: &Head, folds: bool) -> Vec<String> {
        let places = head.places(folds);
        let path = |place: &Place| {
            let (mut path, mut place) = (place.name.clone(), place);
            while let Some(within) = place.within {
                place = &places[within];
                path = format!("{}/{path}", place.name);
            }
            path
        };
        places.iter().map(path).collect()
    }

    fn head(entries: Vec<Entry>) -> Head {
        Head::new(entries).expect("a head")
    }

    #[test]
    fn what_is_in_a_folder_is_written_and_read() {
        let head = head(vec![
            folder(0, "a"),
            file(1, ".hidden", 3),
            folder(1, "empty"),
            folder(1, "b"),
            file(2, "deep", 0),
            file(1, "-x", 5),
            file(0, "last", 7),
        ]);
        let bytes = head.write();
        assert_eq!(
            (bytes.len() as u32, head.size(), head.files()),
            (head.bytes(), u64::from(head.bytes()) + 15, 4)
        );
        assert_eq!(Head::read(&bytes), Ok(head.clone()));
        assert_eq!(
            names(&head, true),
            ["a", "a/.hidden", "a/empty", "a/b", "a/b/deep", "a/-x", "last"]
        );
        let at: Vec<u64> =
            head.places(false).iter().map(|place| place.at - u64::from(head.bytes())).collect();
        assert_eq!(at, [0, 0, 3, 3, 3, 3, 8]);
        assert_eq!(names(&self::head(Vec::new()), false), [""; 0]);
    }

    #[test]
    fn no_entry_leads_out_of_the_folder() {
        let hostile = [
            "..",
            ".",
            "/etc/passwd",
            "../../x",
            "a/b",
            "C:\\x",
            "\\\\host\\share",
            "a\u{0}b",
            "nul",
            "con.txt",
            "x:stream",
            "a\u{1b}[2J",
            "\u{202e}fdp.exe",
            "end. .",
            " ",
            "...",
            "a\nb",
            "\u{7f}",
            "COM1",
            "aux. ",
        ];
        let head =
            head(hostile.iter().map(|name| folder(0, name)).chain([file(1, "..", 1)]).collect());
        for place in head.places(true) {
            let path = std::path::Path::new(&place.name);
            let components: Vec<_> = path.components().collect();
            assert!(
                matches!(components[..], [std::path::Component::Normal(name)] if name == path.as_os_str()),
                "{place:?}"
            );
            assert!(place.name.chars().all(crate::chat::clean::is_plain), "{place:?}");
            assert!(
                !place.name.contains(['\\', ':']) && !place.name.ends_with(['.', ' ']),
                "{place:?}"
            );
        }
    }

    #[test]
    fn two_of_a_name_have_two_places() {
        let head = head(vec![
            file(0, "a.txt", 1),
            file(0, "A.txt", 1),
            file(0, "a.txt", 1),
            file(0, "a (2).txt", 1),
            folder(0, "e\u{301}"),
            folder(0, "é"),
            file(0, "x:y", 1),
            file(0, "x?y", 1),
        ]);
        assert_eq!(
            names(&head, false),
            ["a.txt", "A.txt", "a (2).txt", "a (2) (2).txt", "e\u{301}", "é", "x_y", "x_y (2)"]
        );
        let folded = [
            "a.txt",
            "A (2).txt",
            "a (3).txt",
            "a (2) (2).txt",
            "e\u{301}",
            "é (2)",
            "x_y",
            "x_y (2)",
        ];
        assert_eq!(names(&head, true), folded);
    }

    #[test]
    fn what_breaks_a_limit_is_no_head() {
        let long = "n".repeat(256);
        for entries in [
            vec![file(1, "a", 0)],
            vec![file(0, "a", 0), file(1, "b", 0)],
            vec![folder(0, "a"), folder(2, "b")],
            vec![file(0, "", 0)],
            vec![file(0, &long, 0)],
            vec![file(0, "a", u64::MAX), file(0, "b", 2)],
            vec![file(0, "a", MAX_SIZE)],
            (0..=MAX_DEPTH + 1).map(|depth| folder(depth, "a")).collect(),
            (0..6).map(|depth| folder(depth, &long[..200])).collect(),
        ] {
            assert_eq!(Head::new(entries), Err(NoHead));
        }
        assert_eq!(Head::read(&[]), Err(NoHead));
        assert_eq!(Head::read(&[2]), Err(NoHead));
        let mut bytes = vec![VERSION, 0, 251, 1, 0];
        bytes.extend(*b"a\x00");
        assert_eq!(Head::read(&bytes), Err(NoHead), "another way to write it");
        let many = vec![file(0, "a", 0); MAX_ENTRIES + 1];
        assert_eq!(Head::new(many), Err(NoHead));
    }

    #[test]
    fn very_many_of_one_name_are_told_apart_at_once() {
        let head = head(vec![file(0, "a", 0); 50_000]);
        let places: HashSet<String> =
            head.places(true).into_iter().map(|place| place.name).collect();
        assert_eq!(places.len(), 50_000);
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_written_so(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let bytes = [&[VERSION][..], &bytes].concat();
            if let Ok(head) = Head::read(&bytes) {
                prop_assert_eq!(head.write(), bytes);
            }
        }
    }
}
