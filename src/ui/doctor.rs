//! What `p2pchat doctor` has found out: a table of facts, and one sentence with what to do.

use std::fmt::Display;
use std::net::SocketAddr;
use std::time::Duration;

use p2pchat_wire::VERSION;
use serde_json::{Value, json};

use super::language::Language;
use super::{json, paths, tables, upkeep, words};
use crate::chat::clean;
use crate::proto::diagnosis::{
    Filtering, Findings, Ipv6, LONGEST_DATAGRAM, Mapping, ServerFindings, Tcp, Verdict, trouble,
    verdict,
};
use crate::proto::{Allocation, PortMapping, PortModel, Sample, Upkeep};

/// The diagnosis as a table and a sentence; of several servers, also one for each with which something
/// is wrong. `names` are the servers as the person wrote them, in the order of the findings.
#[must_use]
pub fn text(names: &[String], findings: &Findings, language: &Language) -> String {
    let names: Vec<String> = names.iter().map(|name| clean::label(name, 100)).collect();
    let verdict = verdict(findings);
    let about = subject(findings, verdict);
    let unnamed = language.text("doctor-the-rendezvous");
    let name = |at: usize| names.get(at).unwrap_or(&unnamed);
    let mut said = tables::rows(facts(&names, findings, language).into_iter());
    let server = findings.servers.get(about);
    said.push_str(&format!("\n\n{}", sentence(name(about), server, verdict, language)));
    for (at, server) in findings.servers.iter().enumerate() {
        if let Some(trouble) = trouble(server).filter(|trouble| (at, verdict) != (about, *trouble))
        {
            said.push_str(&format!("\n\n{}", sentence(name(at), Some(server), trouble, language)));
        }
    }
    said
}

/// The same for programs, with sentences that are `english`.
#[must_use]
pub fn object(names: &[String], findings: &Findings, english: &Language) -> String {
    json::write(&value(names, findings, english))
}

/// Of which server a verdict speaks: the one in trouble, else the one that was asked most.
fn subject(findings: &Findings, verdict: Verdict) -> usize {
    let in_trouble = |server: &ServerFindings| trouble(server) == Some(verdict);
    findings.servers.iter().position(in_trouble).or(findings.surveyed).unwrap_or_default()
}

/// What, and how it is.
type Fact = [String; 2];

fn facts(names: &[String], findings: &Findings, language: &Language) -> Vec<Fact> {
    let mut facts = Vec::new();
    let several = findings.servers.len() > 1;
    for (name, server) in names.iter().zip(&findings.servers) {
        facts.extend(several.then(|| [language.text("doctor-rendezvous"), name.clone()]));
        facts.push(["UDP".to_owned(), udp(server, language)]);
        facts.push(["TCP".to_owned(), tcp(server.tcp, language)]);
        if several {
            facts.extend(server.mapped.map(|mapped| seen_as(mapped, language)));
            facts.extend(clock(server, language));
            facts.push([String::new(), String::new()]);
        }
    }
    if findings.mapped.is_some() {
        facts.extend(behaviour(findings, several, language));
    }
    facts.push(["IPv6".to_owned(), ipv6(findings.ipv6, language)]);
    facts.push([language.text("doctor-port-mapping"), port_mapping(findings, language)]);
    if let Some(longest) = findings.mtu {
        let arguments: [(_, &dyn Display); 2] =
            [("longest", &longest), ("needed", &LONGEST_DATAGRAM)];
        facts.push([language.text("doctor-longest"), language.say("doctor-mtu", &arguments)]);
    }
    if let ([server], false) = (findings.servers.as_slice(), several) {
        facts.extend(clock(server, language));
    }
    facts
}

fn seen_as(mapped: SocketAddr, language: &Language) -> Fact {
    [language.text("doctor-seen-as"), mapped.to_string()]
}

