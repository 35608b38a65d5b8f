//! The three laws of `docs/architecture.md`, read off the source text.
//!
//! 1. The sans-IO rooms name no clock, socket, file, thread, await or OS randomness.
//! 2. Imports go only downward.
//! 3. No file is longer than a person reads in one sitting.
//!
//! clippy holds the first law too (`clippy.toml`), by resolved path; this test sees what clippy
//! cannot, such as `async` and a whole room that imports the wrong one.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Lines a file may have, tests included.
const LONGEST_FILE: usize = 600;

/// Each room and the rooms directly below it. What they import in turn may be imported too.
const FLOORS: &[(&str, &[&str])] = &[
    ("main", &["app", "cli", "config"]),
    ("app", &["ui", "net", "store", "files", "chat", "proto", "config", "rendezvous"]),
    ("cli", &["config", "ui"]),
    ("ui", &["chat"]),
    ("store", &["chat", "proto"]),
    ("files", &["chat"]),
    ("chat", &["proto"]),
    ("net", &["proto"]),
    ("config", &["wire"]),
    ("proto", &["wire"]),
    ("rendezvous", &["wire"]),
    ("wire", &[]),
];

/// Where no IO happens. A path that ends in `/` is a folder with all that is in it.
const SANS_IO: &[&str] = &[
    "wire/src/",
    "src/proto/",
    "src/chat/",
    "src/ui/",
    "rendezvous/src/server.rs",
    "rendezvous/src/server/",
    "rendezvous/src/registry.rs",
    "rendezvous/src/registry/",
    "rendezvous/src/relay.rs",
    "rendezvous/src/relay/",
    "rendezvous/src/limits.rs",
    "rendezvous/src/limits/",
];

/// The files of `ui` that touch the terminal: the line editor's, and the screen's.
const TERMINALS: &[&str] = &["src/ui/terminal.rs", "src/ui/tui/terminal.rs"];

/// What a sans-IO room does not name.
const IO_WORDS: &[&str] = &[
    "Instant::now",
    "SystemTime",
    "UdpSocket",
    "TcpStream",
    "TcpListener",
    "ToSocketAddrs",
    "std::fs",
    "std::process",
    "std::thread",
    "std::env",
    "thread::sleep",
    "thread::spawn",
    "tokio",
    "socket2",
    "quinn_udp",
    "rusqlite",
    "getrandom",
    ".await",
    "async fn",
    "async move",
    "static mut",
    "LazyLock",
    "OnceLock",
    "thread_local!",
];

#[test]
fn no_file_is_too_long() {
    let mut report = String::new();
    for file in sources(&["src", "wire", "rendezvous", "tests", "benches", "fuzz"]) {
        let lines = read(&file).lines().count();
        if lines > LONGEST_FILE {
            let _ = writeln!(report, "{}: {lines} lines", shown(&file));
        }
    }
    assert!(
        report.is_empty(),
        "longer than {LONGEST_FILE} lines; find the missing noun:\n{report}"
    );
}

#[test]
fn imports_go_only_downward() {
    let mut report = String::new();
    for file in sources(&["src", "wire/src", "rendezvous/src"]) {
        let room = room_of(&shown(&file));
        let text = without_tests(&code_only(&read(&file)));
        let module = module_of(&shown(&file));
        for (line, target) in imported_rooms(&text, &module) {
            if target != room && !below(&room).iter().any(|floor| *floor == target) {
                let _ = writeln!(
                    report,
                    "{}:{line}: `{room}` imports `{target}`, which is not below it",
                    shown(&file)
                );
            }
        }
    }
    assert!(report.is_empty(), "imports that do not go downward:\n{report}");
}

#[test]
fn manifests_keep_the_order_of_the_crates() {
    for (manifest, forbidden) in [
        (
            "wire/Cargo.toml",
            &["p2pchat-rendezvous", "p2pchat.", "tokio", "getrandom", "rusqlite"][..],
        ),
        ("rendezvous/Cargo.toml", &["p2pchat."][..]),
    ] {
        let text = read(&root().join(manifest));
        let dependencies =
            text.split("[dependencies]").nth(1).and_then(|rest| rest.split("\n[").next());
        for line in dependencies.expect("a section [dependencies]").lines() {
            let upward = forbidden.iter().find(|name| line.starts_with(**name));
            assert!(upward.is_none(), "{manifest} depends on what is above it: {line}");
        }
    }
}

