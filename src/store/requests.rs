//! Who wants to talk to us and is nobody we know.

use rusqlite::{Connection, Row, params};

use super::rows;
use super::rows::number;
use crate::chat::storage::StoreReply;
use crate::chat::{Address, Request};

/// All of them, the oldest first.
pub(super) const ALL: &str = "
    SELECT unseal('name', name), unseal('host', host), unseal('key', key), at, rejected
    FROM requests ORDER BY at, id";

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Request> {
    let key = rows::key(row, 2)?;
    Ok(Request {
        address: rows::address(row)?,
        key: key.ok_or(rusqlite::Error::InvalidQuery)?,
        at: rows::time(row, 3)?,
        rejected: row.get(4)?,
    })
}

pub(super) fn save(connection: &Connection, request: &Request) -> rusqlite::Result<StoreReply> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO requests (name, host, key, at, rejected)
             VALUES (seal_equal('name', ?1), seal_equal('host', ?2), seal_equal('key', ?3), ?4, ?5)",
        )?
        .execute(params![
            request.address.marked_name(),
            request.address.host,
            request.key.0,
            number(request.at.0),
            request.rejected,
        ])?;
    Ok(StoreReply::Done)
}

pub(super) fn forget(connection: &Connection, address: &Address) -> rusqlite::Result<StoreReply> {
    connection
        .prepare_cached(
            "DELETE FROM requests
             WHERE name = seal_equal('name', ?1) AND host = seal_equal('host', ?2)",
        )?
        .execute(params![address.marked_name(), address.host])?;
    Ok(StoreReply::Done)
}

#[cfg(test)]
mod tests {
    use p2pchat_wire::identity::{Name, PeerId};

    use super::super::profile::Profile;
    use super::*;
    use crate::chat::Timestamp;
    use crate::chat::storage::StoreRequest;

    #[test]
    fn who_waits_is_there_after_a_restart_until_it_is_forgotten() {
        let dir = tempfile::tempdir().expect("a folder");
        let address = Address::new(Name::new("bob").expect("valid"), "rv");
        let request = Request { address, key: PeerId([7; 32]), at: Timestamp(5), rejected: false };
        let carry_out = |asked: StoreRequest| {
            let profile = Profile::open(dir.path()).expect("opens");
            let store = profile.run(|reply| assert_eq!(reply, StoreReply::Done)).expect("runs");
            store.request(asked);
            store.close();
            Profile::open(dir.path()).expect("opens").snapshot().expect("reads").requests
        };
        let saved = carry_out(StoreRequest::SaveRequest(request.clone()));
        assert_eq!(saved.as_slice(), std::slice::from_ref(&request));
        let rejected = Request { rejected: true, ..request.clone() };
        assert_eq!(carry_out(StoreRequest::SaveRequest(rejected.clone())), [rejected]);
        assert_eq!(carry_out(StoreRequest::ForgetRequest(request.address)), []);
    }
}
