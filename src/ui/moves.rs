//! Who came into a room and who left, told together: when thirty come at once, that is one thing
//! that happens.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::language::Language;
use crate::chat::{Address, Notice, RoomNews, Timestamp, clean};

/// Names of those who came, and as many of those who left; of more, the last.
const NAMES: usize = 10;

/// Moves are told when nobody has moved for so many milliseconds,
const QUIET: u64 = 1_000;

/// or so many after the first of them.
const AT_MOST: u64 = 5_000;

/// Who came and who left since something else was said.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Moves {
    came: Vec<Address>,
    left: Vec<Address>,
}

impl Moves {
    /// Nobody else.
    pub(super) fn new(came: &[Address], left: &[Address]) -> Self {
        let mut moves = Self::default();
        moves.add(came, left);
        moves
    }

    /// More of them. Of whoever came and left meanwhile, only the last is told.
    pub(super) fn add(&mut self, came: &[Address], left: &[Address]) {
        let moved = |who: &Address| came.contains(who) || left.contains(who);
        self.came.retain(|who| !moved(who));
        self.left.retain(|who| !moved(who));
        self.came.extend_from_slice(came);
        self.left.extend_from_slice(left);
    }

    /// These, and then those.
    pub(super) fn then(mut self, others: &Self) -> Self {
        self.add(&others.came, &others.left);
        self
    }

    /// How many have moved.
    pub(super) fn count(&self) -> usize {
        self.came.len() + self.left.len()
    }

    /// In sentences that say in which room.
    pub(super) fn sentence(
        &self,
        room: &str,
        name: &dyn Fn(&Address) -> String,
        language: &Language,
    ) -> String {
        let said = |id: &str, who: &[Address]| {
            let names = names(who, name, language);
            let arguments: [(_, &dyn Display); 2] = [("room", &room), ("names", &names)];
            (!who.is_empty()).then(|| language.count(id, who.len() as u64, &arguments))
        };
        let sentences = [said("room-came", &self.came), said("room-gone", &self.left)];
        sentences.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// In few words, where it is seen in which room.
    pub(super) fn summary(&self, name: &dyn Fn(&Address) -> String, language: &Language) -> String {
        let (came, left) = (names(&self.came, name, language), names(&self.left, name, language));
        let count = |id: &str, who: &[Address]| language.count(id, who.len() as u64, &[]);
        match (&self.came[..], &self.left[..]) {
            ([one], []) => language.say("room-one-came", &[("name", &name(one))]),
            ([], [one]) => language.say("room-one-left", &[("name", &name(one))]),
            (all, []) => {
                let count = count("room-count-came", all);
                language.say("room-moved", &[("count", &count), ("names", &came)])
            }
            ([], all) => {
                let count = count("room-count-left", all);
                language.say("room-moved", &[("count", &count), ("names", &left)])
            }
            (some, others) => {
                let (some, others) =
                    (count("room-count-came", some), count("room-count-left", others));
                let arguments: [(_, &dyn Display); 4] =
                    [("came", &some), ("left", &others), ("in", &came), ("out", &left)];
                language.say("room-moved-both", &arguments)
            }
        }
    }
}

/// The last of them.
fn names(who: &[Address], name: &dyn Fn(&Address) -> String, language: &Language) -> String {
    let unsaid = who.len().saturating_sub(NAMES);
    let before = (unsaid > 0).then(|| "…".to_owned());
    let names = who[unsaid..].iter().map(|who| clean::label(&name(who), 80));
    before.into_iter().chain(names).collect::<Vec<_>>().join(&language.text("between-names"))
}

/// Moves that are held back for a moment where what is told cannot be changed any more.
#[derive(Debug, Default)]
pub(super) struct Doors(BTreeMap<Address, Door>);

#[derive(Debug)]
struct Door {
    moves: Moves,
    /// When the first of them moved, and the last.
    since: Timestamp,
    last: Timestamp,
}

impl Door {
    fn due(&self) -> Timestamp {
        Timestamp((self.last.0.saturating_add(QUIET)).min(self.since.0.saturating_add(AT_MOST)))
    }
}

impl Doors {
    /// Holds it back if it is only that somebody moves. Whether it is.
    pub(super) fn hold(&mut self, now: Timestamp, notice: &Notice) -> bool {
        let Notice::Room { room, news: RoomNews::Moved { came, left } } = notice else {
            return false;
        };
        let new = || Door { moves: Moves::default(), since: now, last: now };
        let door = self.0.entry(room.clone()).or_insert_with(new);
        door.moves.add(came, left);
        door.last = now;
        true
    }

