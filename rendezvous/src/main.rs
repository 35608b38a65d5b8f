//! `p2pchat-rendezvous`: runs the server, and looks after its data.
#![expect(clippy::disallowed_methods, reason = "it runs the server")]
#![expect(clippy::print_stdout, reason = "the program's answers go to standard output")]
#![expect(clippy::print_stderr, reason = "and its complaints to standard error")]

use std::io::IsTerminal;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use p2pchat_rendezvous::config::Config;
use p2pchat_rendezvous::home::Home;
use p2pchat_rendezvous::ping::{self, Target};
use p2pchat_rendezvous::serve::{Certificate, Rendezvous, ServeConfig};
use p2pchat_rendezvous::server::Founding;
use p2pchat_rendezvous::store::Store;
use p2pchat_wire::identity::PeerId;
use p2pchat_wire::{DEFAULT_PORT, address};

/// The public server of p2pchat: records endpoints, introduces peers, relays what it cannot read.
///
/// Without any option it listens on port 3478 of every address, UDP and TCP (and on UDP 3479 for NAT
/// behaviour discovery), makes its key at the first start, and prints the address to hand out.
#[derive(Debug, Parser)]
#[command(name = "p2pchat-rendezvous", version)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Command>,
}

impl Arguments {
    /// Options stand before a command as well as behind it; where to listen concerns the server alone, and its
    /// configuration.
    fn checked(self) -> Result<Self, clap::Error> {
        let is_of_the_server = matches!(&self.command, None | Some(Command::CheckConfig));
        let listens = !self.options.listen.is_empty() || !self.options.listen_tcp.is_empty();
        if listens && !is_of_the_server {
            let said = "--listen and --listen-tcp say where the server listens; this command does not run it";
            return Err(Self::command().error(ErrorKind::ArgumentConflict, said));
        }
        Ok(self)
    }
}

