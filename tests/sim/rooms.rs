//! The promise of a room, under everything that can go wrong: whoever is in it comes to have the same
//! lines, of each author in the order in which they were written, and each once.
//!
//! - [`company`] is where eight people live, each with a whole peer, and the rendezvous that tells them who
//!   is in the room.
//! - [`story`] is what happens to them, from one seed; [`ledger`] writes down what they say and who was to
//!   hear it.
//! - [`episodes`] are what once went wrong, each by itself, and [`liars`] members who forge, replay and
//!   tell different things to different people.
//! - [`copy`] is what one of them has of the room on disk; [`verdict`] holds all copies, and what was
//!   shown, against the promise.

mod company;
mod copy;
mod episodes;
mod ledger;
mod liars;
mod story;
mod verdict;

use crate::seeds;

#[test]
fn members_come_to_have_the_same_lines_whatever_happens() {
    seeds::tell_all(24, story::tell);
}

#[test]
fn stories_of_rooms_that_once_failed_end_well() {
    seeds::once_failed("rooms").for_each(story::tell);
}

#[test]
fn a_story_of_a_room_is_the_same_each_time_it_is_told() {
    assert_eq!(story::measure(3), story::measure(3));
}
