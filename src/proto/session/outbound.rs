//! From what waits to be sent to sealed datagrams, framed and sealed where they will leave from.

use std::time::Instant;

use p2pchat_wire::datagram::{RELAY_HEADER, SEALED_HEADER, peer_header};
use p2pchat_wire::sealing::TAG;

use super::super::frame::{self, Frame, PING, STREAM_OVERHEAD};
use super::super::path::{PathId, Route};
use super::super::punch::message::MAX_MESSAGE;
use super::super::recovery::Recovery;
use super::super::recovery::mtu::{BASE, LARGEST};
use super::super::stream::ChunkRecord;
use super::super::stream::abort::{Abort, Reset, Stop};
use super::repetition::{SMALL, Standing};
use super::{
    Content, Contents, Control, HEARTBEAT, MESSAGES, RELAY_HEARTBEAT, Session, SessionEvent,
};

/// Bytes of a datagram that are no frames.
const OVERHEAD: usize = SEALED_HEADER + TAG;

/// Bytes of a frame that ends a stream, at most: variant and three integers.
const ABORT: usize = 1 + 9 + 5 + 9;

/// A stream frame is not cut shorter than this to fill up a packet.
const MIN_CHUNK: usize = 32;

/// Where sealed datagrams are put, one after the other.
#[derive(Debug)]
pub(crate) struct Sheet<'a> {
    pub(crate) bytes: &'a mut Vec<u8>,
    /// What stands before those that go over the relay.
    pub(crate) relay: Option<[u8; RELAY_HEADER]>,
}

/// A datagram that was written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    /// The path that it is for.
    pub(crate) path: PathId,
    /// How long it is, without what stands before those that go over the relay.
    pub(crate) bytes: usize,
    /// Nobody may cut it in pieces: it is to show that the path carries so much.
    pub(crate) whole: bool,
}

/// A datagram that is being written at the end of a sheet.
#[derive(Clone, Copy, Debug)]
struct Begun {
    path: PathId,
    number: u64,
    /// Where its clear header stands.
    header: usize,
}

impl Begun {
    /// Where its frames begin.
    fn frames(self) -> usize {
        self.header + SEALED_HEADER
    }

    /// How many bytes of frames it has.
    fn len(self, sheet: &Sheet<'_>) -> usize {
        sheet.bytes.len() - self.frames()
    }
}

/// Writes the next datagram.
pub(super) fn poll(
    session: &mut Session,
    now: Instant,
    route: Route,
    sheet: &mut Sheet<'_>,
) -> Option<Written> {
    session.paced_until = None;
    if !session.epochs.can_seal(now) {
        // The keys are too old and a handshake is on its way. What must arrive waits for it; the
        // rest is stale by then.
        session.control.clear();
        session.overdue.clear();
        session.repetition.clear();
        session.acknowledgement.due = None;
        return None;
    }
    if let Some((path, control)) = session.control.pop_front() {
        return poll_control(session, now, path, control, sheet);
    }
    if let Some((path, frames, contents)) = session.copy.take() {
        let begun = begin(session, now, path, sheet)?;
        sheet.bytes.extend(frames);
        return seal(session, now, begun, sheet, contents);
    }
    if let Some(path) = session.overdue.pop() {
        return build(session, now, path, route, true, sheet);
    }
    if let Some(path) = route.primary
        && (is_anything_pending(session, route))
        && may_send(session, now, path)
    {
        if let Some(probe) = probe_size(session, now, path, route, sheet) {
            return Some(probe);
        }
        return build(session, now, path, route, false, sheet);
    }
    if let Some(packet) = repeat(session, now, route, sheet) {
        return Some(packet);
    }
    if session.acknowledgement.due.is_some_and(|due| due <= now) {
        return poll_acknowledgement(session, now, route, sheet);
    }
    if let Some(path) = route.primary
        && !is_anything_pending(session, route)
        && let Some(recovery) = session.recoveries.get_mut(&path)
    {
        recovery.on_app_limited();
    }
    None
}

pub(super) fn close(session: &mut Session, now: Instant, code: u8) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let sheet = &mut Sheet { bytes: &mut bytes, relay: None };
    let begun = begin(session, now, PathId::RELAY, sheet)?;
    Frame::Close { code }.encode(sheet.bytes);
    seal(session, now, begun, sheet, Contents::new())?;
    Some(bytes)
}