    /// When some are to be told.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.0.values().map(Door::due).min()
    }

    /// Those that are to be told now, and in which room.
    pub(super) fn settle(&mut self, now: Timestamp) -> Vec<(Address, Moves)> {
        let due = self.0.extract_if(.., |_, door| door.due() <= now);
        due.map(|(room, door)| (room, door.moves)).collect()
    }

    /// All of them, because something else is said.
    pub(super) fn open(&mut self) -> Vec<(Address, Moves)> {
        std::mem::take(&mut self.0).into_iter().map(|(room, door)| (room, door.moves)).collect()
    }
}

#[cfg(test)]
mod tests {
    use p2pchat_wire::identity::Name;

    use super::*;
    use crate::ui::language::Tongue;

    fn named(name: &str) -> Address {
        Address::new(Name::new(name).expect("name"), "host")
    }

    fn all(names: &[&str]) -> Vec<Address> {
        names.iter().map(|name| named(name)).collect()
    }

    fn told(moves: &Moves, tongue: Tongue) -> String {
        moves.summary(&|who| who.name.to_string(), &Language::new(tongue))
    }

    #[test]
    fn all_who_move_are_told_in_one_line_and_of_each_the_last() {
        let mut moves = Moves::new(&all(&["爱丽丝"]), &[]);
        assert_eq!(told(&moves, Tongue::En), "爱丽丝 came.");
        moves.add(&all(&["bob", "dave"]), &[]);
        moves.add(&all(&["carol"]), &all(&["dave"]));
        assert_eq!(told(&moves, Tongue::En), "3 came, 1 left: 爱丽丝, bob, carol; dave");
        assert_eq!(told(&moves, Tongue::Zh), "来了 3 人，走了 1 人：爱丽丝、bob、carol；dave");
        moves.add(&[], &all(&["爱丽丝", "bob", "carol"]));
        assert_eq!(told(&moves, Tongue::En), "4 left: dave, 爱丽丝, bob, carol");
        let names: Vec<String> = (0..30).map(|number| format!("m{number}")).collect();
        let crowd = Moves::new(&all(&names.iter().map(String::as_str).collect::<Vec<_>>()), &[]);
        let said = told(&crowd, Tongue::En);
        assert_eq!(said, "30 came: …, m20, m21, m22, m23, m24, m25, m26, m27, m28, m29");
    }

    #[test]
    fn what_is_held_back_comes_when_nobody_moves_or_at_last() {
        let tea = Address::room(Name::new("tea").expect("name"), "host");
        let moved = |name: &str| Notice::Room {
            room: tea.clone(),
            news: RoomNews::Moved { came: all(&[name]), left: Vec::new() },
        };
        let mut doors = Doors::default();
        assert_eq!(doors.due(), None);
        for second in 0..5 {
            let now = Timestamp(second * 900);
            assert_eq!(doors.settle(now), []);
            assert!(doors.hold(now, &moved(&format!("m{second}"))));
        }
        assert_eq!(doors.due(), Some(Timestamp(3_600 + QUIET)));
        doors.hold(Timestamp(4_500), &moved("late"));
        assert_eq!(doors.due(), Some(Timestamp(AT_MOST)));
        let told = doors.settle(Timestamp(AT_MOST));
        assert_eq!(told.iter().map(|(_, moves)| moves.count()).collect::<Vec<_>>(), [6]);
        assert_eq!(doors.due(), None);
    }
}
