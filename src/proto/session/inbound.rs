//! From an opened packet to what it means.

use std::time::{Duration, Instant};

use super::super::frame::{Frame, Frames};
use super::super::path::PathId;
use super::super::recovery::{GRANULARITY, MAX_ACK_DELAY};
use super::super::stream::abort::{Reset, Stop};
use super::super::stream::{Violation, WindowUpdate};
use super::{Control, MESSAGES, Session, SessionEvent, streams};

/// Ack-eliciting packets after which an acknowledgement leaves at once (RFC 9000 §13.2.2).
const ACK_EVERY: u32 = 2;

/// The same in a long run of packets, where each acknowledgement costs both sides more than it tells
/// (draft-ietf-quic-ack-frequency §1).
const ACK_EVERY_OF_RUN: u32 = 10;

/// Or so many bytes of them: where datagrams are long, a sender's window is a few of them.
const ACK_BYTES_OF_RUN: usize = 10 * 1500;

/// Packets after which a run is long: the sender's start, which lives on acknowledgements, is over.
const LONG_RUN: u32 = 100;

/// In a long run, an acknowledgement is held back for this part of a round trip at most, so that the
/// sender has several for each.
const PARTS_OF_ROUND_TRIP: u32 = 8;

/// One packet alone in it is a question or its answer, and what comes next takes its acknowledgement along: at least
/// so long is waited for that. It is less than a sender waits before it repeats a line.
const ALONE: Duration = Duration::from_millis(4);

/// Echoes that wait to be sent at most; the prober repeats what is dropped.
const MAX_CONTROL: usize = 32;

/// The peer did what no honest implementation does; the session ends.
struct Misbehaviour;

impl From<Violation> for Misbehaviour {
    fn from(_: Violation) -> Self {
        Self
    }
}

pub(super) fn handle(
    session: &mut Session,
    now: Instant,
    path: PathId,
    packet_number: u64,
    packet: &[u8],
) -> bool {
    let (mut eliciting, mut probed) = (false, false);
    for frame in Frames::new(packet) {
        let outcome = match frame {
            Ok(frame) => {
                eliciting |= is_eliciting(&frame);
                // One echo for each packet, or a lie about its source would make us send more
                // there than was sent to us.
                if matches!(frame, Frame::Probe { .. }) && std::mem::replace(&mut probed, true) {
                    continue;
                }
                on_frame(session, now, path, frame)
            }
            Err(_) => Err(Misbehaviour),
        };
        if outcome.is_err() {
            end(session, SessionEvent::Misbehaved);
            return false;
        }
    }
    acknowledge(session, now, path, packet_number, eliciting.then_some(packet.len()));
    eliciting
}

fn is_eliciting(frame: &Frame<'_>) -> bool {
    match frame {
        Frame::Ping
        | Frame::Stream { .. }
        | Frame::Window { .. }
        | Frame::Candidates { .. }
        | Frame::Punch(_)
        | Frame::Reset { .. }
        | Frame::Stop { .. } => true,
        Frame::Ack { .. } | Frame::Probe { .. } | Frame::Echo { .. } | Frame::Close { .. } => false,
    }
}

