//! Streams that end before their end: given up by who writes them (RFC 9000 §19.4), or of no use any
//! more to who reads them (§19.5).
//!
//! A stream that is given up still counts: both sides must agree on how many of its bytes were sent,
//! or the window of all streams would mean different things to them. So the writer says where it
//! stopped, and the reader counts up to there. A reader who has said that it wants no more counts what
//! comes all the same, and keeps none of it, until the writer has said where it stopped.

use std::collections::BTreeMap;

use super::{Streams, Violation};

/// The writer of a stream has stopped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Reset {
    pub(crate) id: u64,
    /// Why, as the application says it.
    pub(crate) code: u32,
    /// How many bytes were sent.
    pub(crate) size: u64,
}

/// The reader of a stream wants no more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Stop {
    pub(crate) id: u64,
    /// Why, as the application says it.
    pub(crate) code: u32,
}

/// What the peer is to be told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Abort {
    Reset(Reset),
    Stop(Stop),
}

/// What was given up, as long as it matters.
#[derive(Debug, Default)]
pub(super) struct Aborts {
    /// Streams towards the peer, until it is known to have been told, and whether it is to be told
    /// now.
    resets: BTreeMap<u64, (Reset, bool)>,
    /// Streams from the peer, until they end.
    unwanted: BTreeMap<u64, Unwanted>,
}

#[derive(Debug)]
struct Unwanted {
    stop: Stop,
    /// To be told now.
    due: bool,
    /// The offset after the last byte that arrived.
    highest: u64,
    /// How far the peer may send.
    limit: u64,
}

impl Aborts {
    /// How many streams towards the peer it may not yet know to be given up.
    pub(super) fn resets(&self) -> usize {
        self.resets.len()
    }

    /// How many streams from the peer go on though nobody reads them.
    pub(super) fn unwanted(&self) -> usize {
        self.unwanted.len()
    }

    /// Whether nobody reads this stream from the peer any more.
    pub(super) fn is_unwanted(&self, id: u64) -> bool {
        self.unwanted.contains_key(&id)
    }
}

impl Streams {
    /// Gives up a stream towards the peer: nothing more of it is sent, nor sent again.
    pub(crate) fn reset(&mut self, id: u64, code: u32) {
        if let Some(outgoing) = self.outgoing.remove(&id) {
            let size = outgoing.stream.first_unsent_offset();
            self.aborts.resets.insert(id, (Reset { id, code, size }, true));
        }
    }

    /// Wants no more of a stream from the peer, and forgets what came of it.
    pub(crate) fn stop(&mut self, id: u64, code: u32) {
        let Some(stream) = self.incoming.remove(&id) else { return };
        self.read += stream.highest() - stream.read_to();
        if stream.final_size().is_none() {
            let (highest, limit) = (stream.highest(), stream.limit());
            let unwanted = Unwanted { stop: Stop { id, code }, due: true, highest, limit };
            self.aborts.unwanted.insert(id, unwanted);
        }
    }

    /// Whether [`next_abort`](Self::next_abort) has something.
    pub(crate) fn has_abort(&self) -> bool {
        self.aborts.resets.values().any(|(_, due)| *due)
            || self.aborts.unwanted.values().any(|unwanted| unwanted.due)
    }

    /// What the peer should be told now. It comes back with [`acked_abort`](Self::acked_abort) or
    /// [`lost_abort`](Self::lost_abort).
    pub(crate) fn next_abort(&mut self) -> Option<Abort> {
        if let Some((reset, due)) = self.aborts.resets.values_mut().find(|(_, due)| *due) {
            *due = false;
            return Some(Abort::Reset(*reset));
        }
        let unwanted = self.aborts.unwanted.values_mut().find(|unwanted| unwanted.due)?;
        unwanted.due = false;
        Some(Abort::Stop(unwanted.stop))
    }

    /// The peer was told.
    pub(crate) fn acked_abort(&mut self, abort: Abort) {
        // Who was told to stop says where it has stopped; until then the stream is there.
        if let Abort::Reset(reset) = abort {
            self.aborts.resets.remove(&reset.id);
        }
    }

