//! One running peer: the chat, the core on its sockets, and the store, each where it belongs.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::mpsc;

use super::attach::guests::Guests;
use super::attach::visit::Visitor;
use super::chatting::reached;
use super::errands::Errands;
use super::home::{Home, News};
use super::server::Serving;
use super::spool;
use crate::chat::files::disk::DiskAnswer;
use crate::chat::{
    Chat, Config, Effect, Errand, ExitCode, FaceId, Input, Notice, Outcome, Problem, Snapshot,
    StoreReply, Strangers, Timestamp, Wait,
};
use crate::config::Place;
use crate::files::Files;
use crate::net::{self, Discovery, Network, Sockets, start};
use crate::proto::{
    self, Command, Congestion, Disclosure, Endpoint, Event, Policy, RendezvousTrouble, ServerId,
};
use crate::store::{Profile, Store};
use crate::ui::{Background, Cause};

/// How long goodbyes may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// What a peer is made of.
pub(super) struct Setup {
    /// Where the profile is.
    pub(super) dir: PathBuf,
    pub(super) profile: Profile,
    pub(super) snapshot: Snapshot,
    pub(super) place: Place,
    /// Where accepted files are put.
    pub(super) downloads: String,
    /// Whom to talk to: `alice` or `alice@host`.
    pub(super) peer: Option<String>,
    pub(super) wait: Option<Wait>,
    /// Whether a room that it is started for is made, if there is none.
    pub(super) founds: bool,
    /// Whether what earlier runs did not show is told, or read when it is looked at.
    pub(super) replay: bool,
    pub(super) policy: Policy,
    pub(super) congestion: Congestion,
    pub(super) bind: Option<SocketAddr>,
    pub(super) port_mapping: bool,
    /// What becomes of callers whom we do not know.
    pub(super) strangers: Strangers,
    /// Who may find us in the local network; with `None` nobody, nor do we look there.
    pub(super) lan: Option<Disclosure>,
    /// If other processes may attach: the options under which the chat runs that they join.
    pub(super) attachable: Option<Vec<String>>,
}

