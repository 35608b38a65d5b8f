//! Reads the examples of `docs/protocol.md`, and compares them with what the code makes.
//!
//! An example is a fenced block whose first line is ```` ```golden NAME ````. In it, `;` begins a
//! comment, white space means nothing, and `00*9` stands for nine times `00`. Every crate checks
//! the names that begin with its own word, so that no example can be forgotten.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The page, as it is in the repository.
const PAGE: &str = include_str!("../../../docs/protocol.md");

/// The examples of one crate, and what was found wrong so far.
pub(crate) struct Book {
    prefix: &'static str,
    examples: BTreeMap<&'static str, Vec<u8>>,
    wrong: String,
}

impl Book {
    /// Opens the page at the examples whose names begin with `prefix`.
    pub(crate) fn open(prefix: &'static str) -> Self {
        let mut examples = BTreeMap::new();
        let mut lines = PAGE.lines();
        while let Some(line) = lines.next() {
            let Some(name) = line.strip_prefix("```golden ") else { continue };
            let body: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            let bytes = body.iter().flat_map(|line| bytes_of(name, line)).collect();
            if name.starts_with(prefix) {
                assert!(examples.insert(name, bytes).is_none(), "two examples are named {name}");
            }
        }
        Self { prefix, examples, wrong: String::new() }
    }

    /// The bytes of the example `name` are `made`.
    pub(crate) fn check(&mut self, name: &str, made: &[u8]) {
        assert!(name.starts_with(self.prefix), "{name} does not begin with {}", self.prefix);
        let written = self.examples.remove(name);
        if written.as_deref() == Some(made) {
            return;
        }
        let agree = written.iter().flatten().zip(made).take_while(|(one, two)| one == two).count();
        let _ = writeln!(self.wrong, "\n{name} differs from byte {agree} on; the code makes:");
        let _ = writeln!(self.wrong, "```golden {name}");
        for line in made.chunks(32) {
            let _ = writeln!(self.wrong, "{}", hex(line));
        }
        let _ = writeln!(self.wrong, "```");
    }

    /// Nothing was wrong, and no example was left out.
    #[track_caller]
    pub(crate) fn close(self) {
        let left: Vec<_> = self.examples.keys().collect();
        assert!(left.is_empty(), "examples that nothing makes: {left:?}");
        assert!(self.wrong.is_empty(), "docs/protocol.md is not what the code does:{}", self.wrong);
    }
}

/// As the page writes bytes.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn bytes_of(name: &str, line: &str) -> Vec<u8> {
    let line = line.split(';').next().unwrap_or_default();
    line.split_whitespace().flat_map(|word| word_of(name, word)).collect()
}

fn word_of(name: &str, word: &str) -> Vec<u8> {
    let (digits, times) = match word.split_once('*') {
        Some((digits, times)) => (digits, times.parse().expect("a number of times")),
        None => (word, 1),
    };
    let pairs = digits.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).expect("ASCII");
        assert_eq!(pair.len(), 2, "{name}: half a byte in {word}");
        u8::from_str_radix(pair, 16).unwrap_or_else(|_| panic!("{name}: {word} is no hex"))
    });
    let bytes: Vec<u8> = pairs.collect();
    bytes.repeat(times)
}
