//! A whole peer: the real endpoint, the real chat above it, a disk that remembers what a crash
//! leaves, and a person who types and reads.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use p2pchat::chat::{
    self, Chat, Effect, Input, LineState, Notice, Problem, StoreReply, StoreRequest, Timestamp,
};
use p2pchat::proto::{self, Command, Endpoint, Output as Out, ServerId};
use p2pchat_wire::identity::{Identity, PeerId};
use p2pchat_wire::random::Random;

use crate::diary::Diary;
use crate::sockets::Sockets;
use crate::store::{Disk, Store};
use crate::talker::{STARTED_AT_MS, congestion, has_aes, identity, named};
use crate::world::{Host, Output, epoch};

/// How people write the rendezvous.
pub(crate) const RENDEZVOUS: &str = "rendezvous.example";

/// A program that runs, and the person before it.
pub(crate) struct Person {
    name: &'static str,
    endpoint: Endpoint,
    chat: Chat,
    store: Store,
    endpoint_timeout: Option<Instant>,
    /// How far the wall clock is from the truth, in milliseconds.
    clock_error_ms: i64,
    /// What was shown by all processes of this person so far.
    pub(crate) diary: Diary,
    /// What the disk refused: never, in these worlds.
    pub(crate) complaints: Vec<String>,
    /// How often it was told of a stranger.
    pub(crate) asked: usize,
    remarks: Vec<String>,
    sockets: Sockets,
    is_leaving: bool,
}

/// What outlives a process: the disk, and the person's memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remains {
    pub(crate) disk: Disk,
    pub(crate) diary: Diary,
    pub(crate) clock_error_ms: i64,
}

impl Person {
    /// Starts the program with what is on the disk. It wants to talk to `peer`.
    pub(crate) fn start(
        name: &'static str,
        peer: &str,
        now: Instant,
        seed: [u8; 32],
        remains: Remains,
    ) -> Self {
        Self::started(name, (Some(peer), chat::Strangers::Accept), now, seed, remains)
    }

    /// Starts the program with what is on the disk. It waits for whoever calls, and asks about those whom
    /// it does not know.
    pub(crate) fn reachable(
        name: &'static str,
        now: Instant,
        seed: [u8; 32],
        remains: Remains,
    ) -> Self {
        Self::started(name, (None, chat::Strangers::Request), now, seed, remains)
    }

    fn started(
        name: &'static str,
        (peer, strangers): (Option<&str>, chat::Strangers),
        now: Instant,
        seed: [u8; 32],
        remains: Remains,
    ) -> Self {
        let Remains { disk, diary, clock_error_ms } = remains;
        let identity: Identity = identity(name);
        let mut random = Random::from_seed(seed);
        let wall = wall_clock(now, clock_error_ms);
        let config = chat::Config {
            key: identity.id(),
            identity: Some(Arc::new(identity.clone())),
            name: Some(named(name)),
            hosts: vec![RENDEZVOUS.to_owned()],
            peer: peer.map(str::to_owned),
            wait: None,
            founds: true,
            replay: true,
            strangers,
            software: "simulated".to_owned(),
            downloads: String::new(),
            seed: random.array(),
        };
        let proto_config = proto::Config {
            started_at_ms: wall.0,
            congestion: congestion(&seed),
            aes: has_aes(&seed),
            ..proto::Config::default()
        };
        Self {
            name,
            endpoint: Endpoint::new(proto_config, identity, random.array(), now),
            chat: Chat::new(config, disk.snapshot()),
            store: Store::on(disk),
            endpoint_timeout: None,
            clock_error_ms,
            diary,
            complaints: Vec::new(),
            asked: 0,
            remarks: Vec::new(),
            sockets: Sockets::new(),
            is_leaving: false,
        }
    }

    /// The person leaves; the process ends when all has been said that is to be said, or a moment later.
    pub(crate) fn leaves(&mut self, now: Instant) {
        self.is_leaving = true;
        let wall = wall_clock(now, self.clock_error_ms);
        self.chat.handle_input(wall, Input::Quit);
        self.take_effects(now);
    }