fn poll_control(
    session: &mut Session,
    now: Instant,
    path: PathId,
    control: Control,
    sheet: &mut Sheet<'_>,
) -> Option<Written> {
    let begun = begin(session, now, path, sheet)?;
    match control {
        Control::Probe(token) => Frame::Probe { token }.encode(sheet.bytes),
        Control::Echo(token) => Frame::Echo { token }.encode(sheet.bytes),
    }
    seal(session, now, begun, sheet, Contents::new())
}

/// An acknowledgement alone goes back where the packets came from: there their round trip is
/// measured. If they came on two paths, it goes on both: one of them may work in one direction only,
/// and by the slower alone the sender of the faster would wait for it too long.
fn poll_acknowledgement(
    session: &mut Session,
    now: Instant,
    route: Route,
    sheet: &mut Sheet<'_>,
) -> Option<Written> {
    let path = session.acknowledgement.path.or(route.primary);
    let mut other = session.acknowledgement.other_path;
    let Some(path) = path else {
        session.acknowledgement.done();
        return None;
    };
    let begun = begin(session, now, path, sheet)?;
    write_acknowledgement(session, now, sheet.bytes);
    // While the route is in doubt, so is the way of the acknowledgement.
    if route.also.is_some() {
        other = [route.primary, route.also].into_iter().flatten().find(|other| *other != path);
    }
    let frames = begun.frames();
    session.copy = other.map(|other| (other, sheet.bytes[frames..].to_vec(), Contents::new()));
    seal(session, now, begun, sheet, Contents::new())
}

fn is_anything_pending(session: &Session, route: Route) -> bool {
    session.offer_pending
        || !session.planning.is_empty()
        || session.ping_pending
        || session.streams.has_window_update()
        || session.streams.has_abort()
        || route.text && session.streams.has_chunk()
}

fn may_send(session: &mut Session, now: Instant, path: PathId) -> bool {
    let recovery = recovery(session, now, path);
    let size = recovery.mtu();
    if !recovery.can_send(size) {
        return false;
    }
    match recovery.pacing_delay(now, size) {
        None => true,
        Some(at) => {
            session.paced_until = Some(at);
            false
        }
    }
}

/// Finds out, now and then while much is sent, whether the path carries longer datagrams (RFC 8899 §4.1).
/// The server relays none, and a path in doubt has other troubles.
fn probe_size(
    session: &mut Session,
    now: Instant,
    path: PathId,
    route: Route,
    sheet: &mut Sheet<'_>,
) -> Option<Written> {
    if route.also.is_some() || !route.text || !session.streams.has_chunk() {
        return None;
    }
    let size = session.recoveries.get_mut(&path)?.size_probe(now)?;
    let begun = begin(session, now, path, sheet)?;
    sheet.bytes.resize(begun.header + size - TAG, PING);
    let bytes = close_seal(session, now, begun, sheet)?;
    recovery(session, now, path).on_size_probe_sent(now, begun.number, bytes, Contents::new());
    Some(Written { path, bytes, whole: true })
}

/// How long the next datagram on a path may be.
fn size_on(session: &Session, path: PathId) -> usize {
    session.recoveries.get(&path).map_or(BASE, Recovery::mtu)
}

