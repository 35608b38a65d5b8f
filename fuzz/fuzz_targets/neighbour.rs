//! Any text of a neighbour's announcement is read or refused; what is read has one form, and says the
//! same to whoever knows it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use p2pchat_fuzz::Choices;
use p2pchat_wire::neighbour::{Announcement, HINTS};

/// The attributes, each with the length at which what is in it is looked at.
const ATTRIBUTES: [(&str, Option<usize>); 5] =
    [("v", Some(1)), ("n", Some(16)), ("h", Some(4 * HINTS)), ("name", None), ("key", Some(52))];

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::new(input);
    let (present, other) = (choices.byte(), choices.byte());
    let mut text = Vec::new();
    for (bit, (attribute, length)) in ATTRIBUTES.into_iter().enumerate() {
        let is_set = |flags: u8| flags & 1 << bit != 0;
        if !is_set(present) {
            continue;
        }
        let length = length.filter(|_| !is_set(other));
        let length = length.unwrap_or_else(|| choices.byte().into());
        let value: Vec<u8> = (0..length).map(|_| choices.byte()).collect();
        text.push((attribute, value));
    }
    let value = |wanted: &str| {
        text.iter().find(|(attribute, _)| *attribute == wanted).map(|(_, value)| value.as_slice())
    };
    let Some(read) = Announcement::from_text(value) else { return };
    assert_eq!(read.hints.len(), HINTS);
    assert_eq!(read.text(), text, "two texts for one announcement");
});
