//! A session between two peers: numbered packets, acknowledgements, streams.
//!
//! A session is bound to two keys and two instances, not to addresses: it runs over whatever path
//! `proto::path` says, over two at once while one is in doubt, and through changes of keys
//! ([`epoch`]). Packet numbers, acknowledgements, the replay window and the streams belong to the
//! session; round-trip time, congestion window and loss detection belong to each path.
//!
//! Packets are never sent again. What was in a lost packet is framed anew, in a packet with its own
//! number, on the path of the moment: a nonce is never used twice, and an acknowledgement is never
//! ambiguous. On an idle path what was in a small packet is framed anew before it is known to be lost
//! ([`repetition`]).

mod epoch;
mod handshake;
mod inbound;
mod outbound;
mod repetition;
mod streams;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use p2pchat_wire::datagram::SealedMut;
use p2pchat_wire::replay::ReplayWindow;
use smallvec::SmallVec;

pub(crate) use epoch::Epoch;
pub(crate) use handshake::{GIVE_UP_AFTER, Greeting, Opening};
pub(crate) use outbound::{Sheet, Written};

use super::frame::Candidate;
use super::path::{PathId, Route};
use super::punch::message::Message;
use super::recovery::ack_ranges::AckRanges;
use super::recovery::mtu::BASE;
use super::recovery::{Congestion, Outcome, Recovery};
use super::stream::abort::Abort;
use super::stream::{ChunkRecord, Streams, WindowUpdate, WriteError};
use super::{StreamCommand, StreamEvent};

/// Silence after which a session is over. The longest gap between two packets of a living peer is
/// the path's keepalive of 10 s and a few repetitions.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(40);

/// How often an idle session asks for a sign of life on a path that is not probed: the relay.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// How often the relay is kept open while a direct path carries the text.
const RELAY_HEARTBEAT: Duration = Duration::from_secs(60);

/// Unanswered probe timeouts in a row from which on they are reported.
const REPORTED_PTOS: u32 = 3;

/// Messages about planned punches that wait at most; a round has four.
const MAX_PLANNING: usize = 8;

/// The stream that carries messages.
const MESSAGES: u64 = 0;

/// Both sides' instances: what makes a session this session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Instances {
    /// Ours.
    pub(crate) local: u64,
    /// The peer's.
    pub(crate) remote: u64,
}

/// What a session tells its peer object.
#[derive(Debug, PartialEq)]
pub(crate) enum SessionEvent {
    /// A message arrived, in order and whole.
    Message(Vec<u8>),
    /// A message's last byte has left for the first time.
    Transmitted(u64),
    /// Something happened to a stream of the application.
    Stream(StreamEvent),
    /// A probe of ours was echoed.
    Echoed(u64),
    /// The peer offers endpoints.
    Candidates(Vec<Candidate>),
    /// The peer speaks about a punch to be planned.
    Punch(Message),
    /// The first packet on a path went unanswered.
    Doubtful,
    /// So many probe timeouts in a row went unanswered on a path.
    Unanswered(PathId, u32),
    /// The peer closed the session.
    Left,
    /// The peer broke the protocol.
    Misbehaved,
}

/// What a packet carried that must arrive.
#[derive(Clone, Debug, PartialEq)]
enum Content {
    Stream(ChunkRecord),
    Window(WindowUpdate),
    Abort(Abort),
    Candidates(u32),
    Punch(Message),
    Ping,
}

/// What one packet carried: of a file one piece, and perhaps a window.
type Contents = SmallVec<[Content; 2]>;

/// Packets that were received and not acknowledged yet.
#[derive(Debug, Default)]
struct Acknowledgement {
    ranges: AckRanges,
    /// When an acknowledgement must leave at the latest.
    due: Option<Instant>,
    /// Ack-eliciting packets since the last acknowledgement.
    unacknowledged: u32,
    /// The bytes of these.
    bytes: usize,
    /// Ack-eliciting packets that came one soon after the other, up to the newest.
    run: u32,
    run_at: Option<Instant>,
    /// When the newest packet arrived.
    newest_at: Option<Instant>,
    /// The path that the first of them arrived on, and the newest if it was another.
    path: Option<PathId>,
    other_path: Option<PathId>,
}

impl Acknowledgement {
    /// One is on its way, or nobody can be sent one.
    fn done(&mut self) {
        self.due = None;
        self.unacknowledged = 0;
        self.bytes = 0;
    }
}

/// A frame that goes out on a given path, alone and unacknowledged.
#[derive(Clone, Copy, Debug)]
enum Control {
    Probe(u64),
    Echo(u64),
}

