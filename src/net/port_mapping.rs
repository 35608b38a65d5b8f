//! Asking the router to forward a port: PCP, NAT-PMP, UPnP-IGD.
//!
//! A router that does as it is asked makes its NAT harmless, whatever its kind. The protocols are
//! `portmapper`'s; whom to ask, how and when is decided here. The router is asked for a port by PCP,
//! and at the same time what it speaks at all; then for a port by each protocol that it does speak.
//! Each is tried by a client of its own, so that it is known which one worked; that client renews the
//! lease. A router that refuses is asked again after growing pauses, and any router when the network
//! is another one.

use std::net::{SocketAddr, SocketAddrV4};
use std::num::NonZeroU16;
use std::time::Duration;

use p2pchat_wire::address::{is_local, is_permitted};
use portmapper::{Client, Config, ProbeOutput, Protocol};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::interfaces::Uplink;
use crate::proto::{MappingProtocol, PortMapping};

/// How long a router may take to say what it speaks. UPnP alone is searched for a second.
const PROBE: Duration = Duration::from_secs(2);

/// The pause after the first refusal; each further one is twice as long.
const PAUSE: Duration = Duration::from_secs(30);

/// The longest pause.
const MAX_PAUSE: Duration = Duration::from_secs(30 * 60);

/// How long a router may take to take a port back. Nobody waits longer at the end of a chat: the
/// lease ends by itself within two hours.
const RELEASE: Duration = Duration::from_millis(500);

/// A port that our router was asked to forward.
#[derive(Debug)]
pub(super) struct Forwarding {
    uplinks: watch::Sender<Uplink>,
    states: watch::Receiver<PortMapping>,
    task: JoinHandle<()>,
}

impl Forwarding {
    /// Asks the router behind `uplink` to forward some UDP port to ours.
    #[expect(clippy::disallowed_methods, reason = "one task, ended with the forwarding")]
    pub(super) fn ask(uplink: Uplink, port: NonZeroU16) -> Self {
        let (uplinks, watched) = watch::channel(uplink);
        let (tell, states) = watch::channel(PortMapping::Off);
        Self { uplinks, states, task: tokio::spawn(keep(port, watched, tell)) }
    }

    /// What is known now.
    pub(super) fn state(&self) -> PortMapping {
        *self.states.borrow()
    }

    /// Waits until something came of it. Dropping the future loses nothing.
    pub(super) async fn changed(&mut self) -> PortMapping {
        if self.states.changed().await.is_err() {
            // The task has ended, which it does only if it is aborted.
            std::future::pending::<()>().await;
        }
        *self.states.borrow_and_update()
    }

    /// Asks again if the machine is elsewhere now, or was asleep while its lease may have run out.
    pub(super) fn ask_again(&self, uplink: Uplink, slept: bool) {
        self.uplinks.send_if_modified(|asked| {
            let elsewhere = *asked != uplink;
            *asked = uplink;
            elsewhere || slept
        });
    }

    /// Gives the port back, as far as the router listens.
    pub(super) async fn release(self) {
        drop(self.uplinks);
        let abort = self.task.abort_handle();
        let _ = timeout(2 * RELEASE, self.task).await;
        abort.abort();
    }
}