fn clock(server: &ServerFindings, language: &Language) -> Option<Fact> {
    let ahead = server.clock_ahead_ms?;
    Some([language.text("doctor-clock"), paths::clock(ahead, language)])
}

/// What the NAT does, if there is one.
fn behaviour(findings: &Findings, several: bool, language: &Language) -> Vec<Fact> {
    let mut facts = Vec::new();
    facts.extend(findings.mapped.filter(|_| !several).map(|mapped| seen_as(mapped, language)));
    facts.push(["NAT".to_owned(), mapping(findings.mapping, language)]);
    facts.push([language.text("doctor-lets-in"), filtering(findings.filtering, language)]);
    if findings.mapping != Mapping::None {
        facts.push([language.text("doctor-ports"), ports(findings.ports.model, language)]);
        facts.extend(evidence(&findings.ports.samples, language));
        let id = match findings.hairpin {
            None => "not-tried",
            Some(true) => "doctor-hairpin-yes",
            Some(false) => "doctor-hairpin-no",
        };
        facts.push([language.text("doctor-hairpin"), language.text(id)]);
    }
    facts.push([language.text("doctor-keepalive"), keepalive(findings.upkeep, language)]);
    facts
}

/// A diagnosis is too short to find that out by itself.
fn keepalive(known: Upkeep, language: &Language) -> String {
    match known {
        Upkeep { idle: None, age: None } => language.text("doctor-keepalive-unknown"),
        known => upkeep::sentence(&known, language).trim_end_matches(['.', '。']).to_owned(),
    }
}

fn udp(server: &ServerFindings, language: &Language) -> String {
    match server.udp {
        Some((server, rtt)) => {
            let time = words::milliseconds(rtt);
            language.say("doctor-udp", &[("server", &server), ("time", &time)])
        }
        None => language.text("no-answer"),
    }
}

fn tcp(tcp: Tcp, language: &Language) -> String {
    language.text(match tcp {
        Tcp::Untried => "not-tried",
        Tcp::Open => "doctor-tcp-open",
        Tcp::Tls => "doctor-tcp-tls",
        Tcp::Refused => "doctor-tcp-refused",
        Tcp::Silent => "no-answer",
    })
}

fn mapping(mapping: Mapping, language: &Language) -> String {
    language.text(match mapping {
        Mapping::Unknown => "unknown",
        Mapping::None => "mapping-none",
        Mapping::EndpointIndependent { addresses_compared: true } => "mapping-endpoint-independent",
        Mapping::EndpointIndependent { addresses_compared: false } => "mapping-same-address",
        Mapping::AddressDependent => "mapping-address-dependent",
        Mapping::AddressAndPortDependent => "mapping-address-and-port-dependent",
    })
}

fn filtering(filtering: Filtering, language: &Language) -> String {
    language.text(match filtering {
        Filtering::Unknown => "filtering-unknown",
        Filtering::EndpointIndependent => "filtering-endpoint-independent",
        Filtering::AddressDependent => "filtering-address-dependent",
        Filtering::AddressAndPortDependent => "filtering-address-and-port-dependent",
        Filtering::NotByPort => "filtering-not-by-port",
    })
}

fn ports(model: PortModel, language: &Language) -> String {
    match model {
        PortModel::Unknown => language.text("unknown"),
        PortModel::Constant => language.text("allocation-constant"),
        PortModel::Varying { ports, .. } => match ports {
            Allocation::Unknown => language.text("allocation-varying"),
            Allocation::Sequential { step, foreign } => {
                let step = format!("{step:+}");
                language.say("allocation-sequential", &[("step", &step), ("foreign", &foreign)])
            }
            Allocation::Block { first, last } => {
                language.say("allocation-block", &[("first", &first), ("last", &last)])
            }
            Allocation::Uniform => language.text("allocation-uniform"),
        },
    }
}