/// Fills a packet. `overdue` sends a ping if there is nothing else: the packet must be answered.
///
/// What must arrive goes only where the route leads: another path may be dead, or not be allowed to
/// carry text.
fn build(
    session: &mut Session,
    now: Instant,
    path: PathId,
    route: Route,
    overdue: bool,
    sheet: &mut Sheet<'_>,
) -> Option<Written> {
    let routed = route.primary == Some(path) || route.also == Some(path);
    // What is overdue has perhaps been too long. What goes twice fits both paths.
    let also = route.also.map(|also| size_on(session, also));
    let size = if overdue { BASE } else { size_on(session, path).min(also.unwrap_or(usize::MAX)) };
    let capacity = size - OVERHEAD;
    let start = sheet.bytes.len();
    let begun = begin(session, now, path, sheet)?;
    let mut contents = Contents::new();
    if session.acknowledgement.unacknowledged > 0 {
        write_acknowledgement(session, now, sheet.bytes);
    }
    if routed && session.offer_pending {
        session.offer_pending = false;
        let generation = session.offer_generation;
        Frame::Candidates { generation, list: session.offered.clone() }.encode(sheet.bytes);
        contents.push(Content::Candidates(generation));
    }
    while routed
        && begun.len(sheet) + MAX_MESSAGE < capacity
        && let Some(message) = session.planning.pop_front()
    {
        Frame::Punch(message).encode(sheet.bytes);
        contents.push(Content::Punch(message));
    }
    while routed && begun.len(sheet) + STREAM_OVERHEAD < capacity {
        let rtt = session.rtt(path);
        let Some(update) = session.streams.next_window_update(now, rtt) else { break };
        Frame::Window { stream: update.id, max: update.max }.encode(sheet.bytes);
        contents.push(Content::Window(update));
    }
    while routed && begun.len(sheet) + ABORT < capacity {
        let Some(abort) = session.streams.next_abort() else { break };
        match abort {
            Abort::Reset(Reset { id, code, size }) => Frame::Reset { stream: id, code, size },
            Abort::Stop(Stop { id, code }) => Frame::Stop { stream: id, code },
        }
        .encode(sheet.bytes);
        contents.push(Content::Abort(abort));
    }
    while routed && route.text && begun.len(sheet) + STREAM_OVERHEAD + MIN_CHUNK <= capacity {
        let room = capacity - begun.len(sheet) - STREAM_OVERHEAD;
        let Some(chunk) = session.streams.next_chunk(room) else { break };
        frame::encode_chunk(&chunk, sheet.bytes);
        let record = chunk.record;
        contents.push(Content::Stream(record));
        if record.id == MESSAGES {
            report_transmitted(session, record.offset + record.len);
        }
    }
    if contents.is_empty() {
        if !overdue && !session.ping_pending {
            sheet.bytes.truncate(start);
            return None;
        }
        Frame::Ping.encode(sheet.bytes);
        contents.push(Content::Ping);
    }
    session.ping_pending &= !routed;
    if route.primary == Some(path)
        && let Some(also) = route.also
        && !contents.iter().all(is_bulk)
    {
        session.copy = Some((also, sheet.bytes[begun.frames()..].to_vec(), contents.clone()));
    }
    let small = !overdue && begun.len(sheet) <= SMALL;
    let standing = if small { standing(session, path, route) } else { None };
    let Some(standing) = standing else { return seal(session, now, begun, sheet, contents) };
    let (bytes, chunks) = (begun.len(sheet) + OVERHEAD, pieces(&contents));
    loop {
        let room = capacity - begun.len(sheet);
        let Some(along) = session.repetition.poll_along(now, path, standing, room) else { break };
        copy(session, along, sheet.bytes, &mut contents);
    }
    let sealed = seal(session, now, begun, sheet, contents)?;
    session.repetition.on_sent(now, path, standing, bytes, chunks);
    Some(sealed)
}

/// Whether nobody waits for it. It is not sent twice while a path is in doubt: there is much of it, and what
/// is lost is sent again in time.
fn is_bulk(content: &Content) -> bool {
    matches!(content, Content::Stream(record) if record.id != MESSAGES)
}

/// The next copy of what a small packet carried, if one is due. On a route of two paths everything is sent
/// twice as it is.
fn repeat(
    session: &mut Session,
    now: Instant,
    route: Route,
    sheet: &mut Sheet<'_>,
) -> Option<Written> {
    let Some(path) = route.primary else {
        session.repetition.clear();
        return None;
    };
    let standing = standing(session, path, route);
    let streams = &session.streams;
    let is_open = |record| streams.again(record).is_some();
    let records = session.repetition.poll(now, path, standing, is_open)?;
    let begun = begin(session, now, path, sheet)?;
    let mut contents = Contents::new();
    copy(session, records, sheet.bytes, &mut contents);
    session.repetition.on_copied(OVERHEAD);
    if session.acknowledgement.unacknowledged > 0 {
        write_acknowledgement(session, now, sheet.bytes);
    }
    seal(session, now, begun, sheet, contents)
}