/// Keeps a port forwarded until nobody wants it any more, which is when `uplinks` ends.
async fn keep(
    port: NonZeroU16,
    mut uplinks: watch::Receiver<Uplink>,
    tell: watch::Sender<PortMapping>,
) {
    let mut pause = PAUSE;
    loop {
        let uplink = uplinks.borrow_and_update().clone();
        let obtained = tokio::select! {
            obtained = obtain(&uplink, port, &tell) => obtained,
            changed = uplinks.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        let moved = match obtained {
            Ok((by, client)) => {
                pause = PAUSE;
                let moved = tokio::select! {
                    () = until_lost(by, &client, &tell) => Ok(()),
                    moved = uplinks.changed() => moved,
                };
                release(by, client).await;
                moved
            }
            Err(why) => {
                tracing::debug!(%why, "port mapping");
                tell.send_replace(why);
                let again = async {
                    match why {
                        PortMapping::Needless | PortMapping::NoRouter => {
                            std::future::pending().await
                        }
                        _ => sleep(pause).await,
                    }
                };
                tokio::select! {
                    () = again => {
                        pause = (2 * pause).min(MAX_PAUSE);
                        Ok(())
                    }
                    moved = uplinks.changed() => {
                        pause = PAUSE;
                        moved
                    }
                }
            }
        };
        if moved.is_err() {
            return;
        }
    }
}

/// Asks the router: a client that has a port and knows by which protocol, or why there is none.
async fn obtain(
    uplink: &Uplink,
    port: NonZeroU16,
    tell: &watch::Sender<PortMapping>,
) -> Result<(MappingProtocol, Client), PortMapping> {
    let (Some(address), Some(_)) = (uplink.address, uplink.gateway) else {
        return Err(PortMapping::NoRouter);
    };
    if !is_local(address.into()) {
        return Err(PortMapping::Needless);
    }
    tell.send_replace(PortMapping::Asking);
    // The search for UPnP takes a second; where PCP is spoken, nobody waits for it.
    let pcp = async {
        match attempt(MappingProtocol::Pcp, port).await {
            Some(client) => Err((MappingProtocol::Pcp, client)),
            None => Ok(()),
        }
    };
    let spoken = match tokio::try_join!(pcp, async { Ok(spoken().await) }) {
        Ok(((), spoken)) => spoken.ok_or(PortMapping::NoRouter)?,
        Err(obtained) => return Ok(obtained),
    };
    let first = *spoken.first().ok_or(PortMapping::Unsupported)?;
    for by in spoken.into_iter().filter(|&by| by != MappingProtocol::Pcp) {
        if let Some(client) = attempt(by, port).await {
            return Ok((by, client));
        }
    }
    Err(PortMapping::Refused { by: first })
}

/// Asks for a port by one protocol.
async fn attempt(by: MappingProtocol, port: NonZeroU16) -> Option<Client> {
    let client = Client::new(only(by));
    client.update_local_port(port);
    let mut external = client.watch_external_address();
    let answered = timeout(patience(by), external.wait_for(|said| usable(*said).is_some())).await;
    matches!(answered, Ok(Ok(_))).then_some(client)
}

/// What the router speaks, the simplest first. `None` without a router.
async fn spoken() -> Option<Vec<MappingProtocol>> {
    let client = Client::new(Config::default());
    let answer = timeout(PROBE, client.probe()).await;
    let Ok(Ok(Ok(ProbeOutput { upnp, pcp, nat_pmp }))) = answer else {
        // No answer within the time is no protocol; an error is that there is nobody to ask.
        return answer.is_err().then(Vec::new);
    };
    let spoken = [
        (pcp, MappingProtocol::Pcp),
        (nat_pmp, MappingProtocol::NatPmp),
        (upnp, MappingProtocol::Upnp),
    ];
    Some(spoken.into_iter().filter_map(|(speaks, protocol)| speaks.then_some(protocol)).collect())
}

/// Tells where the router forwards from, until it does so no more.
async fn until_lost(by: MappingProtocol, client: &Client, tell: &watch::Sender<PortMapping>) {
    let mut external = client.watch_external_address();
    loop {
        let Some(external_endpoint) = usable(*external.borrow_and_update()) else { return };
        let state = PortMapping::Mapped { by, external: external_endpoint };
        tracing::debug!(%state, "port mapping");
        tell.send_replace(state);
        if external.changed().await.is_err() {
            return;
        }
    }
}

/// A router may say what it likes, and one without an address outside says 0.0.0.0: the endpoint, if
/// anybody could reach it.
fn usable(said: Option<SocketAddrV4>) -> Option<SocketAddr> {
    said.map(SocketAddr::from).filter(|&endpoint| is_permitted(endpoint, false))
}

/// Gives a port back. A client that is dropped sends nothing, and a probe is answered after what it
/// was asked before.
async fn release(by: MappingProtocol, client: Client) {
    client.deactivate();
    let released = timeout(RELEASE, client.probe()).await.is_ok();
    tracing::debug!(%by, released, "port mapping");
}

/// One protocol alone.
fn only(protocol: MappingProtocol) -> Config {
    Config {
        enable_upnp: protocol == MappingProtocol::Upnp,
        enable_pcp: protocol == MappingProtocol::Pcp,
        enable_nat_pmp: protocol == MappingProtocol::NatPmp,
        protocol: Protocol::Udp,
    }
}

/// How long an answer may take: half a second for each datagram that `portmapper` waits for itself,
/// and for UPnP, which it does not limit, a search and three exchanges with a slow router.
fn patience(protocol: MappingProtocol) -> Duration {
    Duration::from_millis(match protocol {
        MappingProtocol::Pcp => 600,
        MappingProtocol::NatPmp => 1_100,
        MappingProtocol::Upnp => 5_000,
    })
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    async fn outcome(address: Option<&str>, gateway: Option<&str>) -> PortMapping {
        let parse = |text: &str| text.parse().expect("address");
        let interface = "eth0".to_owned();
        let (address, gateway) = (address.map(parse), gateway.map(parse));
        let uplink = Uplink { interface, address, gateway };
        let mut forwarding = Forwarding::ask(uplink, NonZeroU16::MIN);
        let state = forwarding.changed().await;
        forwarding.release().await;
        state
    }

    #[tokio::test]
    async fn nobody_is_asked_where_there_is_nobody_or_nothing_to_ask_for() {
        assert_eq!(outcome(Some("192.168.0.7"), None).await, PortMapping::NoRouter);
        assert_eq!(outcome(None, Some("192.168.0.1")).await, PortMapping::NoRouter);
        let public = outcome(Some("203.0.113.7"), Some("203.0.113.1")).await;
        assert_eq!(public, PortMapping::Needless);
    }

    #[test]
    fn a_router_that_names_nobody_forwards_nothing() {
        let said = |text: &str| usable(text.parse().ok());
        for nobody in ["0.0.0.0:4000", "127.0.0.1:4000", "224.0.0.1:4000", "192.0.2.1:0", ""] {
            assert_eq!(said(nobody), None, "{nobody}");
        }
        assert!(said("192.0.2.1:4000").is_some() && said("10.0.0.1:4000").is_some());
    }

    #[tokio::test]
    async fn another_network_is_another_question() {
        let mut forwarding = Forwarding::ask(Uplink::default(), NonZeroU16::MIN);
        assert_eq!(forwarding.changed().await, PortMapping::NoRouter);
        let address = Some(Ipv4Addr::new(203, 0, 113, 7));
        forwarding.ask_again(Uplink { address, gateway: address, ..Uplink::default() }, false);
        assert_eq!(forwarding.changed().await, PortMapping::Needless);
        forwarding.release().await;
    }
}