/// One row for each socket that asked.
fn evidence(samples: &[Sample], language: &Language) -> Vec<Fact> {
    let mut rows: Vec<(_, String)> = Vec::new();
    for sample in samples {
        let (port, server) = (sample.mapped.port(), sample.via);
        match rows.last_mut() {
            Some((socket, row)) if *socket == sample.socket => {
                let arguments: [(_, &dyn Display); 3] =
                    [("evidence", row), ("port", &port), ("server", &server)];
                *row = language.say("evidence-also", &arguments);
            }
            _ => {
                let arguments: [(_, &dyn Display); 2] = [("port", &port), ("server", &server)];
                rows.push((sample.socket, language.say("evidence-port", &arguments)));
            }
        }
    }
    let label = |at| if at == 0 { language.text("doctor-evidence") } else { String::new() };
    rows.into_iter().enumerate().map(|(at, (_, row))| [label(at), row]).collect()
}

fn ipv6(ipv6: Ipv6, language: &Language) -> String {
    language.text(match ipv6 {
        Ipv6::None => "ipv6-none",
        Ipv6::Untried => "ipv6-untried",
        Ipv6::Silent => "ipv6-silent",
        Ipv6::Works { translated: false } => "ipv6-works",
        Ipv6::Works { translated: true } => "ipv6-translated",
    })
}

fn port_mapping(findings: &Findings, language: &Language) -> String {
    let mapping = match findings.port_mapping {
        PortMapping::Off => language.text("port-mapping-off"),
        PortMapping::Needless => language.text("port-mapping-needless"),
        PortMapping::NoRouter => language.text("port-mapping-no-router"),
        PortMapping::Asking => language.text("port-mapping-asking"),
        PortMapping::Unsupported => language.text("port-mapping-unsupported"),
        PortMapping::Refused { by } => language.say("port-mapping-refused", &[("by", &by)]),
        PortMapping::Mapped { by, external } => {
            language.say("port-mapping-mapped", &[("by", &by), ("external", &external)])
        }
    };
    if findings.is_behind_two_nats() {
        return language.say("port-mapping-second-nat", &[("mapping", &mapping)]);
    }
    mapping
}

/// What it means and what to do; `server` is the name of the one of which the verdict speaks.
fn sentence(
    server: &str,
    found: Option<&ServerFindings>,
    verdict: Verdict,
    language: &Language,
) -> String {
    let theirs = found.and_then(|found| found.version).unwrap_or_default();
    let id = match verdict {
        Verdict::Offline => "verdict-offline",
        Verdict::NoAddress => "verdict-no-address",
        Verdict::Unreachable => "verdict-unreachable",
        Verdict::NotListening => "verdict-not-listening",
        Verdict::UdpBlocked => "verdict-udp-blocked",
        Verdict::NoRendezvous => "verdict-no-rendezvous",
        Verdict::OtherVersion if theirs > VERSION => "verdict-update-this",
        Verdict::OtherVersion => "verdict-update-server",
        Verdict::OtherKey => "verdict-other-key",
        Verdict::SmallMtu => "verdict-small-mtu",
        Verdict::Public => "verdict-public",
        Verdict::Firewalled => "verdict-firewalled",
        Verdict::Easy => "verdict-easy",
        Verdict::Mapped => "verdict-mapped",
        Verdict::EasyOverIpv6 => "verdict-easy-over-ipv6",
        Verdict::Predictable => "verdict-predictable",
        Verdict::Block => "verdict-block",
        Verdict::Random | Verdict::Difficult => "verdict-random",
        Verdict::Unclear => "verdict-unclear",
    };
    // Each takes of these what it needs.
    let arguments: [(_, &dyn Display); 4] = [
        ("server", &server),
        ("theirs", &theirs),
        ("ours", &VERSION),
        ("needed", &LONGEST_DATAGRAM),
    ];
    language.say(id, &arguments)
}

