//! Asking the router to forward a port: PCP, NAT-PMP, UPnP-IGD.
//!
//! A router that does as it is asked makes its NAT harmless, whatever its kind. PCP and NAT-PMP are
//! `portmapper`'s, UPnP is [`upnp`](super::upnp)'s; whom to ask, how and when is decided here. The
//! router is asked for a port by PCP, and at the same time what else it speaks; then by what it does
//! speak. Silence is an answer only when a second question meets it too: the first may have got lost. A
//! lease is renewed for as long as we run. A router that refuses is asked again after growing pauses,
//! and any router when the network is another one.

use std::net::{SocketAddr, SocketAddrV4};
use std::num::NonZeroU16;
use std::time::Duration;

use p2pchat_wire::address::{is_local, is_permitted};
use portmapper::{Client, Config, ProbeOutput, Protocol};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::interfaces::Uplink;
use super::upnp::Igd;
use crate::proto::{MappingProtocol, PortMapping};

/// How long a router may take to say whether it speaks PCP and NAT-PMP.
const PROBE: Duration = Duration::from_secs(1);

/// How often a router is asked before its silence counts. RFC 6886 section 3.1 asks nine times within a
/// minute and RFC 6887 section 8.1.1 for ever; the search for UPnP, a second long, leaves time for two.
const ATTEMPTS: usize = 2;

/// How often a port is asked for again by UPnP: routers forget it when they restart.
const RENEWAL: Duration = Duration::from_secs(20 * 60);

/// What `portmapper` does for us.
const SIMPLE: Config =
    Config { enable_upnp: false, enable_pcp: true, enable_nat_pmp: true, protocol: Protocol::Udp };

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
            Ok(lease) => {
                pause = PAUSE;
                let moved = tokio::select! {
                    () = lease.until_lost(port, &tell) => Ok(()),
                    moved = uplinks.changed() => moved,
                };
                let _ = timeout(RELEASE, lease.release()).await;
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

/// A port that the router forwards.
enum Lease {
    /// The client renews it.
    Client { by: MappingProtocol, client: Client },
    /// We renew it.
    Igd { igd: Igd, external: SocketAddrV4 },
}

/// Asks the router: a port, or why there is none.
async fn obtain(
    uplink: &Uplink,
    port: NonZeroU16,
    tell: &watch::Sender<PortMapping>,
) -> Result<Lease, PortMapping> {
    let (Some(address), Some(gateway)) = (uplink.address, uplink.gateway) else {
        return Err(PortMapping::NoRouter);
    };
    if !is_local(address.into()) {
        return Err(PortMapping::Needless);
    }
    tell.send_replace(PortMapping::Asking);
    // Whoever has a port has all that was wanted: an error, to the joins below.
    let simple = async {
        let attempt = async |by| attempt(by, port).await.map_or(Ok(()), Err);
        let pcp = attempt(MappingProtocol::Pcp);
        let ((), spoken) = tokio::try_join!(pcp, async { Ok(spoken().await) })?;
        for by in spoken.iter().flat_map(|&by| [by; ATTEMPTS]) {
            attempt(by).await?;
        }
        Ok(spoken)
    };
    // The search for UPnP takes a second where there is none.
    let (spoken, igd) =
        match tokio::try_join!(simple, async { Ok(Igd::find(address, gateway).await) }) {
            Ok(nothing) => nothing,
            Err(lease) => return Ok(lease),
        };
    let upnp = igd.is_some().then_some(MappingProtocol::Upnp);
    if let Some(igd) = igd
        && let Some(external) = igd.forward(port.get(), port.get()).await
        && usable(Some(external)).is_some()
    {
        return Ok(Lease::Igd { igd, external });
    }
    let first = spoken.first().copied().or(upnp);
    Err(first.map_or(PortMapping::Unsupported, |by| PortMapping::Refused { by }))
}

/// Asks for a port once by one protocol of `portmapper`'s.
async fn attempt(by: MappingProtocol, port: NonZeroU16) -> Option<Lease> {
    let client = Client::new(Config {
        enable_pcp: by == MappingProtocol::Pcp,
        enable_nat_pmp: by == MappingProtocol::NatPmp,
        ..SIMPLE
    });
    client.update_local_port(port);
    // `portmapper` gives the router half a second for each answer, of which NAT-PMP takes two.
    let patience = Duration::from_millis(if by == MappingProtocol::Pcp { 600 } else { 1_100 });
    let mut external = client.watch_external_address();
    let answered = timeout(patience, external.wait_for(|said| usable(*said).is_some())).await;
    matches!(answered, Ok(Ok(_))).then_some(Lease::Client { by, client })
}

/// Which of the two simple protocols the router speaks.
async fn spoken() -> Vec<MappingProtocol> {
    for _ in 0..ATTEMPTS {
        // A new client: one remembers for seconds that nobody answered.
        let client = Client::new(SIMPLE);
        let answer = timeout(PROBE, client.probe()).await;
        if let Ok(Ok(Ok(ProbeOutput { pcp, nat_pmp, .. }))) = answer
            && (pcp || nat_pmp)
        {
            let spoken = [(pcp, MappingProtocol::Pcp), (nat_pmp, MappingProtocol::NatPmp)];
            return spoken
                .into_iter()
                .filter_map(|(speaks, protocol)| speaks.then_some(protocol))
                .collect();
        }
    }
    Vec::new()
}

impl Lease {
    /// Tells where the router forwards from, until it does so no more.
    async fn until_lost(&self, port: NonZeroU16, tell: &watch::Sender<PortMapping>) {
        let tell = |by, external| {
            let state = PortMapping::Mapped { by, external };
            tracing::debug!(%state, "port mapping");
            tell.send_if_modified(|told| std::mem::replace(told, state) != state);
        };
        match self {
            Self::Client { by, client } => {
                let mut said = client.watch_external_address();
                loop {
                    let Some(external) = usable(*said.borrow_and_update()) else { return };
                    tell(*by, external);
                    if said.changed().await.is_err() {
                        return;
                    }
                }
            }
            Self::Igd { igd, external } => {
                let mut said = Some(*external);
                while let Some(external) = usable(said) {
                    tell(MappingProtocol::Upnp, external);
                    sleep(RENEWAL).await;
                    said = igd.forward(port.get(), external.port()).await;
                }
            }
        }
    }

    /// Gives the port back. A client that is dropped sends nothing, and a probe is answered after
    /// what it was asked before.
    async fn release(self) {
        match self {
            Self::Client { client, .. } => {
                client.deactivate();
                let _ = client.probe().await;
            }
            Self::Igd { igd, external } => igd.release(external.port()).await,
        }
    }
}

/// A router may say what it likes, and one without an address outside says 0.0.0.0: the endpoint, if
/// anybody could reach it.
fn usable(said: Option<SocketAddrV4>) -> Option<SocketAddr> {
    said.map(SocketAddr::from).filter(|&endpoint| is_permitted(endpoint, false))
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