#[derive(Debug, clap::Args)]
struct Options {
    /// The configuration file (TOML); without one, defaults hold
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Listen on this address and port, UDP and TCP; can be given several times
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Vec<SocketAddr>,
    /// Listen for TCP here instead, for peers without UDP; can be given several times. Port 443
    /// reaches the most
    #[arg(long, value_name = "ADDR:PORT")]
    listen_tcp: Vec<SocketAddr>,
    /// The folder for the server's key and names
    #[arg(long, value_name = "DIR", global = true)]
    data_dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read the configuration, say what is wrong with it or show what holds
    CheckConfig,
    /// List the names that are taken, with the keys that own them
    Names,
    /// List the rooms that there are, with their ids and the keys that founded them
    Rooms,
    /// Copy the names, of people and of rooms, into a new file; the server may be running
    Backup {
        /// The new file
        file: PathBuf,
    },
    /// Ask a server whether it is there, by a real handshake over UDP
    Ping {
        /// Which: HOST[:PORT][#KEY]
        server: Target,
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

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse().and_then(Arguments::checked) {
        Ok(arguments) => arguments,
        Err(answer) => return answered(&answer),
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("P2PCHAT_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The sentences of our errors contain their causes.
            eprintln!("p2pchat-rendezvous: {}", harmless(&error.to_string()));
            ExitCode::FAILURE
        }
    }
}

/// Says what the parser says instead of options: the help, or a mistake. It repeats what it was
/// given; if that is more than text, there are no colours either.
fn answered(answer: &clap::Error) -> ExitCode {
    let is_harmless = |given: std::ffi::OsString| {
        let given = given.to_string_lossy();
        harmless(&given) == given
    };
    if std::env::args_os().all(is_harmless) {
        answer.exit();
    }
    let text = harmless(&answer.render().to_string());
    if answer.use_stderr() {
        eprint!("{text}")
    } else {
        print!("{text}")
    }
    u8::try_from(answer.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// What was typed, without anything that a terminal obeys: control characters and bidi controls.
fn harmless(text: &str) -> String {
    let is_bidi = |c| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let is_text = |c: char| c == '\n' || !(c.is_control() || is_bidi(c));
    text.chars().map(|c| if is_text(c) { c } else { '\u{fffd}' }).collect()
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    match &arguments.command {
        Some(Command::Completions { shell }) => {
            let (mut command, mut out) = (Arguments::command(), std::io::stdout());
            clap_complete::generate(*shell, &mut command, "p2pchat-rendezvous", &mut out);
            Ok(())
        }
        Some(Command::Man { to: None }) => {
            Ok(clap_mangen::Man::new(Arguments::command()).render(&mut std::io::stdout())?)
        }
        Some(Command::Man { to: Some(directory) }) => {
            std::fs::create_dir_all(directory)?;
            Ok(clap_mangen::generate_to(Arguments::command(), directory)?)
        }
        command => run_with_config(&arguments.options, command.as_ref()),
    }
}

fn run_with_config(options: &Options, command: Option<&Command>) -> anyhow::Result<()> {
    let mut config = match &options.config {
        Some(path) => Config::read(path)?,
        None => Config::default(),
    };
    if !options.listen.is_empty() {
        config.listen.clone_from(&options.listen);
    }
    if !options.listen_tcp.is_empty() {
        config.tcp = true;
        config.listen_tcp.clone_from(&options.listen_tcp);
    }
    if let Some(folder) = &options.data_dir {
        config.data_dir.clone_from(folder);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the system gives no event queue")?;
    match command {
        None => runtime.block_on(serve(config)),
        Some(Command::CheckConfig) => {
            config.tcp().certificate.as_ref().map_or(Ok(()), Certificate::check)?;
            print!("{}", config.to_toml());
            Ok(())
        }
        Some(Command::Names) => {
            for (name, key) in existing_names(&config)?.names()? {
                println!("{name}\t{key}");
            }
            Ok(())
        }
        Some(Command::Rooms) => {
            for Founding { room, id, founder } in existing_names(&config)?.rooms()? {
                // Ids are written like keys.
                println!("{room}\t{}\t{founder}", PeerId(id));
            }
            Ok(())
        }
        Some(Command::Backup { file }) => Ok(existing_names(&config)?.backup(file)?),
        Some(Command::Ping { server }) => {
            println!("{}", runtime.block_on(ping::ping(server))?);
            Ok(())
        }
        // They need no configuration.
        Some(Command::Completions { .. } | Command::Man { .. }) => Ok(()),
    }
}

fn existing_names(config: &Config) -> anyhow::Result<Store> {
    let path = Home::open(&config.data_dir)?.names();
    anyhow::ensure!(
        path.exists(),
        "{} does not exist: no server has run with this folder. Name the right one with --data-dir",
        path.display()
    );
    Ok(Store::open(&path)?)
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let home = Home::open(&config.data_dir)?;
    let _lock = home.lock()?;
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let workers = config.workers.on(processors);
    let server = Rendezvous::start(ServeConfig {
        tcp: config.tcp(),
        listen: config.listen,
        discovery: config.discovery,
        workers,
        identity: home.identity()?,
        names: Some(home.names()),
        limits: config.limits,
    })?;
    let signals = Signals::install()?;
    println!("{}", greeting(&server, &config.public_name, home.path()));
    tracing::info!(workers, processors, "serving");
    notify(&Notice::Ready);
    let stopped = async {
        signals.wait().await;
        notify(&Notice::Stopping);
    };
    // In a task of its own: to wake the one that the thread waits for is a system call.
    let statistics = tokio::spawn(server.run(stopped)).await.context("the server has failed")?;
    tracing::info!(
        links = statistics.links,
        introductions = statistics.introductions,
        relayed = statistics.relayed,
        unsent = statistics.unsent,
        carriers = statistics.carriers,
        "stopped"
    );
    Ok(())
}

/// One line for whoever started the server: what to hand out, and which ports to open.
fn greeting(server: &Rendezvous, public_name: &str, home: &Path) -> String {
    let bound = server.local_addrs();
    let mut hosts: Vec<(String, u16)> = Vec::new();
    let mut is_private = false;
    for address in &bound {
        let ip = if address.ip().is_unspecified() { own_ip(*address) } else { Some(address.ip()) };
        let Some(ip) = ip.filter(|_| public_name.is_empty()) else { continue };
        is_private |= address::is_local(ip) && !ip.is_loopback();
        hosts.push(match ip {
            IpAddr::V4(ip) => (ip.to_string(), address.port()),
            IpAddr::V6(ip) => (format!("[{ip}]"), address.port()),
        });
    }
    if hosts.is_empty() {
        let name = if public_name.is_empty() { "localhost" } else { public_name };
        hosts.push((name.to_owned(), server.local_addr().port()));
    }
    let key = server.key();
    let addresses: Vec<String> = hosts
        .into_iter()
        .map(|(host, port)| match port {
            DEFAULT_PORT => format!("{host}#{key}"),
            port => format!("{host}:{port}#{key}"),
        })
        .collect();
    let ports = |addresses: &[SocketAddr]| {
        let mut ports: Vec<u16> = addresses.iter().map(SocketAddr::port).collect();
        ports.sort_unstable();
        ports.dedup();
        ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    let udp = ports(&[&bound[..], &server.discovery_addrs()].concat());
    let tcp = match (ports(&server.tcp_addrs()), server.has_tls()) {
        (tcp, _) if tcp.is_empty() => String::new(),
        (tcp, false) => format!("; TCP {tcp}"),
        (tcp, true) => format!("; TCP {tcp}, with TLS"),
    };
    let hint = if is_private { "; behind a router, hand out its public address" } else { "" };
    format!(
        "rendezvous {} (UDP {udp}{tcp}; data in {}{hint})",
        addresses.join(" or "),
        home.display()
    )
}

/// The address from which this machine would reach the rest of the world. Nothing is sent.
#[expect(clippy::disallowed_types, reason = "asks the system for a route")]
fn own_ip(bound: SocketAddr) -> Option<IpAddr> {
    // Documentation addresses (RFC 5737, RFC 3849): routed like any other, owned by nobody.
    let elsewhere = if bound.is_ipv4() { "192.0.2.1:9" } else { "[2001:db8::1]:9" };
    let socket = std::net::UdpSocket::bind((bound.ip(), 0)).ok()?;
    socket.connect(elsewhere).ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|ip| !ip.is_unspecified())
}

enum Notice {
    Ready,
    Stopping,
}

/// Tells systemd, if it started us.
fn notify(notice: &Notice) {
    #[cfg(target_os = "linux")]
    {
        let state = match notice {
            Notice::Ready => sd_notify::NotifyState::Ready,
            Notice::Stopping => sd_notify::NotifyState::Stopping,
        };
        if let Err(error) = sd_notify::notify(&[state]) {
            tracing::debug!(%error, "systemd was not told");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = notice;
}

/// What ends the server: SIGTERM, and the key that interrupts a program.
#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn install() -> anyhow::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let install = |kind| signal(kind).context("signals cannot be received");
        Ok(Self {
            terminate: install(SignalKind::terminate())?,
            interrupt: install(SignalKind::interrupt())?,
        })
    }

    async fn wait(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn install() -> anyhow::Result<Self> {
        Ok(Self)
    }

    async fn wait(self) {
        // Without signals the server runs until it is ended from outside.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
