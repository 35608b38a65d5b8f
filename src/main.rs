//! The program `p2pchat`: reads the command line, does what it says, ends with a code that scripts
//! can rely on.

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process;

use clap::{CommandFactory, FromArgMatches};
use p2pchat::app::{self, Configuration, Failure};
use p2pchat::chat::book::Intent;
use p2pchat::chat::safety::Wording;
use p2pchat::chat::{Format, clean};
use p2pchat::cli::help;
use p2pchat::cli::scripts::joined;
use p2pchat::cli::{
    AskArgs, Cli, Command, ConfigAction, ContactsCommand, Ends, ExportFormat, FollowArgs,
    HistoryArgs, HistoryCommand, IdCommand, Options, PassphraseCommand, RecvArgs, SendArgs, Words,
};
use p2pchat::config::{Face, Settings, Wanted};
use p2pchat::store::words::WordList;
use p2pchat::ui::language::{Language, Tongue};
use p2pchat::ui::tui::terminal::has_room_for_a_screen;
use p2pchat::ui::{Printout, Stream, json, words};

/// A question that makes no sense: wrong usage, and none of the answers.
const NO_QUESTION: i32 = 102;

/// What happens inside, for those who look for a fault: `P2PCHAT_LOG=debug`.
const LOG: &str = "P2PCHAT_LOG";

fn main() {
    app::end_on_panic();
    // Before the options are read, for they may ask for the help.
    let variable = std::env::var("P2PCHAT_LANG").ok();
    let asked = help::tongue_asked_for(std::env::args_os(), variable.as_deref());
    let mut language = language(asked);
    let matches = help::in_language(Cli::command(), &language).try_get_matches();
    let cli = matches.and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = cli.unwrap_or_else(|answer| end_with(&answer, &language));
    let ends = ends();
    let face = cli.wanted(ends, Settings::default()).face;
    log();
    let asks = matches!(cli.command, Some(Command::Ask(_)));
    let code = match run(cli, ends, &mut language) {
        Ok(code) => code,
        Err(failure) => {
            let code = complain(face, &failure, &language);
            // The codes below are answers.
            if asks { app::not_asked(code) } else { code }
        }
    };
    // Threads may still wait for a key or for a name server; they have nothing left to lose.
    process::exit(code.into());
}

/// Ends the program with what the parser says instead of options: the help, or a mistake. It repeats
/// what it was given, which others may have written, in a link or a script, and the terminal obeys.
/// Then there are no colours, and nothing else that is not text.
fn end_with(answer: &clap::Error, language: &Language) -> ! {
    let code = if answer.use_stderr() && asks() { NO_QUESTION } else { answer.exit_code() };
    if let Some(told) = app::mistyped(answer, language) {
        // Where nobody listens, the code has to do.
        let _ = write!(io::stderr(), "{}", clean::text(&told));
        process::exit(code);
    }
    let ours = |name: &OsStr| name.to_string_lossy().starts_with("P2PCHAT_");
    let variables = std::env::vars_os().filter(|(name, _)| ours(name)).map(|(_, value)| value);
    let is_clean = |given: OsString| {
        let given = given.to_string_lossy();
        clean::text(&given) == given
    };
    if std::env::args_os().chain(variables).all(is_clean) {
        let _ = answer.print();
        process::exit(code);
    }
    let text = clean::text(&answer.render().to_string());
    // Where nobody listens, the code has to do.
    let _ = if answer.use_stderr() {
        write!(io::stderr(), "{text}")
    } else {
        write!(io::stdout(), "{text}")
    };
    process::exit(code);
}

/// Whether a question was to be asked, however wrongly: its exit codes below 100 are answers.
fn asks() -> bool {
    let matches = Cli::command().ignore_errors(true).try_get_matches();
    matches.is_ok_and(|matches| matches.subcommand_name() == Some("ask"))
}

/// The one that a person asks for, else the system's.
fn language(asked: Option<Tongue>) -> Language {
    Language::choose(asked, sys_locale::get_locale().as_deref())
}

