//! What becomes of lines once the disk has them: ours are shown and sent, theirs are shown, and what
//! is about another line changes that one.

use super::record::Manner;
use super::room::Standing;
use super::storage::{
    Direction, HistoryLine, OutgoingLine, Place, Quote, ReceivedLine, ShownLines, StoreFailure,
    StoreRequest,
};
use super::{
    Address, Asked, Chat, ExitCode, LineId, LineState, MAX_PAGE, Message, Notice, Problem,
    StoreReply, Written,
};

/// Lines that the disk refused, of which the history of this run shows so many.
const MAX_UNKEPT: usize = 100;

impl Chat {
    /// A line of ours is on disk. One that is about another has its target's id by now.
    pub(super) fn queued(&mut self, line: OutgoingLine, quote: Option<Quote>) {
        self.show_own(&line, quote);
        self.tell_status(line.to.clone(), line.id, line.reference.clone(), LineState::Queued);
        let address = line.to.clone();
        let Some(conversation) = self.conversations.get_mut(&address) else { return };
        if let Manner::Delete { of } = line.manner {
            conversation.outbox.erase(of);
            self.offer_deleted(&address, Direction::Out, of);
        }
        if line.manner.offer().is_some() {
            self.offer_queued(&line);
        }
        let Some(conversation) = self.conversations.get_mut(&address) else { return };
        if let Some(session) = &mut conversation.session {
            session.said_typing = None;
        }
        conversation.outbox.queued(line);
        self.want(&address);
        self.pump(&address);
        self.tell_standing(&address);
        self.tell_kept(&address);
    }

    pub(super) fn not_queued(&mut self, line: OutgoingLine, failure: StoreFailure) {
        let problem = match Problem::of_line(failure) {
            Problem::Store(failure) => {
                if line.manner.offer().is_some() {
                    self.offer_lost(&line);
                }
                self.faces.asking_mut().lost.get_or_insert(ExitCode::Internal);
                let state = LineState::Failed(Problem::Store(failure));
                if !line.manner.amends() {
                    self.show_own(&line, None);
                    self.remember_unkept(&line, state.clone());
                }
                let OutgoingLine { to, id, reference, .. } = line;
                return self.tell_status(to, id, reference, state);
            }
            problem => problem,
        };
        self.refuse(line.reference, problem);
    }

    pub(super) fn show_own(&mut self, line: &OutgoingLine, quote: Option<Quote>) {
        let (with, by, at) = (line.to.clone(), Direction::Out, line.sent_at);
        let notice = match (line.manner, quote) {
            (
                Manner::Text
                | Manner::Action
                | Manner::Reply { .. }
                | Manner::Offer { .. }
                | Manner::OfferFolder { .. },
                quote,
            ) => Notice::Written(Written {
                to: with,
                id: line.id,
                seq: line.seq,
                text: line.text.clone(),
                sent_at: line.sent_at,
                audience: line.audience,
                manner: line.manner,
                quote: quote.map(Box::new),
            }),
            (manner, Some(quote)) => {
                let (author, text) = (None, line.text.clone());
                amendment(Amendment { with, by, author, line: line.id, manner, text, at }, quote)
            }
            (_, None) => return,
        };
        self.show(notice);
    }

    /// A line has come and is on disk.
    pub(super) fn received(&mut self, line: ReceivedLine, new: bool, quote: Option<Quote>) {
        let (peer, log) = (line.peer, line.log);
        if let Some(inbox) = self.inboxes.get_mut(&peer) {
            inbox.kept(peer);
        }
        // Whoever has been removed meanwhile is not shown any more.
        if new && self.conversations.contains_key(&line.from) {
            let from = line.from.clone();
            if self.is_ignored(&from) {
                // As if it had been seen, which its sender is not told.
                self.take_offer(&line);
                let (id, taken) = (line.id, from.clone());
                self.ask(StoreRequest::Shown(vec![(from, id)]), Asked::Shown);
                self.ask(StoreRequest::Taken { from: taken, id }, Asked::Nothing);
            } else {
                if !line.manner.amends()
                    && let Some(conversation) = self.conversations.get_mut(&from)
                {
                    conversation.contact.unread += 1;
                }
                self.owes_more(&line);
                let about = line.clone();
                match &mut self.backlog {
                    Some(backlog) => backlog.wait(line.id),
                    None => self.show_received(line, quote, false),
                }
                self.make_current_if_none(&from);
                self.take_offer(&about);
            }
        }
        self.owe(peer, log);
        self.ask_again(peer);
    }

