//! The answer to /path: every pair that was tried, what went over it, and why the one in use is in use.

use std::time::Duration;

use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use super::{tables, upkeep, words};
use crate::chat::{Address, Circumstances};
use crate::proto::{
    Allocation, Obstacle, PathDescription, PathReason, PathState, PortModel, PunchReport,
    PunchState, SocketId, Upkeep,
};

/// What every path is, and the reason below: as a table where lines have as many cells as that takes,
/// or it is not known how many they have; else in a few lines for each path.
pub(super) fn table(
    peer: &Address,
    paths: &[PathDescription],
    reason: PathReason,
    punch: Option<&PunchReport>,
    upkeep: &Upkeep,
    columns: Option<usize>,
) -> String {
    if paths.is_empty() {
        return format!("There is no connection to {peer} now.");
    }
    let head = ["  path", "to", "learnt as", "sent", "seen", "probes", "last heard", ""]
        .map(str::to_owned);
    let table = tables::rows(std::iter::once(head).chain(paths.iter().map(row)));
    let lines = [
        format!("Why: {}", why(reason, punch)),
        format!("Kept open: {}", upkeep::sentence(upkeep)),
    ];
    let (described, [why, upkeep]) = match columns {
        Some(columns) if table.lines().any(|line| line.width() > columns) => {
            let paths: Vec<String> = paths.iter().map(|path| paragraph(path, columns)).collect();
            (paths.join("\n"), lines.map(|line| tables::wrap(&line, columns)))
        }
        Some(columns) => (table, lines.map(|line| tables::wrap(&line, columns))),
        None => (table, lines),
    };
    format!("Paths to {peer}:\n{described}\n{why}\n{upkeep}")
}

fn row(path: &PathDescription) -> [String; 8] {
    let mark = if path.active { "> " } else { "  " };
    let probes = match path.probes_sent {
        0 => String::new(),
        sent => format!("{}/{sent}", path.probes_answered),
    };
    [
        format!("{mark}{}", words::by(Some(path.info))),
        remote(path),
        path.origin.as_str().to_owned(),
        path.sent.to_string(),
        path.received.to_string(),
        probes,
        path.heard.map_or_else(|| "never".to_owned(), ago),
        state(path).to_owned(),
    ]
}

/// What stands in a row, in as many lines as it takes, which have a margin where rows have a mark.
fn paragraph(path: &PathDescription, columns: usize) -> String {
    let mark = if path.active { "> " } else { "  " };
    let head = format!("{}, {}: {}", words::by(Some(path.info)), remote(path), state(path));
    let mut said = format!("{}, {} sent, {} seen", path.origin.as_str(), path.sent, path.received);
    if path.probes_sent > 0 {
        said.push_str(&format!(", {}/{} probes", path.probes_answered, path.probes_sent));
    }
    match path.heard {
        Some(heard) => said.push_str(&format!(", last heard {}", ago(heard))),
        None => said.push_str(", never heard"),
    }
    let fit = |text: &str| tables::wrap(text, columns.saturating_sub(4)).replace('\n', "\n    ");
    format!("{mark}{}\n    {}", fit(&head), fit(&said))
}

/// Where a path leads to.
fn remote(path: &PathDescription) -> String {
    match (path.info.remote, path.local) {
        (Some(remote), Some(SocketId::FIRST) | None) => remote.to_string(),
        (Some(remote), Some(SocketId(number))) => format!("{remote} from socket {number}"),
        (None, _) => "through the server".to_owned(),
    }
}

fn state(path: &PathDescription) -> &'static str {
    match (path.active, path.state) {
        (true, _) => "in use",
        (false, PathState::Works) => "works",
        (false, PathState::Trying) => "being tried",
        (false, PathState::Unanswered) => "no answer",
        (false, PathState::Silent) => "fell silent",
    }
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
            format!("nothing answers on {paths}: a NAT or a firewall between you lets nothing in.")
        }
    }
}

/// The reason, and what is done where ports have to be guessed.
fn why(reason: PathReason, punch: Option<&PunchReport>) -> String {
    let said = sentence(reason);
    match (punch.and_then(punching), reason) {
        (Some(punching), _) => format!("{said} {punching}"),
        (None, PathReason::NothingAnswered { .. }) => {
            format!("{said} p2pchat doctor says of which kind yours is.")
        }
        (None, _) => said,
    }
}