    /// The packet was lost, or may be.
    pub(crate) fn lost_abort(&mut self, abort: Abort) {
        match abort {
            Abort::Reset(Reset { id, .. }) => {
                if let Some((_, due)) = self.aborts.resets.get_mut(&id) {
                    *due = true;
                }
            }
            Abort::Stop(Stop { id, .. }) => {
                if let Some(unwanted) = self.aborts.unwanted.get_mut(&id) {
                    unwanted.due = true;
                }
            }
        }
    }

    /// The peer has given up a stream of its own. Whether somebody here waits for more of it.
    pub(crate) fn received_reset(&mut self, reset: Reset) -> Result<bool, Violation> {
        let Reset { id, size, .. } = reset;
        if id == 0 {
            return Err(Violation::Essential);
        }
        self.open_incoming(id)?;
        if self.aborts.is_unwanted(id) {
            self.received_unwanted(id, size, true)?;
            return Ok(false);
        }
        let Some(stream) = self.incoming.get(&id) else { return Ok(false) };
        if size < stream.highest() || stream.final_size().is_some_and(|known| known != size) {
            return Err(Violation::FinalSize);
        }
        if size > stream.limit() {
            return Err(Violation::FlowControl);
        }
        let (highest, read_to) = (stream.highest(), stream.read_to());
        self.count(size - highest)?;
        self.read += size - read_to;
        self.incoming.remove(&id);
        Ok(true)
    }

    /// The peer wants no more of a stream of ours, which is therefore given up. Whether it was still
    /// there.
    pub(crate) fn received_stop(&mut self, stop: Stop) -> Result<bool, Violation> {
        if stop.id == 0 {
            return Err(Violation::Essential);
        }
        if stop.id >= self.next_outgoing {
            return Err(Violation::UnknownStream);
        }
        let open = self.is_open(stop.id);
        self.reset(stop.id, stop.code);
        Ok(open)
    }

    /// Bytes up to `end` came, or will not come, of a stream that nobody reads.
    pub(super) fn received_unwanted(
        &mut self,
        id: u64,
        end: u64,
        last: bool,
    ) -> Result<(), Violation> {
        let Some(unwanted) = self.aborts.unwanted.get_mut(&id) else { return Ok(()) };
        if end > unwanted.limit {
            return Err(Violation::FlowControl);
        }
        if last && end < unwanted.highest {
            return Err(Violation::FinalSize);
        }
        let growth = end.saturating_sub(unwanted.highest);
        unwanted.highest = unwanted.highest.max(end);
        if last {
            self.aborts.unwanted.remove(&id);
        }
        self.count(growth)?;
        self.read += growth;
        Ok(())
    }

