//! What was typed on the command line. Parsing touches nothing; [`config`] says
//! what it means.

mod contacts;
pub mod help;
pub mod scripts;
mod settled;

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use p2pchat_wire::identity::Name;

pub use self::contacts::ContactsCommand;
pub use self::scripts::{AskArgs, FollowArgs, HoldArgs, RecvArgs, SendArgs};
use crate::chat::invitation::ContactLink;
use crate::config::{
    self, Face, HostPort, InvalidAddress, InvalidTime, Lan, Paths, PeerAddress, Rendezvous,
    Settings, Strangers, Wait, Wanted,
};
use crate::ui::language::Tongue;

/// How long the end of input waits if nobody says.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The same where files are sent: a person has to accept them first. Ten years.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// The exit codes, for `--help` and the manual page. Scripts rely on them.
const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  internal error
  2  wrong usage
  3  no such name at the rendezvous, or no such room for a script
  4  the peer is offline; what was not delivered is kept and goes out later
  5  the rendezvous cannot be reached
  6  no path to the peer
  7  somebody's key has changed; stopped
  8  refused (the name belongs to another key, a room lets nobody in, ...)
  9  the other side speaks another version
 10  a transfer is incomplete and can be resumed
 11  what was waited for did not come within --timeout

Examples:
  p2pchat demo                                try it on this computer alone
  p2pchat doctor --rendezvous chat.example.org
  p2pchat --name bob --peer alice@chat.example.org
  tail -f log | p2pchat --peer ops@chat.example.org
  p2pchat send --to alice 'the build is green'";

/// Chat straight from one computer to the other, encrypted end to end.
///
/// Without a command: open the chat and wait for whoever calls; with --peer, open a conversation.
#[derive(Clone, Debug, Parser)]
#[command(name = "p2pchat", version, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Cli {
    /// Options that concern the profile and the network.
    #[command(flatten)]
    pub options: Options,
    /// Options of the chat itself.
    #[command(flatten)]
    pub chat: ChatOptions,
    /// Another command than the chat.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options that concern the profile and the network.
#[derive(Args, Clone, Debug, Default)]
pub struct Options {
    /// My name: claimed at the rendezvous at first use, then remembered
    #[arg(long, global = true, value_name = "NAME", env = "P2PCHAT_NAME", hide_env_values = true)]
    pub name: Option<Name>,
    /// A server where I am reachable, up to four times; one may fail without being missed. The last
    /// ones, or the one in --peer, if left out
    #[arg(long, global = true, value_name = "HOST[:PORT][#KEY]")]
    pub rendezvous: Vec<Rendezvous>,
    /// Line mode; without a terminal, by itself: messages to stdout, all else to stderr
    #[arg(long, global = true)]
    pub plain: bool,
    /// One JSON object per line, both ways
    #[arg(long, global = true, conflicts_with = "plain")]
    pub json: bool,
    /// Where identity, contacts and history are kept
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "P2PCHAT_DATA_DIR",
        hide_env_values = true
    )]
    pub data_dir: Option<PathBuf>,
    /// Another configuration file than config.toml in DIR, or in the system's place for such files
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "P2PCHAT_CONFIG",
        hide_env_values = true
    )]
    pub config: Option<PathBuf>,
    /// Local UDP address to use
    #[arg(long, global = true, value_name = "ADDR:PORT")]
    pub bind: Option<SocketAddr>,
    /// Do not ask the router to forward a port (PCP, NAT-PMP, UPnP)
    #[arg(
        long,
        global = true,
        env = "P2PCHAT_NO_PORT_MAPPING",
        hide_env_values = true,
        value_parser = clap::builder::FalseyValueParser::new()
    )]
    pub no_port_mapping: bool,
    /// Neither let contacts find me in the local network nor look for them there
    #[arg(long, global = true, conflicts_with = "visible", env = "P2PCHAT_NO_LAN",
          hide_env_values = true, value_parser = clap::builder::FalseyValueParser::new())]
    pub no_lan: bool,
    /// Tell everybody in the local network my name and my key: two who do can meet without a server
    #[arg(long, global = true, conflicts_with = "relay_only")]
    pub visible: bool,
    /// Never connect directly: the other side does not learn my IP address
    #[arg(long, global = true, conflicts_with = "direct_only")]
    pub relay_only: bool,
    /// Never send text over the relay
    #[arg(long, global = true)]
    pub direct_only: bool,
    /// What becomes of callers whom I do not know: they wait for my /accept, are contacts at once, or
    /// are not answered
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHAT",
        env = "P2PCHAT_STRANGERS",
        hide_env_values = true
    )]
    pub strangers: Option<Strangers>,
    /// My language; the one of this system if left out
    #[arg(
        long,
        global = true,
        value_name = "LANGUAGE",
        env = "P2PCHAT_LANG",
        hide_env_values = true
    )]
    pub lang: Option<Tongue>,
    /// How long the end of input waits, such as 30s (if left out) or 2m; `recv`, `follow` and `ask` wait
    /// so long for everything, and they and `send --file` without it for ever
    #[arg(long, global = true, value_name = "TIME", value_parser = parse_duration)]
    pub timeout: Option<Duration>,
    /// What the end of piped input waits for; delivered, if left out, and of `send --file` received
    #[arg(long, global = true, value_enum)]
    pub wait: Option<Wait>,
}