fn punching(report: &PunchReport) -> Option<String> {
    let chance = |permille: u16| format!("{}.{} %", permille / 10, permille % 10);
    Some(match (report.state, report.plan) {
        (PunchState::Off | PunchState::Direct, _) => return None,
        (PunchState::Waiting, _) => {
            "How the NATs give out ports is still being found out.".to_owned()
        }
        (PunchState::Preparing | PunchState::Punching, Some((plan, permille))) => format!(
            "Ports are being guessed: {}, with a chance of {}.",
            plan.strategy,
            chance(permille)
        ),
        (PunchState::Preparing | PunchState::Punching, None) => {
            "Ports are being guessed.".to_owned()
        }
        (PunchState::Resting(pause), _) => format!(
            "Ports were guessed {} times, {} datagrams in all; the next time is in {} s.",
            report.rounds,
            report.packets_sent,
            pause.as_secs()
        ),
        (PunchState::NotTried(Obstacle::OwnUnknown), _) => {
            "How your NAT gives out ports is not known, so nobody guesses.".to_owned()
        }
        (PunchState::NotTried(Obstacle::PeerUnknown), _) => {
            "How the peer's NAT gives out ports is not known, so nobody guesses.".to_owned()
        }
        (PunchState::NotTried(Obstacle::SharedNat), _) => {
            "Both of you are behind one NAT, a carrier's most likely, and it lets nobody inside reach \
             its outer address. IPv6 would help."
                .to_owned()
        }
        (PunchState::NotTried(Obstacle::Hopeless { permille }), _) => format!(
            "Your NAT's ports are {}, the peer's are {}: guessing them has a chance of {}, so nobody \
             tries. A port that either router forwards, or IPv6, would help.",
            ports(report.own.model),
            ports(report.peer.unwrap_or_default()),
            chance(permille)
        ),
    })
}

/// How a NAT gives out ports, in a few words.
fn ports(model: PortModel) -> &'static str {
    match model {
        PortModel::Unknown => "not known",
        PortModel::Constant => "the same towards everybody",
        PortModel::Varying { ports, .. } => match ports {
            Allocation::Unknown => "changing in a way that is not known",
            Allocation::Sequential { .. } => "counted",
            Allocation::Block { .. } => "drawn out of a block",
            Allocation::Uniform => "drawn out of all",
        },
    }
}

/// A clock that differs by fewer milliseconds is right, as far as anybody can tell.
const CLOCK_IS_RIGHT: i64 = 5_000;

/// How our clock compares with another one.
pub(super) fn clock(ahead_ms: i64) -> String {
    match ahead_ms {
        off if off.saturating_abs() <= CLOCK_IS_RIGHT => "the clocks agree".to_owned(),
        behind @ ..0 => format!("your clock is {} s behind", behind.unsigned_abs() / 1000),
        ahead => format!("your clock is {} s ahead", ahead / 1000),
    }
}

/// What a peer says of its network.
pub(super) fn circumstances(
    peer: &Address,
    circumstances: &Circumstances,
    clock_ahead_ms: i64,
) -> String {
    let forwarded = match circumstances.forwarded {
        true => "the router there forwards a port",
        false => "no port is forwarded there",
    };
    let carried =
        if circumstances.over_tcp { "; the rendezvous is reached over TCP alone" } else { "" };
    let clock = clock(clock_ahead_ms);
    let ports = ports(circumstances.ports);
    format!("{peer} says: its ports are {ports}; {forwarded}{carried}; {clock}.")
}

