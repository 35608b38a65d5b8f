//! The answer to /path: every pair that was tried, what went over it, and why the one in use is in use.

use std::fmt::Display;
use std::time::Duration;

use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use super::language::Language;
use super::{tables, upkeep, words};
use crate::chat::{Address, Circumstances};
use crate::proto::{
    Allocation, Obstacle, PathDescription, PathOrigin, PathReason, PathState, PortModel,
    PunchReport, PunchState, SocketId, Strategy, Upkeep,
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
    language: &Language,
) -> String {
    if paths.is_empty() {
        return language.say("paths-none", &[("peer", peer)]);
    }
    let head = [
        format!("  {}", language.text("paths-head-path")),
        language.text("paths-head-to"),
        language.text("paths-head-origin"),
        language.text("paths-head-sent"),
        language.text("paths-head-seen"),
        language.text("paths-head-probes"),
        language.text("paths-head-heard"),
        String::new(),
    ];
    let rows = paths.iter().map(|path| row(path, language));
    let table = tables::rows(std::iter::once(head).chain(rows));
    let title = language.say("paths-to", &[("peer", peer)]);
    let lines = [
        language.say("paths-why", &[("why", &why(reason, punch, language))]),
        language.say("paths-upkeep", &[("upkeep", &upkeep::sentence(upkeep, language))]),
    ];
    let (described, [why, upkeep]) = match columns {
        Some(columns) if table.lines().any(|line| line.width() > columns) => {
            let paths: Vec<String> =
                paths.iter().map(|path| paragraph(path, columns, language)).collect();
            (paths.join("\n"), lines.map(|line| tables::wrap(&line, columns)))
        }
        Some(columns) => (table, lines.map(|line| tables::wrap(&line, columns))),
        None => (table, lines),
    };
    format!("{title}\n{described}\n{why}\n{upkeep}")
}

fn row(path: &PathDescription, language: &Language) -> [String; 8] {
    let mark = if path.active { "> " } else { "  " };
    let probes = match path.probes_sent {
        0 => String::new(),
        sent => format!("{}/{sent}", path.probes_answered),
    };
    [
        format!("{mark}{}", words::by(Some(path.info), language)),
        remote(path, language),
        origin(path.origin, language),
        path.sent.to_string(),
        path.received.to_string(),
        probes,
        path.heard.map_or_else(|| language.text("paths-never"), |time| ago(time, language)),
        state(path, language),
    ]
}

/// What stands in a row, in as many lines as it takes, which have a margin where rows have a mark.
fn paragraph(path: &PathDescription, columns: usize, language: &Language) -> String {
    let mark = if path.active { "> " } else { "  " };
    let (by, to) = (words::by(Some(path.info), language), remote(path, language));
    let state = state(path, language);
    let arguments: [(_, &dyn Display); 3] = [("path", &by), ("to", &to), ("state", &state)];
    let head = language.say("paths-paragraph", &arguments);
    let origin = origin(path.origin, language);
    let arguments: [(_, &dyn Display); 3] =
        [("origin", &origin), ("sent", &path.sent), ("seen", &path.received)];
    let mut said = vec![language.say("paths-paragraph-traffic", &arguments)];
    if path.probes_sent > 0 {
        let arguments: [(_, &dyn Display); 2] =
            [("answered", &path.probes_answered), ("sent", &path.probes_sent)];
        said.push(language.say("paths-paragraph-probes", &arguments));
    }
    said.push(match path.heard {
        Some(heard) => language.say("paths-paragraph-heard", &[("ago", &ago(heard, language))]),
        None => language.text("paths-paragraph-never"),
    });
    let said = said.join(&language.text("comma"));
    let fit = |text: &str| tables::wrap(text, columns.saturating_sub(4)).replace('\n', "\n    ");
    format!("{mark}{}\n    {}", fit(&head), fit(&said))
}

/// Where a path leads to.
fn remote(path: &PathDescription, language: &Language) -> String {
    match (path.info.remote, path.local) {
        (Some(remote), Some(SocketId::FIRST) | None) => remote.to_string(),
        (Some(remote), Some(SocketId(number))) => {
            language.say("paths-from-socket", &[("remote", &remote), ("number", &number)])
        }
        (None, _) => language.text("paths-through-server"),
    }
}

fn state(path: &PathDescription, language: &Language) -> String {
    language.text(match (path.active, path.state) {
        (true, _) => "paths-in-use",
        (false, PathState::Works) => "paths-works",
        (false, PathState::Trying) => "paths-trying",
        (false, PathState::Unanswered) => "paths-unanswered",
        (false, PathState::Silent) => "paths-silent",
    })
}

fn origin(origin: PathOrigin, language: &Language) -> String {
    language.text(match origin {
        PathOrigin::Host => "origin-host",
        PathOrigin::ServerReflexive => "origin-server-reflexive",
        PathOrigin::PortMapped => "origin-port-mapped",
        PathOrigin::PeerReflexive => "origin-peer-reflexive",
        PathOrigin::Relayed => "origin-relayed",
    })
}