/// Options of the chat itself.
#[derive(Args, Clone, Debug, Default)]
pub struct ChatOptions {
    /// Whom to talk to; the rendezvous may be left out once one is known, and for somebody in this
    /// network
    #[arg(long, value_name = "NAME@HOST[:PORT][#KEY]")]
    pub peer: Option<PeerAddress>,
    /// Which room to go into, as /join does
    #[arg(long, value_name = "ROOM[@HOST[:PORT][#KEY]]", conflicts_with = "peer",
          value_parser = parse_room)]
    pub room: Option<PeerAddress>,
    /// Also run a rendezvous inside this process (on every address, port 3478, if none is given)
    #[arg(long, value_name = "ADDR:PORT", num_args = 0..=1)]
    pub serve: Option<Option<SocketAddr>>,
}

/// What standard input and output lead to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ends {
    /// A pipe or a file, at one end at least.
    Pipe,
    /// A terminal that shows lines and nothing else.
    LineTerminal,
    /// A terminal.
    Terminal,
}

/// What is done instead of chatting.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Chat with an echo on this computer: a rendezvous and two real peers over UDP
    Demo,
    /// Find out what stands between this computer and its rendezvous, and what to do about it
    Doctor {
        /// Also connect to this person, and say why the path is what it is
        #[arg(long, value_name = "NAME[@HOST[:PORT][#KEY]]")]
        peer: Option<PeerAddress>,
    },
    /// Show my name, my key and my rendezvous
    Id {
        /// Another thing to do with who I am
        #[command(subcommand)]
        command: Option<IdCommand>,
    },
    /// Make a code and tell it somebody: good once and for ten minutes, after which we are sure of
    /// each other's keys
    Invite {
        /// From which list its words are
        #[arg(long, value_enum, default_value_t)]
        list: Words,
    },
    /// Accept an invitation: its code is asked for, or read from P2PCHAT_CODE or the standard input
    Accept {
        /// A link instead of a code
        #[arg(value_name = "LINK", value_parser = link)]
        link: Option<Box<ContactLink>>,
    },
    /// List whom I know, with their keys
    Contacts {
        /// Another thing to do with them
        #[command(subcommand)]
        command: Option<ContactsCommand>,
    },
    /// Print what was said, oldest first
    History(Box<HistoryArgs>),
    /// Say whether a passphrase is needed to read this profile: history, contacts and identity
    Passphrase {
        /// What to do with it
        #[command(subcommand)]
        command: Option<PassphraseCommand>,
    },
    /// Send one message, or files, wait as --wait says, and leave
    Send(SendArgs),
    /// Print the next messages that no recv has printed yet, wait for them if need be, and leave
    Recv(RecvArgs),
    /// Print what is said, on both sides, until it is ended
    Follow(FollowArgs),
    /// Ask somebody and wait for the answer, which the exit code tells
    Ask(AskArgs),
    /// Run the chat in the background, for others to join and leave: terminals, bots, scripts
    Hold(HoldArgs),
    /// Show how things stand: whether a chat runs, which servers know me, who is there
    Status,
    /// Show, check and change the configuration file
    Config {
        /// What to do with it
        #[command(subcommand)]
        action: ConfigAction,
    },
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man {
        /// Write this page, and one for each command, into a directory instead
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
    },
}

