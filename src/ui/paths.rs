//! The answer to /path: every pair that was tried, what went over it, and why the one in use is in use.

use std::time::Duration;

use serde_json::{Value, json};

use super::{tables, words};
use crate::chat::Address;
use crate::proto::{PathDescription, PathReason, PathState, SocketId};

/// The table, and the reason below it.
pub(super) fn table(peer: &Address, paths: &[PathDescription], reason: PathReason) -> String {
    if paths.is_empty() {
        return format!("There is no connection to {peer} now.");
    }
    let head = ["  path", "to", "learnt as", "sent", "seen", "probes", "last heard", ""]
        .map(str::to_owned);
    let table = tables::rows(std::iter::once(head).chain(paths.iter().map(row)));
    format!("Paths to {peer}:\n{table}\nWhy: {}", sentence(reason))
}

fn row(path: &PathDescription) -> [String; 8] {
    let mark = if path.active { "> " } else { "  " };
    let remote = match (path.info.remote, path.local) {
        (Some(remote), Some(SocketId::FIRST) | None) => remote.to_string(),
        (Some(remote), Some(SocketId(number))) => format!("{remote} from socket {number}"),
        (None, _) => "through the server".to_owned(),
    };
    let probes = match path.probes_sent {
        0 => String::new(),
        sent => format!("{}/{sent}", path.probes_answered),
    };
    let state = match (path.active, path.state) {
        (true, _) => "in use",
        (false, PathState::Works) => "works",
        (false, PathState::Trying) => "being tried",
        (false, PathState::Unanswered) => "no answer",
        (false, PathState::Silent) => "fell silent",
    };
    [
        format!("{mark}{}", words::by(Some(path.info))),
        remote,
        path.origin.as_str().to_owned(),
        path.sent.to_string(),
        path.received.to_string(),
        probes,
        path.heard.map_or_else(|| "never".to_owned(), ago),
        state.to_owned(),
    ]
}

fn ago(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..10 => format!("{seconds}.{} s ago", time.subsec_millis() / 100),
        seconds @ 10..120 => format!("{seconds} s ago"),
        seconds => format!("{} min ago", seconds / 60),
    }
}

/// Why a path is in use, for a person.
fn sentence(reason: PathReason) -> String {
    match reason {
        PathReason::NoPath => "there is no way to the peer at the moment.".to_owned(),
        PathReason::OnlyDirect => {
            "it is the only direct path that answers, and direct beats the relay.".to_owned()
        }
        PathReason::Fastest { of } => {
            format!("of the {of} direct paths that answer it has the shortest round trip.")
        }
        PathReason::NotWorthMoving { faster } => {
            format!("{faster} is a little faster, by too little to be worth a change.")
        }
        PathReason::Promising => {
            "the peer was just heard from there, and nothing is proven yet.".to_owned()
        }
        PathReason::RelayOnly => {
            "--relay-only, so that the peer does not learn your address.".to_owned()
        }
        PathReason::NoDirectPath => {
            "--direct-only, and no direct path answers: the relay holds the session together, and \
             text waits."
                .to_owned()
        }
        PathReason::Trying => {
            "the relay carries the chat while direct paths are being tried.".to_owned()
        }
        PathReason::SlowerThanRelay { remote } => {
            format!("{remote} answers, but takes much longer than the relay.")
        }
        PathReason::Lost => {
            "the direct path fell silent. The relay carries the chat until it answers again."
                .to_owned()
        }
        PathReason::NoCandidates => {
            "the peer has told of no address that could be tried (perhaps it runs with \
             --relay-only)."
                .to_owned()
        }
        PathReason::NothingAnswered { tried } => {
            let paths = match tried {
                1 => "the one direct path".to_owned(),
                tried => format!("any of {tried} direct paths"),
            };
            format!(
                "nothing answers on {paths}: a NAT or a firewall between you lets nothing in. \
                 p2pchat doctor says of which kind yours is."
            )
        }
    }
}

/// The word under which a program finds a reason.
fn code(reason: PathReason) -> &'static str {
    match reason {
        PathReason::NoPath => "no-path",
        PathReason::OnlyDirect => "only-direct",
        PathReason::Fastest { .. } => "fastest",
        PathReason::NotWorthMoving { .. } => "not-worth-moving",
        PathReason::Promising => "promising",
        PathReason::RelayOnly => "relay-only",
        PathReason::NoDirectPath => "no-direct-path",
        PathReason::Trying => "trying",
        PathReason::SlowerThanRelay { .. } => "slower-than-relay",
        PathReason::Lost => "lost",
        PathReason::NoCandidates => "no-candidates",
        PathReason::NothingAnswered { .. } => "nothing-answered",
    }
}

