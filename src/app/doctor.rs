//! `p2pchat doctor`: what stands between this computer and the rendezvous, and with `--peer`, why the
//! path to a person is what it is (`meeting.rs`).

use super::peer::{StartError, now, random};
use super::{Failure, meeting, profile};
use crate::chat::{ExitCode, Snapshot};
use crate::config::{ConfigError, Face, Rendezvous, Wanted};
use crate::net::{Sockets, examine, resolve};
use crate::proto::diagnosis::{Findings, Verdict, verdict};
use crate::store::Reader;
use crate::ui::{Printout, doctor};

/// Finds out and says. The code is 0 if a chat works from here.
///
/// # Errors
///
/// No rendezvous is known, the profile cannot be read, or no socket can be opened.
pub async fn doctor(wanted: Wanted) -> Result<(ExitCode, Vec<Printout>), Failure> {
    // Another p2pchat may be using the profile: it is only read, and need not be there.
    let snapshot = match Reader::open(&profile::directory(wanted.data_dir.clone())?)? {
        Some(reader) => reader.snapshot()?,
        None => Snapshot::default(),
    };
    let rendezvous = whom_to_ask(&wanted, &snapshot)?;
    let host = rendezvous.host.to_string();
    // A name that leads nowhere is a finding too.
    let servers = resolve(rendezvous.host.host(), rendezvous.host.port()).await;
    let sockets = Sockets::bind(wanted.bind)
        .map_err(|cause| StartError::Socket { address: wanted.bind, cause })?;
    let findings =
        examine(&servers.unwrap_or_default(), sockets, wanted.port_mapping, now().0, random()?)
            .await;
    let findings = Findings { expected_key: rendezvous.key, ..findings };
    let printout = match wanted.face {
        Face::Json => doctor::object(&host, &findings),
        Face::Plain | Face::Terminal => doctor::text(&host, &findings),
    };
    let mut printouts = vec![Printout::out(printout)];
    let own = code(verdict(&findings));
    if own != ExitCode::Done || wanted.peer.is_none() {
        return Ok((own, printouts));
    }
    let (code, met) = meeting::meet(wanted).await?;
    printouts.extend(met);
    Ok((code, printouts))
}

/// The rendezvous that is given, else the one in `--peer`, else the last; of several the first. With
/// its key, if known.
fn whom_to_ask(wanted: &Wanted, snapshot: &Snapshot) -> Result<Rendezvous, ConfigError> {
    let theirs = wanted.peer.as_ref().and_then(|peer| peer.rendezvous.clone());
    let remembered = profile::remembered(snapshot).rendezvous.into_iter().next();
    let remembered = remembered.map(|host| Rendezvous { host, key: None });
    let given = wanted.rendezvous.first().cloned().or(theirs).or(remembered);
    let rendezvous = given.ok_or(ConfigError::NoRendezvous)?;
    let known = snapshot.rendezvous(&rendezvous.host.to_string()).and_then(|known| known.key);
    Ok(Rendezvous { key: rendezvous.key.or(known), ..rendezvous })
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