/// What of the history is printed.
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct HistoryArgs {
    /// Another thing to do with what was said
    #[command(subcommand)]
    pub command: Option<HistoryCommand>,
    /// Only with this person
    #[arg(value_name = "NAME[@HOST]")]
    pub peer: Option<PeerAddress>,
    /// Only with this person; the same as NAME
    #[arg(long, value_name = "NAME[@HOST]", conflicts_with = "peer")]
    pub with: Option<PeerAddress>,
    /// At most this many lines, the newest
    #[arg(
        long,
        short = 'n',
        visible_alias = "limit",
        value_name = "COUNT",
        default_value_t = 1000
    )]
    pub lines: usize,
    /// Only lines that say this, the newest first: words that begin so, or, in scripts without
    /// spaces, these characters
    #[arg(long, value_name = "TEXT")]
    pub search: Option<String>,
}

/// What is done with the history.
#[derive(Clone, Debug, Subcommand)]
pub enum HistoryCommand {
    /// Write what was said to a file or to the standard output
    Export {
        /// For reading, or for another computer (json): that has contacts and servers, too
        #[arg(long, value_enum, default_value_t)]
        format: ExportFormat,
        /// Only with this person
        #[arg(long, value_name = "NAME[@HOST]")]
        with: Option<PeerAddress>,
        /// A new file, which only I can read; one that is there is not replaced
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Take in what another profile of mine exported as JSON; nothing that is here is changed
    Import {
        /// The export; - is the standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Show or say how long lines are kept. Those that are undelivered or unseen stay
    Keep {
        /// Such as 90d, 12w or forever
        #[arg(value_name = "TIME")]
        time: Option<String>,
    },
}

/// The forms of an export.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub enum ExportFormat {
    /// Plain text.
    #[default]
    Text,
    /// Markdown.
    Markdown,
    /// Everything.
    Json,
}

/// What is done with the identity.
#[derive(Clone, Debug, Subcommand)]
pub enum IdCommand {
    /// Print the identity as 24 words: a backup for paper, which is all that another computer needs
    /// to be me
    Words {
        /// From which list of words
        #[arg(long, value_enum, default_value_t)]
        list: Words,
        /// Do not ask, and print them to a pipe or a file, too
        #[arg(long)]
        yes: bool,
    },
    /// Read the 24 words from the terminal or the standard input, and be who they say; not where an
    /// identity is already
    Restore,
}

/// What is done with the passphrase.
#[derive(Clone, Debug, Subcommand)]
pub enum PassphraseCommand {
    /// Seal the profile with a passphrase, or change it; whoever forgets it has lost the history.
    /// From now on it is asked for, or read from the file named by P2PCHAT_PASSPHRASE_FILE
    Set {
        /// Do not ask for the new passphrase: it is the first line of this file, which only I may read
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
    },
    /// Do without a passphrase again: whoever may read the files can read everything
    Remove,
}

/// The lists of words.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub enum Words {
    /// English.
    #[default]
    En,
    /// Chinese.
    Zh,
}

/// What is done with the configuration file.
#[derive(Clone, Debug, Subcommand)]
pub enum ConfigAction {
    /// Print where the file is, whether or not it exists
    Path,
    /// Tell every mistake in it, with its line; exit code 2 if there is one
    Check,
    /// Print what holds, and why: option, file or default
    Show,
    /// Print a file that names everything and settles nothing, to begin with
    Template,
    /// Settle one thing; comments stay as they are
    Set {
        /// Such as ui.theme or keys.search
        key: String,
        /// Its value, with or without quotation marks
        value: String,
    },
    /// Leave one thing to the program again
    Unset {
        /// Such as ui.theme
        key: String,
    },
}

