//! A small Internet out of network namespaces: a routed core, a server with two addresses, and
//! homes behind routers.
//!
//! The core routes and does not bridge, so that a packet with a low time to live dies between two
//! routers as it does on the Internet; it also swallows what has fewer than [`FAR`] hops left.
//! Interfaces are made inside their namespaces, so labs do not meet, however many run at once.
//! A world removes itself; one whose process was killed is removed by the next.

use std::cell::{Cell, RefCell};
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use super::nat::{FIREWALL_V6, Nat};

/// The server's two addresses; the second is for behaviour discovery (RFC 5780 §3).
pub(crate) const SERVER: [Ipv4Addr; 2] =
    [Ipv4Addr::new(203, 0, 113, 10), Ipv4Addr::new(203, 0, 113, 20)];

/// The server's IPv6 address in worlds that have IPv6.
pub(crate) const SERVER_V6: &str = "2001:db8::10";

/// Hops from the core to the far edge: what arrives at the core with less goes no farther.
const FAR: u8 = 4;

/// All namespaces of one Internet. Dropped, it is gone with everything that runs in it.
#[derive(Debug)]
pub(crate) struct World {
    prefix: String,
    spaces: RefCell<Vec<String>>,
    sites: Cell<u8>,
    homes: Cell<u8>,
    v6: bool,
}

/// A router with a home behind it.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    /// The namespace that translates.
    pub(crate) router: String,
    /// The router's address on the outside.
    pub(crate) wan: Ipv4Addr,
    nat: Nat,
    lan: [u8; 3],
    hosts: u8,
}

impl World {
    /// The core and the server, with IPv4 alone.
    pub(crate) fn new() -> Self {
        Self::build(false)
    }

    /// The core and the server, with IPv6 too.
    pub(crate) fn with_v6() -> Self {
        Self::build(true)
    }

    fn build(v6: bool) -> Self {
        static STALE: Once = Once::new();
        static WORLDS: AtomicU32 = AtomicU32::new(0);
        STALE.call_once(remove_stale);
        let number = WORLDS.fetch_add(1, Ordering::Relaxed);
        let world = Self {
            prefix: format!("p2plab{}-{number}-", std::process::id()),
            spaces: RefCell::default(),
            sites: Cell::new(0),
            homes: Cell::new(0),
            v6,
        };
        world.space("core");
        world.forwards("core");
        world.space("srv");
        let [first, second] = SERVER;
        world.wire("core", "c-srv", "203.0.113.1/24", "srv", "wan", &format!("{first}/24"));
        world
            .ip("srv", &format!("addr add {second}/24 dev wan\nroute add default via 203.0.113.1"));
        if v6 {
            world.ip("core", "-6 addr add 2001:db8::1/64 dev c-srv nodad");
            world.ip("srv", &format!("-6 addr add {SERVER_V6}/64 dev wan nodad"));
            world.ip("srv", "-6 route add default via 2001:db8::1");
        }
        world.nft(
            "core",
            &format!(
                "table ip far {{\n chain through {{\n type filter hook forward priority 0;\n \
                 ip ttl < {FAR} drop\n }}\n}}\n"
            ),
        );
        world
    }

    /// A router on the Internet, and a network behind it for homes, hosts or further routers.
    pub(crate) fn home(&self, nat: Nat) -> Home {
        let (name, wan) = self.site("r");
        let home = self.translates(name, wan, nat);
        if self.v6 {
            let (site, net) = (self.sites.get() - 1, home.lan[2]);
            self.ip(&home.router, &format!("-6 addr add 2001:db8:1:{net:x}::1/64 dev lan nodad"));
            self.ip(
                "core",
                &format!("-6 route add 2001:db8:1:{net:x}::/64 via 2001:db8:a:{site:x}::2"),
            );
            self.nft(&home.router, FIREWALL_V6);
        }
        home
    }

    /// A router behind another: a home behind a carrier's translation. It has IPv4 alone.
    pub(crate) fn home_behind(&self, carrier: &mut Home, nat: Nat) -> Home {
        let name = format!("rr{}", self.homes.get());
        self.space(&name);
        let wan = self.plug_in(carrier, &name, "wan");
        self.translates(name, wan, nat)
    }

    /// A host with an address of its own and nothing in between.
    pub(crate) fn public_host(&self) -> String {
        self.site("p").0
    }

