//! From what waits to be sent to a sealed datagram.

use std::time::Instant;

use p2pchat_wire::MAX_DATAGRAM;
use p2pchat_wire::datagram::{SEALED_HEADER, peer_header};
use p2pchat_wire::sealing::TAG;

use super::super::frame::{Frame, STREAM_OVERHEAD};
use super::super::path::{PathId, Route};
use super::super::punch::message::MAX_MESSAGE;
use super::super::recovery::{Congestion, Recovery};
use super::super::stream::abort::{Abort, Reset, Stop};
use super::{Content, Control, HEARTBEAT, MESSAGES, RELAY_HEARTBEAT, Session, SessionEvent};

/// Bytes of frames that fit into one datagram.
const CAPACITY: usize = MAX_DATAGRAM - SEALED_HEADER - TAG;

/// Bytes of a frame that ends a stream, at most: variant and three integers.
const ABORT: usize = 1 + 9 + 5 + 9;

/// A stream frame is not cut shorter than this to fill up a packet.
const MIN_CHUNK: usize = 32;

pub(super) fn poll(session: &mut Session, now: Instant, route: Route) -> Option<(PathId, Vec<u8>)> {
    session.paced_until = None;
    if !session.epochs.can_seal(now) {
        // The keys are too old and a handshake is on its way. What must arrive waits for it; the
        // rest is stale by then.
        session.control.clear();
        session.overdue.clear();
        session.acknowledgement.due = None;
        return None;
    }
    if let Some((path, control)) = session.control.pop_front() {
        return poll_control(session, now, path, control);
    }
    if let Some((path, frames, contents)) = session.copy.take() {
        return seal(session, now, path, &frames, contents);
    }
    if let Some(path) = session.overdue.pop() {
        return build(session, now, path, route, true);
    }
    if let Some(path) = route.primary
        && (is_anything_pending(session, route))
        && may_send(session, now, path)
    {
        return build(session, now, path, route, false);
    }
    if session.acknowledgement.due.is_some_and(|due| due <= now) {
        return poll_acknowledgement(session, now, route);
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
    let mut frames = Vec::new();
    Frame::Close { code }.encode(&mut frames);
    seal(session, now, PathId::RELAY, &frames, Vec::new()).map(|(_, datagram)| datagram)
}

fn poll_control(
    session: &mut Session,
    now: Instant,
    path: PathId,
    control: Control,
) -> Option<(PathId, Vec<u8>)> {
    let mut frames = Vec::new();
    match control {
        Control::Probe(token) => Frame::Probe { token }.encode(&mut frames),
        Control::Echo(token) => Frame::Echo { token }.encode(&mut frames),
    }
    seal(session, now, path, &frames, Vec::new())
}

/// An acknowledgement alone goes back where the packets came from: there their round trip is
/// measured. If they came on two paths, it goes on both: one of them may work in one direction only,
/// and by the slower alone the sender of the faster would wait for it too long.
fn poll_acknowledgement(
    session: &mut Session,
    now: Instant,
    route: Route,
) -> Option<(PathId, Vec<u8>)> {
    let path = session.acknowledgement.path.or(route.primary);
    let mut other = session.acknowledgement.other_path;
    let mut frames = Vec::new();
    write_acknowledgement(session, now, &mut frames);
    let path = path?;
    // While the route is in doubt, so is the way of the acknowledgement.
    if route.also.is_some() {
        other = [route.primary, route.also].into_iter().flatten().find(|other| *other != path);
    }
    session.copy = other.map(|other| (other, frames.clone(), Vec::new()));
    seal(session, now, path, &frames, Vec::new())
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
    if !recovery.can_send(MAX_DATAGRAM) {
        return false;
    }
    match recovery.pacing_delay(now, MAX_DATAGRAM) {
        None => true,
        Some(at) => {
            session.paced_until = Some(at);
            false
        }
    }
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
) -> Option<(PathId, Vec<u8>)> {
    let routed = route.primary == Some(path) || route.also == Some(path);
    let mut frames = Vec::with_capacity(MAX_DATAGRAM);
    let mut contents = Vec::new();
    if session.acknowledgement.unacknowledged > 0 {
        write_acknowledgement(session, now, &mut frames);
    }
    if routed && session.offer_pending {
        session.offer_pending = false;
        let generation = session.offer_generation;
        Frame::Candidates { generation, list: session.offered.clone() }.encode(&mut frames);
        contents.push(Content::Candidates(generation));
    }
    while routed
        && frames.len() + MAX_MESSAGE < CAPACITY
        && let Some(message) = session.planning.pop_front()
    {
        Frame::Punch(message).encode(&mut frames);
        contents.push(Content::Punch(message));
    }
    while routed && frames.len() + STREAM_OVERHEAD < CAPACITY {
        let rtt = session.rtt(path);
        let Some(update) = session.streams.next_window_update(now, rtt) else { break };
        Frame::Window { stream: update.id, max: update.max }.encode(&mut frames);
        contents.push(Content::Window(update));
    }
    while routed && frames.len() + ABORT < CAPACITY {
        let Some(abort) = session.streams.next_abort() else { break };
        match abort {
            Abort::Reset(Reset { id, code, size }) => Frame::Reset { stream: id, code, size },
            Abort::Stop(Stop { id, code }) => Frame::Stop { stream: id, code },
        }
        .encode(&mut frames);
        contents.push(Content::Abort(abort));
    }
    while routed && route.text && frames.len() + STREAM_OVERHEAD + MIN_CHUNK <= CAPACITY {
        let room = CAPACITY - frames.len() - STREAM_OVERHEAD;
        let Some(chunk) = session.streams.next_chunk(room) else { break };
        let record = chunk.record();
        Frame::Stream { id: chunk.id, offset: chunk.offset, fin: chunk.fin, data: &chunk.data }
            .encode(&mut frames);
        contents.push(Content::Stream(record));
        if record.id == MESSAGES {
            report_transmitted(session, record.offset + record.len);
        }
    }
    if contents.is_empty() {
        if !overdue && !session.ping_pending {
            return None;
        }
        Frame::Ping.encode(&mut frames);
        contents.push(Content::Ping);
    }
    session.ping_pending &= !routed;
    if route.primary == Some(path)
        && let Some(also) = route.also
    {
        session.copy = Some((also, frames.clone(), contents.clone()));
    }
    seal(session, now, path, &frames, contents)
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
    acknowledgement.due = None;
    acknowledgement.unacknowledged = 0;
    Frame::Ack { delay_us, ranges: acknowledgement.ranges.clone() }.encode(frames);
}

fn seal(
    session: &mut Session,
    now: Instant,
    path: PathId,
    frames: &[u8],
    contents: Vec<Content>,
) -> Option<(PathId, Vec<u8>)> {
    let number = session.next_number;
    let Some(epoch) = session.epochs.for_sending(now) else {
        // The keys are too old and a handshake is on its way: nothing was sent.
        session.on_lost(contents);
        return None;
    };
    session.next_number += 1;
    let mut datagram = Vec::with_capacity(SEALED_HEADER + frames.len() + TAG);
    datagram.extend(peer_header(epoch.remote_index, number));
    datagram.extend(frames);
    epoch.keys.send.seal_in_place(number, SEALED_HEADER, &mut datagram);
    if !contents.is_empty() {
        let bytes = datagram.len();
        recovery(session, now, path).on_sent(now, number, bytes, true, contents);
        session.heartbeat_at = now + HEARTBEAT;
        if path == PathId::RELAY {
            session.relay_heartbeat_at = now + RELAY_HEARTBEAT;
        }
    }
    Some((path, datagram))
}

fn recovery(session: &mut Session, now: Instant, path: PathId) -> &mut Recovery<Vec<Content>> {
    let congestion = session.congestion;
    session.recoveries.entry(path).or_insert_with(|| recovery_at(now, congestion))
}

/// The recovery of a path that begins now.
pub(super) fn recovery_at(now: Instant, congestion: Congestion) -> Recovery<Vec<Content>> {
    Recovery::new(congestion, MAX_DATAGRAM, now)
}
