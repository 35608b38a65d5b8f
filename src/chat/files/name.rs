//! What a file may be called that a stranger has named.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use crate::chat::clean;

/// Bytes that a name has at most: file systems allow 255, and ` (2)` may have to be put in.
pub const MAX_NAME: usize = 200;

/// Bytes of what stands behind the last dot that are kept when a name is cut.
const MAX_ENDING: usize = 20;

/// What is left of a name that has nothing to keep.
const NAMELESS: &str = "file";

/// Names that mean a device to Windows, whatever ending they have.
const DEVICES: &[&str] = &["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"];

/// A name that a file can have in any folder and means nothing but that file there.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct FileName(String);

impl FileName {
    /// The nearest such name to what somebody calls a file.
    ///
    /// It has no folder in it, nothing that moves a cursor or reorders text, no character that some file system does not
    /// know, no dot, dash or space before it, no dot or space behind it, at most [`MAX_NAME`] bytes; and it is not what
    /// Windows calls a device.
    #[must_use]
    pub fn of(said: &str) -> Self {
        let last =
            said.rsplit(['/', '\\']).find(|part| !part.trim().is_empty()).unwrap_or_default();
        let mut name = last.to_owned();
        // What is taken away may bring together what was apart, as a letter and its accent.
        for _ in 0..4 {
            let next = narrowed(&name);
            if next == name {
                return Self(name);
            }
            name = next;
        }
        Self(NAMELESS.to_owned())
    }