/// `language` becomes the one that the configuration settles, unless an option says otherwise.
fn run(cli: Cli, ends: Ends, language: &mut Language) -> Result<u8, Failure> {
    let options = &cli.options;
    let find = || Configuration::find(options.config.clone(), options.data_dir.as_deref());
    if options.lang.is_none()
        && let Some(settled) = find().ok().and_then(|file| file.language())
    {
        *language = self::language(Some(settled));
    }
    let settings = match &cli.command {
        // These have to work whatever is in the file.
        Some(Command::Config { action }) => {
            print(configure(&find()?, action, options, language)?);
            return Ok(0);
        }
        Some(Command::Completions { .. } | Command::Man { .. }) => Settings::default(),
        _ => find()?.settings()?,
    };
    let wanted = cli.wanted(ends, settings);
    let (face, data_dir) = (wanted.face, wanted.data_dir.clone());
    let printouts = match cli.command {
        None => return awaited(app::chat(wanted, language)),
        Some(Command::Demo) => return awaited(app::demo(wanted, language)),
        Some(Command::Send(send)) => {
            let files = send.files();
            let SendArgs { to, text, called, .. } = send;
            return if files.is_empty() {
                awaited(app::send(wanted, to, joined(&text), language))
            } else {
                awaited(app::send_files(wanted, to, &files, &called, language))
            };
        }
        Some(Command::Recv(RecvArgs { file: true, from, .. })) => {
            return awaited(app::recv_file(wanted, from, cli.options.timeout, language));
        }
        Some(Command::Recv(RecvArgs { count, from, .. })) => {
            return awaited(app::recv(wanted, from, count, cli.options.timeout, language));
        }
        Some(Command::Follow(FollowArgs { with })) => {
            return awaited(app::follow(wanted, with, cli.options.timeout, language));
        }
        Some(Command::Ask(AskArgs { to, question, choices })) => {
            let (time, question) = (cli.options.timeout, question.join(" "));
            return awaited(app::ask(wanted, to, &question, choices, time, language));
        }
        Some(Command::Hold(how)) => {
            if how.succeeds {
                return awaited(app::succeed(wanted, language));
            }
            return match (how.end, how.foreground || how.detached) {
                (true, _) => awaited(app::end(wanted, language)),
                (false, true) => awaited(app::hold(wanted, how.detached, language)),
                (false, false) => awaited(app::hold_in_the_background(wanted, language)),
            };
        }
        Some(Command::Status) => return awaited(app::status(wanted, language)),
        Some(Command::Doctor { .. }) => {
            let (code, printouts) = awaited(app::doctor(wanted, language))?;
            print(printouts);
            return Ok(code.code());
        }
        Some(Command::Id { command: None }) => app::id(data_dir, face, language)?,
        Some(Command::Id { command: Some(IdCommand::Words { list, yes }) }) => {
            let list = match list {
                Words::En => WordList::English,
                Words::Zh => WordList::Chinese,
            };
            app::words(data_dir, face, list, yes, language)?
        }
        Some(Command::Id { command: Some(IdCommand::Restore) }) => {
            app::restore(data_dir, face, language)?
        }
        Some(Command::Passphrase { command }) => match command {
            None => app::passphrase(data_dir, face, language)?,
            Some(PassphraseCommand::Set { from }) => {
                app::set_passphrase(data_dir, face, from.as_deref(), language)?
            }
            Some(PassphraseCommand::Remove) => app::remove_passphrase(data_dir, face, language)?,
        },
        Some(Command::Invite { list }) => {
            return awaited(app::invite(wanted, wording(list), language));
        }
        Some(Command::Accept { link }) => {
            return awaited(app::accept(wanted, link.map(|link| *link), language));
        }
        Some(Command::Contacts { command }) => {
            return contacts(wanted, command, language);
        }
        Some(Command::History(asked)) => history(data_dir, face, *asked, language)?,
        // Done above.
        Some(Command::Config { .. }) => Vec::new(),
        Some(Command::Completions { shell }) => {
            clap_complete::generate(shell, &mut Cli::command(), "p2pchat", &mut io::stdout());
            return Ok(0);
        }
        Some(Command::Man { to: None }) => {
            let page = app::manual::page(documented(language), language);
            page.and_then(|page| io::stdout().write_all(&page)).map_err(not_written)?;
            return Ok(0);
        }
        Some(Command::Man { to: Some(directory) }) => {
            let pages = app::manual::pages(documented(language), &directory, language);
            pages.map_err(not_written)?;
            return Ok(0);
        }
    };
    print(printouts);
    Ok(0)
}

fn configure(
    file: &Configuration,
    action: &ConfigAction,
    options: &Options,
    language: &Language,
) -> Result<Vec<Printout>, Failure> {
    match action {
        ConfigAction::Path => Ok(vec![Printout::out(file.path().display().to_string())]),
        ConfigAction::Check => file.check(language),
        ConfigAction::Show => file.show(&options.settled(), options.json, language),
        ConfigAction::Template => Ok(app::template(language)),
        ConfigAction::Set { key, value } => file.set(key, value),
        ConfigAction::Unset { key } => file.unset(key, language),
    }
}

