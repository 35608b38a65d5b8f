//! What `p2pchat doctor` has found out: a table of facts, and one sentence with what to do.

use std::net::SocketAddr;
use std::time::Duration;

use p2pchat_wire::VERSION;
use serde_json::{Value, json};

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
pub fn text(names: &[String], findings: &Findings) -> String {
    let names: Vec<String> = names.iter().map(|name| clean::label(name, 100)).collect();
    let verdict = verdict(findings);
    let about = subject(findings, verdict);
    let name = |at: usize| names.get(at).map_or("the rendezvous", String::as_str);
    let facts = facts(&names, findings).into_iter();
    let mut said = tables::rows(facts.map(|(what, is)| [what.to_owned(), is]));
    let server = findings.servers.get(about);
    said.push_str(&format!("\n\n{}", sentence(name(about), server, verdict)));
    for (at, server) in findings.servers.iter().enumerate() {
        if let Some(trouble) = trouble(server).filter(|trouble| (at, verdict) != (about, *trouble))
        {
            said.push_str(&format!("\n\n{}", sentence(name(at), Some(server), trouble)));
        }
    }
    said
}

/// The same for programs.
#[must_use]
pub fn object(names: &[String], findings: &Findings) -> String {
    json::write(&value(names, findings))
}

/// Of which server a verdict speaks: the one in trouble, else the one that was asked most.
fn subject(findings: &Findings, verdict: Verdict) -> usize {
    let in_trouble = |server: &ServerFindings| trouble(server) == Some(verdict);
    findings.servers.iter().position(in_trouble).or(findings.surveyed).unwrap_or_default()
}

fn facts(names: &[String], findings: &Findings) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let several = findings.servers.len() > 1;
    for (name, server) in names.iter().zip(&findings.servers) {
        facts.extend(several.then(|| ("rendezvous", name.clone())));
        facts.extend([("UDP", udp(server)), ("TCP", tcp(server.tcp).to_owned())]);
        if several {
            facts.extend(server.mapped.map(|mapped| ("seen as", mapped.to_string())));
            facts.extend(clock(server));
            facts.push(("", String::new()));
        }
    }
    if findings.mapped.is_some() {
        facts.extend(behaviour(findings, several));
    }
    facts.push(("IPv6", ipv6(findings.ipv6).to_owned()));
    facts.push(("port mapping", port_mapping(findings)));
    if let Some(longest) = findings.mtu {
        let longest = format!("{longest} bytes in one piece; {LONGEST_DATAGRAM} are needed");
        facts.push(("longest", longest));
    }
    if let ([server], false) = (findings.servers.as_slice(), several) {
        facts.extend(clock(server));
    }
    facts
}

fn clock(server: &ServerFindings) -> Option<(&'static str, String)> {
    server.clock_ahead_ms.map(|ahead| ("clock", paths::clock(ahead)))
}

/// What the NAT does, if there is one.
fn behaviour(findings: &Findings, several: bool) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let seen_as = findings.mapped.filter(|_| !several);
    facts.extend(seen_as.map(|mapped| ("seen as", mapped.to_string())));
    facts.push(("NAT", mapping(findings.mapping).to_owned()));
    facts.push(("lets in", filtering(findings.filtering).to_owned()));
    if findings.mapping != Mapping::None {
        facts.push(("ports", ports(findings.ports.model)));
        facts.extend(evidence(&findings.ports.samples));
        let hairpin = match findings.hairpin {
            None => "not tried",
            Some(true) => "two hosts behind it reach each other by their outer addresses",
            Some(false) => "not seen",
        };
        facts.push(("hairpin", hairpin.to_owned()));
    }
    facts.push(("keepalive", keepalive(findings.upkeep)));
    facts
}

/// A diagnosis is too short to find that out by itself.
fn keepalive(known: Upkeep) -> String {
    match known {
        Upkeep { idle: None, age: None } => {
            "not known yet how often; a chat of some minutes finds it out".to_owned()
        }
        known => upkeep::sentence(&known).trim_end_matches('.').to_owned(),
    }
}

fn udp(server: &ServerFindings) -> String {
    match server.udp {
        Some((server, rtt)) => format!("{server} answers in {}", words::milliseconds(rtt)),
        None => "no answer".to_owned(),
    }
}

fn tcp(tcp: Tcp) -> &'static str {
    match tcp {
        Tcp::Untried => "not tried",
        Tcp::Open => "answers",
        Tcp::Tls => "answers, in TLS too",
        Tcp::Refused => "refused by the server",
        Tcp::Silent => "no answer",
    }
}