/// One session.
#[derive(Debug)]
pub(crate) struct Session {
    instances: Instances,
    epochs: epoch::Epochs,
    next_number: u64,
    replay: ReplayWindow,
    acknowledgement: Acknowledgement,
    streams: Streams,
    /// Those that are not of messages, as the application knows them.
    ends: streams::Ends,
    /// Messages that do not fit into the send buffer yet, and their tags.
    backlog: VecDeque<(u64, Vec<u8>)>,
    /// Where messages end whose last byte has not left yet, and their tags.
    tags: VecDeque<(u64, u64)>,
    congestion: Congestion,
    /// Whether the peer takes datagrams longer than any path carries.
    long: bool,
    recoveries: BTreeMap<PathId, Recovery<Contents>>,
    /// What the last acknowledgement said, emptied.
    outcome: Outcome<Contents>,
    control: VecDeque<(PathId, Control)>,
    /// A copy of the last packet's frames, for the second path of the route.
    copy: Option<(PathId, Vec<u8>, Contents)>,
    /// Small packets that are repeated before they are known to be lost.
    repetition: repetition::Repetition,
    /// Paths whose probe timeout fired: one packet each, whatever the window says.
    overdue: Vec<PathId>,
    offered: Vec<Candidate>,
    offer_generation: u32,
    offer_pending: bool,
    /// What is to be said about planned punches, oldest first.
    planning: VecDeque<Message>,
    /// Whether the peer is to be asked for a sign of life, if there is nothing else to be said.
    ping_pending: bool,
    newest_offer: u32,
    paced_until: Option<Instant>,
    heartbeat_at: Instant,
    relay_heartbeat_at: Instant,
    heard_at: Instant,
    events: VecDeque<SessionEvent>,
}

impl Session {
    /// A session with nothing sent yet, and its first keys.
    pub(crate) fn new(
        now: Instant,
        instances: Instances,
        epoch: Epoch,
        congestion: Congestion,
    ) -> Self {
        let long = epoch.long;
        let mut epochs = epoch::Epochs::default();
        epochs.add(epoch);
        Self {
            instances,
            epochs,
            next_number: 0,
            replay: ReplayWindow::default(),
            acknowledgement: Acknowledgement::default(),
            streams: Streams::default(),
            ends: streams::Ends::default(),
            backlog: VecDeque::new(),
            tags: VecDeque::new(),
            congestion,
            long,
            recoveries: BTreeMap::new(),
            outcome: Outcome::default(),
            control: VecDeque::new(),
            copy: None,
            repetition: repetition::Repetition::new(now),
            overdue: Vec::new(),
            offered: Vec::new(),
            offer_generation: 0,
            offer_pending: false,
            planning: VecDeque::new(),
            ping_pending: false,
            newest_offer: 0,
            paced_until: None,
            heartbeat_at: now + HEARTBEAT,
            relay_heartbeat_at: now + RELAY_HEARTBEAT,
            heard_at: now,
            events: VecDeque::new(),
        }
    }

    /// Both instances.
    pub(crate) fn instances(&self) -> Instances {
        self.instances
    }

    /// New keys for the same session.
    pub(crate) fn add_epoch(&mut self, epoch: Epoch) {
        self.epochs.add(epoch);
    }

