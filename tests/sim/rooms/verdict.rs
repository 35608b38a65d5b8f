//! Whether the promise was kept.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use p2pchat::chat::room::{Act, Hash, LogId, Refusal, Standing};
use p2pchat::chat::storage::HistoryLine;
use p2pchat::chat::{Address, LineId, RoomNews};
use p2pchat_wire::identity::PeerId;

use super::company::{Company, PEOPLE, number_of, room};
use super::copy::{Copy, line_of, text};
use super::ledger::Ledger;
use crate::person::{Person, label};
use crate::scene::key_of;

/// So long whoever leaves is there for others.
const FAREWELL: Duration = Duration::from_secs(2);

/// What all have in the end, and what was to be.
pub(super) struct Verdict<'a> {
    people: Vec<&'a Person>,
    copies: Vec<Option<Copy>>,
    members: Vec<usize>,
    ledger: &'a Ledger,
}

/// Somebody's key.
pub(super) fn key(who: usize) -> PeerId {
    key_of(PEOPLE[who])
}

/// A copy in few words.
pub(super) fn summary(copy: &Copy) -> String {
    let state = copy.log.state();
    let members: Vec<&str> = state.members.keys().map(|key| PEOPLE[number_of(*key)]).collect();
    let logs: Vec<String> = (state.stays.iter())
        .map(|(log, stay)| {
            let lines = copy.lines.get(log);
            let ends = lines.map(|lines| (lines.keys().next(), lines.keys().next_back()));
            let name = PEOPLE[number_of(log.author)];
            let acts = copy.log.has_acts(log);
            format!("{name}/{}: {acts} acts, lines {ends:?}, {:?}", log.stay % 1000, stay.end)
        })
        .collect();
    format!("wanted {}, members {members:?}, {logs:#?}", copy.wanted)
}

impl<'a> Verdict<'a> {
    pub(super) fn on(company: &'a Company, ledger: &'a Ledger) -> Self {
        let people: Vec<&Person> = (0..PEOPLE.len()).map(|who| company.person(who)).collect();
        let copies: Vec<_> = people.iter().map(|person| Copy::of(person.disk())).collect();
        let is_member = |who: &usize| {
            let copy = copies[*who].as_ref().filter(|copy| copy.wanted);
            copy.is_some_and(|copy| copy.log.state().is_member(&key(*who)))
        };
        let members = (0..PEOPLE.len()).filter(is_member).collect();
        Self { people, copies, members, ledger }
    }

    pub(super) fn assert_kept(&self) {
        self.assert_same_room();
        self.assert_same_lines();
        self.assert_nothing_lost();
        self.assert_nothing_told_to_the_kicked();
        self.assert_shown_once_and_in_order();
        self.assert_delivered();
        self.assert_failed();
        for person in &self.people {
            let refused = |complaint: &&String| !complaint.starts_with("Refused");
            let complaints: Vec<&String> = person.complaints.iter().filter(refused).collect();
            assert!(complaints.is_empty(), "{complaints:?}");
        }
    }

    fn copy(&self, who: usize) -> &Copy {
        self.copies[who].as_ref().expect("a member has the room")
    }

    /// All members say the same of the room, and of who is in it.
    fn assert_same_room(&self) {
        let Some(&first) = self.members.first() else { return };
        let (id, state) = (self.copy(first).id, self.copy(first).log.state());
        let members: BTreeSet<usize> = state.members.keys().map(|key| number_of(*key)).collect();
        assert_eq!(members, self.members.iter().copied().collect(), "who is in it");
        for &who in &self.members {
            let copy = self.copy(who);
            assert!(copy.id == id && copy.log.state() == state, "{} knows another", PEOPLE[who]);
            let shown = self.people[who].chat().members(&room()).expect("a member has the room");
            let shown: BTreeSet<usize> = shown.iter().map(|one| number_of(one.key)).collect();
            assert_eq!(shown, members, "what {} is shown", PEOPLE[who]);
        }
    }