    /// Whether nothing comes from its endpoint any more.
    pub(crate) fn has_left(&self) -> bool {
        self.endpoint.is_closed()
    }

    /// The process is killed.
    pub(crate) fn kill(self, random: &mut Random) -> Remains {
        Remains {
            disk: self.store.crash(random),
            diary: self.diary,
            clock_error_ms: self.clock_error_ms,
        }
    }

    /// Tells the endpoint where the rendezvous is and where it is itself.
    pub(crate) fn join(&mut self, now: Instant, hosts: Vec<SocketAddr>, server: SocketAddr) {
        let known = self.store.disk().snapshot();
        let known = known.rendezvous(RENDEZVOUS);
        let key = known.and_then(|known| known.key);
        let token = known.and_then(|known| known.token);
        self.endpoint.handle_command(now, Command::SetHostCandidates(hosts));
        // What the chat wants from the beginning fits into the first exchange.
        self.take_effects(now);
        let addresses = vec![server];
        self.endpoint.handle_command(
            now,
            Command::UseRendezvous { server: ServerId::FIRST, addresses, key, token },
        );
    }

    /// What the wiring does when interfaces changed or the machine slept.
    pub(crate) fn network_changed(&mut self, now: Instant, hosts: Vec<SocketAddr>) {
        self.endpoint.handle_command(now, Command::SetHostCandidates(hosts));
        self.endpoint.handle_command(now, Command::NetworkChanged);
    }

    /// Types a line to whoever the current conversation is with.
    pub(crate) fn types(&mut self, now: Instant, text: &str) {
        self.types_to(now, None, text);
    }

    /// Types a line to somebody, or in a room.
    pub(crate) fn types_to(&mut self, now: Instant, to: Option<&str>, text: &str) {
        let (to, reference) = (to.map(str::to_owned), Some(label(text).to_owned()));
        let (text, manner) = (text.to_owned(), chat::Manner::Text);
        let wall = wall_clock(now, self.clock_error_ms);
        self.chat.handle_input(wall, Input::Send { to, text, reference, manner });
        self.take_effects(now);
    }

    /// Sends what its program would not have sent.
    pub(crate) fn sends(&mut self, now: Instant, peer: PeerId, message: Vec<u8>) {
        self.endpoint.handle_command(now, Command::Send { peer, tag: 0, message });
    }

    /// Types a command.
    pub(crate) fn commands(&mut self, now: Instant, line: &str) {
        let wall = wall_clock(now, self.clock_error_ms);
        self.chat.handle_input(wall, Input::Command(line.to_owned()));
        self.take_effects(now);
    }

    /// The wall clock jumps; nothing else notices.
    pub(crate) fn jump_clock(&mut self, by_ms: i64) {
        self.clock_error_ms += by_ms;
    }

    pub(crate) fn disk(&self) -> &Disk {
        self.store.disk()
    }

    pub(crate) fn chat(&self) -> &Chat {
        &self.chat
    }

    /// Whether nothing of what was typed waits, be it for the disk or for the peer.
    pub(crate) fn is_done(&self) -> bool {
        self.store.timeout().is_none() && self.chat.undelivered() == 0
    }

    fn chat_timeout(&self, now: Instant) -> Option<Instant> {
        let wait = self.chat.timeout()?.since(wall_clock(now, self.clock_error_ms));
        Some(now + Duration::from_millis(wait))
    }

    fn take_effects(&mut self, now: Instant) {
        while let Some(effect) = self.chat.poll_effect() {
            match effect {
                Effect::Network(command) => self.endpoint.handle_command(now, command),
                Effect::Store(request) => {
                    if let StoreRequest::Receive(line) = &request {
                        let chat::ReceivedLine { text, log, seq, after, .. } = line;
                        let line = label(text);
                        self.remarks
                            .push(format!("keeps {line:?}: {seq} after {after} of {log:x}"));
                    }
                    self.store.request(now, request);
                }
                Effect::Disk(request) => {
                    self.complaints.push(format!("nobody has offered a file, and yet {request:?}"));
                }
                Effect::Errand(_, errand) => {
                    self.complaints.push(format!("nobody asked for {errand:?}"));
                }
                Effect::Show(notice) | Effect::Answer(_, notice) => self.see(now, notice),
                Effect::Left { .. } => {}
                Effect::Quit { .. } if self.is_leaving => {}
                Effect::Quit { .. } => self.complaints.push("the chat left".to_owned()),
            }
        }
    }

