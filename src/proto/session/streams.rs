//! Streams as the application knows them: under its own numbers, with as much to write as was allowed
//! and as much to read as was asked for.

use std::collections::BTreeMap;

use smallvec::SmallVec;

use super::super::stream::Violation;
use super::super::stream::abort::{Reset, Stop};
use super::super::{Incoming, Outgoing, StreamCommand, StreamEvent, TOO_MANY_STREAMS};
use super::{MESSAGES, Session, SessionEvent};

/// A writer is not woken for less room than this, unless it has none.
const WORTH_WAKING: usize = 64 << 10;

/// The code of a stream whose writer wrote more than it was allowed to.
const OVERRUN: u32 = TOO_MANY_STREAMS - 1;

/// The application's ends of the session's streams.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// Of streams towards the peer, by their ids.
    writers: BTreeMap<u64, Writer>,
    /// Of streams from the peer: how many bytes more were asked for.
    readers: BTreeMap<u64, usize>,
    /// Lower ids from the peer are known to the application.
    announced: u64,
}

#[derive(Debug)]
struct Writer {
    stream: Outgoing,
    /// Bytes that were allowed and not yet written.
    allowed: usize,
    /// Whether it has written its last byte.
    finished: bool,
}

impl Ends {
    fn id(&self, stream: Outgoing) -> Option<u64> {
        self.writers.iter().find(|(_, writer)| writer.stream == stream).map(|(id, _)| *id)
    }
}

pub(super) fn obey(session: &mut Session, command: StreamCommand) {
    match command {
        StreamCommand::Open { stream, priority } => open(session, stream, priority),
        StreamCommand::Write { stream, data } => write(session, stream, &data),
        StreamCommand::Finish(stream) => {
            if let Some(id) = session.ends.id(stream) {
                session.streams.finish(id);
                if let Some(writer) = session.ends.writers.get_mut(&id) {
                    writer.finished = true;
                }
            }
        }
        StreamCommand::Reset { stream, code } => {
            if let Some(id) = session.ends.id(stream) {
                session.ends.writers.remove(&id);
                session.streams.reset(id, code);
            }
        }
        StreamCommand::Read { stream, more } => {
            if let Some(wanted) = session.ends.readers.get_mut(&stream.0) {
                *wanted = wanted.saturating_add(more);
                read(session);
            }
        }
        StreamCommand::Stop { stream, code } => {
            if session.ends.readers.remove(&stream.0).is_some() {
                session.streams.stop(stream.0, code);
            }
        }
    }
}

fn open(session: &mut Session, stream: Outgoing, priority: u8) {
    match session.streams.open(priority) {
        Some(id) => {
            let writer = Writer { stream, allowed: 0, finished: false };
            session.ends.writers.insert(id, writer);
            allow_more(session);
        }
        None => {
            let refused = StreamEvent::Stopped { stream, code: TOO_MANY_STREAMS };
            session.events.push_back(SessionEvent::Stream(refused));
        }
    }
}

fn write(session: &mut Session, stream: Outgoing, data: &[u8]) {
    let Some(id) = session.ends.id(stream) else { return };
    let Some(writer) = session.ends.writers.get_mut(&id) else { return };
    let within = data.len() <= writer.allowed && !writer.finished;
    if within && session.streams.write(id, data) == data.len() {
        writer.allowed -= data.len();
    } else {
        session.ends.writers.remove(&id);
        session.streams.reset(id, OVERRUN);
        let stopped = StreamEvent::Stopped { stream, code: OVERRUN };
        session.events.push_back(SessionEvent::Stream(stopped));
    }
}

/// Tells writers of room that has come free, and of streams that have arrived whole.
pub(super) fn allow_more(session: &mut Session) {
    let Session { ends, streams, events, .. } = session;
    ends.writers.retain(|id, writer| {
        let stream = writer.stream;
        if !streams.is_open(*id) {
            events.push_back(SessionEvent::Stream(StreamEvent::Finished(stream)));
            return false;
        }
        let more = streams.room(*id).saturating_sub(writer.allowed);
        if more >= WORTH_WAKING || (more > 0 && writer.allowed == 0) {
            writer.allowed += more;
            events.push_back(SessionEvent::Stream(StreamEvent::Writable { stream, more }));
        }
        true
    });
}

/// Announces new streams of the peer, and gives readers what has come and was asked for.
pub(super) fn read(session: &mut Session) {
    let Session { ends, streams, events, .. } = session;
    // Stream 0 is the session's own.
    for id in ends.announced.max(MESSAGES + 1)..streams.next_incoming() {
        ends.readers.insert(id, 0);
        events.push_back(SessionEvent::Stream(StreamEvent::Opened(Incoming(id))));
    }
    ends.announced = streams.next_incoming();
    let readable: SmallVec<[u64; 4]> = streams.readable().filter(|id| *id != MESSAGES).collect();
    for id in readable {
        let Some(wanted) = ends.readers.get_mut(&id) else { continue };
        let mut data = Vec::new();
        let last = streams.read_some(id, *wanted, &mut data);
        *wanted -= data.len();
        if last {
            ends.readers.remove(&id);
        }
        if last || !data.is_empty() {
            let stream = Incoming(id);
            events.push_back(SessionEvent::Stream(StreamEvent::Data { stream, data, last }));
        }
    }
}

/// The peer has given up a stream of its own.
pub(super) fn on_reset(session: &mut Session, reset: Reset) -> Result<(), Violation> {
    let waited_for = session.streams.received_reset(reset)?;
    // It may be one of which nothing had come.
    read(session);
    if waited_for && session.ends.readers.remove(&reset.id).is_some() {
        let event = StreamEvent::Reset { stream: Incoming(reset.id), code: reset.code };
        session.events.push_back(SessionEvent::Stream(event));
    }
    Ok(())
}

/// The peer wants no more of a stream of ours.
pub(super) fn on_stop(session: &mut Session, stop: Stop) -> Result<(), Violation> {
    if session.streams.received_stop(stop)?
        && let Some(writer) = session.ends.writers.remove(&stop.id)
    {
        let event = StreamEvent::Stopped { stream: writer.stream, code: stop.code };
        session.events.push_back(SessionEvent::Stream(event));
    }
    Ok(())
}
