//! Files, as people and programs are told of them.

use serde_json::{Value, json};

use super::language::{Language, Phrase};
use super::{Background, tables};
use crate::chat::files::disk::{Content, DiskProblem};
use crate::chat::files::record::Why;
use crate::chat::files::{FileName, FileRule, Motion, Stage};
use crate::chat::{Address, Direction, FileNews, Manner, clean};

/// Cells of a name in a table.
const NAME: usize = 40;

/// So many bytes, as people read them: `3.2 MB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let (mut unit, mut tenths) = (0, bytes / 100);
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1000;
        unit += 1;
    }
    match tenths {
        tenths if tenths < 100 => format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit]),
        tenths => format!("{} {}", tenths / 10, UNITS[unit]),
    }
}

/// So many seconds, as a clock shows them.
fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        hours => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// How much of a file is done.
fn percent(done: u64, size: u64) -> String {
    let of = u128::from(done.min(size)) * 100 / u128::from(size.max(1));
    format!("{of} %")
}

/// A name that somebody gave a file, where it can do nothing. A folder's ends as those of folders do.
pub(super) fn name(news: &FileNews) -> String {
    let mut name = clean::one_line(&news.name, " ");
    if news.content != Content::File {
        name.push('/');
    }
    name
}

/// How much there is of it: `3.2 MB`, and of a folder how many files.
fn amount(size: u64, content: Content, language: &Language) -> String {
    let size = self::size(size);
    match content {
        Content::File => size,
        Content::Folder { files, .. } => {
            language.count("folder-amount", u64::from(files), &[("size", &size)])
        }
    }
}

/// How far a file is, for whoever looks at it all the time; nothing once it has ended.
#[must_use]
pub fn progress(news: &FileNews, language: &Language) -> Option<String> {
    match &news.stage {
        Stage::Examining { done } => {
            Some(language.say("file-examining", &[("part", &percent(*done, news.size))]))
        }
        Stage::Moving(motion) => Some(moving(*motion, news.size)),
        Stage::Offered
        | Stage::Accepted
        | Stage::Done { .. }
        | Stage::Declined
        | Stage::Withdrawn(_)
        | Stage::Stalled(_) => None,
    }
}

/// How far a file is, as a gauge in a screen; nothing where [`progress`] says nothing.
pub(super) fn gauge(news: &FileNews) -> Option<String> {
    const CELLS: u64 = 12;
    let done = match &news.stage {
        Stage::Examining { done } => *done,
        Stage::Moving(motion) => motion.done,
        _ => return None,
    };
    let full = u128::from(done.min(news.size)) * u128::from(CELLS) / u128::from(news.size.max(1));
    let cell = |cell| if cell < full { '=' } else { ' ' };
    Some(format!("[{}]", (0..u128::from(CELLS)).map(cell).collect::<String>()))
}

/// `42 %  3.1 MB/s  0:12`.
fn moving(Motion { done, rate, left }: Motion, size: u64) -> String {
    let mut said = percent(done, size);
    if let Some(rate) = rate {
        said.push_str(&format!("  {}/s", self::size(rate)));
    }
    if let Some(left) = left {
        said.push_str(&format!("  {}", clock(left)));
    }
    said
}

/// What is said once about a file.
#[must_use]
pub fn sentence(
    news: &FileNews,
    background: Background<'_>,
    language: &Language,
) -> Option<String> {
    let ours = news.by == Direction::Out;
    let id = match (&news.stage, ours) {
        (Stage::Examining { .. } | Stage::Moving(_), _) => return None,
        (Stage::Offered, true) => "file-offered",
        (Stage::Offered, false) => "file-offered-to-us",
        (Stage::Accepted, true) => "file-wanted",
        (Stage::Accepted, false) => "file-accepted",
        (Stage::Done { .. }, true) => "file-given",
        (Stage::Done { path: Some(path) }, false) => {
            let path = clean::one_line(path, " ");
            let id =
                if news.content == Content::File { "file-received" } else { "folder-received" };
            let phrase = Phrase::new(id).with("name", background.name(&news.with));
            return Some(phrase.with("path", path).said_in(language));
        }
        (Stage::Done { path: None }, false) => return None,
        (Stage::Declined, true) => "file-not-wanted",
        (Stage::Declined, false) => "file-declined",
        (Stage::Withdrawn(Why::Person), true) => "file-taken-back",
        (Stage::Withdrawn(Why::Person), false) => "file-taken-back-by-them",
        (Stage::Withdrawn(Why::Changed), true) => "file-changed",
        (Stage::Withdrawn(Why::Changed), false) => "file-changed-there",
        (Stage::Withdrawn(Why::Gone), true) => "file-gone",
        (Stage::Withdrawn(Why::Gone), false) => "file-gone-there",
        (Stage::Stalled(problem), _) => {
            let why = self::problem(problem).said_in(language);
            let phrase = Phrase::new("file-stalled").with("file", name(news));
            let phrase = phrase.with("why", why).with("number", news.number);
            return Some(phrase.said_in(language));
        }
    };
    let (file, size) = (name(news), amount(news.size, news.content, language));
    let who = background.name(&news.with);
    Some(
        language
            .say(id, &[("name", &who), ("file", &file), ("size", &size), ("number", &news.number)]),
    )
}

