//! A chat that nobody looks at: terminals, bots and scripts join it and leave it, and it goes on.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use zeroize::Zeroizing;

use super::attach::visit::Visitor;
use super::chatting::{Job, Partner, run};
use super::console::{Console, Entered};
use super::peer::instant;
use super::scripts::{in_a_pipe, script};
use super::signals::leave_the_terminal;
use super::{Failure, profile};
use crate::chat::{ExitCode, Outcome, Problem, clean};
use crate::config::{Face, Wanted, default_serve_address};
use crate::store::DataKey;
use crate::ui::language::{Language, Phrase};
use crate::ui::script::Task;

/// How often it is looked whether the chat runs.
const PAUSE: Duration = Duration::from_millis(20);

/// How long it is waited for the first word of whether a server knows us.
const FIRST_WORD: Duration = Duration::from_secs(2);

/// What tells the process in the background that it is the one.
const DETACHED: &str = "--detached";

/// What tells a process that it is to go on with the chat of another.
const SUCCEEDS: &str = "--succeeds";

/// A key in hexadecimal, and the end of its line, in bytes.
const MAX_KEY: u64 = 66;

fn job(task: Task, detaches: bool) -> Job {
    Job { task, says: Vec::new(), time: None, detaches, key: None }
}

/// Runs the chat until a signal or [`end`] ends it, without a terminal if it `detaches`. Returns the exit
/// code.
///
/// # Errors
///
/// As [`chat()`](super::chat()).
pub async fn hold(wanted: Wanted, detaches: bool, language: &Language) -> Result<u8, Failure> {
    script(wanted, job(Task::Hold, detaches), language).await
}