    /// The nearest such name for what lies in a folder that somebody gives us: it keeps the dot, dash or space before it
    /// and spaces in it, as those who look into a folder expect, and its characters as they are composed.
    #[must_use]
    pub fn within(said: &str) -> Self {
        let plain = |c| if clean::is_plain(c) { allowed(c) } else { '_' };
        let mut name: String = said.chars().map(plain).collect();
        for _ in 0..4 {
            let next = usable(&shortened(name.trim_end_matches(['.', ' '])));
            if next == name {
                return Self(name);
            }
            name = next;
        }
        Self(NAMELESS.to_owned())
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name for where this one is taken: `name (2).txt` for 2.
    #[must_use]
    pub fn numbered(&self, number: u32) -> String {
        let (stem, ending) = self.0.split_at(ending(&self.0));
        format!("{stem} ({number}){ending}")
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name that breaks fewer of the rules; the same if it breaks none.
fn narrowed(name: &str) -> String {
    let clean: String = clean::one_line(name, " ").nfc().map(allowed).collect();
    // Many spaces push an ending out of sight.
    let words: Vec<&str> = clean.split_whitespace().collect();
    let name = words.join(" ");
    let name = name.trim_start_matches(['.', '-', ' ']).trim_end_matches(['.', ' ']);
    usable(&shortened(name))
}

/// A name that is one, and no device's.
fn usable(name: &str) -> String {
    if name.is_empty() {
        NAMELESS.to_owned()
    } else if is_device(name) {
        format!("_{name}")
    } else {
        name.to_owned()
    }
}

/// The character, or what stands for it where some file system does not know it.
fn allowed(c: char) -> char {
    match c {
        '<' | '>' | ':' | '"' | '|' | '?' | '*' | '/' | '\\' => '_',
        other => other,
    }
}

/// As much of the name as [`MAX_NAME`] allows, its ending kept.
fn shortened(name: &str) -> String {
    // A device's name gets one byte more.
    const LONGEST: usize = MAX_NAME - 1;
    if name.len() <= LONGEST || (name.len() == MAX_NAME && !is_device(name)) {
        return name.to_owned();
    }
    let (stem, ending) = name.split_at(ending(name));
    let mut kept = String::new();
    for cluster in stem.graphemes(true) {
        if kept.len() + cluster.len() + ending.len() > LONGEST {
            break;
        }
        kept.push_str(cluster);
    }
    kept.truncate(kept.trim_end_matches(['.', ' ']).len());
    kept + ending
}

/// Where the ending begins, with its dot: `.txt`, `.tar.gz`. At the end of the name if it has none.
fn ending(name: &str) -> usize {
    let Some(last) = name.rfind('.').filter(|at| *at > 0) else { return name.len() };
    let at = if name[..last].ends_with(".tar") { last - ".tar".len() } else { last };
    if at == 0 || name.len() - at > MAX_ENDING { name.len() } else { at }
}

/// Whether Windows takes the name for a device's.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_uppercase();
    let numbered = |device: &str| {
        let rest = stem.strip_prefix(device).unwrap_or_default();
        matches!(rest, "¹" | "²" | "³") || (rest.len() == 1 && rest.as_bytes()[0].is_ascii_digit())
    };
    DEVICES.contains(&stem.as_str()) || numbered("COM") || numbered("LPT")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn named(said: &str) -> String {
        FileName::of(said).to_string()
    }

    #[test]
    fn ordinary_names_are_left_alone() {
        for name in [
            "photo.jpg",
            "Übersicht (final).tar.gz",
            "报告 2026.docx",
            "no ending",
            "a.b.c",
            "family 👨\u{200d}👩\u{200d}👧.png",
            "COMMON.txt",
            "console.log",
        ] {
            assert_eq!(named(name), name);
        }
    }

    #[test]
    fn no_name_leads_out_of_its_folder() {
        assert_eq!(named("../../etc/passwd"), "passwd");
        assert_eq!(named("C:\\Windows\\system.ini"), "system.ini");
        assert_eq!(named("photos/"), "photos");
        assert_eq!(named(".."), "file");
        assert_eq!(named("a/.."), "file");
        assert_eq!(named("file.txt:stream"), "file.txt_stream");
    }

    #[test]
    fn no_name_is_hidden_or_an_option() {
        assert_eq!(named(".bashrc"), "bashrc");
        assert_eq!(named("-rf"), "rf");
        assert_eq!(named(" . -x. "), "x");
        assert_eq!(named("a.txt. ."), "a.txt");
        assert_eq!(named(""), "file");
        assert_eq!(named(" / . "), "file");
    }

    #[test]
    fn nothing_in_a_name_moves_a_cursor_or_hides_its_ending() {
        assert_eq!(named("a\nb\u{1b}[31m.txt"), "a b[31m.txt");
        assert_eq!(named("invoice\u{202e}fdp.exe"), "invoicefdp.exe");
        assert_eq!(named(&format!("photo.jpg{}.exe", " ".repeat(100))), "photo.jpg .exe");
        assert_eq!(named("a\u{3000}\u{3000}b"), "a b");
    }

    #[test]
    fn letters_and_their_accents_are_one() {
        assert_eq!(named("e\u{301}.txt"), "é.txt");
    }

    #[test]
    fn devices_are_files_here() {
        assert_eq!(named("NUL"), "_NUL");
        assert_eq!(named("con.txt"), "_con.txt");
        assert_eq!(named("aux .tar.gz"), "_aux .tar.gz");
        assert_eq!(named("Com1.log"), "_Com1.log");
        assert_eq!(named("lpt².log"), "_lpt².log");
    }

    #[test]
    fn in_a_folder_a_name_may_be_hidden_or_look_like_an_option() {
        for name in [".git", "-rf", "a  b.txt", "e\u{301}", "Makefile~", ".env.local"] {
            assert_eq!(FileName::within(name).as_str(), name);
        }
        for (said, name) in [("..", "file"), ("a/b", "a_b"), ("nul", "_nul"), ("x\u{1b}y. ", "x_y")]
        {
            assert_eq!(FileName::within(said).as_str(), name);
        }
    }

    #[test]
    fn a_long_name_keeps_its_ending() {
        let long = named(&format!("{}.tar.gz", "长".repeat(300)));
        assert!(long.ends_with("长.tar.gz"), "{long}");
        assert!(long.len() <= MAX_NAME && long.len() > MAX_NAME - 8, "{}", long.len());
        assert_eq!(named(&format!("a.{}", "b".repeat(300))).len(), MAX_NAME - 1);
    }

    #[test]
    fn a_number_stands_before_the_ending() {
        assert_eq!(FileName::of("a.txt").numbered(2), "a (2).txt");
        assert_eq!(FileName::of("a.tar.gz").numbered(3), "a (3).tar.gz");
        assert_eq!(FileName::of("a").numbered(12), "a (12)");
        assert_eq!(FileName::of("tar.gz").numbered(2), "tar (2).gz");
    }

    proptest! {
        #[test]
        fn whatever_is_said_becomes_a_name_that_stays_as_it_is(
            said in "\\PC*|[\\x00-\\xff]*|(?s).{0,300}|[./\\\\ -]{0,8}(con|nul|com1|aux)[. ]{0,3}\\PC{0,250}"
        ) {
            let name = named(&said);
            prop_assert_eq!(&named(&name), &name);
            prop_assert!(!name.is_empty() && name.len() <= MAX_NAME);
            prop_assert!(name.chars().all(|c| clean::is_plain(c) && allowed(c) == c));
            prop_assert!(!name.starts_with(['.', '-', ' ']) && !name.ends_with(['.', ' ']));
            prop_assert!(!is_device(&name));
            prop_assert!(name.nfc().eq(name.chars()));
            let numbered = FileName::of(&said).numbered(10_000);
            prop_assert!(numbered.len() <= 255);
            let within = FileName::within(&said).to_string();
            prop_assert_eq!(FileName::within(&within).to_string(), within.as_str());
            prop_assert!(within.chars().all(|c| clean::is_plain(c) && allowed(c) == c));
            prop_assert!(!within.is_empty() && within.len() <= MAX_NAME && !is_device(&within));
            prop_assert!(!within.ends_with(['.', ' ']));
        }
    }
}