/// Frames once more what is not known to have arrived of these pieces.
fn copy(
    session: &mut Session,
    records: Vec<ChunkRecord>,
    frames: &mut Vec<u8>,
    contents: &mut Contents,
) {
    let before = frames.len();
    for chunk in records.into_iter().filter_map(|record| session.streams.again(record)) {
        frame::encode_chunk(&chunk, frames);
        contents.push(Content::Stream(chunk.record));
    }
    session.repetition.on_copied(frames.len() - before);
}

/// How a path is on which nothing more wants to go and nothing is in doubt.
fn standing(session: &Session, path: PathId, route: Route) -> Option<Standing> {
    let alone = route.primary == Some(path) && route.also.is_none() && route.text;
    let recovery = session.recoveries.get(&path).filter(|recovery| recovery.pto_count() == 0)?;
    let standing = Standing {
        round_trip: recovery.measured_rtt()?,
        flying: recovery.bytes_in_flight(),
        window: recovery.congestion_window(),
    };
    (alone && !session.streams.has_chunk()).then_some(standing)
}

/// The pieces of streams among what a packet carries.
fn pieces(contents: &[Content]) -> Vec<ChunkRecord> {
    let piece = |content: &Content| match content {
        Content::Stream(record) => Some(*record),
        _ => None,
    };
    contents.iter().filter_map(piece).collect()
}

fn report_transmitted(session: &mut Session, sent_to: u64) {
    while let Some(&(end, tag)) = session.tags.front()
        && end <= sent_to
    {
        session.tags.pop_front();
        session.events.push_back(SessionEvent::Transmitted(tag));
    }
}

fn write_acknowledgement(session: &mut Session, now: Instant, frames: &mut Vec<u8>) {
    let acknowledgement = &mut session.acknowledgement;
    let waited = acknowledgement.newest_at.map(|at| now.saturating_duration_since(at));
    let delay_us = waited.and_then(|waited| u32::try_from(waited.as_micros()).ok()).unwrap_or(0);
    acknowledgement.done();
    frame::encode_acknowledgement(delay_us, &acknowledgement.ranges, frames);
}

/// Begins a datagram with the next number, unless the keys are too old: then nothing can be sent.
fn begin(session: &Session, now: Instant, path: PathId, sheet: &mut Sheet<'_>) -> Option<Begun> {
    let number = session.next_number;
    let epoch = session.epochs.for_sending(now)?;
    sheet.bytes.extend(sheet.relay.filter(|_| path == PathId::RELAY).into_iter().flatten());
    let header = sheet.bytes.len();
    sheet.bytes.extend(peer_header(epoch.remote_index, number));
    Some(Begun { path, number, header })
}

fn seal(
    session: &mut Session,
    now: Instant,
    begun: Begun,
    sheet: &mut Sheet<'_>,
    contents: Contents,
) -> Option<Written> {
    let Begun { path, number, .. } = begun;
    let bytes = close_seal(session, now, begun, sheet)?;
    if !contents.is_empty() {
        recovery(session, now, path).on_sent(now, number, bytes, true, contents);
        session.heartbeat_at = now + HEARTBEAT;
        if path == PathId::RELAY {
            session.relay_heartbeat_at = now + RELAY_HEARTBEAT;
        }
    }
    Some(Written { path, bytes, whole: false })
}

/// Seals what was begun, whose number is used up; how long the datagram is.
fn close_seal(
    session: &mut Session,
    now: Instant,
    begun: Begun,
    sheet: &mut Sheet<'_>,
) -> Option<usize> {
    let epoch = session.epochs.for_sending(now)?;
    epoch.keys.send.seal_last(begun.number, begun.header, SEALED_HEADER, sheet.bytes);
    session.epochs.on_sealed();
    session.next_number += 1;
    Some(sheet.bytes.len() - begun.header)
}

/// The recovery of a path; a new one begins now.
pub(super) fn recovery(
    session: &mut Session,
    now: Instant,
    path: PathId,
) -> &mut Recovery<Contents> {
    let (congestion, long) = (session.congestion, session.long);
    session.recoveries.entry(path).or_insert_with(|| {
        // The server relays no longer ones, and to others the peer would close the session.
        let limit = if long && path != PathId::RELAY { LARGEST } else { BASE };
        Recovery::new(congestion, BASE, now).search_mtu_up_to(limit)
    })
}
