//! Where a story begins: the server in the core, and people in all the places where people are.

use std::net::SocketAddr;
use std::time::Duration;

use p2pchat::proto::{Command, PathKind, Policy, ServerId};
use p2pchat_wire::DEFAULT_PORT;

use crate::machine::Machine;
use crate::nat::Behaviour;
use crate::server::{ADDRESSES, Rendezvous, server_key};
use crate::talker::{PORT, Talker, identity, named};
use crate::topology::{CORE, HostId, Network, RouterId};
use crate::world::{Host, World};

/// How a host is connected to the Internet.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// With a public address and nothing in front of it.
    Public,
    /// Behind one router.
    Behind(Behaviour),
    /// Behind a router with a NAT for IPv4, and IPv6 behind its firewall.
    DualStack(Behaviour),
    /// Behind a router behind a carrier's.
    Carrier { home: Behaviour, carrier: Behaviour },
}

/// Which of two sets of addresses a place uses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Side {
    Left,
    Right,
}

/// A place in a world.
pub(crate) struct Home {
    pub(crate) network: Network,
    pub(crate) addresses: Vec<&'static str>,
    /// The router next to the host.
    pub(crate) router: Option<RouterId>,
}

impl Place {
    /// Builds the place.
    pub(crate) fn build(self, world: &mut World<Machine>, side: Side) -> Home {
        let left = side == Side::Left;
        let public = if left { "198.51.100.1" } else { "192.0.2.1" };
        let host = if left { "192.168.1.2" } else { "192.168.2.2" };
        let (prefix, host6) = if left {
            ("2001:db8:a::", "2001:db8:a::2")
        } else {
            ("2001:db8:b::", "2001:db8:b::2")
        };
        match self {
            Self::Public => Home { network: CORE, addresses: vec![public], router: None },
            Self::Behind(behaviour) => behind(world, CORE, public, behaviour, host),
            Self::DualStack(behaviour) => {
                let wall = Behaviour::firewall();
                let (network, router) = world.add_dual_stack(CORE, public, behaviour, prefix, wall);
                Home { network, addresses: vec![host, host6], router: Some(router) }
            }
            Self::Carrier { home, carrier } => {
                let (inside, _) = world.add_nat(CORE, public, carrier);
                behind(world, inside, "100.64.0.2", home, host)
            }
        }
    }
}

/// A host's place behind one router.
pub(crate) fn behind(
    world: &mut World<Machine>,
    outer: Network,
    external: &str,
    behaviour: Behaviour,
    host: &'static str,
) -> Home {
    let (network, router) = world.add_nat(outer, external, behaviour);
    Home { network, addresses: vec![host], router: Some(router) }
}

/// A world with a server and two peers.
pub(crate) struct Scene {
    pub(crate) world: World<Machine>,
    pub(crate) server: HostId,
    pub(crate) alice: HostId,
    pub(crate) bob: HostId,
    pub(crate) routers: [Option<RouterId>; 2],
}

impl Scene {
    /// Two peers at home, each in its place. Nobody has spoken yet.
    pub(crate) fn new(seed: u64, alice: Place, bob: Place) -> Self {
        Self::built(seed, |world| [alice.build(world, Side::Left), bob.build(world, Side::Right)])
    }

    /// Two peers in places that `build` makes.
    pub(crate) fn built(seed: u64, build: impl FnOnce(&mut World<Machine>) -> [Home; 2]) -> Self {
        Self::on_disk(seed, Duration::ZERO, build)
    }

    /// As [`Self::built`], with a server whose disk takes `commit` to write a name.
    pub(crate) fn on_disk(
        seed: u64,
        commit: Duration,
        build: impl FnOnce(&mut World<Machine>) -> [Home; 2],
    ) -> Self {
        let mut world = World::seeded(seed);
        let server = add_server(&mut world, commit);
        let homes = build(&mut world);
        let routers = [homes[0].router, homes[1].router];
        let [alice, bob] = ["alice", "bob"]
            .into_iter()
            .zip(homes)
            .map(|(name, home)| {
                let seed = world.random.array();
                let talker = Talker::new(name, world.now(), seed, Policy::Any);
                let machine = Machine::Talker(Box::new(talker));
                world.add_host(home.network, &home.addresses, machine)
            })
            .collect::<Vec<_>>()
            .try_into()
            .expect("two names and two homes");
        Self { world, server, alice, bob, routers }
    }

    /// Tells a peer its own addresses and the server's; with a token from an earlier run, if any.
    pub(crate) fn start(&mut self, who: HostId, token: Option<[u8; 32]>) {
        self.start_with(who, token, Vec::new());
    }