/// The same for programs.
pub(super) fn object(peer: &Address, paths: &[PathDescription], reason: PathReason) -> Value {
    json!({
        "type": "paths",
        "peer": peer.to_string(),
        "reason": code(reason),
        "why": sentence(reason),
        "paths": paths.iter().map(path).collect::<Vec<_>>(),
    })
}

fn path(path: &PathDescription) -> Value {
    json!({
        "path": super::json::kind(path.info.kind),
        "remote": path.info.remote.map(|remote| remote.to_string()),
        "transport": if path.info.over_tcp { "tcp" } else { "udp" },
        "socket": path.local.map(|local| local.0),
        "rtt_ms": path.info.rtt.map(super::json::rtt),
        "origin": path.origin.as_str(),
        "active": path.active,
        "state": match path.state {
            PathState::Trying => "trying",
            PathState::Unanswered => "unanswered",
            PathState::Works => "works",
            PathState::Silent => "silent",
        },
        "sent": path.sent,
        "received": path.received,
        "probes_sent": path.probes_sent,
        "probes_answered": path.probes_answered,
        "heard_ms_ago": path.heard.map(|ago| u64::try_from(ago.as_millis()).unwrap_or(u64::MAX)),
    })
}

#[cfg(test)]
mod tests {
    use p2pchat_wire::identity::Name;

    use super::*;
    use crate::proto::{PathInfo, PathKind, PathOrigin};

    fn alice() -> Address {
        Address::new(Name::new("爱丽丝").expect("name"), "host")
    }

    fn relay() -> PathDescription {
        PathDescription {
            info: PathInfo::relay(false, None),
            local: None,
            active: true,
            state: PathState::Works,
            origin: PathOrigin::Relayed,
            sent: 3,
            received: 4,
            probes_sent: 0,
            probes_answered: 0,
            heard: Some(Duration::from_millis(2340)),
        }
    }

    fn direct() -> PathDescription {
        let remote = Some("203.0.113.7:40123".parse().expect("address"));
        let rtt = Some(Duration::from_millis(23));
        PathDescription {
            info: PathInfo { kind: PathKind::Direct, remote, rtt, over_tcp: false },
            local: Some(SocketId(7)),
            active: false,
            state: PathState::Unanswered,
            origin: PathOrigin::ServerReflexive,
            sent: 12,
            received: 0,
            probes_sent: 7,
            probes_answered: 0,
            heard: None,
        }
    }

    #[test]
    fn the_table_lines_up_and_ends_with_the_reason() {
        let reason = PathReason::NothingAnswered { tried: 1 };
        let text = table(&alice(), &[relay(), direct()], reason);
        let expected = [
            "Paths to 爱丽丝@host:",
            "  path            to                               learnt as         sent  seen  probes  last heard",
            "> over the relay  through the server               relayed           3     4             2.3 s ago   in use",
            "  direct, 23 ms   203.0.113.7:40123 from socket 7  server-reflexive  12    0     0/7     never       no answer",
        ];
        assert_eq!(text.lines().take(4).collect::<Vec<_>>(), expected);
        assert!(text.ends_with(&sentence(reason)), "{text}");
        let none = table(&alice(), &[], PathReason::NoPath);
        assert_eq!(none, "There is no connection to 爱丽丝@host now.");
    }

    #[test]
    fn programs_get_every_figure() {
        let object = object(&alice(), &[direct()], PathReason::Trying);
        assert_eq!(object["reason"], "trying");
        let path = &object["paths"][0];
        assert_eq!((&path["socket"], &path["sent"]), (&json!(7), &json!(12)));
        assert_eq!(path["state"], "unanswered");
        assert_eq!((&path["rtt_ms"], &path["heard_ms_ago"]), (&json!(23.0), &Value::Null));
    }

    #[test]
    fn every_reason_has_a_sentence_and_a_word_of_its_own() {
        let faster = "192.0.2.1:9".parse().expect("address");
        let reasons = [
            PathReason::NoPath,
            PathReason::OnlyDirect,
            PathReason::Fastest { of: 2 },
            PathReason::NotWorthMoving { faster },
            PathReason::Promising,
            PathReason::RelayOnly,
            PathReason::NoDirectPath,
            PathReason::Trying,
            PathReason::Lost,
            PathReason::NoCandidates,
            PathReason::NothingAnswered { tried: 3 },
        ];
        let mut words = reasons.map(code).to_vec();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), reasons.len());
        assert!(reasons.iter().all(|reason| sentence(*reason).ends_with('.')));
    }
}