    /// What a line that has come says about files.
    fn take_offer(&mut self, line: &ReceivedLine) {
        match line.manner {
            Manner::Offer { .. } | Manner::OfferFolder { .. } => self.offered(line),
            Manner::Delete { of } => self.offer_deleted(&line.from, Direction::In, of),
            _ => {}
        }
    }

    /// A line has come in a room, and is on disk.
    pub(super) fn received_in_room(&mut self, line: ReceivedLine, quote: Option<Quote>) {
        let from = line.from.clone();
        if line.author.as_ref().is_some_and(|author| self.is_hidden(line.peer, author)) {
            return;
        }
        if !line.manner.amends()
            && let Some(conversation) = self.conversations.get_mut(&from)
        {
            conversation.contact.unread += 1;
        }
        self.owes_more(&line);
        match &mut self.backlog {
            Some(backlog) => backlog.wait(line.id),
            None => self.show_received(line, quote, false),
        }
    }

    /// Shows a contact's line, for the first time or `again`.
    pub(super) fn show_received(&mut self, line: ReceivedLine, quote: Option<Quote>, again: bool) {
        let deleted_before = line.manner == (Manner::Delete { of: line.id });
        let of_deleted = quote.as_ref().is_some_and(|quote| quote.text.is_none());
        let deletes = again && matches!(line.manner, Manner::Delete { .. });
        if deleted_before || (line.manner.amends() && of_deleted && !deletes) {
            // There is nothing any more that it could be shown on.
            return;
        }
        let quote = quote.map(|quote| self.veiled(quote));
        let notice = match (line.manner.amends(), quote) {
            (true, Some(quote)) => {
                let ReceivedLine { from: with, author, id: line, manner, text, sent_at, .. } = line;
                let by = Direction::In;
                amendment(Amendment { with, by, author, line, manner, text, at: sent_at }, quote)
            }
            (false, quote) => {
                let message = self.message_about(line, quote, again);
                return self.show_message(message);
            }
            (true, quote) => Notice::Stray(self.message_about(line, quote, again)),
        };
        self.show(notice);
    }

    /// What is told of a line.
    pub(super) fn message_about(
        &self,
        line: ReceivedLine,
        quote: Option<Quote>,
        again: bool,
    ) -> Message {
        let is_quiet = |author| self.is_quiet_in_rooms(line.peer, author);
        let is_namesake = |author| self.is_namesake(&line.from, line.peer, author);
        Message {
            quiet: line.author.as_ref().is_some_and(is_quiet),
            namesake: line.author.as_ref().is_some_and(is_namesake),
            from: line.from,
            author: line.author.map(Box::new),
            key: line.peer,
            id: line.id,
            text: line.text,
            sent_at: line.sent_at,
            received_at: line.received_at,
            audience: line.audience,
            again,
            manner: line.manner,
            quote: quote.map(Box::new),
        }
    }

    /// The disk has noted that a person has seen lines.
    pub(super) fn seen(&mut self, shown: Vec<ShownLines>) {
        for ShownLines { from, count, last } in shown {
            if let Some(conversation) = self.conversations.get_mut(&from) {
                conversation.contact.unread = conversation.contact.unread.saturating_sub(count);
            }
            self.tell_read(&from, last);
        }
    }

    /// Keeps what is typed and not sent.
    pub(super) fn draft(&mut self, with: Address, text: String) {
        if !self.conversations.contains_key(&with) {
            return;
        }
        if text.is_empty() {
            self.drafts.remove(&with);
        } else {
            self.drafts.insert(with.clone(), text.clone());
        }
        self.ask(StoreRequest::SaveDraft { with, text }, Asked::Nothing);
    }