/// The network, and each server. What is said of the server of which the verdict speaks stands also
/// beside the network's: most people have one.
fn value(names: &[String], findings: &Findings, english: &Language) -> Value {
    let verdict = verdict(findings);
    let about = subject(findings, verdict);
    let servers = names.iter().zip(&findings.servers);
    let servers: Vec<Value> = servers.map(|(name, found)| server(name, found, english)).collect();
    let mut object = network(findings);
    if let (Value::Object(object), Some(Value::Object(server))) = (&mut object, servers.get(about))
    {
        object.extend(server.clone());
        let name = names.get(about).map_or("", String::as_str);
        let found = findings.servers.get(about);
        object.insert("verdict".to_owned(), json!(code(verdict)));
        object.insert("sentence".to_owned(), json!(sentence(name, found, verdict, english)));
        object.insert("servers".to_owned(), json!(servers));
    }
    object
}

fn addresses(list: &[SocketAddr]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

fn server(name: &str, found: &ServerFindings, english: &Language) -> Value {
    let trouble = trouble(found);
    json!({
        "rendezvous": name,
        "asked": addresses(&found.asked),
        "udp": found.udp.is_some(),
        "udp_remote": found.udp.map(|(remote, _)| remote.to_string()),
        "rtt_ms": found.udp.map(|(_, rtt): (_, Duration)| json::rtt(rtt)),
        "tcp": match found.tcp {
            Tcp::Untried => "untried",
            Tcp::Silent => "silent",
            Tcp::Refused => "refused",
            Tcp::Open | Tcp::Tls => "open",
        },
        "tls": found.tcp == Tcp::Tls,
        "key": found.key.map(|key| key.to_string()),
        "version": found.version,
        "clock_ahead_ms": found.clock_ahead_ms,
        "mapped": found.mapped.map(|mapped| mapped.to_string()),
        "verdict": trouble.map_or("well", code),
        "sentence": trouble.map(|trouble| sentence(name, Some(found), trouble, english)),
    })
}

fn network(findings: &Findings) -> Value {
    json!({
        "type": "doctor",
        "hosts": addresses(&findings.hosts),
        "mapping": match findings.mapping {
            Mapping::Unknown => "unknown",
            Mapping::None => "none",
            Mapping::EndpointIndependent { .. } => "endpoint-independent",
            Mapping::AddressDependent => "address-dependent",
            Mapping::AddressAndPortDependent => "address-and-port-dependent",
        },
        "addresses_compared":
            findings.mapping != Mapping::EndpointIndependent { addresses_compared: false },
        "filtering": filtering_code(findings.filtering),
        "ports": model(findings.ports.model),
        "samples": findings.ports.samples.iter().map(sample).collect::<Vec<_>>(),
        "hairpin": findings.hairpin,
        "keepalive": upkeep::object(&findings.upkeep),
        "ipv6": match findings.ipv6 {
            Ipv6::None => "none",
            Ipv6::Untried => "untried",
            Ipv6::Silent => "silent",
            Ipv6::Works { translated: false } => "works",
            Ipv6::Works { translated: true } => "translated",
        },
        "port_mapping": match findings.port_mapping {
            PortMapping::Off => "off",
            PortMapping::Needless => "needless",
            PortMapping::NoRouter => "no-router",
            PortMapping::Asking => "no-answer",
            PortMapping::Unsupported => "unsupported",
            PortMapping::Refused { .. } => "refused",
            PortMapping::Mapped { .. } if findings.is_behind_two_nats() => "second-nat",
            PortMapping::Mapped { .. } => "mapped",
        },
        "port_mapped": findings.port_mapping.external().map(|external| external.to_string()),
        "mtu": findings.mtu,
        "mtu_needed": LONGEST_DATAGRAM,
    })
}

/// The word for a filter in objects for programs.
pub(super) fn filtering_code(filtering: Filtering) -> &'static str {
    match filtering {
        Filtering::Unknown => "unknown",
        Filtering::EndpointIndependent => "endpoint-independent",
        Filtering::AddressDependent => "address-dependent",
        Filtering::AddressAndPortDependent => "address-and-port-dependent",
        Filtering::NotByPort => "not-by-port",
    }
}