fn mapping(mapping: Mapping) -> &'static str {
    match mapping {
        Mapping::Unknown => "not known",
        Mapping::None => "none: the address is this computer's own",
        Mapping::EndpointIndependent { addresses_compared: true } => {
            "the same endpoint towards everybody (endpoint-independent mapping)"
        }
        Mapping::EndpointIndependent { addresses_compared: false } => {
            "the same endpoint towards both ports of the server (it has one address to compare)"
        }
        Mapping::AddressDependent => {
            "another endpoint towards each address (address-dependent mapping)"
        }
        Mapping::AddressAndPortDependent => {
            "another endpoint towards each endpoint (symmetric; address-and-port-dependent mapping)"
        }
    }
}

fn filtering(filtering: Filtering) -> &'static str {
    match filtering {
        Filtering::Unknown => "not known: the server has no second port that answers",
        Filtering::EndpointIndependent => "everybody (endpoint-independent filtering)",
        Filtering::AddressDependent => {
            "addresses that were written to (address-dependent filtering)"
        }
        Filtering::AddressAndPortDependent => {
            "endpoints that were written to (address-and-port-dependent filtering)"
        }
        Filtering::NotByPort => "at least addresses that were written to, whatever their port",
    }
}

fn ports(model: PortModel) -> String {
    match model {
        PortModel::Unknown => "not known".to_owned(),
        PortModel::Constant => "one for each socket".to_owned(),
        PortModel::Varying { ports, .. } => match ports {
            Allocation::Unknown => "changing, it is not known how".to_owned(),
            Allocation::Sequential { step, foreign } => {
                format!("counted, in steps of {step:+}; {foreign} taken by others meanwhile")
            }
            Allocation::Block { first, last } => format!("drawn out of about {first} to {last}"),
            Allocation::Uniform => "drawn out of all".to_owned(),
        },
    }
}

/// One row for each socket that asked.
fn evidence(samples: &[Sample]) -> Vec<(&'static str, String)> {
    let mut rows: Vec<(_, String)> = Vec::new();
    for sample in samples {
        let seen = format!("{} by {}", sample.mapped.port(), sample.via);
        match rows.last_mut() {
            Some((socket, row)) if *socket == sample.socket => {
                row.push_str(", ");
                row.push_str(&seen);
            }
            _ => rows.push((sample.socket, format!("port {seen}"))),
        }
    }
    let label = |at| if at == 0 { "evidence" } else { "" };
    rows.into_iter().enumerate().map(|(at, (_, row))| (label(at), row)).collect()
}

fn ipv6(ipv6: Ipv6) -> &'static str {
    match ipv6 {
        Ipv6::None => "this computer has no global address",
        Ipv6::Untried => "there is an address; the server has none to try it with",
        Ipv6::Silent => "there is an address, and the server does not answer to it",
        Ipv6::Works { translated: false } => "reaches the server",
        Ipv6::Works { translated: true } => "reaches the server, through a NAT",
    }
}

fn port_mapping(findings: &Findings) -> String {
    match findings.port_mapping {
        mapping if findings.is_behind_two_nats() => {
            format!("{mapping}, which is not where the Internet sees you: there is a second NAT")
        }
        mapping => mapping.to_string(),
    }
}