/// Fails with the error itself, which is told in any language.
fn link(text: &str) -> Result<Box<ContactLink>, Box<dyn Error + Send + Sync>> {
    let mut link: ContactLink = text.parse()?;
    let host: HostPort = link.host.parse()?;
    link.host = host.to_string();
    Ok(Box::new(link))
}

impl Cli {
    /// What is wanted: what the options say, else what is settled in the configuration file.
    #[must_use]
    pub fn wanted(&self, ends: Ends, settings: Settings) -> Wanted {
        let options = &self.options;
        let sends_files =
            matches!(&self.command, Some(Command::Send(send)) if !send.files().is_empty());
        let serve = self.chat.serve;
        let serve = serve.map(|given| given.unwrap_or_else(config::default_serve_address));
        Wanted {
            data_dir: options.data_dir.clone(),
            face: match (options.json, ends) {
                (true, _) => Face::Json,
                (false, Ends::Pipe) => Face::Plain,
                (false, Ends::Terminal) if !options.plain => Face::Screen,
                (false, Ends::Terminal | Ends::LineTerminal) => Face::Line,
            },
            name: options.name.clone().or(settings.name),
            rendezvous: match options.rendezvous.as_slice() {
                [] => settings.rendezvous,
                given => given.to_vec(),
            },
            peer: match &self.command {
                Some(Command::Doctor { peer: Some(peer) }) => Some(peer.clone()),
                _ => self.chat.peer.clone().or_else(|| self.chat.room.clone()),
            },
            paths: match (options.relay_only, options.direct_only) {
                (true, _) => Paths::RelayOnly,
                (false, true) => Paths::DirectOnly,
                (false, false) => settings.paths.unwrap_or_default(),
            },
            congestion: settings.congestion.unwrap_or_default(),
            bind: options.bind.or(settings.bind),
            port_mapping: !options.no_port_mapping && settings.port_mapping.unwrap_or(true),
            lan: match (options.no_lan, options.visible) {
                (true, _) => Lan::Off,
                (false, false) => settings.lan.unwrap_or_default(),
                (false, true) => Lan::Everybody,
            },
            wait: options.wait.unwrap_or(match sends_files {
                true => Wait::Received,
                false => Wait::Delivered,
            }),
            timeout: options.timeout.unwrap_or(if sends_files { FOR_EVER } else { TIMEOUT }),
            downloads: settings.downloads,
            serve,
            strangers: options.strangers.or(settings.strangers).unwrap_or_default(),
            given: options.conditions(serve),
            interface: settings.interface,
        }
    }
}

/// A room, with or without its mark.
fn parse_room(text: &str) -> Result<PeerAddress, InvalidAddress> {
    format!("#{}", text.trim().trim_start_matches(['#', '＃'])).parse()
}