/// The command line as the manual has it. The commands named help have no pages.
fn documented(language: &Language) -> clap::Command {
    help::in_language(Cli::command().disable_help_subcommand(true), language)
}

/// What we read from and write to.
fn ends() -> Ends {
    if !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        Ends::Pipe
    } else if has_room_for_a_screen() {
        Ends::Terminal
    } else {
        Ends::LineTerminal
    }
}

fn contacts(
    wanted: Wanted,
    command: Option<ContactsCommand>,
    language: &Language,
) -> Result<u8, Failure> {
    use app::contacts::{self, whom};
    let (face, data_dir) = (wanted.face, wanted.data_dir.clone());
    let change = |intent| awaited(contacts::change(wanted, intent, language));
    let printouts = match command {
        None | Some(ContactsCommand::List) => contacts::list(data_dir, face, language),
        Some(ContactsCommand::Show { whom }) => contacts::show(data_dir, face, &whom, language),
        Some(ContactsCommand::Add { whom: typed, key, nickname }) => {
            let server = typed.rendezvous.as_ref().and_then(|rendezvous| rendezvous.key);
            return change(Intent::Add { whom: whom(&typed), server, key, nickname });
        }
        Some(ContactsCommand::Rename { whom: typed, nickname }) => {
            return change(Intent::Rename { whom: whom(&typed), nickname });
        }
        Some(ContactsCommand::Remove { whom: typed, yes: sure }) => {
            return change(Intent::Remove { whom: whom(&typed), sure });
        }
        Some(ContactsCommand::Verify { whom, words, list }) if words.is_empty() => {
            contacts::code(data_dir, face, &whom, list.map(wording), language)
        }
        Some(ContactsCommand::Verify { whom: typed, words, .. }) => {
            return change(Intent::Verify { whom: whom(&typed), read: words.join(" ") });
        }
    };
    print(printouts?);
    Ok(0)
}

/// The list of words in the chat's terms.
fn wording(list: Words) -> Wording {
    match list {
        Words::En => Wording::English,
        Words::Zh => Wording::Chinese,
    }
}

fn history(
    data_dir: Option<PathBuf>,
    face: Face,
    asked: HistoryArgs,
    language: &Language,
) -> Result<Vec<Printout>, Failure> {
    let HistoryArgs { command, peer, with, lines, search } = asked;
    match command {
        None => app::history(data_dir, face, peer.or(with), search.as_deref(), lines, language),
        Some(HistoryCommand::Export { format, with, output }) => {
            let format = match format {
                ExportFormat::Text => Format::Text,
                ExportFormat::Markdown => Format::Markdown,
                ExportFormat::Json => Format::Json,
            };
            app::export(data_dir, format, with, output, language)
        }
        Some(HistoryCommand::Import { file }) => app::import(data_dir, face, &file, language),
        Some(HistoryCommand::Keep { time }) => app::keep(data_dir, face, time.as_deref(), language),
    }
}

fn print(printouts: Vec<Printout>) {
    let mut out = io::stdout().lock();
    for Printout { text, .. } in printouts {
        if writeln!(out, "{text}").is_err() {
            // Nobody reads on: not an error, as with other programs in a pipe.
            break;
        }
    }
}

/// Runs the network in this thread.
fn awaited<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::no_runtime(&error))?;
    let result = runtime.block_on(work)?;
    runtime.shutdown_background();
    Ok(result)
}

fn not_written(error: io::Error) -> Failure {
    Failure::not_written(&error)
}

fn complain(face: Face, failure: &Failure, language: &Language) -> u8 {
    let code = failure.code.code();
    let printout = match face {
        // Programs search what they are told.
        Face::Json => {
            let sentence = failure.sentence(&Language::default());
            Printout::out(json::error(words::failure_code(failure.code), &sentence))
        }
        Face::Plain | Face::Line | Face::Screen => {
            Printout::err(format!("p2pchat: {}", failure.sentence(language)))
        }
    };
    // Where nobody listens, the code has to do.
    let _ = match printout.stream {
        Stream::Out => writeln!(io::stdout(), "{}", printout.text),
        Stream::Err | Stream::Status => writeln!(io::stderr(), "{}", printout.text),
    };
    code
}

/// Logs to stderr if asked to; otherwise nothing may tear the screen.
fn log() {
    if let Ok(filter) = std::env::var(LOG) {
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    }
}