pub(super) fn model(model: PortModel) -> Value {
    match model {
        PortModel::Unknown => json!({"model": "unknown"}),
        PortModel::Constant => json!({"model": "constant"}),
        PortModel::Varying { ports, .. } => match ports {
            Allocation::Unknown => json!({"model": "varying"}),
            Allocation::Sequential { step, foreign } => {
                json!({"model": "sequential", "step": step, "taken_by_others": foreign})
            }
            Allocation::Block { first, last } => {
                json!({"model": "block", "first": first, "last": last})
            }
            Allocation::Uniform => json!({"model": "uniform"}),
        },
    }
}

fn sample(sample: &Sample) -> Value {
    json!({
        "socket": sample.socket.0,
        "via": sample.via.to_string(),
        "mapped": sample.mapped.to_string(),
    })
}

/// The word under which a program finds a verdict.
fn code(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Offline => "offline",
        Verdict::NoAddress => "no-address",
        Verdict::Unreachable => "unreachable",
        Verdict::NotListening => "not-listening",
        Verdict::UdpBlocked => "udp-blocked",
        Verdict::NoRendezvous => "no-rendezvous",
        Verdict::OtherVersion => "other-version",
        Verdict::OtherKey => "other-key",
        Verdict::SmallMtu => "small-mtu",
        Verdict::Public => "public",
        Verdict::Firewalled => "firewalled",
        Verdict::Easy => "easy",
        Verdict::Mapped => "mapped",
        Verdict::EasyOverIpv6 => "easy-over-ipv6",
        Verdict::Predictable => "predictable",
        Verdict::Block => "block",
        Verdict::Random => "random",
        Verdict::Difficult => "difficult",
        Verdict::Unclear => "unclear",
    }
}

#[cfg(test)]
mod tests {
    use p2pchat_wire::identity::PeerId;

    use super::*;
    use crate::proto::{Evidence, Scope, SocketId};

    fn english() -> Language {
        Language::default()
    }