    /// A host in a home. Its address is the return value's second half.
    pub(crate) fn host(&self, home: &mut Home) -> (String, Ipv4Addr) {
        let name = format!("h{}-{}", home.lan[2], home.hosts);
        self.space(&name);
        let address = self.plug_in(home, &name, "eth0");
        if self.v6 && home.router.starts_with("r") && !home.router.starts_with("rr") {
            let net = home.lan[2];
            self.ip(
                &name,
                &format!("-6 addr add 2001:db8:1:{net:x}::{:x}/64 dev eth0 nodad", home.hosts),
            );
            self.ip(&name, &format!("-6 route add default via 2001:db8:1:{net:x}::1"));
        }
        (name, address)
    }

    /// Whether IPv6 is there.
    pub(crate) fn has_v6(&self) -> bool {
        self.v6
    }

    /// Runs a batch of `ip` commands, one a line, inside a namespace.
    pub(crate) fn ip(&self, space: &str, batch: &str) {
        for line in batch.lines() {
            let mut command = Command::new("ip");
            command.args(["-n", &self.full(space)]).args(line.split_whitespace());
            succeed(command, None);
        }
    }

    /// Adds rules inside a namespace.
    pub(crate) fn nft(&self, space: &str, rules: &str) {
        let mut command = self.command(space, "nft");
        command.args(["-f", "-"]);
        succeed(command, Some(rules));
    }

    /// Runs a program inside a namespace to its end; what it printed.
    pub(crate) fn run(&self, space: &str, program: &str, args: &[&str]) -> String {
        let mut command = self.command(space, "timeout");
        command.args(["-k", "1", "60", program]).args(args);
        let output = command.stdin(Stdio::null()).output().expect("ip netns exec starts");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    /// A program to be started inside a namespace.
    pub(crate) fn command(&self, space: &str, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.full(space)]).arg(program.as_ref());
        command.env("PATH", path()).env("P2PCHAT_LANG", "en").env("P2PCHAT_STRANGERS", "accept");
        command
    }

    /// Takes a host out of its network and into another.
    pub(crate) fn move_host(&self, host: &str, to: &mut Home) {
        self.ip(host, "link del eth0");
        self.plug_in(to, host, "eth0");
    }

    /// Takes the cable out of a host, or puts it back.
    pub(crate) fn cable(&self, home: &Home, host: &str, plugged: bool) {
        let state = if plugged { "up" } else { "down" };
        self.ip(&home.router, &format!("link set l-{host} {state}"));
    }

    /// A router forgets every flow over which nothing goes for so many seconds.
    pub(crate) fn forgets_after(&self, home: &Home, seconds: u64) {
        let mut command = self.command(&home.router, "sysctl");
        let name = "net.netfilter.nf_conntrack_udp_timeout";
        command.arg("-qw").args([format!("{name}={seconds}"), format!("{name}_stream={seconds}")]);
        succeed(command, None);
    }

    /// A router forgets every mapping, as at a restart.
    pub(crate) fn reboot(&self, home: &Home) {
        self.run(&home.router, "conntrack", &["-D"]);
    }

    /// Gives a home's router another external address and forgets all flows, as a provider does at
    /// night. The router keeps its place in the Internet.
    pub(crate) fn renumber(&self, home: &mut Home, last: u8) {
        let old = home.wan;
        let [a, b, c, _] = old.octets();
        home.wan = Ipv4Addr::new(a, b, c, last);
        self.ip(
            &home.router,
            &format!(
                "addr add {}/24 dev wan\naddr del {old}/24 dev wan\naddr replace {}/24 dev wan\n\
                 route replace default via {a}.{b}.{c}.1",
                home.wan, home.wan
            ),
        );
        self.reboot(home);
    }

    /// A router is as if nobody had ever used it: no flows, and no memory of who was sent to.
    pub(crate) fn forget(&self, home: &Home) {
        self.run(&home.router, "conntrack", &["-F"]);
        self.nft(&home.router, home.nat.forgetting());
    }

    fn site(&self, kind: &str) -> (String, Ipv4Addr) {
        let number = self.sites.get();
        self.sites.set(number + 1);
        let name = format!("{kind}{number}");
        self.space(&name);
        let net = match number {
            0 => [198, 51, 100],
            1 => [192, 0, 2],
            _ => [198, 18, number],
        };
        let [a, b, c] = net;
        let (near, far) = (Ipv4Addr::new(a, b, c, 1), Ipv4Addr::new(a, b, c, 10));
        self.wire(
            "core",
            &format!("c-{name}"),
            &format!("{near}/24"),
            &name,
            "wan",
            &format!("{far}/24"),
        );
        self.ip(&name, &format!("route add default via {near}"));
        if self.v6 {
            self.ip("core", &format!("-6 addr add 2001:db8:a:{number:x}::1/64 dev c-{name} nodad"));
            self.ip(&name, &format!("-6 addr add 2001:db8:a:{number:x}::2/64 dev wan nodad"));
            self.ip(&name, &format!("-6 route add default via 2001:db8:a:{number:x}::1"));
        }
        (name, far)
    }

    fn translates(&self, router: String, wan: Ipv4Addr, nat: Nat) -> Home {
        let number = self.homes.get();
        self.homes.set(number + 1);
        // A carrier hands out addresses of RFC 6598; a home's are private. Both work as a LAN.
        let lan = [192, 168, number + 1];
        let [a, b, c] = lan;
        self.forwards(&router);
        self.ip(
            &router,
            &format!(
                "link add lan type bridge\naddr add {a}.{b}.{c}.1/24 dev lan\nlink set lan up"
            ),
        );
        self.nft(&router, &nat.ruleset(&wan.to_string()));
        Home { router, wan, nat, lan, hosts: 1 }
    }

    /// Connects a namespace to a home's LAN; its address there.
    fn plug_in(&self, home: &mut Home, space: &str, interface: &str) -> Ipv4Addr {
        home.hosts += 1;
        let [a, b, c] = home.lan;
        let address = Ipv4Addr::new(a, b, c, home.hosts);
        let port = format!("l-{space}");
        self.wire(&home.router, &port, "", space, interface, &format!("{address}/24"));
        self.ip(&home.router, &format!("link set {port} master lan"));
        self.ip(space, &format!("route add default via {a}.{b}.{c}.1"));
        address
    }

    fn space(&self, name: &str) {
        let full = self.full(name);
        let mut command = Command::new("ip");
        command.args(["netns", "add", &full]);
        succeed(command, None);
        self.spaces.borrow_mut().push(full);
        self.ip(name, "link set lo up");
        if self.v6 {
            // Routers ask for neighbours from their link-local addresses, and those would first wait
            // a second for somebody else to claim them.
            self.run(name, "sysctl", &["-qw", "net.ipv6.conf.default.accept_dad=0"]);
        }
    }

    fn wire(&self, a: &str, if_a: &str, addr_a: &str, b: &str, if_b: &str, addr_b: &str) {
        let far = self.full(b);
        self.ip(a, &format!("link add {if_a} type veth peer name {if_b} netns {far}"));
        for (space, interface, address) in [(a, if_a, addr_a), (b, if_b, addr_b)] {
            if !address.is_empty() {
                self.ip(space, &format!("addr add {address} dev {interface}"));
            }
            self.ip(space, &format!("link set {interface} up"));
        }
    }

    fn forwards(&self, space: &str) {
        let mut settings = vec!["net.ipv4.ip_forward=1"];
        if self.v6 {
            settings.push("net.ipv6.conf.all.forwarding=1");
        }
        let mut command = self.command(space, "sysctl");
        command.arg("-qw").args(settings);
        succeed(command, None);
        // Where br_netfilter is loaded, it breaks hairpin on a bridged LAN.
        self.run(space, "sysctl", &["-qw", "net.bridge.bridge-nf-call-iptables=0"]);
    }

    fn full(&self, space: &str) -> String {
        format!("{}{space}", self.prefix)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for space in self.spaces.borrow().iter() {
            remove(space);
        }
    }
}