fn on_frame(
    session: &mut Session,
    now: Instant,
    path: PathId,
    frame: Frame<'_>,
) -> Result<(), Misbehaviour> {
    match frame {
        Frame::Ping => {}
        Frame::Ack { delay_us, ranges } => {
            // RFC 9000 §13.1: an acknowledgement of what was never sent is a lie.
            if ranges.largest().is_some_and(|largest| largest >= session.next_number) {
                return Err(Misbehaviour);
            }
            let delay = Duration::from_micros(u64::from(delay_us));
            // Filled and emptied with each acknowledgement, and kept for its room.
            let mut outcome = std::mem::take(&mut session.outcome);
            for (&sent_on, recovery) in &mut session.recoveries {
                let (acked, lost) = (outcome.acked.len(), outcome.lost.len());
                // One that comes back by another way measures half of each.
                let delay = (sent_on == path).then_some(delay);
                recovery.on_ack(now, ranges.iter(), delay, &mut outcome);
                let (acked, lost) = (outcome.acked.len() - acked, outcome.lost.len() - lost);
                session.repetition.on_fate(sent_on, acked, lost);
            }
            outcome.acked.drain(..).for_each(|content| session.on_acked(content));
            let streams = &session.streams;
            session.repetition.settle(|record| streams.again(record).is_some());
            outcome.lost.drain(..).for_each(|content| session.on_lost(content));
            session.outcome = outcome;
            session.go_on_writing();
        }
        Frame::Stream { id, offset, fin, data } => {
            session.streams.received(id, offset, fin, data)?;
        }
        Frame::Window { stream, max } => {
            session.streams.received_window_update(WindowUpdate { id: stream, max })?
        }
        Frame::Probe { token } => {
            if session.control.len() < MAX_CONTROL {
                session.control.push_back((path, Control::Echo(token)));
            }
        }
        Frame::Echo { token } => session.events.push_back(SessionEvent::Echoed(token)),
        Frame::Candidates { generation, list } => {
            if generation > session.newest_offer {
                session.newest_offer = generation;
                session.events.push_back(SessionEvent::Candidates(list));
            }
        }
        Frame::Punch(message) => session.events.push_back(SessionEvent::Punch(message)),
        Frame::Reset { stream, code, size } => {
            streams::on_reset(session, Reset { id: stream, code, size })?;
        }
        Frame::Stop { stream, code } => streams::on_stop(session, Stop { id: stream, code })?,
        Frame::Close { code: 0 } => end(session, SessionEvent::Left),
        Frame::Close { .. } => end(session, SessionEvent::Misbehaved),
    }
    Ok(())
}

/// The session is over. What has come before that comes first, in the same batch, too.
fn end(session: &mut Session, how: SessionEvent) {
    session.take_arrived();
    session.events.push_back(how);
}

/// Notes a packet, and when to say so if its sender wants to know; then it has so many `bytes`.
fn acknowledge(
    session: &mut Session,
    now: Instant,
    path: PathId,
    number: u64,
    bytes: Option<usize>,
) {
    let round_trip = session.rtt(path);
    let acknowledgement = &mut session.acknowledgement;
    let newest = acknowledgement.ranges.largest();
    acknowledgement.ranges.insert(number);
    if newest.is_none_or(|newest| number > newest) {
        acknowledgement.newest_at = Some(now);
    }
    let Some(bytes) = bytes else { return };
    if acknowledgement.unacknowledged == 0 {
        (acknowledgement.path, acknowledgement.other_path) = (Some(path), None);
    } else if acknowledgement.path != Some(path) {
        acknowledgement.other_path = Some(path);
    }
    acknowledgement.unacknowledged += 1;
    acknowledgement.bytes = acknowledgement.bytes.saturating_add(bytes);
    let in_run =
        acknowledgement.run_at.is_some_and(|at| now.saturating_duration_since(at) <= MAX_ACK_DELAY);
    acknowledgement.run = if in_run { acknowledgement.run.saturating_add(1) } else { 0 };
    acknowledgement.run_at = Some(now);
    // RFC 9000 §13.2.1: a gap is reported at once. With two paths in use numbers arrive out of
    // order as a matter of course, so only what is older than the newest counts as one; but in a long
    // run the next acknowledgement may be far.
    let out_of_order = newest.is_some_and(|newest| number < newest);
    let (at_once, delay) = match round_trip {
        Some(rtt) if acknowledgement.run >= LONG_RUN => {
            let gap = newest.is_some_and(|newest| number > newest.saturating_add(1));
            let least = if acknowledgement.unacknowledged > 1 { GRANULARITY } else { ALONE };
            let delay = (rtt / PARTS_OF_ROUND_TRIP).clamp(least, MAX_ACK_DELAY);
            let many = acknowledgement.unacknowledged >= ACK_EVERY_OF_RUN
                || acknowledgement.unacknowledged >= ACK_EVERY
                    && acknowledgement.bytes >= ACK_BYTES_OF_RUN;
            (gap || many, delay)
        }
        Some(_) | None => (acknowledgement.unacknowledged >= ACK_EVERY, MAX_ACK_DELAY),
    };
    let at_once = out_of_order || at_once;
    let due = if at_once { now } else { now + delay };
    acknowledgement.due = Some(acknowledgement.due.map_or(due, |earlier| earlier.min(due)));
}

pub(super) fn read_messages(session: &mut Session) {
    loop {
        match session.streams.next_message(MESSAGES) {
            Ok(Some(message)) => session.events.push_back(SessionEvent::Message(message)),
            Ok(None) => return,
            Err(_) => {
                session.events.push_back(SessionEvent::Misbehaved);
                return;
            }
        }
    }
}