/// The same in another process, and returns when others can join and it is known whether a server knows us;
/// at once if a chat runs already. What is wrong until then is told here.
///
/// # Errors
///
/// The process cannot be started, or the chat that runs is another than the one that is wanted.
pub async fn hold_in_the_background(wanted: Wanted, language: &Language) -> Result<u8, Failure> {
    let wanted = in_a_pipe(wanted);
    let dir = profile::directory(wanted.data_dir.clone())?;
    let look = Console::saying(&[Entered::End]);
    if let Some(code) = join(&wanted, &dir, look, language).await? {
        remark(&wanted, "hold-runs-already", language);
        return Ok(code);
    }
    let mut child = start()
        .map_err(|error| Failure::internal(Phrase::new("hold-not-started").with("error", error)))?;
    let lines = Arc::new(AtomicUsize::new(0));
    let output = child.stdout.take().map(|said| told_here(said, io::stdout(), &lines));
    let complaints = child.stderr.take().map(|said| told_here(said, io::stderr(), &lines));
    // A rendezvous of its own is the first that it speaks of.
    let before = usize::from(wanted.serve.is_some());
    let mut held_since = None;
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            // Its last words come before its end is told.
            drop(output.map(std::thread::JoinHandle::join));
            drop(complaints.map(std::thread::JoinHandle::join));
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            return Ok(code.unwrap_or_else(|| ExitCode::Internal.code()));
        }
        if Visitor::is_held(&dir).await {
            let known = lines.load(Ordering::Relaxed) > before;
            let since = *held_since.get_or_insert_with(instant);
            // It may have said why it ends; then it lets nobody in any more.
            if (known || instant().duration_since(since) >= FIRST_WORD)
                && let look = Console::silent(&[Entered::End])
                && let Some(code) = join(&wanted, &dir, look, language).await?
            {
                if !known {
                    remark(&wanted, "hold-not-known-yet", language);
                }
                return Ok(code);
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Says something about the chat itself, which programs see otherwise.
fn remark(wanted: &Wanted, sentence: &str, language: &Language) {
    if wanted.face != Face::Json {
        let _ = writeln!(io::stderr(), "{}", language.text(sentence));
    }
}

/// Looks into the chat that runs, which says if it is another than the one that is wanted. `None` if none
/// runs, or not any more.
async fn join(
    wanted: &Wanted,
    dir: &Path,
    console: Console,
    language: &Language,
) -> Result<Option<u8>, Failure> {
    let job = job(Task::Hold, false);
    let mut visitor = Visitor::new(wanted, None, job.view(wanted.face, language), job.begins());
    visitor.call(dir, console).await
}

/// This program again, with the same options.
fn start() -> io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(std::env::args_os().skip(1)).arg(DETACHED);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
}

/// Goes on with the chat of the process that has started this one, as soon as that ends. Returns the exit
/// code.
///
/// # Errors
///
/// As [`chat()`](super::chat()).
pub async fn succeed(wanted: Wanted, language: &Language) -> Result<u8, Failure> {
    // From now on a terminal that is closed does not end it.
    leave_the_terminal();
    let mut hex = Zeroizing::new(String::new());
    let _ = io::stdin().lock().take(MAX_KEY).read_line(&mut hex);
    let key = DataKey::from_hex(hex.trim_end());
    run(in_a_pipe(wanted), Partner::Script(Job { key, ..job(Task::Hold, false) }), language).await
}

/// Has another process go on with this chat once this one ends: it attaches, and waits. It does without a
/// passphrase if it is given the `key`. Returns when it has failed, and why.
pub(super) fn hand_over(key: Option<&DataKey>) -> Outcome {
    let failed = |cause: String| Outcome::Failed(Problem::NotDetached { cause: Some(cause) });
    let child = successor().and_then(|mut command| {
        let mut child = command.spawn()?;
        if let (Some(mut input), Some(key)) = (child.stdin.take(), key) {
            writeln!(input, "{}", *key.to_hex())?;
        }
        child.wait_with_output()
    });
    match child {
        Err(error) => failed(error.to_string()),
        Ok(ended) => failed(clean::one_line(&String::from_utf8_lossy(&ended.stderr), " ")),
    }
}

/// This program again, with the same options, to go on with the chat.
fn successor() -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut given = std::env::args_os().skip(1).peekable();
    while let Some(argument) = given.next() {
        let next = given.peek().and_then(|next| next.to_str());
        let alone = next.is_none_or(|next| next.parse::<SocketAddr>().is_err());
        command.arg(match argument.to_str() {
            // Its address may be left out, and a word behind it would be taken for one.
            Some("--serve") if alone => format!("--serve={}", default_serve_address()).into(),
            _ => argument,
        });
    }
    command.args(["hold", SUCCEEDS]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    Ok(command)
}

/// Says what another process says, for as long as this one runs, and counts the lines.
#[expect(clippy::disallowed_methods, reason = "blocking input needs a thread")]
fn told_here(
    said: impl io::Read + Send + 'static,
    mut here: impl io::Write + Send + 'static,
    lines: &Arc<AtomicUsize>,
) -> std::thread::JoinHandle<()> {
    let lines = Arc::clone(lines);
    std::thread::spawn(move || {
        for line in BufReader::new(said).lines().map_while(Result::ok) {
            let _ = writeln!(here, "{line}");
            lines.fetch_add(1, Ordering::Relaxed);
        }
    })
}

/// Ends the chat that runs on this profile; it is no fault if there is none. Returns the exit code.
///
/// # Errors
///
/// The chat does not listen.
pub async fn end(wanted: Wanted, language: &Language) -> Result<u8, Failure> {
    let wanted = in_a_pipe(wanted);
    let dir = profile::directory(wanted.data_dir.clone())?;
    let job = job(Task::End, false);
    let view = job.view(wanted.face, language);
    let mut visitor = Visitor::new(&wanted, None, view, job.begins());
    if !Visitor::is_held(&dir).await {
        remark(&wanted, "hold-none-to-end", language);
    }
    // One that ends has no other word for whoever wants that.
    let code = visitor.call(&dir, Console::saying(&[])).await?;
    Ok(code.unwrap_or_else(|| ExitCode::Done.code()))
}