#[test]
fn sans_io_rooms_name_no_io() {
    let mut report = String::new();
    for file in sources(&["src", "wire/src", "rendezvous/src"]) {
        let path = shown(&file);
        if TERMINALS.contains(&path.as_str())
            || path.ends_with("tests.rs")
            || path.contains("/tests/")
        {
            continue;
        }
        if !SANS_IO
            .iter()
            .any(|room| path == *room || (room.ends_with('/') && path.starts_with(room)))
        {
            continue;
        }
        let text = without_tests(&code_only(&read(&file)));
        for (number, line) in text.lines().enumerate() {
            for word in IO_WORDS.iter().filter(|word| contains_word(line, word)) {
                let _ = writeln!(report, "{path}:{}: `{word}`", number + 1);
            }
        }
    }
    assert!(report.is_empty(), "IO where there is none:\n{report}");
}

#[test]
fn the_reader_of_imports_understands_groups_and_super() {
    let found = |text: &str, module: &[&str]| {
        let module: Vec<String> = module.iter().map(ToString::to_string).collect();
        imported_rooms(text, &module).into_iter().map(|(_, room)| room).collect::<Vec<_>>()
    };
    assert_eq!(
        found("use crate::{chat::Line, store, proto::{Event, net}};", &["ui"]),
        ["chat", "store", "proto"]
    );
    assert_eq!(found("use super::store::Outbox;", &["chat"]), ["store"]);
    assert_eq!(found("use super::store::Outbox;", &["chat", "room"]), Vec::<String>::new());
    assert_eq!(found("let x = super::super::net::open();", &["chat", "room"]), ["net"]);
    assert_eq!(found("use p2pchat_wire::codec;\nuse p2pchat::app;", &["main"]), ["wire", "app"]);
    assert_eq!(without_tests("a\n#[cfg(test)]\nmod tests { b }\n"), "a\n");
    assert_eq!(
        code_only("a // crate::b\n\"crate::c\" 'd' r#\"crate::e\"#"),
        "a \n\"\" 'd' r#\"\"#"
    );
}

/// Every room named after `crate::`, a chain of `super::`, or one of our crates' names, with its
/// line.
fn imported_rooms(text: &str, module: &[String]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in whole_statements(text) {
        for (at, _) in line.match_indices("p2pchat_wire") {
            if is_word_at(&line, at, "p2pchat_wire") {
                found.push((number, "wire".to_owned()));
            }
        }
        for (at, _) in line.match_indices("p2pchat_rendezvous") {
            if is_word_at(&line, at, "p2pchat_rendezvous") {
                found.push((number, "rendezvous".to_owned()));
            }
        }
        // Rooms are modules of the root package only; the other crates are one room each.
        if module.is_empty() {
            continue;
        }
        for root in ["crate::", "p2pchat::"] {
            for (at, _) in line.match_indices(root) {
                if at > 0 && line.as_bytes()[at - 1].is_ascii_alphanumeric() {
                    continue;
                }
                found.extend(first_names(&line[at + root.len()..]).map(|name| (number, name)));
            }
        }
        let mut rest = line.as_str();
        while let Some(at) = rest.find("super::") {
            let mut after = &rest[at..];
            let mut hops = 0;
            while let Some(next) = after.strip_prefix("super::") {
                (after, hops) = (next, hops + 1);
            }
            if hops >= module.len() {
                found.extend(first_names(after).map(|name| (number, name)));
            }
            rest = after;
        }
    }
    found.retain(|(_, room)| FLOORS.iter().any(|(name, _)| name == room));
    found
}

/// The names that stand first: `a::b` gives `a`; `{a::b, c::{d, e}}` gives `a` and `c`.
fn first_names(path: &str) -> impl Iterator<Item = String> {
    let mut names = Vec::new();
    if let Some(group) = path.strip_prefix('{') {
        let (mut depth, mut start) = (0_usize, 0);
        for (at, character) in group.char_indices() {
            match character {
                '{' => depth += 1,
                '}' if depth == 0 => {
                    names.push(&group[start..at]);
                    break;
                }
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    names.push(&group[start..at]);
                    start = at + 1;
                }
                _ => {}
            }
        }
    } else {
        names.push(path);
    }
    names
        .into_iter()
        .map(|name| {
            let name = name.trim();
            let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
            name[..end].to_owned()
        })
        .collect::<Vec<_>>()
        .into_iter()
}

/// The lines of `text`, a `use` that spans several joined to one.
fn whole_statements(text: &str) -> Vec<(usize, String)> {
    let mut statements: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (number, line) in text.lines().enumerate() {
        if open {
            if let Some((_, statement)) = statements.last_mut() {
                statement.push_str(line);
            }
        } else {
            statements.push((number + 1, line.to_owned()));
            let start = line.trim_start();
            open =
                start.starts_with("use ") || (start.starts_with("pub") && line.contains(" use "));
        }
        open = open && !line.contains(';');
    }
    statements
}