/// Why the disk cannot do something with a file.
#[must_use]
pub fn problem(problem: &DiskProblem) -> Phrase {
    let at =
        |id: &'static str, place: &str| Phrase::new(id).with("path", clean::one_line(place, " "));
    match problem {
        DiskProblem::Gone { place } => at("file-problem-gone", place),
        DiskProblem::NotAFile { place } => at("file-problem-no-file", place),
        DiskProblem::TooLarge { size } => {
            Phrase::new("file-problem-too-large").with("size", self::size(*size))
        }
        DiskProblem::TooMuch { place } => at("file-problem-too-much", place),
        DiskProblem::Changed { place } => at("file-problem-changed", place),
        DiskProblem::WrongList | DiskProblem::WrongBlock { .. } => {
            Phrase::new("file-problem-wrong")
        }
        DiskProblem::WrongFolder => Phrase::new("file-problem-wrong-folder"),
        DiskProblem::NoRoom { place, needed, free } => {
            let phrase = at("file-problem-no-room", place).with("needed", size(*needed));
            phrase.with("free", size(*free))
        }
        DiskProblem::Full { place, cause } => at("file-problem-full", place).with("cause", cause),
        DiskProblem::Busy { place } => at("file-problem-busy", place),
        DiskProblem::NotOpen => Phrase::new("file-problem-not-open"),
        DiskProblem::Other { place, cause } => at("file-problem-other", place).with("cause", cause),
    }
}

/// The files that are known, one in each row.
pub(super) fn table(files: &[FileNews], background: Background<'_>, language: &Language) -> String {
    if files.is_empty() {
        return language.text("files-none");
    }
    tables::rows(files.iter().map(|news| {
        let from = if news.by == Direction::Out { "files-to" } else { "files-from" };
        [
            news.number.to_string(),
            clean::label(&name(news), NAME),
            size(news.size),
            language.say(from, &[("name", &background.name(&news.with))]),
            stage(news, language),
        ]
    }))
}

/// How far a file is, in a few words.
fn stage(news: &FileNews, language: &Language) -> String {
    let id = match &news.stage {
        Stage::Examining { .. } | Stage::Moving(_) => {
            return progress(news, language).unwrap_or_default();
        }
        Stage::Offered => "file-stage-offered",
        Stage::Accepted => "file-stage-accepted",
        Stage::Done { path: Some(path) } if news.by == Direction::In => {
            return clean::one_line(path, " ");
        }
        Stage::Done { .. } => "file-stage-done",
        Stage::Declined => "file-stage-declined",
        Stage::Withdrawn(_) => "file-stage-withdrawn",
        Stage::Stalled(problem) => return self::problem(problem).said_in(language),
    };
    language.text(id)
}

/// What a line says that offers a file or a folder.
pub(super) fn offer(text: &str, manner: Manner, language: &Language) -> Option<String> {
    let (size, _, content) = manner.offer()?;
    let (file, size) = (clean::one_line(text, " "), amount(size, content, language));
    let id = if content == Content::File { "line-file" } else { "line-folder" };
    Some(language.say(id, &[("file", &file), ("size", &size)]))
}

/// What becomes of the files of a contact.
pub(super) fn rule(
    peer: &Address,
    rule: FileRule,
    background: Background<'_>,
    language: &Language,
) -> String {
    let name = background.name(peer);
    match rule {
        FileRule::Ask => language.say("file-rule-ask", &[("name", &name)]),
        FileRule::Never => language.say("file-rule-never", &[("name", &name)]),
        FileRule::UpTo(most) => {
            language.say("file-rule-up-to", &[("name", &name), ("size", &size(most))])
        }
    }
}

/// The same in a few words, if it is not that a person is asked.
pub(super) fn rule_in_short(rule: FileRule, language: &Language) -> Option<String> {
    match rule {
        FileRule::Ask => None,
        FileRule::Never => Some(language.text("limit-no-files")),
        FileRule::UpTo(most) => Some(language.say("limit-files-up-to", &[("size", &size(most))])),
    }
}

/// How large a file is at most that is accepted by itself.
pub(super) fn up_to(rule: FileRule) -> Option<u64> {
    match rule {
        FileRule::UpTo(most) => Some(most),
        FileRule::Ask | FileRule::Never => None,
    }
}