    /// So many more bytes count for the window of all streams.
    pub(super) fn count(&mut self, growth: u64) -> Result<(), Violation> {
        let received = self.received.checked_add(growth).ok_or(Violation::FlowControl)?;
        if received > self.window.announced {
            return Err(Violation::FlowControl);
        }
        self.received = received;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{MAX_INCOMING, MAX_OUTGOING, SESSION_WINDOW, STREAM_WINDOW};
    use super::*;

    /// A sender with stream 1 open and `len` bytes of it on their way, and who receives them.
    fn half_sent(len: usize) -> (Streams, Streams) {
        let (mut sender, mut receiver) = (Streams::default(), Streams::default());
        let id = sender.open(1).expect("the first");
        assert_eq!(sender.write(id, &vec![1; len + 10]), len + 10);
        let chunk = sender.next_chunk(len).expect("something was written");
        let data = chunk.data.concat();
        assert_eq!(receiver.received(id, chunk.record.offset, false, &data), Ok(()));
        (sender, receiver)
    }

    fn reset(id: u64, size: u64) -> Reset {
        Reset { id, code: 7, size }
    }

    #[test]
    fn a_stream_that_is_given_up_is_told_until_it_is_known_and_counts_what_was_sent() {
        let (mut sender, mut receiver) = half_sent(1000);
        sender.reset(1, 7);
        assert!(!sender.has_chunk());
        let told = sender.next_abort().expect("the reset");
        assert_eq!(told, Abort::Reset(reset(1, 1000)));
        assert_eq!(sender.next_abort(), None);
        sender.lost_abort(told);
        assert_eq!(sender.next_abort(), Some(told));
        sender.acked_abort(told);
        sender.lost_abort(told);
        assert!(!sender.has_abort(), "an old packet with it is lost");

        assert_eq!(receiver.received_reset(reset(1, 1000)), Ok(true));
        assert_eq!((receiver.received, receiver.read), (1000, 1000));
        assert_eq!(receiver.received_reset(reset(1, 1000)), Ok(false), "once is enough");
        assert_eq!(receiver.received(1, 0, false, &[1; 1000]), Ok(()), "late pieces do no harm");
        assert_eq!(receiver.readable().count(), 0);
    }

    #[test]
    fn a_reset_may_come_before_the_stream() {
        let mut receiver = Streams::default();
        assert_eq!(receiver.received_reset(reset(2, 50)), Ok(true));
        assert_eq!((receiver.received, receiver.read), (50, 50));
        assert!(receiver.incoming.contains_key(&1), "those below are open");
    }

    #[test]
    fn what_nobody_wants_is_counted_and_not_kept() {
        let (mut sender, mut receiver) = half_sent(1000);
        receiver.stop(1, 3);
        let told = receiver.next_abort().expect("the stop");
        assert_eq!(told, Abort::Stop(Stop { id: 1, code: 3 }));
        receiver.acked_abort(told);
        assert_eq!(receiver.received(1, 2000, false, &[1; 10]), Ok(()));
        assert_eq!((receiver.received, receiver.read), (2010, 2010));
        assert_eq!(receiver.readable().count(), 0);

        assert_eq!(sender.received_stop(Stop { id: 1, code: 3 }), Ok(true));
        assert_eq!(sender.received_stop(Stop { id: 1, code: 3 }), Ok(false));
        let Some(Abort::Reset(reset)) = sender.next_abort() else { panic!("a reset answers") };
        assert_eq!(reset, Reset { id: 1, code: 3, size: 1000 });
        assert_eq!(receiver.received_reset(Reset { size: 2500, ..reset }), Ok(false));
        assert_eq!((receiver.received, receiver.aborts.unwanted()), (2500, 0));
    }

    #[test]
    fn a_stream_that_has_come_whole_needs_no_stop() {
        let mut receiver = Streams::default();
        assert_eq!(receiver.received(1, 0, true, b"all"), Ok(()));
        receiver.stop(1, 3);
        assert!(!receiver.has_abort());
        assert_eq!(receiver.read, 3);
    }

    #[test]
    fn lies_about_where_a_stream_was_given_up_are_violations() {
        let (_, mut receiver) = half_sent(1000);
        assert_eq!(receiver.received_reset(reset(0, 0)), Err(Violation::Essential));
        assert_eq!(receiver.received_reset(reset(1, 999)), Err(Violation::FinalSize));
        assert_eq!(receiver.received_reset(reset(1, u64::MAX)), Err(Violation::FlowControl));
        assert_eq!(
            receiver.received_reset(reset(MAX_INCOMING as u64, 0)),
            Err(Violation::TooManyStreams)
        );
        receiver.stop(1, 3);
        assert_eq!(receiver.received_reset(reset(1, 999)), Err(Violation::FinalSize));
        assert_eq!(
            receiver.received(1, STREAM_WINDOW, false, b"x"),
            Err(Violation::FlowControl),
            "the window of a stream stays where it was"
        );
        let mut sender = Streams::default();
        assert_eq!(sender.received_stop(Stop { id: 0, code: 0 }), Err(Violation::Essential));
        assert_eq!(sender.received_stop(Stop { id: 1, code: 0 }), Err(Violation::UnknownStream));
    }

    #[test]
    fn streams_given_up_keep_within_the_window_of_all() {
        let mut receiver = Streams::default();
        let each = STREAM_WINDOW;
        for id in 1..=SESSION_WINDOW / each {
            assert_eq!(receiver.received(id, each - 1, false, b"x"), Ok(()));
        }
        let next = SESSION_WINDOW / each + 1;
        assert_eq!(receiver.received_reset(reset(next, 1)), Err(Violation::FlowControl));
    }

    #[test]
    fn whoever_gives_up_streams_opens_no_more_than_others() {
        let mut sender = Streams::default();
        let opened = std::iter::from_fn(|| {
            let id = sender.open(1)?;
            sender.reset(id, 0);
            Some(id)
        });
        assert_eq!(opened.count(), MAX_OUTGOING - 1, "until the peer knows of them");
        while let Some(abort) = sender.next_abort() {
            sender.acked_abort(abort);
        }
        assert!(sender.open(1).is_some());
    }
}