    /// All members have the same lines, without a gap: only those of before his time may be missing to
    /// somebody, beyond the number that the room keeps for newcomers.
    fn assert_same_lines(&self) {
        let mut all: BTreeMap<_, Hash> = BTreeMap::new();
        for &who in &self.members {
            for (place, line) in self.copy(who).counting() {
                let hash = *all.entry(place).or_insert_with(|| line.hash());
                assert_eq!(line.hash(), hash, "line {} of {}", place.1, number_of(place.0.author));
            }
        }
        for &who in &self.members {
            let copy = self.copy(who);
            let lines = copy.counting();
            let state = copy.log.state();
            let came = state.present_stays(key(who)).filter_map(|log| state.stays.get(&log));
            let came = came.map(|stay| stay.since_ms).min().expect("a member");
            for (log, seq) in all.keys() {
                let last = all.range((*log, 0)..=(*log, u64::MAX)).next_back();
                let last = last.map_or(0, |((_, seq), _)| *seq);
                let early = state.stays.get(log).is_some_and(|stay| stay.since_ms < came);
                let kept = seq + u64::from(state.keep) > last;
                let author = PEOPLE[number_of(log.author)];
                assert!(
                    lines.contains_key(&(*log, *seq)) || (early && !kept),
                    "{} lacks line {seq} of {last} of {author}: {}",
                    PEOPLE[who],
                    summary(copy),
                );
            }
        }
    }

    /// Every line that its author was told to be on disk is there at the end, and counts: unless its author
    /// was removed and the owner had not got it yet, or his stay was taken back with whom had let him in. Of
    /// those who left or were removed everything counts that they said before, unless nobody was there any
    /// more who had it when those came who are there.
    fn assert_nothing_lost(&self) {
        let Some(&first) = self.members.first() else { return };
        let state = self.copy(first).log.state();
        for (author, person) in self.people.iter().enumerate() {
            for said in &person.diary.queued {
                let copy = self.copies[author].as_ref().expect("a room with a line");
                let found = copy.lines.iter().find_map(|(of, lines)| {
                    let line = lines.values().find(|line| label(text(line)) == said)?;
                    Some((*of, line.header().place.seq()))
                });
                let (of, seq) =
                    found.unwrap_or_else(|| panic!("{said:?} was on the author's disk"));
                let withdrawn = match state.stays.get(&of) {
                    Some(stay) => seq > stay.lines && self.was_kicked(Some(of.author)),
                    None => self.was_kicked(None),
                };
                let lines = self.copy(first).lines.get(&of);
                let last = lines.and_then(|lines| lines.keys().next_back()).copied();
                assert!(
                    withdrawn || last.unwrap_or(0) >= seq || self.came_too_late(of, seq),
                    "{said:?} was on the author's disk, and all have the lines up to {last:?}",
                );
            }
        }
        for (of, stay) in state.stays.iter().filter(|(_, stay)| stay.end.is_some()) {
            let lines = self.copy(first).lines.get(of);
            let last = lines.and_then(|lines| lines.keys().next_back()).copied();
            let name = PEOPLE[number_of(of.author)];
            let is_there = last.unwrap_or(0) >= stay.lines || self.came_too_late(*of, stay.lines);
            assert!(is_there, "of {name}, {stay:?}, they have {last:?}");
        }
    }

    /// Whether a line is with some who are there no longer, and all of them had left, and said farewell, when
    /// the first of those came in who are there.
    fn came_too_late(&self, of: LogId, seq: u64) -> bool {
        let last = |who: usize, is_it: fn(&RoomNews) -> bool| {
            let news = &self.people[who].diary.news;
            news.iter().filter(|(.., news)| is_it(news)).map(|(at, ..)| *at).next_back()
        };
        let entered = |who: &usize| last(*who, |news| matches!(news, RoomNews::Entered { .. }));
        let came = self.members.iter().map(entered).min().flatten();
        let has = |who: &usize| {
            let lines = self.copies[*who].as_ref().and_then(|copy| copy.lines.get(&of));
            lines.is_some_and(|lines| lines.contains_key(&seq))
        };
        let left = |who: usize| {
            let left = |news: &RoomNews| {
                matches!(news, RoomNews::Left | RoomNews::Kicked { us: true, .. })
            };
            last(who, left)
        };
        let holders: Vec<usize> = (0..PEOPLE.len()).filter(has).collect();
        let is_gone = |who: &usize, came: Instant| {
            let left = left(*who).filter(|_| !self.members.contains(who));
            left.is_some_and(|left| left + FAREWELL < came)
        };
        !holders.is_empty() && came.is_some_and(|came| holders.iter().all(|who| is_gone(who, came)))
    }

    /// Whoever was removed has nothing of what was said after, by those who knew it: unless he was let in
    /// again.
    fn assert_nothing_told_to_the_kicked(&self) {
        for (who, person) in self.people.iter().enumerate() {
            let entered =
                |news: &&(Instant, Address, RoomNews)| matches!(news.2, RoomNews::Entered { .. });
            let last = person.diary.news.iter().filter(entered).map(|(at, ..)| *at).next_back();
            for (line, said) in &self.ledger.lines {
                let is_later = last.is_none_or(|last| last < said.at);
                if said.banned.contains(&who) && is_later && !self.members.contains(&who) {
                    let copy = self.copies[who].iter().flat_map(|copy| copy.lines.values());
                    let has =
                        copy.flat_map(BTreeMap::values).any(|entry| label(text(entry)) == line);
                    assert!(!has, "{line:?} came to {}, who was removed", PEOPLE[who]);
                }
            }
        }
    }