    /// As [`Self::start`], with wishes that are known from the beginning.
    pub(crate) fn start_with(
        &mut self,
        who: HostId,
        token: Option<[u8; 32]>,
        wishes: Vec<Command>,
    ) {
        let name = named(self.world.host(who).name());
        let mut commands = vec![
            Command::SetHostCandidates(host_candidates(&self.world, who)),
            Command::Register(name),
        ];
        commands.extend(wishes);
        // Last, so that everything fits into the first exchange.
        let addresses = self.server_addresses(who);
        let key = token.map(|_| server_key());
        commands.push(Command::UseRendezvous { server: ServerId::FIRST, addresses, key, token });
        self.world.with(who, |machine, now| {
            for command in commands {
                machine.talker_mut().command(now, command);
            }
        });
    }

    /// The server's address of each family that a host has.
    fn server_addresses(&self, who: HostId) -> Vec<SocketAddr> {
        let own = self.world.addresses(who);
        let all = self.world.addresses(self.server);
        [true, false]
            .into_iter()
            .filter(|v4| own.iter().any(|own| own.is_ipv4() == *v4))
            .filter_map(|v4| all.iter().find(|ip| ip.is_ipv4() == v4))
            .map(|&ip| SocketAddr::new(ip, DEFAULT_PORT))
            .collect()
    }

    pub(crate) fn command(&mut self, who: HostId, command: Command) {
        self.world.with(who, |machine, now| machine.talker_mut().command(now, command));
    }

    pub(crate) fn say(&mut self, who: HostId, line: &str) {
        self.world.with(who, |machine, now| machine.talker_mut().say(now, line.as_bytes()));
    }

    pub(crate) fn talker(&self, who: HostId) -> &Talker {
        self.world.host(who).talker()
    }

    /// A router loses its table.
    pub(crate) fn rebind(&mut self, router: RouterId) {
        self.world.note("a router forgets its mappings".to_owned());
        let router = self.world.router(router);
        for table in router.nat.iter_mut().chain(router.firewall.iter_mut().map(|(_, wall)| wall)) {
            table.rebind();
        }
    }

    /// The server's process dies and starts again, knowing the names.
    pub(crate) fn restart_server(&mut self) {
        let now = self.world.now();
        let seed = self.world.random.array();
        let next = self.world.host(self.server).server().restarted(now, seed);
        self.world.replace(self.server, Machine::Server(Box::new(next)));
    }

    /// Another server, with a key of its own.
    pub(crate) fn add_second_server(&mut self, address: &str) -> HostId {
        let seed = self.world.random.array();
        let server = Rendezvous::impostor(self.world.now(), seed);
        self.world.add_host(CORE, &[address], Machine::Server(Box::new(server)))
    }

    /// A peer's process dies and another takes its place, which has not been started yet.
    pub(crate) fn recreate(&mut self, who: HostId, policy: Policy) {
        let seed = self.world.random.array();
        let name = self.world.host(who).name();
        let talker = Talker::new(name, self.world.now(), seed, policy);
        self.world.replace(who, Machine::Talker(Box::new(talker)));
    }

    /// The text of the lines that a peer has got.
    pub(crate) fn heard(&self, who: HostId) -> Vec<String> {
        let lines = self.talker(who).heard.iter();
        lines.map(|(_, line)| String::from_utf8_lossy(line).into_owned()).collect()
    }

    /// Starts both, lets both register, and has Alice call Bob.
    pub(crate) fn call(&mut self) {
        for who in [self.alice, self.bob] {
            self.start(who, None);
        }
        self.world.run_until(Duration::from_secs(30), "both are registered", |world| {
            world.talkers().all(Talker::is_registered)
        });
        self.command(self.alice, Command::Connect(named("bob").into()));
    }

    /// As [`Self::call`], and waits until both use a path of this kind.
    #[track_caller]
    pub(crate) fn meet(&mut self, path: PathKind) {
        self.call();
        self.wait_for_path(Duration::from_secs(10), path);
    }

    #[track_caller]
    pub(crate) fn wait_for_path(&mut self, limit: Duration, path: PathKind) -> Duration {
        let what = format!("both use {path:?}");
        self.world.run_until(limit, &what, |world| {
            world.talkers().all(|talker| talker.path() == Some(path))
        })
    }
}

/// Puts a server into the core.
pub(crate) fn add_server(world: &mut World<Machine>, commit: Duration) -> HostId {
    let seed = world.random.array();
    let server = Rendezvous::new(world.now(), commit, seed);
    let machine = Machine::Server(Box::new(server));
    world.add_host(CORE, &ADDRESSES, machine)
}

/// Every address of a host, with the port of its socket.
pub(crate) fn host_candidates(world: &World<Machine>, who: HostId) -> Vec<SocketAddr> {
    world.addresses(who).iter().map(|&ip| SocketAddr::new(ip, PORT)).collect()
}

/// Bob's or Alice's public key.
pub(crate) fn key_of(name: &str) -> p2pchat_wire::identity::PeerId {
    identity(name).id()
}
