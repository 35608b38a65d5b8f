//! The identity on paper: out as words, and in again.

use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::PathBuf;

use serde_json::json;
use zeroize::Zeroizing;

use super::{Failure, profile, unlock};
use crate::chat::ExitCode;
use crate::config::Face;
use crate::store::words::{self, WORDS, WordList};
use crate::store::{Profile, Reader};
use crate::ui::Printout;
use crate::ui::language::{Language, Phrase};

/// More bytes than 24 words have in any form; what is longer is not read to its end.
const MAX_INPUT: u64 = 4096;

/// Prints the identity as words, after a question: whoever sees them is this person from then on.
///
/// # Errors
///
/// There is no profile, or nobody was there to be asked.
pub fn words(
    data_dir: Option<PathBuf>,
    face: Face,
    list: WordList,
    yes: bool,
    language: &Language,
) -> Result<Vec<Printout>, Failure> {
    let dir = profile::directory(data_dir)?;
    let key = unlock::key(&dir, language)?;
    let Some(reader) = Reader::unlock(&dir, key.as_ref())? else {
        return Err(refused(Phrase::new("words-no-identity").with("path", dir.display())));
    };
    if !yes {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(refused(Phrase::new("words-terminal-only")));
        }
        let (warning, question) = (language.text("words-warning"), language.text("words-question"));
        say(&format!("{warning}\n{question}"))?;
        if read_line(&mut io::stdin().lock())?.trim() != "yes" {
            return Err(refused(Phrase::new("words-not-shown")));
        }
    }
    let identity = reader.identity()?;
    let words = words::from_seed(identity.seed(), list);
    let text = match face {
        Face::Json => {
            let words: Vec<&str> = words.split(' ').collect();
            json!({"type": "words", "key": identity.id().to_string(), "words": words}).to_string()
        }
        Face::Plain => words.to_string(),
        Face::Line | Face::Screen => numbered(&words),
    };
    Ok(vec![Printout::out(text)])
}

/// Makes a profile of the words that are typed or come through a pipe; they are never arguments,
/// which other users can see.
///
/// # Errors
///
/// The words are no identity, or the profile has one already.
pub fn restore(
    data_dir: Option<PathBuf>,
    face: Face,
    language: &Language,
) -> Result<Vec<Printout>, Failure> {
    let dir = profile::directory(data_dir)?;
    if io::stdin().is_terminal() {
        say(&format!("{}\n", language.say("words-ask", &[("words", &WORDS)])))?;
    }
    let seed = words::to_seed(&read_words()?)?;
    let key = Profile::restore(&dir, &seed)?.id();
    let text = match face {
        Face::Json => json!({"type": "restored", "key": key.to_string()}).to_string(),
        Face::Plain | Face::Line | Face::Screen => language.say("words-restored", &[("key", &key)]),
    };
    Ok(vec![Printout::out(text)])
}

/// Reads until there are as many words as there have to be, or until the end.
fn read_words() -> Result<Zeroizing<String>, Failure> {
    let mut input = BufReader::new(io::stdin().lock().take(MAX_INPUT));
    let mut typed = Zeroizing::new(String::with_capacity(MAX_INPUT as usize));
    loop {
        let line = read_line(&mut input)?;
        typed.push_str(&line);
        if line.is_empty() || words::count(&typed) >= WORDS {
            return Ok(typed);
        }
    }
}

fn read_line(input: &mut impl BufRead) -> Result<Zeroizing<String>, Failure> {
    let mut line = Zeroizing::new(String::new());
    let read = input.take(MAX_INPUT).read_line(&mut line);
    read.map_err(|error| Failure::internal(Phrase::new("input-unreadable").with("error", error)))?;
    Ok(line)
}

/// On stderr, for stdout may be a file.
fn say(text: &str) -> Result<(), Failure> {
    let said = io::stderr().write_all(text.as_bytes()).and_then(|()| io::stderr().flush());
    said.map_err(|error| Failure::internal(Phrase::new("terminal-closed").with("error", error)))
}

fn refused(phrase: Phrase) -> Failure {
    Failure::new(ExitCode::Refused, phrase)
}

/// Six rows of four, as one writes them down.
fn numbered(words: &str) -> String {
    let words: Vec<&str> = words.split(' ').collect();
    let rows = words.chunks(4).zip((1..).step_by(4)).map(|(row, first)| {
        let cells = row.iter().zip(first..).map(|(word, place)| format!("{place:2}. {word:<10}"));
        cells.collect::<String>().trim_end().to_owned()
    });
    rows.collect::<Vec<_>>().join("\n")
}