/// What it means and what to do; `server` is the name of the one of which the verdict speaks.
fn sentence(server: &str, found: Option<&ServerFindings>, verdict: Verdict) -> String {
    match verdict {
        Verdict::Offline => {
            "This computer has no network address. Connect it to a network first.".to_owned()
        }
        Verdict::NoAddress => format!(
            "The name {server} does not lead to an address. Check its spelling and this computer's \
             name server."
        ),
        Verdict::Unreachable => format!(
            "Nothing comes back from {server}, neither over UDP nor over TCP: the server is down, \
             its address is wrong, or this network lets nothing through. Ask whoever runs the \
             server, or try another network."
        ),
        Verdict::NotListening => format!(
            "The computer {server} is there, and no rendezvous answers on it over UDP: it is not \
             running, or a firewall on the way drops UDP. Ask whoever runs the server to look with \
             p2pchat-rendezvous ping, and to open the UDP port."
        ),
        Verdict::UdpBlocked => format!(
            "This network lets no UDP through to {server}. Over TCP the chat works, through the \
             server and never directly; whoever runs this network can change that by letting UDP \
             out."
        ),
        Verdict::NoRendezvous => format!(
            "What answers at {server} is no rendezvous of p2pchat. Check the address and the port."
        ),
        Verdict::OtherVersion => {
            let theirs = found.and_then(|found| found.version).unwrap_or_default();
            let who = if theirs > VERSION { "p2pchat here" } else { "the server" };
            format!(
                "{server} speaks version {theirs} of the protocol and this program version \
                 {VERSION}. Update {who}."
            )
        }
        Verdict::OtherKey => format!(
            "STOP: what answers at {server} shows another key than the one that is known. Either \
             the server was set up anew, or somebody is in between. Ask whoever runs it for its \
             key, and only if it is the new one, give it with --rendezvous {server}#KEY."
        ),
        Verdict::SmallMtu => format!(
            "Datagrams of {LONGEST_DATAGRAM} bytes do not get through, and p2pchat sends such. Raise \
             the MTU of the tunnel or VPN on the way to 1280 bytes or more."
        ),
        Verdict::Public => {
            "This computer can be reached from everywhere: expect direct paths to everybody. There \
             is nothing to do."
                .to_owned()
        }
        Verdict::Firewalled => {
            "There is no NAT, at most a firewall that lets in whom you write to: expect direct paths \
             to almost everybody. There is nothing to do."
                .to_owned()
        }
        Verdict::Easy => {
            "Your NAT is easy to get through: expect direct paths to almost everybody. There is \
             nothing to do."
                .to_owned()
        }
        Verdict::Mapped => {
            "Your NAT is difficult, but your router opens a port for p2pchat: expect direct paths to \
             almost everybody. There is nothing to do."
                .to_owned()
        }
        Verdict::EasyOverIpv6 => {
            "Your NAT for IPv4 is difficult, but there is none for IPv6: expect direct paths to \
             whoever has IPv6 as well or a NAT that is easy, and the relay to others. A port that \
             your router opens (UPnP, NAT-PMP or PCP) would help with those."
                .to_owned()
        }
        Verdict::Predictable => {
            "Your NAT changes ports, but in a way that can be foretold: expect direct paths to most, \
             after a second or two over the relay. A port that your router opens (UPnP, NAT-PMP or \
             PCP) would make it all."
                .to_owned()
        }
        Verdict::Block => {
            "Your NAT draws ports out of a small block, as carriers do: direct paths are found by \
             many tries, within half a minute, while the relay carries the chat. IPv6 would help; \
             ask your provider for it."
                .to_owned()
        }
        Verdict::Random | Verdict::Difficult => {
            "Your NAT gives each connection another port: expect direct paths to those whose NAT is \
             easy, after some tries, and the relay to others. Let your router open \
             ports (UPnP, NAT-PMP or PCP), or use IPv6."
                .to_owned()
        }
        Verdict::Unclear => format!(
            "UDP works, but {server} has no second port that answers, so nothing can be said about \
             your NAT. Whoever runs the server can open the next UDP port too (discovery = true)."
        ),
    }
}

/// The network, and each server. What is said of the server of which the verdict speaks stands also
/// beside the network's: most people have one.
fn value(names: &[String], findings: &Findings) -> Value {
    let verdict = verdict(findings);
    let about = subject(findings, verdict);
    let servers = names.iter().zip(&findings.servers);
    let servers: Vec<Value> = servers.map(|(name, found)| server(name, found)).collect();
    let mut object = network(findings);
    if let (Value::Object(object), Some(Value::Object(server))) = (&mut object, servers.get(about))
    {
        object.extend(server.clone());
        let name = names.get(about).map_or("", String::as_str);
        let found = findings.servers.get(about);
        object.insert("verdict".to_owned(), json!(code(verdict)));
        object.insert("sentence".to_owned(), json!(sentence(name, found, verdict)));
        object.insert("servers".to_owned(), json!(servers));
    }
    object
}

fn addresses(list: &[SocketAddr]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

fn server(name: &str, found: &ServerFindings) -> Value {
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
        "sentence": trouble.map(|trouble| sentence(name, Some(found), trouble)),
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
        let said = text(&names(&["chat.example.org"]), &home());
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
            serde_json::from_str(&object(&names(&["host"]), &home())).expect("JSON");
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
        let said = text(&names(&["h\u{1b}[2J", "\u{1b}c"]), &Findings { servers, ..home() });
        assert!(!said.contains('\u{1b}'), "{said:?}");
    }

    #[test]
    fn of_several_servers_each_has_its_rows_and_a_sentence_if_it_is_in_trouble() {
        let dead = ServerFindings { asked: well().asked, tcp: Tcp::Silent, ..Default::default() };
        let servers = vec![dead, ServerFindings { tcp: Tcp::Tls, ..well() }];
        let findings = Findings { servers, surveyed: Some(1), ..home() };
        let hosts = names(&["one.example", "two.example"]);
        let said = text(&hosts, &findings);
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

        let object: Value = serde_json::from_str(&object(&hosts, &findings)).expect("JSON");
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