/// The same for programs.
pub(super) fn circumstances_object(
    peer: &Address,
    circumstances: &Circumstances,
    clock_ahead_ms: i64,
) -> Value {
    json!({
        "type": "circumstances",
        "peer": peer.to_string(),
        "ports": super::doctor::model(circumstances.ports),
        "forwarded": circumstances.forwarded,
        "over_tcp": circumstances.over_tcp,
        "clock_ahead_ms": clock_ahead_ms,
    })
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
pub(super) fn object(
    peer: &Address,
    paths: &[PathDescription],
    reason: PathReason,
    punch: Option<&PunchReport>,
    upkeep: &Upkeep,
) -> Value {
    json!({
        "type": "paths",
        "peer": peer.to_string(),
        "reason": code(reason),
        "why": why(reason, punch),
        "punch": punch.map(punch_object),
        "keepalive": upkeep::object(upkeep),
        "paths": paths.iter().map(path).collect::<Vec<_>>(),
    })
}

fn punch_object(report: &PunchReport) -> Value {
    json!({
        "state": match report.state {
            PunchState::Off => "off",
            PunchState::Direct => "direct",
            PunchState::Waiting => "waiting",
            PunchState::Preparing => "preparing",
            PunchState::Punching => "punching",
            PunchState::Resting(_) => "resting",
            PunchState::NotTried(Obstacle::OwnUnknown) => "own-unknown",
            PunchState::NotTried(Obstacle::PeerUnknown) => "peer-unknown",
            PunchState::NotTried(Obstacle::SharedNat) => "shared-nat",
            PunchState::NotTried(Obstacle::Hopeless { .. }) => "hopeless",
        },
        "own": super::doctor::model(report.own.model),
        "own_filtering": super::doctor::filtering_code(report.own_filtering),
        "peer": report.peer.map(super::doctor::model),
        "peer_filtering": super::doctor::filtering_code(report.peer_filtering),
        "plan": report.plan.map(|(plan, _)| plan.strategy.to_string()),
        "chance": report.plan.map(|(_, permille)| f64::from(permille) / 1000.0),
        "rounds": report.rounds,
        "packets_sent": report.packets_sent,
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
    use crate::proto::{Evidence, Filtering, PathInfo, PathKind, PathOrigin, Scope};

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
        let unknown = Upkeep::default();
        let text = table(&alice(), &[relay(), direct()], reason, None, &unknown, None);
        let expected = [
            "Paths to 爱丽丝@host:",
            "  path            to                               learnt as         sent  seen  probes  last heard",
            "> over the relay  through the server               relayed           3     4             2.3 s ago   in use",
            "  direct, 23 ms   203.0.113.7:40123 from socket 7  server-reflexive  12    0     0/7     never       no answer",
        ];
        assert_eq!(text.lines().take(4).collect::<Vec<_>>(), expected);
        let end: Vec<_> = text.lines().skip(4).collect();
        assert_eq!(end[0], format!("Why: {}", why(reason, None)));
        assert!(end[1].starts_with("Kept open: a probe every 10 s"), "{text}");
        assert_eq!(table(&alice(), &[relay(), direct()], reason, None, &unknown, Some(200)), text);
        let none = table(&alice(), &[], PathReason::NoPath, None, &unknown, None);
        assert_eq!(none, "There is no connection to 爱丽丝@host now.");
    }

    #[test]
    fn where_the_table_is_too_wide_each_path_has_lines_of_its_own() {
        let mut far = direct();
        far.info.remote = "[2001:db8:1111:2222:3333:4444:5555:6666]:40123".parse().ok();
        let reason = PathReason::NothingAnswered { tried: 2 };
        let text =
            table(&alice(), &[relay(), direct(), far], reason, None, &Upkeep::default(), Some(77));
        let expected = [
            "Paths to 爱丽丝@host:",
            "> over the relay, through the server: in use",
            "    relayed, 3 sent, 4 seen, last heard 2.3 s ago",
            "  direct, 23 ms, 203.0.113.7:40123 from socket 7: no answer",
            "    server-reflexive, 12 sent, 0 seen, 0/7 probes, never heard",
            "  direct over IPv6, 23 ms, [2001:db8:1111:2222:3333:4444:5555:6666]:40123",
            "    from socket 7: no answer",
            "    server-reflexive, 12 sent, 0 seen, 0/7 probes, never heard",
        ];
        assert_eq!(text.lines().take(8).collect::<Vec<_>>(), expected);
        assert!(text.lines().all(|line| line.width() <= 77), "{text}");
        let said = text.lines().skip(8).collect::<Vec<_>>().join(" ");
        assert!(said.starts_with(&format!("Why: {} Kept open: a", why(reason, None))), "{said}");
    }

    #[test]
    fn programs_get_every_figure() {
        let object = object(&alice(), &[direct()], PathReason::Trying, None, &Upkeep::default());
        assert_eq!(object["reason"], "trying");
        let path = &object["paths"][0];
        assert_eq!((&path["socket"], &path["sent"]), (&json!(7), &json!(12)));
        assert_eq!(object["keepalive"]["path_ms"], 10_000);
        assert_eq!(path["state"], "unanswered");
        assert_eq!((&path["rtt_ms"], &path["heard_ms_ago"]), (&json!(23.0), &Value::Null));
    }

    #[test]
    fn where_ports_would_have_to_be_guessed_the_reason_says_what_comes_of_it() {
        let uniform = PortModel::Varying { scope: Scope::Endpoint, ports: Allocation::Uniform };
        let report = |state| PunchReport {
            own: Evidence { model: uniform, samples: Vec::new() },
            own_filtering: Filtering::AddressAndPortDependent,
            peer: Some(uniform),
            peer_filtering: Filtering::NotByPort,
            state,
            plan: None,
            rounds: 2,
            packets_sent: 700,
        };
        let said = |state| why(PathReason::NothingAnswered { tried: 1 }, Some(&report(state)));
        let hopeless = said(PunchState::NotTried(Obstacle::Hopeless { permille: 1 }));
        assert!(hopeless.contains("a chance of 0.1 %"), "{hopeless}");
        assert_eq!(hopeless.matches("drawn out of all").count(), 2, "{hopeless}");
        let resting = said(PunchState::Resting(Duration::from_secs(40)));
        assert!(resting.ends_with("2 times, 700 datagrams in all; the next time is in 40 s."));
        assert!(said(PunchState::Direct).ends_with("says of which kind yours is."));
    }

    #[test]
    fn clocks_that_differ_are_named() {
        let circumstances = Circumstances {
            ports: PortModel::Constant,
            forwarded: false,
            over_tcp: true,
            clock_ms: 0,
        };
        let said = |ahead| super::circumstances(&alice(), &circumstances, ahead);
        assert!(said(-200).ends_with("over TCP alone; the clocks agree."), "{}", said(-200));
        assert!(said(90_000).ends_with("your clock is 90 s ahead."));
        assert!(said(-90_000).ends_with("your clock is 90 s behind."));
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
