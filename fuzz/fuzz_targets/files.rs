//! Whatever lies beside a file that arrives is notes about it or is not believed; only the list of a file leads to its
//! hash; whatever a file is called becomes a name that stays as it is; and whatever is said to be in a folder is refused, or
//! has a place in it that nothing else has.
#![no_main]

use std::collections::HashSet;
use std::path::{Component, Path};

use libfuzzer_sys::fuzz_target;
use p2pchat::chat::files::FileName;
use p2pchat::chat::files::disk::{BLOCK, ENTRY, Hash, blocks};
use p2pchat::chat::files::folder::{Head, MAX_ENTRIES};
use p2pchat::files::{Noted, is_list, root_of};
use p2pchat_fuzz::Choices;

/// Where in the notes their beginning, the size and the hash of the file are.
const HEAD: usize = 56;

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::new(input);
    let (count, short, about) = (choices.byte() % 9, choices.byte(), choices.byte());
    let size = (u64::from(count) * BLOCK).saturating_sub(u64::from(short));
    let mut notes = choices.rest().to_vec();
    name(&String::from_utf8_lossy(&notes));
    folder(&notes);

    let list = notes.len().saturating_sub(blocks(size) as usize * ENTRY);
    let list = &notes[list..];
    let root = root_of(list).unwrap_or(Hash([0; 32]));
    assert_eq!(is_list(list, size, root), list.len() as u64 == blocks(size) * ENTRY as u64);
    assert!(list.is_empty() || !is_list(&list[1..], size, root));

    // Mostly they are about the file: what is no list of it is refused before it gets interesting.
    if about & 1 == 0 && notes.len() >= HEAD {
        notes[..16].copy_from_slice(b"p2pchat part\0\0\0\x01");
        notes[16..24].copy_from_slice(&size.to_be_bytes());
        notes[24..HEAD].copy_from_slice(&root.0);
    }
    let noted = Noted::read(&mut &notes[..], size, root).expect("bytes can be read");
    if let Some(name) = noted.and_then(|noted| noted.name) {
        let components: Vec<_> = name.components().collect();
        assert!(matches!(components[..], [Component::Normal(_)]), "{name:?}");
    }
});

/// What is said of a file becomes its name.
fn name(said: &str) {
    let name = FileName::of(said);
    assert_eq!(FileName::of(name.as_str()), name);
    assert!(!name.as_str().starts_with(['.', '-']) && !name.as_str().contains(['/', '\\', '\0']));
    assert!(name.numbered(10_000).len() <= 255);
}

/// What is said to be in a folder.
fn folder(head: &[u8]) {
    let Ok(read) = Head::read(head) else { return };
    assert_eq!(read.write(), head);
    for folds in [false, true] {
        let places = read.places(folds);
        assert!(places.len() <= MAX_ENTRIES);
        let mut at = u64::from(read.bytes());
        let mut taken = HashSet::new();
        for (index, place) in places.iter().enumerate() {
            let components: Vec<_> = Path::new(&place.name).components().collect();
            assert!(matches!(components[..], [Component::Normal(name)] if name == place.name.as_str()));
            assert!(!place.name.contains('\\') && !place.name.chars().any(char::is_control));
            assert!(place.name.len() <= 255 && place.within.is_none_or(|within| within < index));
            assert!(place.within.is_none_or(|within| places[within].size.is_none()));
            let name = if folds { place.name.to_lowercase() } else { place.name.clone() };
            assert!(taken.insert((place.within, name)), "{place:?}");
            assert_eq!(place.at, at);
            at += place.size.unwrap_or(0);
        }
        assert_eq!(at, read.size());
    }
}
