//! A chat that nobody looks at: terminals, bots and scripts join it and leave it, and it goes on.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::attach::visit::Visitor;
use super::chatting::Job;
use super::console::{Console, Entered};
use super::scripts::{in_a_pipe, script};
use super::{Failure, profile};
use crate::chat::ExitCode;
use crate::config::Wanted;
use crate::ui::language::{Language, Phrase};
use crate::ui::script::Task;

/// How often it is looked whether the chat runs.
const PAUSE: Duration = Duration::from_millis(20);

/// What tells the process in the background that it is the one.
const DETACHED: &str = "--detached";

fn job(task: Task, detaches: bool) -> Job {
    Job { task, says: Vec::new(), time: None, detaches }
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

/// The same in another process, and returns when others can join; at once if they can already. What is
/// wrong until then is told here.
///
/// # Errors
///
/// The process cannot be started, or the chat that runs is another than the one that is wanted.
pub async fn hold_in_the_background(wanted: Wanted, language: &Language) -> Result<u8, Failure> {
    let wanted = in_a_pipe(wanted);
    let dir = profile::directory(wanted.data_dir.clone())?;
    if Visitor::is_held(&dir).await {
        return join(&wanted, &dir, language).await;
    }
    let mut child = start()
        .map_err(|error| Failure::internal(Phrase::new("hold-not-started").with("error", error)))?;
    let complaints = child.stderr.take().map(told_here);
    loop {
        if Visitor::is_held(&dir).await {
            return Ok(ExitCode::Done.code());
        }
        if let Ok(Some(status)) = child.try_wait() {
            // Its last words come before its end is told.
            drop(complaints.map(std::thread::JoinHandle::join));
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            return Ok(code.unwrap_or_else(|| ExitCode::Internal.code()));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Looks into the chat that runs, which says if it is another than the one that is wanted.
async fn join(wanted: &Wanted, dir: &Path, language: &Language) -> Result<u8, Failure> {
    let job = job(Task::Hold, false);
    let mut visitor = Visitor::new(wanted, None, job.view(wanted.face, language), job.begins());
    let code = visitor.call(dir, Console::saying(&[Entered::End])).await?;
    Ok(code.unwrap_or_else(|| ExitCode::Done.code()))
}

/// This program again, with the same options.
fn start() -> io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(std::env::args_os().skip(1)).arg(DETACHED);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()
}

/// Says what another process says, for as long as this one runs.
#[expect(clippy::disallowed_methods, reason = "blocking input needs a thread")]
fn told_here(said: impl io::Read + Send + 'static) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(said).lines().map_while(Result::ok) {
            let _ = writeln!(io::stderr(), "{line}");
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
    let code = visitor.call(&dir, Console::saying(&[])).await?;
    Ok(code.unwrap_or_else(|| ExitCode::Done.code()))
}
