//! The rendezvous that we use: where its host name leads, and why it is not reached.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use crate::chat;
use crate::config::Rendezvous;
use crate::net::{ResolveError, resolve};
use crate::proto::{Command, Event, RendezvousTrouble, ServerId};
use crate::ui::Cause;

/// The first pause after a name server failed; it doubles up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_secs(1);

/// The longest pause between two questions to a name server.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The pause before the name of a server that does not answer is asked for again: it may have moved.
const MOVED: Duration = Duration::from_secs(10);

type Resolving = Pin<Box<dyn Future<Output = Result<Vec<SocketAddr>, ResolveError>> + Send>>;

/// Where our rendezvous is.
pub(super) struct Home {
    server: ServerId,
    rendezvous: Rendezvous,
    token: Option<[u8; 32]>,
    addresses: Vec<SocketAddr>,
    pause: Duration,
    resolving: Option<Resolving>,
    cause: Option<Cause>,
}

/// What came of a look-up.
pub(super) enum News {
    /// Tell the endpoint.
    Use(Command),
    /// The host has no address that we could try. It is asked for again by itself.
    Unreachable(ServerId),
}

impl Home {
    /// `known` is what earlier runs learnt about the server. Starts looking it up.
    pub(super) fn new(
        server: ServerId,
        rendezvous: Rendezvous,
        known: Option<&chat::Rendezvous>,
    ) -> Self {
        let key = rendezvous.key.or_else(|| known.and_then(|known| known.key));
        let mut home = Self {
            server,
            rendezvous: Rendezvous { key, ..rendezvous },
            token: known.and_then(|known| known.token),
            addresses: Vec::new(),
            pause: PAUSE,
            resolving: None,
            cause: None,
        };
        home.look_up_in(Duration::ZERO);
        home
    }

    /// Where it is, as the person wrote it.
    pub(super) fn host(&self) -> String {
        self.rendezvous.host.to_string()
    }

    /// Why the server is not reached, if that is known.
    pub(super) fn cause(&self) -> Option<&Cause> {
        self.cause.as_ref()
    }

    /// Learns from what the endpoint reports.
    pub(super) fn observe(&mut self, event: &Event) {
        match event {
            Event::RendezvousKey { server, key } if *server == self.server => {
                self.rendezvous.key = Some(*key);
            }
            Event::Registered { server, token, .. } if *server == self.server => {
                self.token = Some(*token);
            }
            Event::RendezvousTrouble { server, trouble: RendezvousTrouble::Unreachable }
                if *server == self.server =>
            {
                self.cause = Some(self.silence());
                self.look_up_in(MOVED);
            }
            _ => {}
        }
    }

    /// Waits for the end of a look-up, if one is under way.
    pub(super) async fn next(&mut self) -> News {
        loop {
            let Some(resolving) = &mut self.resolving else {
                return std::future::pending().await;
            };
            let found = resolving.await;
            self.resolving = None;
            match found {
                Ok(addresses) => {
                    self.pause = PAUSE;
                    if self.addresses != addresses {
                        self.addresses = addresses;
                        return News::Use(self.command());
                    }
                }
                Err(error) => {
                    self.look_up_in(self.pause);
                    self.pause = LONGEST_PAUSE.min(2 * self.pause);
                    // Addresses that worked before are still worth trying.
                    if self.addresses.is_empty() {
                        self.cause = Some(unresolved(error));
                        return News::Unreachable(self.server);
                    }
                }
            }
        }
    }

    fn command(&self) -> Command {
        Command::UseRendezvous {
            server: self.server,
            addresses: self.addresses.clone(),
            key: self.rendezvous.key,
            token: self.token,
        }
    }

    /// An address needs one look-up; a name may mean another server next time.
    fn look_up_in(&mut self, pause: Duration) {
        let (host, port) = (self.rendezvous.host.host().to_owned(), self.rendezvous.host.port());
        if self.resolving.is_none() && (self.is_name() || self.addresses.is_empty()) {
            self.resolving = Some(Box::pin(async move {
                tokio::time::sleep(pause).await;
                resolve(&host, port).await
            }));
        }
    }

    fn silence(&self) -> Cause {
        let addresses: Vec<String> =
            self.addresses.iter().take(3).map(ToString::to_string).collect();
        let mut server = addresses.join(", ");
        if self.is_name() {
            server = format!("{} ({server})", self.rendezvous.host);
        }
        Cause::Silence { server }
    }

    fn is_name(&self) -> bool {
        self.rendezvous.host.host().parse::<IpAddr>().is_err()
    }
}

fn unresolved(error: ResolveError) -> Cause {
    match error {
        ResolveError::Failed { host, cause } => Cause::Unresolved { host, why: cause.to_string() },
        ResolveError::Empty { host } => Cause::NoAddress { host },
        ResolveError::TimedOut { host, waited } => Cause::NoNameServer { host, waited },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_is_used_at_once_with_what_is_known_of_the_server() {
        let key = p2pchat_wire::identity::PeerId([7; 32]);
        let known = chat::Rendezvous {
            host: "192.0.2.1".to_owned(),
            key: Some(key),
            token: Some([9; 32]),
            name: None,
            used_at: chat::Timestamp(0),
            place: None,
        };
        let mut home =
            Home::new(ServerId::FIRST, "192.0.2.1".parse().expect("address"), Some(&known));
        let News::Use(Command::UseRendezvous { addresses, key: used, token, .. }) =
            home.next().await
        else {
            panic!("an address")
        };
        assert_eq!(addresses, ["192.0.2.1:3478".parse().expect("address")]);
        assert_eq!((used, token), (Some(key), Some([9; 32])));
    }

    #[tokio::test]
    async fn silence_is_named_with_the_address_that_was_tried() {
        let mut home = Home::new(ServerId::FIRST, "192.0.2.1:9".parse().expect("address"), None);
        home.next().await;
        home.observe(&Event::RendezvousTrouble {
            server: ServerId::FIRST,
            trouble: RendezvousTrouble::Unreachable,
        });
        let cause = home.cause().expect("a cause");
        assert_eq!(*cause, Cause::Silence { server: "192.0.2.1:9".to_owned() });
    }
}