/// Why a peer cannot start.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error("no UDP socket could be opened{}: {cause}", address.map(|a| format!(" on {a}")).unwrap_or_default())]
    Socket { address: Option<SocketAddr>, cause: io::Error },
    #[error(transparent)]
    Profile(#[from] crate::store::ProfileError),
    #[error("no thread for files could be started: {0}")]
    Files(io::Error),
    #[error("the operating system gives no random numbers: {0}")]
    Random(#[from] getrandom::Error),
}

/// What a peer does next.
#[derive(Debug)]
pub(super) enum Step {
    /// Show this.
    Show(Box<Notice>),
    /// It has ended; [`Peer::close`] it.
    Quit { code: ExitCode },
}

pub(super) struct Peer {
    chat: Chat,
    network: Network,
    network_ended: bool,
    /// A command that found the channel full.
    stuck: Option<Command>,
    store: Store,
    replies: mpsc::UnboundedReceiver<StoreReply>,
    files: Files,
    /// What became of files; so much is on its way as the chat has asked for.
    done: mpsc::UnboundedReceiver<DiskAnswer>,
    homes: Vec<Home>,
    discovery: Option<Discovery>,
    errands: Errands,
    guests: Guests,
    /// The rendezvous in this process, if there is one.
    serving: Option<Serving>,
}

impl Peer {
    /// Opens the sockets and starts everything. Must be called inside the runtime.
    pub(super) fn start(setup: Setup) -> Result<Self, StartError> {
        let Setup {
            dir,
            profile,
            snapshot,
            place,
            downloads,
            peer,
            wait,
            founds,
            replay,
            strangers,
            policy,
            congestion,
            bind,
            port_mapping,
            lan,
            attachable,
        } = setup;
        let sockets =
            Sockets::bind(bind).map_err(|cause| StartError::Socket { address: bind, cause })?;
        let identity = profile.identity().clone();
        let config = Config {
            key: identity.id(),
            identity: Some(Arc::new(identity.clone())),
            name: Some(place.name),
            hosts: place.rendezvous.iter().map(|one| one.host.to_string()).collect(),
            peer,
            wait,
            founds,
            replay,
            strangers,
            downloads,
            software: concat!("p2pchat ", env!("CARGO_PKG_VERSION")).to_owned(),
            seed: random()?,
        };
        let homes = (0..).map(ServerId).zip(place.rendezvous).map(|(server, rendezvous)| {
            let known = snapshot.rendezvous(&rendezvous.host.to_string());
            Home::new(server, rendezvous, known)
        });
        let homes = homes.collect();
        let core = proto::Config {
            policy,
            congestion,
            started_at_ms: now().0,
            aes: net::has_aes(),
            ..proto::Config::default()
        };
        let mut endpoint = Endpoint::new(core, identity, random()?, instant());
        let (answers, replies) = mpsc::unbounded_channel();
        // The chat has stopped listening only when it has ended; then nobody waits for answers.
        let key = profile.key().cloned();
        let store = profile.run(move |reply| drop(answers.send(reply)))?;
        let (answers, done) = mpsc::unbounded_channel();
        let pipes = spool::outgoing(&dir);
        let pipes = std::path::absolute(&pipes).unwrap_or(pipes);
        spool::sweep(&dir, &snapshot.files);
        let files = Files::start(pipes, move |answer| drop(answers.send(answer)));
        let files = files.map_err(StartError::Files)?;
        let discovery = lan.map(|disclosure| {
            endpoint.handle_command(instant(), Command::MeetNeighbours(disclosure));
            Discovery::new(sockets.local_addresses())
        });
        let network = start(endpoint, sockets, net::Options { port_mapping });
        Ok(Self {
            chat: Chat::new(config, snapshot),
            network,
            network_ended: false,
            stuck: None,
            store,
            replies,
            files,
            done,
            homes,
            discovery,
            guests: Guests::expect(&dir, attachable),
            errands: Errands::new(dir, key),
            serving: None,
        })
    }

    /// Runs a rendezvous for as long as the chat.
    pub(super) fn keep_running(&mut self, serving: Serving) {
        self.serving = Some(serving);
    }

    /// Gives the chat something to think about; the consequences come out of [`next`](Self::next).
    pub(super) fn input(&mut self, input: Input) {
        self.chat.handle_input(now(), input);
    }

    pub(super) fn chat(&self) -> &Chat {
        &self.chat
    }

    /// What is known here and does not stand in a notice.
    pub(super) fn background(&self, notice: &Notice) -> Background<'_> {
        background(&self.chat, &self.homes, self.discovery.is_some(), notice)
    }

    /// How people are called.
    pub(super) fn calling(&self) -> Background<'_> {
        calling(&self.chat, &self.homes)
    }

    /// Why the first rendezvous is not reached, as far as known.
    pub(super) fn cause(&self) -> Option<&Cause> {
        self.homes.first().and_then(Home::cause)
    }

    /// Carries out what the chat wants, and feeds it what happens, until there is something to
    /// show. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Step {
        loop {
            while self.stuck.is_none() {
                match self.chat.poll_effect() {
                    Some(Effect::Network(command)) => self.command(command),
                    Some(Effect::Store(request)) => self.store.request(request),
                    Some(Effect::Disk(request)) => self.files.request(request),
                    Some(Effect::Errand(face, Errand::Detach)) if !self.guests.are_expected() => {
                        let problem = Problem::NotDetached { cause: None };
                        let outcome = Outcome::Failed(problem);
                        self.chat.handle_face(now(), face, Input::Ran(outcome));
                    }
                    Some(Effect::Errand(face, errand)) => {
                        if let Some((errand, directory)) = self.guests.delegate(face, errand) {
                            self.errands.run(face, errand, directory);
                        }
                    }
                    Some(Effect::Show(notice)) => {
                        self.show_guests(None, &notice);
                        return Step::Show(Box::new(notice));
                    }
                    Some(Effect::Answer(FaceId::FIRST, notice)) => {
                        return Step::Show(Box::new(notice));
                    }
                    Some(Effect::Answer(face, notice)) => self.show_guests(Some(face), &notice),
                    Some(Effect::Left { face, code }) => self.guests.left(face, code),
                    Some(Effect::Quit { code, .. }) => return Step::Quit { code },
                    None => break,
                }
            }
            self.guests.acknowledge(&self.chat);
            let attended = self.chat.accepts_lines() && !self.chat.is_ending();
            let settles_at = self.guests.settles_at();
            let timeout = self.chat.timeout();
            tokio::select! {
                () = has_room(&self.network.commands), if self.stuck.is_some() => {
                    if let Some(command) = self.stuck.take() {
                        self.command(command);
                    }
                }
                event = self.network.events.recv(), if !self.network_ended => match event {
                    Some(event) => {
                        if let (Event::Announce(news), Some(discovery)) =
                            (&event, &mut self.discovery)
                        {
                            discovery.announce(news.clone());
                        }
                        self.homes.iter_mut().for_each(|home| home.observe(&event));
                        self.input(Input::Network(event));
                    }
                    None => self.network_ended = true,
                },
                (face, outcome) = self.errands.next() => {
                    self.chat.handle_face(now(), face, Input::Ran(outcome));
                }
                news = self.guests.next(), if attended => {
                    self.guests.handle(now(), &mut self.chat, news);
                }
                () = reached(settles_at) => {
                    self.guests.settle(now(), &self.chat);
                    continue;
                }
                Some(reply) = self.replies.recv() => self.input(Input::Stored(reply)),
                Some(answer) = self.done.recv() => self.input(Input::Disk(answer)),
                () = reached(timeout) => self.input(Input::Time),
                news = next_of(&mut self.homes), if self.stuck.is_none() => match news {
                    News::Use(command) => self.command(command),
                    News::Unreachable(server) => {
                        let trouble = RendezvousTrouble::Unreachable;
                        self.input(Input::Network(Event::RendezvousTrouble { server, trouble }));
                    }
                },
                command = found(&mut self.discovery), if self.stuck.is_none() => {
                    self.command(command);
                }
            }
            self.guests.touch(now());
        }
    }

    fn show_guests(&mut self, whom: Option<FaceId>, notice: &Notice) {
        let Self { chat, homes, discovery, guests, .. } = self;
        let background = background(chat, homes, discovery.is_some(), notice);
        guests.show(now(), whom, notice, background, |face| chat.current(face).cloned());
        guests.part(now(), chat);
    }

    /// Says goodbye and writes what is left to write.
    pub(super) async fn close(mut self) {
        drop(self.network.commands);
        let goodbye = async { while self.network.events.recv().await.is_some() {} };
        let _ = tokio::time::timeout(GOODBYE, goodbye).await;
        if let Some(discovery) = self.discovery {
            discovery.close().await;
        }
        // After the goodbyes, which may go through it; before the profile is free, for whoever gets that
        // may want the address.
        if let Some(serving) = self.serving {
            serving.stop().await;
        }
        // After the disk has answered, so that each guest knows what is kept; before the profile is
        // free, for whoever is attached may want it.
        let answered = async {
            while !self.chat.is_settled()
                && let Some(reply) = self.replies.recv().await
            {
                self.chat.handle_input(now(), Input::Stored(reply));
            }
        };
        let _ = tokio::time::timeout(GOODBYE, answered).await;
        self.guests.acknowledge(&self.chat);
        let succeeded = self.guests.are_succeeded();
        self.guests.close().await;
        self.files.close();
        self.store.close();
        if succeeded {
            // Whatever is started when we have ended finds the chat, and needs no passphrase.
            Visitor::await_holder(self.errands.dir()).await;
        }
    }

    fn command(&mut self, command: Command) {
        if let Err(mpsc::error::TrySendError::Full(command)) =
            self.network.commands.try_send(command)
        {
            self.stuck = Some(command);
        }
    }
}

