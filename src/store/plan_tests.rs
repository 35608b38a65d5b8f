//! How the database finds what is asked for often: by the index that was made for it, however many
//! lines there are.

use rusqlite::Connection;

use super::{cells, lines, rows, schema, search};

/// A statement, the index by which it finds its lines, and the condition it has of them.
const PLANS: [(&str, &str); 16] = [
    (rows::CONTACTS, "INDEX lines_undelivered (contact=?)"),
    (rows::CONTACTS, "INDEX lines_unread (contact=?)"),
    (rows::UNSHOWN, "INDEX lines_unshown (id>?)"),
    (rows::STRAYS, "INDEX lines_unshown (id>?)"),
    (rows::OWED, "INDEX lines_owed (id>?)"),
    (rows::OUTBOX, "INDEX lines_undelivered (contact=? AND seq>?)"),
    (rows::SAID, "INDEX lines_said (contact=?)"),
    (rows::PAGE, "INDEX lines_to_show (contact=? AND rowid<?)"),
    (rows::HISTORY, "INTEGER PRIMARY KEY (rowid<?)"),
    (lines::UNREAD_BY_THEM, "INDEX lines_unread_by_them (contact=? AND seq<?)"),
    (lines::READ_BY_THEM, "INDEX lines_unread_by_them (contact=? AND seq<?)"),
    (lines::UNDELIVERED, "INDEX lines_undelivered (contact=? AND seq<?)"),
    (lines::DELIVERED, "INDEX lines_undelivered (contact=? AND seq<?)"),
    (lines::TAKEN_BACK, "INDEX lines_undelivered (contact=?)"),
    (lines::COUNT_UNREAD, "INDEX lines_unread (contact=? AND rowid<?)"),
    (lines::SEEN, "INDEX lines_unseen (contact=? AND rowid<?)"),
];

#[test]
fn what_is_asked_for_often_is_found_by_the_index_that_was_made_for_it() {
    let mut connection = Connection::open_in_memory().expect("opens");
    cells::register(&connection, None, [0; 32]).expect("registers");
    search::register(&connection).expect("registers");
    schema::upgrade(&mut connection, "chat.db".as_ref()).expect("upgrades");
    for (statement, wanted) in PLANS {
        let plan = plan(&connection, statement);
        assert!(plan.iter().any(|step| step.ends_with(wanted)), "no {wanted}: {plan:#?}");
        // No pass over all lines, and nothing that is put in order first.
        let slow =
            |step: &&String| ["SCAN l", "TEMP B-TREE"].iter().any(|word| step.contains(word));
        assert_eq!(plan.iter().find(slow), None, "{statement}");
    }
}

/// The steps by which the database carries a statement out.
fn plan(connection: &Connection, statement: &str) -> Vec<String> {
    let explain = format!("EXPLAIN QUERY PLAN {statement}");
    let mut explain = connection.prepare(&explain).expect("prepares");
    // What stands for the parameters makes no difference; unbound ones are null.
    let mut steps = explain.raw_query();
    let mut plan = Vec::new();
    while let Some(step) = steps.next().expect("explains") {
        plan.push(step.get(3).expect("a step"));
    }
    plan
}