    /// Lines that were asked for have been read.
    pub(super) fn paged(&mut self, with: Address, last: bool, reply: StoreReply) {
        match reply {
            StoreReply::Page { mut lines, end } => {
                if last {
                    self.add_unkept(Some(&with), &mut lines, end);
                }
                let first = lines.first().map(|line| line.place);
                self.hide(&mut lines);
                if let (true, false, Some(first)) = (lines.is_empty(), end, first) {
                    // There is nothing to be seen in it, and more before it.
                    let (limit, before) = (MAX_PAGE, Some(first));
                    let request = StoreRequest::Page { with: with.clone(), before, limit };
                    return self.ask(request, Asked::Page(with, false));
                }
                self.answer(Notice::Page { with, lines, end });
            }
            reply => self.tell_failure(reply),
        }
    }

    /// What is shown of a line that another is about: nobody is heard by way of an answer who is not heard
    /// otherwise.
    pub(super) fn veiled(&self, quote: Quote) -> Quote {
        let author = quote.author.as_deref().zip(quote.key.as_deref());
        let is_hidden = author.is_some_and(|(author, key)| self.is_hidden(*key, author));
        let text = quote.text.filter(|_| !is_hidden);
        Quote { text, is_hidden, ..quote }
    }

    /// Leaves out what people have said in rooms whom nobody here wants to hear, and marks what others say
    /// under a name that is somebody else's here.
    pub(super) fn hide(&self, lines: &mut Vec<HistoryLine>) {
        let hidden = |line: &HistoryLine| {
            line.member().is_some_and(|(author, key)| self.is_hidden(key, author))
        };
        lines.retain(|line| !hidden(line));
        for line in lines.iter_mut().filter(|line| line.with.is_room) {
            line.quote = line.quote.take().map(|quote| self.veiled(quote));
            let member = line.member();
            line.namesake =
                member.is_some_and(|(author, key)| self.is_namesake(&line.with, key, author));
            // Of a reaction the name alone is known.
            let by_name = |who: &Address| {
                self.conversations.get(who).is_some_and(|one| one.contact.regard.is_unheard())
            };
            line.reactions.retain(|one| !one.author.as_ref().is_some_and(by_name));
        }
    }

    /// The disk has refused a line of ours. The history shows it for as long as the program runs.
    fn remember_unkept(&mut self, line: &OutgoingLine, state: LineState) {
        if self.unkept.len() >= MAX_UNKEPT {
            self.unkept.pop_front();
        }
        self.unkept.push_back(HistoryLine {
            author: None,
            key: None,
            with: line.to.clone(),
            id: line.id,
            direction: Direction::Out,
            sent_at: line.sent_at,
            arrived_at: None,
            audience: line.audience,
            text: line.text.clone(),
            manner: line.manner,
            quote: None,
            edited_at: None,
            deleted: false,
            standing: Standing::Counts,
            reactions: Vec::new(),
            state,
            namesake: false,
            progress: None,
            place: Place(i64::MAX),
        });
    }

    /// Puts the lines that the disk refused where they would stand among the last ones, if those go
    /// back as far. `all`: nothing stands before them.
    pub(super) fn add_unkept(
        &self,
        with: Option<&Address>,
        lines: &mut Vec<HistoryLine>,
        all: bool,
    ) {
        for unkept in self.unkept.iter().filter(|line| with.is_none_or(|with| line.with == *with)) {
            let before = |line: &HistoryLine| {
                let here = match line.direction {
                    Direction::Out => line.sent_at,
                    Direction::In => line.arrived_at.unwrap_or(line.sent_at),
                };
                here <= unkept.sent_at
            };
            match lines.iter().rposition(before) {
                Some(index) => lines.insert(index + 1, unkept.clone()),
                None if all => lines.insert(0, unkept.clone()),
                None => {}
            }
        }
    }
}

/// A line that changes another.
struct Amendment {
    with: Address,
    by: Direction,
    author: Option<Address>,
    line: LineId,
    /// Names which.
    manner: Manner,
    text: String,
    at: super::Timestamp,
}

/// What is told of it. `quote` is of the other.
fn amendment(amendment: Amendment, quote: Quote) -> Notice {
    let Amendment { with, by, author, line, manner, text, at } = amendment;
    let (id, author) = (manner.target().unwrap_or(line), author.map(Box::new));
    if let Manner::React { .. } = manner {
        return Notice::Reacted { with, id, line, by, author, reaction: text, at, quote };
    }
    let text = (!matches!(manner, Manner::Delete { .. })).then_some(text);
    Notice::Amended { with, id, line, text, by, author, at, quote }
}