/// A file for programs.
pub(super) fn object(news: &FileNews, english: &Language) -> Value {
    let mut object = json!({
        "type": "file",
        "id": news.id.to_string(),
        "number": news.number,
        "peer": news.with.to_string(),
        "direction": if news.by == Direction::Out { "out" } else { "in" },
        "name": FileName::of(&news.name).as_str(),
        "size": news.size,
        "ref": news.reference,
        "state": state(&news.stage),
    });
    if let (Content::Folder { files, .. }, Value::Object(fields)) = (news.content, &mut object) {
        fields.insert("files".to_owned(), json!(files));
    }
    let more = match &news.stage {
        Stage::Examining { done } => json!({ "bytes": done }),
        Stage::Moving(Motion { done, rate, left }) => {
            json!({ "bytes": done, "rate": rate, "seconds_left": left })
        }
        Stage::Done { path } if news.by == Direction::In => json!({ "path": path }),
        Stage::Withdrawn(why) => json!({ "reason": reason(*why) }),
        Stage::Stalled(problem) => json!({ "reason": self::problem(problem).said_in(english) }),
        _ => json!({}),
    };
    if let (Value::Object(fields), Value::Object(more)) = (&mut object, more) {
        fields.extend(more);
        fields.retain(|_, value| !value.is_null());
    }
    object
}

fn state(stage: &Stage) -> &'static str {
    match stage {
        Stage::Examining { .. } => "examining",
        Stage::Offered => "offered",
        Stage::Accepted => "accepted",
        Stage::Moving(_) => "moving",
        Stage::Done { .. } => "done",
        Stage::Declined => "declined",
        Stage::Withdrawn(_) => "withdrawn",
        Stage::Stalled(_) => "stalled",
    }
}

fn reason(why: Why) -> &'static str {
    match why {
        Why::Person => "cancelled",
        Why::Changed => "changed",
        Why::Gone => "gone",
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use p2pchat_wire::identity::Name;

    use super::*;
    use crate::chat::{LineId, Notice};
    use crate::ui::Stream;
    use crate::ui::script::{Script, Task};

    #[test]
    fn sizes_have_two_digits_or_three() {
        for (bytes, said) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (9_990, "9.9 kB"),
            (10_000, "10 kB"),
            (999_999, "999 kB"),
            (3_200_000, "3.2 MB"),
            (107_374_182_400, "107 GB"),
            (u64::MAX, "18446 PB"),
        ] {
            assert_eq!(size(bytes), said);
        }
        assert_eq!([clock(7), clock(61), clock(3_661)], ["0:07", "1:01", "1:01:01"]);
    }

    #[test]
    fn no_name_of_a_file_moves_a_cursor() {
        let news = FileNews {
            with: Address::new(Name::new("alice").expect("name"), "host"),
            id: LineId([1; 16]),
            number: 3,
            by: Direction::In,
            name: "a\u{1b}[2J\n\u{202e}b".to_owned(),
            size: 3_200_000,
            content: Content::File,
            reference: None,
            stage: Stage::Offered,
        };
        let english = Language::default();
        let said = sentence(&news, Background::default(), &english).expect("it is said");
        assert!(said.chars().all(clean::is_plain), "{said:?}");
        assert!(said.contains("/accept 3") && said.contains("3.2 MB"), "{said}");
        assert_eq!(object(&news, &english)["name"], "a[2J b");
        let folder = FileNews { content: Content::Folder { head: 9, files: 12 }, ..news.clone() };
        let said = sentence(&folder, Background::default(), &english).expect("it is said");
        assert!(said.contains(" b/ ") && said.contains("12 files, 3.2 MB"), "{said}");
        assert_eq!(object(&folder, &english)["files"], 12);
        let only = FileNews { content: Content::Folder { head: 9, files: 1 }, ..news.clone() };
        let said = sentence(&only, Background::default(), &english).expect("it is said");
        assert!(said.contains("(1 file, 3.2 MB)"), "{said}");
        let moving = Stage::Moving(Motion { done: 1_600_000, rate: Some(100_000), left: Some(16) });
        let moving = FileNews { stage: moving, ..news };
        assert_eq!(sentence(&moving, Background::default(), &english), None);
        assert_eq!(progress(&moving, &english).as_deref(), Some("50 %  100 kB/s  0:16"));
        assert_eq!(gauge(&moving).as_deref(), Some("[======      ]"));
        // A script is told of its own alone, and how far they are only for a moment.
        let mut script = Script::new(Task::Send, false, TimeZone::UTC, english);
        let heard = |script: &mut Script, news: &FileNews| {
            script.hear(&Notice::File(Box::new(news.clone())), Background::default())
        };
        assert_eq!(heard(&mut script, &moving), []);
        let own = FileNews { reference: Some("script".to_owned()), ..moving };
        let streams: Vec<Stream> = heard(&mut script, &own).iter().map(|one| one.stream).collect();
        assert_eq!(streams, [Stream::Status]);
        // Several stand beside each other, and one that has ended no longer.
        let other = FileNews { id: LineId([2; 16]), name: "other".to_owned(), ..own.clone() };
        let both = heard(&mut script, &other);
        let way = "50 %  100 kB/s  0:16";
        assert_eq!(both[0].text, format!("a[2J b  {way} | other  {way}"));
        let done = FileNews { stage: Stage::Done { path: None }, ..own };
        let rest = heard(&mut script, &done).pop().expect("how the other stands");
        assert_eq!((rest.stream, rest.text), (Stream::Status, format!("other  {way}")));
        let done = FileNews { stage: Stage::Done { path: None }, ..other };
        assert!(heard(&mut script, &done).iter().all(|one| one.stream != Stream::Status));
    }
}
