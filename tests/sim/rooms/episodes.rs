//! What once went wrong in a story, told by itself.

use std::time::Duration;

use super::company::{Company, ROOM};
use super::copy::{Copy, text};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_room_that_the_server_was_never_told_of_gives_way_to_the_one_that_it_knows() {
    let mut company = Company::new(1, &[]);
    [0, 1].into_iter().for_each(|who| company.start(who));
    company.world.run_for(5 * SECOND);
    company.command(0, &format!("/join {ROOM}"));
    while company.person(0).disk().rooms().is_empty() {
        company.world.run_for(Duration::from_millis(1));
    }
    company.world.sever(company.host(0), company.server);
    company.world.run_for(5 * SECOND);
    company.kill(0);
    company.world.mend(company.host(0), company.server);
    company.command(1, &format!("/join {ROOM}"));
    company.world.run_for(5 * SECOND);
    company.start(0);
    company.world.run_for(30 * SECOND);
    let [one, other] =
        [0, 1].map(|who| Copy::of(company.person(who).disk()).expect("everybody has a room"));
    assert_eq!(one.id, other.id);
    assert_eq!(one.log.state().members.len(), 2);
    assert_eq!(one.log.state(), other.log.state());
}

#[test]
fn whoever_left_while_nobody_heard_is_out_when_somebody_does_also_after_a_restart() {
    for restarts in [false, true] {
        let mut company = Company::new(2, &[]);
        [0, 1].into_iter().for_each(|who| company.start(who));
        company.world.run_for(5 * SECOND);
        [0, 1].into_iter().for_each(|who| company.command(who, &format!("/join {ROOM}")));
        company.world.run_for(30 * SECOND);
        company.world.blackout(true);
        company.with(1, |person, now| person.types_to(now, Some(ROOM), "goodbye"));
        company.command(1, &format!("/leave {ROOM}"));
        company.world.run_for(20 * SECOND);
        if restarts {
            company.kill(1);
            company.start(1);
        }
        company.world.blackout(false);
        company.world.run_for(300 * SECOND);
        let copy = Copy::of(company.person(0).disk()).expect("a member has the room");
        assert_eq!(copy.log.state().members.len(), 1, "restarts: {restarts}");
        let heard = copy.lines.values().flat_map(|lines| lines.values()).map(text);
        assert!(heard.eq(["goodbye"]), "what was said before counts");
    }
}