fn ago(time: Duration, language: &Language) -> String {
    let (id, time) = match time.as_secs() {
        seconds @ 0..10 => {
            ("paths-seconds-ago", format!("{seconds}.{}", time.subsec_millis() / 100))
        }
        seconds @ 10..120 => ("paths-seconds-ago", seconds.to_string()),
        seconds => ("paths-minutes-ago", (seconds / 60).to_string()),
    };
    language.say(id, &[("time", &time)])
}

/// Why a path is in use, for a person.
fn sentence(reason: PathReason, language: &Language) -> String {
    match reason {
        PathReason::NoPath => language.text("reason-no-path"),
        PathReason::OnlyDirect => language.text("reason-only-direct"),
        PathReason::Fastest { of } => language.say("reason-fastest", &[("of", &of)]),
        PathReason::NotWorthMoving { faster } => {
            language.say("reason-not-worth-moving", &[("faster", &faster)])
        }
        PathReason::Promising => language.text("reason-promising"),
        PathReason::RelayOnly => language.text("reason-relay-only"),
        PathReason::NoDirectPath => language.text("reason-no-direct-path"),
        PathReason::Trying => language.text("reason-trying"),
        PathReason::SlowerThanRelay { remote } => {
            language.say("reason-slower-than-relay", &[("remote", &remote)])
        }
        PathReason::Lost => language.text("reason-lost"),
        PathReason::NoCandidates => language.text("reason-no-candidates"),
        PathReason::NothingAnswered { tried } => {
            language.count("reason-nothing-answered", tried as u64, &[])
        }
    }
}

/// The reason, and what is done where ports have to be guessed.
fn why(reason: PathReason, punch: Option<&PunchReport>, language: &Language) -> String {
    let said = sentence(reason, language);
    match (punch.and_then(|report| punching(report, language)), reason) {
        (Some(punching), _) => {
            language.say("reason-and-punching", &[("reason", &said), ("punching", &punching)])
        }
        (None, PathReason::NothingAnswered { .. }) => {
            language.say("reason-and-doctor", &[("reason", &said)])
        }
        (None, _) => said,
    }
}

fn punching(report: &PunchReport, language: &Language) -> Option<String> {
    let chance = |permille: u16| format!("{}.{} %", permille / 10, permille % 10);
    Some(match (report.state, report.plan) {
        (PunchState::Off | PunchState::Direct, _) => return None,
        (PunchState::Waiting, _) => language.text("punch-waiting"),
        (PunchState::Preparing | PunchState::Punching, Some((plan, permille))) => {
            let plan = strategy(plan.strategy, language);
            language.say("punch-guessing-plan", &[("plan", &plan), ("chance", &chance(permille))])
        }
        (PunchState::Preparing | PunchState::Punching, None) => language.text("punch-guessing"),
        (PunchState::Resting(pause), _) => {
            let arguments: [(_, &dyn Display); 3] = [
                ("rounds", &report.rounds),
                ("packets", &report.packets_sent),
                ("seconds", &pause.as_secs()),
            ];
            language.say("punch-resting", &arguments)
        }
        (PunchState::NotTried(Obstacle::OwnUnknown), _) => language.text("punch-own-unknown"),
        (PunchState::NotTried(Obstacle::PeerUnknown), _) => language.text("punch-peer-unknown"),
        (PunchState::NotTried(Obstacle::SharedNat), _) => language.text("punch-shared-nat"),
        (PunchState::NotTried(Obstacle::Hopeless { permille }), _) => {
            let own = ports(report.own.model, language);
            let peer = ports(report.peer.unwrap_or_default(), language);
            let arguments: [(_, &dyn Display); 3] =
                [("own", &own), ("peer", &peer), ("chance", &chance(permille))];
            language.say("punch-hopeless", &arguments)
        }
    })
}

fn strategy(strategy: Strategy, language: &Language) -> String {
    match strategy {
        Strategy::Fresh => language.text("plan-fresh"),
        Strategy::Window { width } => language.say("plan-window", &[("width", &width)]),
        Strategy::Birthday { sockets, probes } => {
            language.say("plan-birthday", &[("sockets", &sockets), ("probes", &probes)])
        }
        Strategy::Scatter { flows } => language.say("plan-scatter", &[("flows", &flows)]),
    }
}

/// How a NAT gives out ports, in a few words.
fn ports(model: PortModel, language: &Language) -> String {
    language.text(match model {
        PortModel::Unknown => "ports-unknown",
        PortModel::Constant => "ports-constant",
        PortModel::Varying { ports, .. } => match ports {
            Allocation::Unknown => "ports-varying",
            Allocation::Sequential { .. } => "ports-sequential",
            Allocation::Block { .. } => "ports-block",
            Allocation::Uniform => "ports-uniform",
        },
    })
}