    /// What was shown is what is on disk, in the order in which it came, and nothing twice.
    fn assert_shown_once_and_in_order(&self) {
        for (who, person) in self.people.iter().enumerate() {
            let Some(copy) = &self.copies[who] else { continue };
            // Of a line that was withdrawn its place is left, and no text.
            let counts = |line: &&HistoryLine| line.standing == Standing::Counts;
            let texts = copy.history.iter().filter(counts).map(|line| label(&line.text));
            let texts: Vec<&str> = texts.collect();
            let distinct: BTreeSet<&str> = texts.iter().copied().collect();
            assert_eq!(distinct.len(), texts.len(), "{} has a line twice", PEOPLE[who]);
            let mut shown = person.diary.heard.iter().peekable();
            for line in copy.history.iter().filter(|line| line.author.is_some()) {
                let heard = shown.next_if(|heard| heard.id == line.id);
                // Whoever knows already that a line does not count is not shown it when it comes.
                let told = !counts(&line) || heard.is_some_and(|it| it.text == line.text);
                assert!(told, "{} was not shown {line:?}, which came", PEOPLE[who]);
            }
            assert_eq!(shown.next(), None, "what {} was shown is what came", PEOPLE[who]);
            let stored: usize = copy.lines.values().map(BTreeMap::len).sum();
            let kept = copy.history.len();
            assert_eq!(kept, stored, "{}'s history has each line of the room", PEOPLE[who]);
            let counting = copy.counting();
            assert_eq!(texts.len(), counting.len(), "{} sees what counts", PEOPLE[who]);
            for log in copy.lines.keys() {
                let written = counting.iter().filter(|((of, _), _)| of == log);
                let written: Vec<&str> = written.map(|(_, line)| label(text(line))).collect();
                let shown: Vec<&str> =
                    texts.iter().filter(|shown| written.contains(*shown)).copied().collect();
                assert!(shown == written, "of {} for {}", number_of(log.author), PEOPLE[who]);
            }
        }
    }

    /// What was said to have arrived has, with everybody who was there and has not left since; and whatever
    /// has not, its author was not told that it had.
    fn assert_delivered(&self) {
        let Some(&first) = self.members.first() else { return };
        let stays = &self.copy(first).log.state().stays;
        let lasts = |log: &LogId| stays.get(log).is_some_and(|stay| stay.end.is_none());
        for person in &self.people {
            for line in &person.diary.delivered {
                let said = &self.ledger.lines[line];
                for log in said.audience.iter().filter(|log| lasts(log)) {
                    let who = number_of(log.author);
                    let has = |entry: &p2pchat::chat::room::Entry| label(text(entry)) == line;
                    let mut lines = self.copy(who).lines.values().flat_map(BTreeMap::values);
                    assert!(lines.any(has), "{line:?} was said to be delivered to {}", PEOPLE[who]);
                }
            }
        }
    }

    /// Only of lines that do not count was it said that nobody gets them, and only to whom was removed or
    /// whose stay was taken back.
    fn assert_failed(&self) {
        let Some(&first) = self.members.first() else { return };
        let counting = self.copy(first).counting();
        let counts: BTreeSet<LineId> = counting.values().map(|line| line_of(line).id).collect();
        for (author, person) in self.people.iter().enumerate() {
            for (line, why) in &person.diary.failed {
                let name = PEOPLE[author];
                assert!(!counts.contains(line), "{line:?} counts, and {name} heard {why:?}");
                let removed = match why {
                    Refusal::Kicked => self.was_kicked(Some(key(author))),
                    Refusal::NotMember => self.was_kicked(None),
                    _ => false,
                };
                assert!(removed, "{name} heard {why:?} of {line:?}");
            }
        }
    }

    /// Whether the room knows that somebody was removed: this one, or anybody.
    fn was_kicked(&self, whom: Option<PeerId>) -> bool {
        let Some(&first) = self.members.first() else { return false };
        let kicks = |act: &Act| matches!(act, Act::Kick { key, .. } if whom.is_none_or(|whom| whom == *key));
        self.copy(first).log.acts().any(|entry| entry.act().is_some_and(kicks))
    }
}
