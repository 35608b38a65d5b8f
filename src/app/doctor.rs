//! `p2pchat doctor`: what stands between this computer and its rendezvous servers, and with `--peer`, why the
//! path to a person is what it is (`meeting.rs`).

use std::net::SocketAddr;

use super::peer::{StartError, now, random};
use super::{Failure, meeting, profile, unlock};
use crate::chat::{ExitCode, Snapshot};
use crate::config::{ConfigError, Face, Rendezvous, Wanted};
use crate::net::{Sockets, examine, resolve};
use crate::proto::diagnosis::{Verdict, verdict};
use crate::store::Reader;
use crate::ui::language::Language;
use crate::ui::{Printout, doctor};

/// Finds out and says. The code is 0 if a chat works from here.
///
/// # Errors
///
/// No rendezvous is known, the profile cannot be read, or no socket can be opened.
pub async fn doctor(
    wanted: Wanted,
    language: &Language,
) -> Result<(ExitCode, Vec<Printout>), Failure> {
    // Another p2pchat may be using the profile: it is only read, and need not be there.
    let dir = profile::directory(wanted.data_dir.clone())?;
    let key = unlock::key(&dir, language)?;
    let snapshot = match Reader::unlock(&dir, key.as_ref())? {
        Some(reader) => reader.snapshot()?,
        None => Snapshot::default(),
    };
    let servers = whom_to_ask(&wanted, &snapshot)?;
    let hosts: Vec<String> = servers.iter().map(|server| server.host.to_string()).collect();
    let addresses = resolve_all(&servers).await;
    let sockets = Sockets::bind(wanted.bind)
        .map_err(|cause| StartError::Socket { address: wanted.bind, cause })?;
    let mut findings = examine(&addresses, sockets, wanted.port_mapping, now().0, random()?).await;
    for (found, server) in findings.servers.iter_mut().zip(&servers) {
        found.expected_key = server.key;
    }
    let known = findings.mapped.map(|mapped| snapshot.upkeep(mapped.ip(), now()));
    findings.upkeep = known.unwrap_or_default();
    let printout = match wanted.face {
        Face::Json => doctor::object(&hosts, &findings, &Language::default()),
        Face::Plain | Face::Line | Face::Screen => doctor::text(&hosts, &findings, language),
    };
    let mut printouts = vec![Printout::out(printout)];
    let own = code(verdict(&findings));
    if own != ExitCode::Done || wanted.peer.is_none() {
        return Ok((own, printouts));
    }
    let (code, met) = meeting::meet(wanted, &dir, key, language).await?;
    printouts.extend(met);
    Ok((code, printouts))
}

/// The addresses of each. A name that leads nowhere is a finding too.
#[expect(
    clippy::disallowed_methods,
    reason = "a dead name server takes its seconds once, not four times"
)]
async fn resolve_all(servers: &[Rendezvous]) -> Vec<Vec<SocketAddr>> {
    let hosts = servers.iter().map(|server| server.host.clone());
    let resolving = hosts.map(|at| async move { resolve(at.host(), at.port()).await });
    let resolving: Vec<_> = resolving.map(tokio::spawn).collect();
    let mut addresses = Vec::new();
    for resolved in resolving {
        addresses.push(resolved.await.ok().and_then(Result::ok).unwrap_or_default());
    }
    addresses
}

/// The servers that a chat with these options would use, with their keys where they are known.
fn whom_to_ask(wanted: &Wanted, snapshot: &Snapshot) -> Result<Vec<Rendezvous>, ConfigError> {
    let mut servers = wanted.servers(&profile::remembered(snapshot))?;
    if servers.is_empty() {
        return Err(ConfigError::NoRendezvous);
    }
    for server in &mut servers {
        let known = snapshot.rendezvous(&server.host.to_string()).and_then(|known| known.key);
        server.key = server.key.or(known);
    }
    Ok(servers)
}

fn code(verdict: Verdict) -> ExitCode {
    match verdict {
        Verdict::Offline
        | Verdict::NoAddress
        | Verdict::Unreachable
        | Verdict::NotListening
        | Verdict::NoRendezvous => ExitCode::RendezvousUnreachable,
        Verdict::OtherVersion => ExitCode::Version,
        Verdict::OtherKey => ExitCode::KeyChanged,
        Verdict::UdpBlocked
        | Verdict::SmallMtu
        | Verdict::Public
        | Verdict::Firewalled
        | Verdict::Easy
        | Verdict::Mapped
        | Verdict::EasyOverIpv6
        | Verdict::Predictable
        | Verdict::Block
        | Verdict::Random
        | Verdict::Difficult
        | Verdict::Unclear => ExitCode::Done,
    }
}