/// A clock that differs by fewer milliseconds is right, as far as anybody can tell.
const CLOCK_IS_RIGHT: i64 = 5_000;

/// How our clock compares with another one.
pub(super) fn clock(ahead_ms: i64, language: &Language) -> String {
    let seconds = ahead_ms.unsigned_abs() / 1000;
    match ahead_ms {
        off if off.saturating_abs() <= CLOCK_IS_RIGHT => language.text("clock-agrees"),
        ..0 => language.say("clock-behind", &[("seconds", &seconds)]),
        _ => language.say("clock-ahead", &[("seconds", &seconds)]),
    }
}

/// What a peer says of its network.
pub(super) fn circumstances(
    peer: &Address,
    circumstances: &Circumstances,
    clock_ahead_ms: i64,
    language: &Language,
) -> String {
    let id = if circumstances.over_tcp { "circumstances-over-tcp" } else { "circumstances" };
    let forwarded =
        language.text(if circumstances.forwarded { "forwarded" } else { "not-forwarded" });
    let (ports, clock) = (ports(circumstances.ports, language), clock(clock_ahead_ms, language));
    let arguments: [(_, &dyn Display); 4] =
        [("peer", peer), ("ports", &ports), ("forwarded", &forwarded), ("clock", &clock)];
    language.say(id, &arguments)
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
    english: &Language,
) -> Value {
    json!({
        "type": "paths",
        "peer": peer.to_string(),
        "reason": code(reason),
        "why": why(reason, punch, english),
        "punch": punch.map(|report| punch_object(report, english)),
        "keepalive": upkeep::object(upkeep),
        "paths": paths.iter().map(path).collect::<Vec<_>>(),
    })
}

fn punch_object(report: &PunchReport, english: &Language) -> Value {
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
        "plan": report.plan.map(|(plan, _)| strategy(plan.strategy, english)),
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
        "longest": path.longest,
        "probes_sent": path.probes_sent,
        "probes_answered": path.probes_answered,
        "heard_ms_ago": path.heard.map(|ago| u64::try_from(ago.as_millis()).unwrap_or(u64::MAX)),
    })
}

#[cfg(test)]
mod tests {
    use p2pchat_wire::identity::Name;

    use super::*;
    use crate::proto::{Evidence, Filtering, PathInfo, PathKind, Scope};

    fn english() -> Language {
        Language::default()
    }

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
            longest: 1200,
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
            longest: 1200,
            probes_sent: 7,
            probes_answered: 0,
            heard: None,
        }
    }

    #[test]
    fn the_table_lines_up_and_ends_with_the_reason() {
        let reason = PathReason::NothingAnswered { tried: 1 };
        let unknown = Upkeep::default();
        let said = |paths: &[_], reason, columns| {
            table(&alice(), paths, reason, None, &unknown, columns, &english())
        };
        let text = said(&[relay(), direct()], reason, None);
        let expected = [
            "Paths to 爱丽丝@host:",
            "  path            to                               learnt as         sent  seen  probes  last heard",
            "> over the relay  through the server               relayed           3     4             2.3 s ago   in use",
            "  direct, 23 ms   203.0.113.7:40123 from socket 7  server-reflexive  12    0     0/7     never       no answer",
        ];
        assert_eq!(text.lines().take(4).collect::<Vec<_>>(), expected);
        let end: Vec<_> = text.lines().skip(4).collect();
        assert_eq!(end[0], format!("Why: {}", why(reason, None, &english())));
        assert!(end[1].starts_with("Kept open: a probe every 10 s"), "{text}");
        assert_eq!(said(&[relay(), direct()], reason, Some(200)), text);
        let none = said(&[], PathReason::NoPath, None);
        assert_eq!(none, "There is no connection to 爱丽丝@host now.");
    }

    #[test]
    fn where_the_table_is_too_wide_each_path_has_lines_of_its_own() {
        let mut far = direct();
        far.info.remote = "[2001:db8:1111:2222:3333:4444:5555:6666]:40123".parse().ok();
        let reason = PathReason::NothingAnswered { tried: 2 };
        let (paths, unknown) = ([relay(), direct(), far], Upkeep::default());
        let text = table(&alice(), &paths, reason, None, &unknown, Some(77), &english());
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
        assert!(
            said.starts_with(&format!("Why: {} Kept open: a", why(reason, None, &english()))),
            "{said}"
        );
    }

    #[test]
    fn programs_get_every_figure() {
        let unknown = Upkeep::default();
        let (paths, reason) = ([direct()], PathReason::Trying);
        let object = object(&alice(), &paths, reason, None, &unknown, &english());
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
        let said =
            |state| why(PathReason::NothingAnswered { tried: 1 }, Some(&report(state)), &english());
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
        let said = |ahead| super::circumstances(&alice(), &circumstances, ahead, &english());
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
        assert!(reasons.iter().all(|reason| sentence(*reason, &english()).ends_with('.')));
    }
}