fn background<'a>(
    chat: &'a Chat,
    homes: &'a [Home],
    nearby: bool,
    notice: &Notice,
) -> Background<'a> {
    let meant = |home: &&Home| match notice {
        Notice::Trouble { server: Some(server), .. } => home.host() == *server,
        _ => true,
    };
    let home = homes.iter().find(meant);
    Background { cause: home.and_then(Home::cause), nearby, ..calling(chat, homes) }
}

fn calling<'a>(chat: &'a Chat, homes: &[Home]) -> Background<'a> {
    Background {
        several: homes.len() > 1,
        nicknames: Some(chat.nicknames()),
        ..Background::default()
    }
}

/// Waits for news of any of them.
async fn next_of(homes: &mut [Home]) -> News {
    poll_fn(|cx| {
        let next = |home: &mut Home| match pin!(home.next()).poll(cx) {
            Poll::Ready(news) => Some(news),
            Poll::Pending => None,
        };
        homes.iter_mut().find_map(next).map_or(Poll::Pending, Poll::Ready)
    })
    .await
}

async fn has_room(commands: &mpsc::Sender<Command>) {
    drop(commands.reserve().await);
}

async fn found(discovery: &mut Option<Discovery>) -> Command {
    match discovery {
        Some(discovery) => discovery.next().await,
        None => std::future::pending().await,
    }
}

/// 32 bytes of the operating system's.
#[expect(clippy::disallowed_methods, reason = "seeds come from here")]
pub(super) fn random() -> Result<[u8; 32], StartError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    Ok(seed)
}

/// The monotonic clock.
#[expect(clippy::disallowed_methods, reason = "the wiring has the clock")]
pub(super) fn instant() -> Instant {
    Instant::now()
}

/// The wall clock.
#[expect(clippy::disallowed_methods, reason = "the wiring has the clock")]
pub(super) fn now() -> Timestamp {
    let passed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(passed.as_millis()).unwrap_or(u64::MAX))
}