    /// For the trace: everything the endpoint reports but the course of the messages.
    fn remark(&mut self, event: &proto::Event) {
        if !matches!(event, proto::Event::Message { .. } | proto::Event::Transmitted { .. }) {
            self.remarks.push(format!("is told {event:?}"));
        }
    }

    fn see(&mut self, now: Instant, notice: Notice) {
        self.diary.note(now, &notice);
        match notice {
            Notice::Message(message) => {
                let wall = wall_clock(now, self.clock_error_ms);
                let (from, id) = (message.from, message.id);
                self.chat.handle_input(wall, Input::Shown { from, id });
            }
            // Whoever was removed is told that nobody gets his last lines; the diary has which.
            Notice::Status { state: LineState::Failed(Problem::Room(_)), .. } => {}
            Notice::Status { state: LineState::Failed(problem), .. } => {
                self.complaints.push(format!("{problem:?}"));
            }
            Notice::Room { room, news } => self.remarks.push(format!("reads of {room}: {news:?}")),
            Notice::Request { .. } => self.asked += 1,
            Notice::StoreFailed(failure) => self.complaints.push(format!("{failure:?}")),
            Notice::KeyChanged { .. } | Notice::Unreadable { .. } | Notice::Refused { .. } => {
                self.complaints.push(format!("{notice:?}"));
            }
            _ => {}
        }
    }

    fn answer(&mut self, now: Instant, reply: StoreReply) {
        if let StoreReply::Failed(failure) = &reply {
            self.complaints.push(format!("{failure:?}"));
        }
        let wall = wall_clock(now, self.clock_error_ms);
        self.chat.handle_input(wall, Input::Stored(reply));
    }
}

/// The beginning of a line, which names it: what follows is padding.
pub(crate) fn label(text: &str) -> &str {
    text.trim_end_matches('x')
}

/// What a clock on the wall shows.
fn wall_clock(now: Instant, error_ms: i64) -> Timestamp {
    let elapsed = now.saturating_duration_since(epoch());
    let truth = STARTED_AT_MS + u64::try_from(elapsed.as_millis()).unwrap_or(0);
    Timestamp(truth.saturating_add_signed(error_ms))
}

impl Host for Person {
    fn name(&self) -> &'static str {
        self.name
    }

    fn handle_datagram(&mut self, now: Instant, from: SocketAddr, at: SocketAddr, bytes: &[u8]) {
        if let Some(socket) = self.sockets.at(at, from) {
            self.endpoint.handle_datagram(now, socket, from, &mut bytes.to_vec());
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.endpoint_timeout.is_some_and(|at| at <= now) {
            self.endpoint.handle_timeout(now);
        }
        if self.chat_timeout(now).is_some_and(|at| at <= now) {
            let wall = wall_clock(now, self.clock_error_ms);
            self.chat.handle_input(wall, Input::Time);
        }
    }

    fn poll(&mut self, now: Instant) -> Output {
        loop {
            self.take_effects(now);
            match self.endpoint.poll_output() {
                Out::Transmit(transmit) => {
                    if let Some(transmit) = self.sockets.send(transmit) {
                        return Output::Transmit(transmit);
                    }
                }
                Out::Socket(request) => self.sockets.obey(request),
                Out::Event(event) => {
                    self.remark(&event);
                    let wall = wall_clock(now, self.clock_error_ms);
                    self.chat.handle_input(wall, Input::Network(event));
                }
                Out::Timeout(timeout) => {
                    self.endpoint_timeout = timeout;
                    if let Some(reply) = self.store.poll(now) {
                        self.answer(now, reply);
                        continue;
                    }
                    let times = [timeout, self.store.timeout(), self.chat_timeout(now)];
                    return Output::Timeout(times.into_iter().flatten().min());
                }
            }
        }
    }

    fn remarks(&mut self) -> Vec<String> {
        std::mem::take(&mut self.remarks)
    }
}