/// `30s`, `1m 30s`, or a bare number of seconds.
fn parse_duration(text: &str) -> Result<Duration, InvalidTime> {
    if let Ok(seconds) = text.parse::<u32>() {
        return Ok(Duration::from_secs(seconds.into()));
    }
    let duration: jiff::SignedDuration = text.parse().map_err(|_| InvalidTime)?;
    Duration::try_from(duration).map_err(|_| InvalidTime)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_face_is_the_one_that_fits_whoever_is_there() {
        let face =
            |line: &str, ends| parse(line).expect(line).wanted(ends, Settings::default()).face;
        for (line, terminal, lines, pipe) in [
            ("p2pchat", Face::Screen, Face::Line, Face::Plain),
            ("p2pchat --plain", Face::Line, Face::Line, Face::Plain),
            ("p2pchat --json", Face::Json, Face::Json, Face::Json),
        ] {
            assert_eq!(face(line, Ends::Terminal), terminal, "{line}");
            assert_eq!(face(line, Ends::LineTerminal), lines, "{line}");
            assert_eq!(face(line, Ends::Pipe), pipe, "{line}");
        }
    }

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_chat_is_what_happens_without_a_command() {
        let cli = parse("p2pchat --peer alice@host --name Bob --plain").expect("valid");
        assert!(cli.command.is_none() && cli.options.plain);
        assert_eq!(cli.chat.peer, "alice@host".parse().ok());
        assert_eq!(cli.options.name, Name::new("bob").ok());
        let wanted = cli.wanted(Ends::Pipe, Settings::default());
        assert_eq!((wanted.wait, wanted.timeout), (Wait::Delivered, TIMEOUT));
        let file = parse("p2pchat send --to alice --file a b").expect("valid");
        let wanted = file.wanted(Ends::Pipe, Settings::default());
        assert_eq!((wanted.wait, wanted.timeout), (Wait::Received, FOR_EVER));
        let files = |line: &str| match parse(line).expect(line).command {
            Some(Command::Send(send)) => send.files().len(),
            other => panic!("{other:?}"),
        };
        assert_eq!(files("p2pchat send --to alice --file a b c"), 3);
        assert_eq!(files("p2pchat send --to alice -"), 1);
        assert_eq!(files("p2pchat send --to alice --file - --as x.tar"), 1);
        for text in ["- -", "a", "./a", "a.txt b.txt", "-- --file"] {
            assert_eq!(files(&format!("p2pchat send --to alice {text}")), 0, "{text} is a text");
        }
        assert!(parse("p2pchat recv --file --from bob").is_ok());
        assert!(parse("p2pchat recv --file -n 2").is_err());
    }

    #[test]
    fn an_option_comes_before_the_configuration_file() {
        let settings = Settings::read(
            "name = \"bob\"\nrendezvous = [\"a\"]\n[network]\nlan = \"off\"\npaths = \"relay-only\"\nport-mapping = false",
        )
        .expect("a good file");
        let wanted = |line: &str| parse(line).expect(line).wanted(Ends::Pipe, settings.clone());
        let file = wanted("p2pchat");
        assert_eq!((file.name, file.rendezvous.len()), (Name::new("bob").ok(), 1));
        assert_eq!((file.lan, file.paths, file.port_mapping), (Lan::Off, Paths::RelayOnly, false));
        let options = wanted("p2pchat --name eve --rendezvous b --visible --direct-only");
        assert_eq!(options.name, Name::new("eve").ok());
        assert_eq!(options.rendezvous, ["b".parse().expect("host")]);
        assert_eq!((options.lan, options.paths), (Lan::Everybody, Paths::DirectOnly));
    }

    #[test]
    fn options_are_told_as_the_configuration_file_would_say_them() {
        let options = "p2pchat --name bob --rendezvous a --rendezvous b:9 --no-lan --relay-only \
                       --no-port-mapping --bind 0.0.0.0:9";
        let settled = parse(options).expect("options").options.settled();
        let file = settled.iter().fold(String::new(), |file, (key, value)| {
            config::file::set(&file, key, value).expect(key)
        });
        let settings = Settings::read(&file).expect("a good file");
        assert_eq!((settings.lan, settings.paths), (Some(Lan::Off), Some(Paths::RelayOnly)));
        assert_eq!((settings.rendezvous.len(), settings.port_mapping), (2, Some(false)));
        assert!(settings.name.is_some() && settings.bind.is_some());
    }

    #[test]
    fn options_may_stand_before_or_behind_a_command() {
        for line in
            ["p2pchat --timeout 1s send --to a hi", "p2pchat send --timeout 1000ms --to a hi"]
        {
            assert_eq!(parse(line).expect(line).options.timeout, Some(Duration::from_secs(1)));
        }
    }

    #[test]
    fn serve_takes_an_address_or_none() {
        let serve = |line| parse(line).expect(line).chat.serve;
        assert_eq!(serve("p2pchat"), None);
        assert_eq!(serve("p2pchat --serve"), Some(None));
        assert_eq!(serve("p2pchat --serve 127.0.0.1:0"), Some("127.0.0.1:0".parse().ok()));
    }

    #[test]
    fn contradictions_and_nonsense_are_refused() {
        for line in [
            "p2pchat --relay-only --direct-only",
            "p2pchat --plain --json",
            "p2pchat --timeout soon",
            "p2pchat --timeout -1s",
            "p2pchat --wait read",
            "p2pchat --name a@b",
            "p2pchat --peer @",
            "p2pchat nonsense",
            "p2pchat recv --count 0",
            "p2pchat ask alice",
        ] {
            let error = parse(line).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }
}