/// The rooms below `room`, however far.
fn below(room: &str) -> Vec<&'static str> {
    let mut found: Vec<&str> = Vec::new();
    let mut open = vec![room];
    while let Some(next) = open.pop() {
        for (_, floors) in FLOORS.iter().filter(|(name, _)| *name == next) {
            for floor in floors.iter().filter(|floor| !found.contains(floor)).collect::<Vec<_>>() {
                found.push(floor);
                open.push(floor);
            }
        }
    }
    found
}

/// `src/chat/room.rs` is in the room `chat`; all of `wire` is one room.
fn room_of(path: &str) -> String {
    match path.split('/').next() {
        Some(krate @ ("wire" | "rendezvous")) => krate.to_owned(),
        _ => match module_of(path).into_iter().next() {
            // `lib.rs` only opens the rooms; it stands where `main` does.
            None => "main".to_owned(),
            Some(room) => room,
        },
    }
}

/// `src/chat/room.rs` is the module `chat::room`; outside of the root package, nothing.
fn module_of(path: &str) -> Vec<String> {
    let Some(inside) = path.strip_prefix("src/").and_then(|path| path.strip_suffix(".rs")) else {
        return Vec::new();
    };
    let mut parts: Vec<String> = inside.split('/').map(ToOwned::to_owned).collect();
    if parts.last().is_some_and(|last| last == "mod" || last == "lib") {
        parts.pop();
    }
    parts
}

/// `text` up to its test module. Tests may look anywhere and start a clock.
fn without_tests(text: &str) -> String {
    let mut kept = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let before_tests = lines.peek().is_some_and(|next| next.trim_start().starts_with("mod "));
        if line.trim() == "#[cfg(test)]" && before_tests {
            // `mod tests;` is one line in the middle of others, `mod tests {` goes to the end.
            if lines.next().is_some_and(|next| next.trim_end().ends_with(';')) {
                continue;
            }
            break;
        }
        kept.push_str(line);
        kept.push('\n');
    }
    kept
}

/// `text` without comments and without what is inside string literals; line breaks stay.
fn code_only(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(hashes) = raw_string(rest) {
            let end = format!("\"{}", "#".repeat(hashes));
            let open = hashes + 2;
            let body = rest[open..].find(&end).unwrap_or(rest.len() - open);
            kept.push_str(&rest[..open]);
            kept.push_str(&end);
            open + body + end.len()
        } else if character == '"' {
            let mut escaped = false;
            let body = rest[1..]
                .find(|c| {
                    let ends = c == '"' && !escaped;
                    escaped = c == '\\' && !escaped;
                    ends
                })
                .unwrap_or(rest.len() - 2);
            kept.push_str("\"\"");
            body + 2
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\\"'") {
            // A quote as a character literal opens no string.
            kept.push_str("''");
            rest[1..].find('\'').map_or(3, |end| end + 2).max(3)
        } else {
            kept.push(character);
            character.len_utf8()
        };
        if skipped > character.len_utf8() && !rest.starts_with("//") {
            kept.extend(rest[..skipped.min(rest.len())].matches('\n'));
        }
        rest = rest.get(skipped..).unwrap_or_default();
    }
    kept
}

/// How many `#` the raw string literal at the start of `text` has, if there is one.
fn raw_string(text: &str) -> Option<usize> {
    let after = text.strip_prefix('r')?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    after[hashes..].starts_with('"').then_some(hashes)
}

fn contains_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| is_word_at(line, at, word))
}

/// Whether `word`, found at `at`, is not just a part of a longer name.
fn is_word_at(line: &str, at: usize, word: &str) -> bool {
    let in_name = |c: char| c.is_alphanumeric() || c == '_';
    let (starts, ends) = (word.starts_with(in_name), word.ends_with(in_name));
    let before = line[..at].chars().next_back().is_some_and(in_name);
    let after = line[at + word.len()..].chars().next().is_some_and(in_name);
    let part_of_longer = (starts && before) || (ends && after);
    !part_of_longer
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn shown(file: &Path) -> String {
    file.strip_prefix(root()).unwrap_or(file).to_string_lossy().replace('\\', "/")
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// All `.rs` files below the folders, sorted; build output is not source.
fn sources(folders: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() && path.file_name().is_none_or(|name| name != "target") {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