    fn well() -> ServerFindings {
        let server = "203.0.113.10:3478".parse().expect("address");
        ServerFindings {
            asked: vec![server],
            udp: Some((server, Duration::from_micros(23_400))),
            tcp: Tcp::Open,
            key: Some(PeerId([1; 32])),
            version: Some(VERSION),
            clock_ahead_ms: Some(-75_400),
            mapped: "198.51.100.7:5000".parse().ok(),
            ..ServerFindings::default()
        }
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn home() -> Findings {
        let sample = |socket, via: &str, port| Sample {
            socket: SocketId(socket),
            via: via.parse().expect("address"),
            mapped: SocketAddr::from(([198, 51, 100, 7], port)),
        };
        Findings {
            hosts: vec!["192.168.1.2:5000".parse().expect("address")],
            servers: vec![well()],
            surveyed: Some(0),
            mapped: "198.51.100.7:5000".parse().ok(),
            mapping: Mapping::AddressAndPortDependent,
            filtering: Filtering::AddressAndPortDependent,
            ports: Evidence {
                model: PortModel::Varying {
                    scope: Scope::Endpoint,
                    ports: Allocation::Sequential { step: 1, foreign: 2 },
                },
                samples: vec![
                    sample(0, "203.0.113.10:3478", 5000),
                    sample(0, "203.0.113.10:3479", 5001),
                    sample(3, "203.0.113.10:3478", 5002),
                ],
            },
            hairpin: Some(false),
            mtu: Some(1452),
            ..Findings::default()
        }
    }

    #[test]
    fn the_table_names_each_fact_and_its_evidence_and_ends_with_what_to_do() {
        let said = text(&names(&["chat.example.org"]), &home(), &english());
        for line in [
            "UDP           203.0.113.10:3478 answers in 23 ms",
            "seen as       198.51.100.7:5000",
            "ports         counted, in steps of +1; 2 taken by others meanwhile",
            "evidence      port 5000 by 203.0.113.10:3478, 5001 by 203.0.113.10:3479",
            "              port 5002 by 203.0.113.10:3478",
            "longest       1452 bytes in one piece; 1209 are needed",
            "clock         your clock is 75 s behind",
        ] {
            assert!(said.lines().any(|one| one == line), "{line:?} is not in\n{said}");
        }
        let last = said.lines().last().expect("a sentence");
        assert!(last.starts_with("Your NAT changes ports") && last.ends_with('.'), "{last}");
    }

    #[test]
    fn programs_get_the_same() {
        let object: Value =
            serde_json::from_str(&object(&names(&["host"]), &home(), &english())).expect("JSON");
        for (field, value) in [
            ("type", json!("doctor")),
            ("udp", json!(true)),
            ("rtt_ms", json!(23.4)),
            ("tcp", json!("open")),
            ("mapping", json!("address-and-port-dependent")),
            ("filtering", json!("address-and-port-dependent")),
            ("ports", json!({"model": "sequential", "step": 1, "taken_by_others": 2})),
            ("hairpin", json!(false)),
            ("clock_ahead_ms", json!(-75_400)),
            ("verdict", json!("predictable")),
        ] {
            assert_eq!(object[field], value, "{field}");
        }
        assert_eq!(object["samples"].as_array().map(Vec::len), Some(3));
    }

    #[test]
    fn a_name_that_came_from_elsewhere_obeys_nothing_to_the_terminal() {
        let servers = vec![ServerFindings { udp: None, ..well() }; 2];
        let said =
            text(&names(&["h\u{1b}[2J", "\u{1b}c"]), &Findings { servers, ..home() }, &english());
        assert!(!said.contains('\u{1b}'), "{said:?}");
    }

    #[test]
    fn of_several_servers_each_has_its_rows_and_a_sentence_if_it_is_in_trouble() {
        let dead = ServerFindings { asked: well().asked, tcp: Tcp::Silent, ..Default::default() };
        let servers = vec![dead, ServerFindings { tcp: Tcp::Tls, ..well() }];
        let findings = Findings { servers, surveyed: Some(1), ..home() };
        let hosts = names(&["one.example", "two.example"]);
        let said = text(&hosts, &findings, &english());
        let rows = [
            "rendezvous    one.example",
            "UDP           no answer",
            "TCP           no answer",
            "",
            "rendezvous    two.example",
            "UDP           203.0.113.10:3478 answers in 23 ms",
            "TCP           answers, in TLS too",
            "seen as       198.51.100.7:5000",
            "clock         your clock is 75 s behind",
            "",
        ];
        assert_eq!(said.lines().take(rows.len()).collect::<Vec<_>>(), rows, "{said}");
        let [.., network, _, server] = said.lines().collect::<Vec<_>>()[..] else {
            panic!("{said}")
        };
        assert!(network.starts_with("Your NAT changes ports"), "{network}");
        assert!(server.starts_with("Nothing comes back from one.example"), "{server}");

        let object: Value =
            serde_json::from_str(&object(&hosts, &findings, &english())).expect("JSON");
        assert_eq!((&object["rendezvous"], &object["tls"]), (&json!("two.example"), &json!(true)));
        assert_eq!((&object["udp"], &object["verdict"]), (&json!(true), &json!("predictable")));
        let [one, two] = object["servers"].as_array().expect("a list").as_slice() else {
            panic!("two")
        };
        assert_eq!((&one["udp"], &one["verdict"]), (&json!(false), &json!("unreachable")));
        assert_eq!((&two["rtt_ms"], &two["verdict"]), (&json!(23.4), &json!("well")));
        assert_eq!(two["sentence"], Value::Null);
    }
}
