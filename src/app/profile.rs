//! Where a profile is, and what it remembers.

use std::path::PathBuf;

use etcetera::BaseStrategy;

use super::Failure;
use crate::chat::{self, LOCAL_HOST, Snapshot};
use crate::config::{Place, Remembered};
use crate::ui::language::Phrase;

/// The directory of the profile: the one given, else where the system keeps such things.
pub(super) fn directory(given: Option<PathBuf>) -> Result<PathBuf, Failure> {
    if let Some(given) = given {
        return Ok(given);
    }
    let system = etcetera::choose_base_strategy()
        .map_err(|_| Failure::internal(Phrase::new("no-home-for-data")))?;
    Ok(system.data_dir().join("p2pchat"))
}

/// What earlier runs used last.
pub(super) fn remembered(snapshot: &Snapshot) -> Remembered {
    let known: Vec<_> = snapshot.rendezvous.iter().collect();
    let servers = || known.iter().copied().filter(|known| known.host != LOCAL_HOST);
    let mut last: Vec<_> = servers().filter(|known| known.place.is_some()).collect();
    last.sort_by_key(|known| known.place);
    // Profiles of earlier versions know when each was used, not which were used together.
    let last = if last.is_empty() { servers().take(1).collect() } else { last };
    Remembered {
        name: known.iter().find_map(|known| known.name.clone()),
        has_met: snapshot.contacts.iter().any(|contact| contact.key.is_some()),
        rendezvous: last.iter().filter_map(|known| known.host.parse().ok()).collect(),
    }
}

/// A key given on the command line is what is known of the server from now on, whatever was
/// believed before.
pub(super) fn believe(snapshot: &mut Snapshot, place: &Place, now: chat::Timestamp) {
    for given in &place.rendezvous {
        let Some(key) = given.key else { continue };
        let host = given.host.to_string();
        match snapshot.rendezvous.iter_mut().find(|known| known.host == host) {
            Some(known) if known.key == Some(key) => {}
            // A token of the former key's server is worth nothing.
            Some(known) => (known.key, known.token) = (Some(key), None),
            None => {
                let known = chat::Rendezvous::new(&host);
                let known = chat::Rendezvous { key: Some(key), used_at: now, ..known };
                snapshot.rendezvous.push(known);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use p2pchat_wire::identity::{Name, PeerId};

    use super::*;

    fn known(host: &str, name: Option<&str>, used_at: u64) -> chat::Rendezvous {
        chat::Rendezvous {
            host: host.to_owned(),
            key: Some(PeerId([1; 32])),
            token: Some([2; 32]),
            name: name.and_then(|name| Name::new(name).ok()),
            used_at: chat::Timestamp(used_at),
            place: None,
        }
    }

    #[test]
    fn the_last_rendezvous_and_the_last_name_are_remembered() {
        let snapshot = Snapshot {
            rendezvous: vec![known("new:9", None, 2), known("old", Some("bob"), 1)],
            ..Snapshot::default()
        };
        let remembered = remembered(&snapshot);
        assert_eq!(remembered.rendezvous, ["new:9".parse().expect("host")]);
        assert_eq!(remembered.name, Name::new("bob").ok());
    }

    #[test]
    fn the_name_in_the_local_network_is_remembered_and_no_server_is_made_of_it() {
        let known = known(LOCAL_HOST, Some("bob"), 1);
        let snapshot = Snapshot { rendezvous: vec![known], ..Snapshot::default() };
        let remembered = remembered(&snapshot);
        assert_eq!(remembered.name, Name::new("bob").ok());
        assert!(remembered.rendezvous.is_empty() && !remembered.has_met);
    }

    #[test]
    fn servers_that_were_used_together_are_remembered_in_their_order() {
        let known = |host: &str, place| chat::Rendezvous { place, ..known(host, None, 1) };
        let snapshot = Snapshot {
            rendezvous: vec![known("other", None), known("b", Some(1)), known("a", Some(0))],
            ..Snapshot::default()
        };
        let hosts = ["a", "b"].map(|host| host.parse().expect("host"));
        assert_eq!(remembered(&snapshot).rendezvous, hosts);
    }

    #[test]
    fn a_key_that_a_person_gives_replaces_the_one_believed() {
        let mut snapshot =
            Snapshot { rendezvous: vec![known("host", None, 1)], ..Snapshot::default() };
        let key = PeerId([7; 32]);
        let place = |host: &str| Place {
            name: Name::new("bob").expect("name"),
            rendezvous: vec![format!("{host}#{key}").parse().expect("address")],
        };
        believe(&mut snapshot, &place("host"), chat::Timestamp(5));
        believe(&mut snapshot, &place("other"), chat::Timestamp(5));
        assert_eq!(snapshot.rendezvous.len(), 2);
        assert_eq!((snapshot.rendezvous[0].key, snapshot.rendezvous[0].token), (Some(key), None));
        assert_eq!(snapshot.rendezvous[1].key, Some(key));
    }
}