/// Where the tools are; on Debian a plain user's `PATH` lacks two of the folders.
pub(crate) fn path() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}

/// Removes the worlds of test processes that are no longer there to do it.
fn remove_stale() {
    let Ok(output) = Command::new("ip").args(["netns", "list"]).env("PATH", path()).output() else {
        return;
    };
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let name = line.split_whitespace().next().unwrap_or_default();
        let owner = name.strip_prefix("p2plab").and_then(|rest| rest.split('-').next());
        let Some(owner) = owner.filter(|pid| pid.parse::<u32>().is_ok()) else { continue };
        if !Path::new("/proc").join(owner).exists() {
            remove(name);
        }
    }
}

/// Ends what runs in a namespace, all of which a lab has started, and the namespace.
fn remove(space: &str) {
    let ip = |args: &[&str]| Command::new("ip").args(args).env("PATH", path()).output();
    if let Ok(output) = ip(&["netns", "pids", space]) {
        for pid in String::from_utf8_lossy(&output.stdout).split_whitespace() {
            let _ = Command::new("kill").args(["-9", pid]).stderr(Stdio::null()).status();
        }
    }
    let _ = ip(&["netns", "del", space]);
}

fn succeed(mut command: Command, input: Option<&str>) {
    command.env("PATH", path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    if let Some(input) = input {
        let mut stdin = child.stdin.take().expect("a pipe was asked for");
        stdin.write_all(input.as_bytes()).expect("the tool reads its input");
    }
    let output = child.wait_with_output().expect("the tool ends");
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}