    /// Our indexes, for the endpoint's table.
    pub(crate) fn indexes(&self) -> impl Iterator<Item = u32> + Clone + '_ {
        self.epochs.indexes()
    }

    /// When new keys are due.
    pub(crate) fn rekey_at(&self) -> Option<Instant> {
        self.epochs.rekey_at()
    }

    /// When the last authentic packet arrived.
    pub(crate) fn heard_at(&self) -> Instant {
        self.heard_at
    }

    /// Whether some text waits to be sent.
    pub(crate) fn has_text(&self) -> bool {
        self.streams.has_chunk()
    }

    /// Whether the peer has every message of ours.
    pub(crate) fn is_heard(&self) -> bool {
        self.backlog.is_empty() && self.streams.is_drained(MESSAGES)
    }

    /// Opens a packet where it lies if it is genuine and new, and marks it as seen.
    pub(crate) fn open<'a>(&mut self, now: Instant, sealed: SealedMut<'a>) -> Option<&'a [u8]> {
        let number = sealed.packet_number;
        if !self.replay.is_fresh(number) {
            return None;
        }
        let packet = self.epochs.open(now, sealed)?;
        self.replay.mark(number);
        self.heard_at = now;
        Some(packet)
    }

    /// Queues a message.
    pub(crate) fn send(&mut self, tag: u64, message: Vec<u8>) {
        self.backlog.push_back((tag, message));
        self.write_backlog();
    }

    /// Does something with a stream of the application.
    pub(crate) fn use_stream(&mut self, command: StreamCommand) {
        streams::obey(self, command);
    }

    /// Moves messages into the send buffer while there is room.
    fn write_backlog(&mut self) {
        while let Some((tag, message)) = self.backlog.front() {
            match self.streams.write_message(MESSAGES, message) {
                Ok(end) => self.tags.push_back((end, *tag)),
                Err(WriteError::Full) => return,
                // A message that can never be sent must not hold up the others.
                Err(WriteError::Closed | WriteError::TooLong) => {}
            }
            self.backlog.pop_front();
        }
    }

    /// Offers these endpoints to the peer, unless they are what it has already.
    pub(crate) fn offer(&mut self, candidates: &[Candidate]) {
        if self.offered != candidates {
            self.offered = candidates.to_vec();
            self.offer_generation += 1;
            self.offer_pending = true;
        }
    }

    /// Says something about a planned punch, after what was said before.
    pub(crate) fn tell(&mut self, message: Message) {
        if self.planning.len() >= MAX_PLANNING {
            self.planning.pop_front();
        }
        self.planning.push_back(message);
    }

    /// Sends something that must be answered, on the path in use.
    pub(crate) fn ping(&mut self) {
        self.ping_pending = true;
    }

    /// Sends a probe on a path.
    pub(crate) fn probe(&mut self, path: PathId, token: u64) {
        self.control.push_back((path, Control::Probe(token)));
    }

    /// A probe was echoed: a round trip that loss detection need not guess any more, and one without
    /// the delay of an acknowledgement.
    pub(crate) fn on_path_measured(&mut self, now: Instant, path: PathId, rtt: Duration) {
        outbound::recovery(self, now, path).sample_rtt(now, rtt);
    }

    /// The next thing that happened.
    pub(crate) fn poll_event(&mut self) -> Option<SessionEvent> {
        self.events.pop_front()
    }

    /// Whether acknowledgements are missing on a path.
    pub(crate) fn is_in_doubt(&self, path: PathId) -> bool {
        self.recoveries.get(&path).is_some_and(|recovery| recovery.pto_count() > 0)
    }

    /// The smoothed round-trip time of a path, once measured.
    pub(crate) fn rtt(&self, path: PathId) -> Option<Duration> {
        self.recoveries.get(&path).and_then(|recovery| recovery.measured_rtt())
    }

    /// The longest datagram that a path is known to carry.
    pub(crate) fn longest_datagram(&self, path: PathId) -> usize {
        self.recoveries.get(&path).map_or(BASE, Recovery::path_mtu)
    }

    /// The shortest round trip ever measured on a path.
    pub(crate) fn least_rtt(&self, path: PathId) -> Option<Duration> {
        let rtt = self.recoveries.get(&path)?.rtt();
        rtt.has_sample().then(|| rtt.min())
    }

    /// Our network is another one: what was learned of paths says nothing about them any more.
    pub(crate) fn on_network_changed(&mut self, now: Instant) {
        self.recoveries.values_mut().for_each(|recovery| recovery.reset_congestion(now));
    }

    /// The path is given up: what was on it goes over another.
    pub(crate) fn abandon(&mut self, path: PathId) {
        let Some(mut recovery) = self.recoveries.remove(&path) else { return };
        let lost: Vec<_> = recovery.abandon().collect();
        lost.into_iter().for_each(|content| self.on_lost(content));
        self.overdue.retain(|overdue| *overdue != path);
    }

    /// The peer has shown itself after a silence: what waits for an answer goes again now, not when
    /// the next probe timeout fires.
    pub(crate) fn hasten(&mut self) {
        let mut unanswered = Vec::new();
        for (&path, recovery) in &self.recoveries {
            if recovery.pto_count() > 0 && recovery.in_flight_packets() > 0 {
                unanswered.extend(worth_repeating(recovery));
                self.overdue.push(path);
            }
        }
        unanswered.into_iter().for_each(|content| self.on_lost(content));
    }

    /// Runs the timers that are due.
    pub(crate) fn handle_timeout(&mut self, now: Instant, active: Option<PathId>) {
        let mut lost = Vec::new();
        for (&path, recovery) in &mut self.recoveries {
            if recovery.timeout().is_none_or(|at| at > now) {
                continue;
            }
            let mut outcome = Outcome::default();
            recovery.on_timeout(now, &mut outcome);
            self.repetition.on_fate(path, 0, outcome.lost.len());
            lost.append(&mut outcome.lost);
            if outcome.probe {
                // RFC 9002 §6.2.4: send what is in doubt again rather than a ping, so that a lost
                // line costs one timeout and not another round trip.
                lost.extend(worth_repeating(recovery));
                self.overdue.push(path);
            }
            if outcome.probe && recovery.pto_count() == 1 {
                self.events.push_back(SessionEvent::Doubtful);
            }
            if recovery.pto_count() >= REPORTED_PTOS {
                self.events.push_back(SessionEvent::Unanswered(path, recovery.pto_count()));
            }
        }
        for content in lost {
            self.on_lost(content);
        }
        let relayed = active == Some(PathId::RELAY);
        if relayed && now >= self.heartbeat_at || now >= self.relay_heartbeat_at {
            self.overdue.push(PathId::RELAY);
            self.relay_heartbeat_at = now + RELAY_HEARTBEAT;
            self.heartbeat_at = now + HEARTBEAT;
        }
    }

    /// When [`Session::handle_timeout`] or [`Session::poll_packet`] has something to do.
    pub(crate) fn timeout(&self, active: Option<PathId>) -> Option<Instant> {
        let heartbeat = match active {
            Some(PathId::RELAY) => self.heartbeat_at.min(self.relay_heartbeat_at),
            _ => self.relay_heartbeat_at,
        };
        let recoveries = self.recoveries.values().filter_map(Recovery::timeout);
        let own = [self.acknowledgement.due, self.paced_until, self.repetition.due()];
        recoveries.chain(own.into_iter().flatten()).chain([heartbeat]).min()
    }

    fn on_lost(&mut self, contents: Contents) {
        for content in contents {
            match content {
                Content::Stream(chunk) => self.streams.lost(chunk),
                Content::Window(update) => self.streams.lost_window_update(update),
                Content::Abort(abort) => self.streams.lost_abort(abort),
                Content::Candidates(generation) if generation == self.offer_generation => {
                    self.offer_pending = true;
                }
                // Rounds are numbered: what comes too late is ignored.
                Content::Punch(message) => self.tell(message),
                Content::Candidates(_) | Content::Ping => {}
            }
        }
    }

    fn on_acked(&mut self, contents: Contents) {
        for content in contents {
            match content {
                Content::Stream(chunk) => self.streams.acked(chunk),
                Content::Abort(abort) => self.streams.acked_abort(abort),
                Content::Window(_) | Content::Candidates(_) | Content::Punch(_) | Content::Ping => {
                }
            }
        }
    }

    /// Something has arrived at the peer: there may be room for more.
    fn go_on_writing(&mut self) {
        self.write_backlog();
        streams::allow_more(self);
    }

    /// Writes the next datagram to send on the routed paths, sealed, at the end of `sheet`.
    pub(crate) fn poll_packet(
        &mut self,
        now: Instant,
        route: Route,
        sheet: &mut Sheet<'_>,
    ) -> Option<Written> {
        outbound::poll(self, now, route, sheet)
    }

    /// The last datagram of a session: goodbye.
    pub(crate) fn close(&mut self, now: Instant, code: u8) -> Option<Vec<u8>> {
        outbound::close(self, now, code)
    }

    /// Reads the frames of an opened packet that arrived on `path`; returns whether it is to be
    /// acknowledged. What they brought is [taken](Self::take_arrived) afterwards.
    pub(crate) fn handle_packet(
        &mut self,
        now: Instant,
        path: PathId,
        packet_number: u64,
        packet: &[u8],
    ) -> bool {
        inbound::handle(self, now, path, packet_number, packet)
    }

    /// Hands over what packets have brought: messages that are whole, and of streams what was asked for.
    pub(crate) fn take_arrived(&mut self) {
        inbound::read_messages(self);
        streams::read(self);
    }
}

/// What the oldest two packets carry whose fate is open. One that only asked for a sign of life is
/// not among them: the packet that goes now asks for the same. Nor is a copy of what is: behind it may be
/// something else that waits.
fn worth_repeating(recovery: &Recovery<Contents>) -> Vec<Contents> {
    let mut worth: Vec<Contents> = Vec::new();
    for contents in recovery.unacked() {
        let news = |content: &Content| {
            *content != Content::Ping && !worth.iter().flatten().any(|other| other == content)
        };
        if contents.iter().any(news) {
            worth.push(contents.clone());
        }
        if worth.len() == 2 {
            break;
        }
    }
    worth
}
