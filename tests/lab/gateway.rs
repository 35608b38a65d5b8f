//! Routers that forward a port to whoever inside asks for it: Debian's `miniupnpd`.

use std::net::Ipv4Addr;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::ground::on_lab_ground_with;
use super::meeting::{Meeting, PATIENCE, report};
use super::nat::{Filtering, Mapping, Nat};
use super::programs::Folder;
use super::world::{Home, World};

const SYMMETRIC: Nat = Nat::new(Mapping::Random, Filtering::Port);

pub(crate) const TOOLS: &[(&str, &str)] = &[("miniupnpd", "miniupnpd-nftables")];

/// A router's second external address. The program refuses to forward from one that is reserved, as
/// all others in a lab are.
pub(crate) const OUTSIDE: Ipv4Addr = Ipv4Addr::new(11, 0, 0, 10);

/// How a router may be asked: by one protocol alone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Speaks {
    Pcp,
    NatPmp,
    Upnp,
}

/// A router's program that forwards ports. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Gateway {
    program: Child,
    router: String,
}

impl Gateway {
    /// Has a router do as it is asked. Who is `before` it knows the way to its other address.
    pub(crate) fn open(
        world: &World,
        before: &str,
        home: &Home,
        folder: &Folder,
        speaks: Speaks,
    ) -> Self {
        world.ip(before, &format!("route add {OUTSIDE}/32 via {}", home.wan));
        // PCP and NAT-PMP share a port, and a program: the first byte is the version.
        let deaf = match speaks {
            Speaks::Pcp => "add rule ip filter own udp dport 5351 @th,64,8 0 drop\n",
            Speaks::NatPmp => "add rule ip filter own udp dport 5351 @th,64,8 2 drop\n",
            Speaks::Upnp => "",
        };
        world.nft(
            &home.router,
            &format!(
                "table inet gateway {{\n chain asked {{\n }}\n chain back {{\n }}\n \
                 chain through {{\n }}\n \
                 chain inward {{\n type nat hook prerouting priority -101;\n jump asked\n }}\n \
                 chain outward {{\n type nat hook postrouting priority 99;\n jump back\n }}\n}}\n\
                 add rule ip filter through iifname \"wan\" ct status dnat accept\n{deaf}"
            ),
        );
        let yes = |is: bool| if is { "yes" } else { "no" };
        let config = format!(
            "ext_ifname=wan\next_ip={OUTSIDE}\nlistening_ip=lan\nsecure_mode=yes\n\
             enable_upnp={}\nenable_natpmp={}\n\
             upnp_table_name=gateway\nupnp_nat_table_name=gateway\nupnp_forward_chain=through\n\
             upnp_nat_chain=asked\nupnp_nat_postrouting_chain=back\n\
             uuid=3b7f0a52-9f0e-4c53-8f4b-1c2d3e4f5a6b\n\
             allow 1024-65535 192.168.0.0/16 1024-65535\n",
            yes(speaks == Speaks::Upnp),
            yes(speaks != Speaks::Upnp),
        );
        let path = folder.join("miniupnpd.conf");
        std::fs::write(&path, config).expect("a file in the test's folder");
        let mut command = world.command(&home.router, "miniupnpd");
        command.arg("-d").arg("-f").arg(path).arg("-P").arg(folder.join("miniupnpd.pid"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let program = command.spawn().expect("miniupnpd starts");
        let gateway = Self { program, router: home.router.clone() };
        gateway.wait_until_it_listens(world, speaks);
        gateway
    }

    /// Whoever asks before that is told that nobody is there.
    fn wait_until_it_listens(&self, world: &World, speaks: Speaks) {
        let port = if speaks == Speaks::Upnp { 1900 } else { 5351 };
        let socket = format!(":{port:04X} ");
        let began = Instant::now();
        while !world.run(&self.router, "cat", &["/proc/net/udp"]).contains(&socket) {
            assert!(began.elapsed() < PATIENCE, "miniupnpd does not listen on port {port}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Has the router send everything from the address at which it forwards, by this rule.
    pub(crate) fn translate(&self, world: &World, rule: &str) {
        let rule = format!("oifname \"wan\" ip protocol udp snat ip to {OUTSIDE} {rule}");
        world.nft(&self.router, &format!("add rule inet gateway outward {rule}\n"));
    }

    /// How many ports it forwards now.
    pub(crate) fn forwarded(&self, world: &World) -> usize {
        let rules = world.run(&self.router, "nft", &["list", "chain", "inet", "gateway", "asked"]);
        rules.matches("dnat").count()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

#[test]
fn a_forwarded_port_makes_a_symmetric_nat_harmless_however_it_is_asked_for() {
    on_lab_ground_with(
        "gateway::a_forwarded_port_makes_a_symmetric_nat_harmless_however_it_is_asked_for",
        TOOLS,
        || {
            for speaks in [Speaks::Pcp, Speaks::NatPmp, Speaks::Upnp] {
                let (world, folder) = (World::new(), Folder::new());
                let (mut one, mut other) = (world.home(SYMMETRIC), world.home(SYMMETRIC));
                let ((alice, _), (bob, _)) = (world.host(&mut one), world.host(&mut other));
                let gateway = Gateway::open(&world, "core", &one, &folder, speaks);
                let mut meeting = report(Meeting::start(&world, &alice, &bob));
                report(meeting.say_hello());
                let after = report(meeting.wait_path(&["direct"], PATIENCE));
                println!("{speaks:?}: direct {:.2} s after registration", after.as_secs_f64());
                report(reached_outside(&meeting));
                assert_eq!(gateway.forwarded(&world), 1);
                // A guest tidies up.
                report(meeting.alice.leave(PATIENCE));
                assert_eq!(gateway.forwarded(&world), 0, "{speaks:?}");
            }
        },
    );
}

#[test]
fn a_forwarded_port_serves_whatever_the_other_side_is_behind() {
    on_lab_ground_with(
        "gateway::a_forwarded_port_serves_whatever_the_other_side_is_behind",
        TOOLS,
        || {
            for kind in [Mapping::Endpoint, Mapping::Block, Mapping::Sequential] {
                // Called and calling: who sends first decides which flow the router knows.
                for asker in 0..2 {
                    let (world, folder) = (World::new(), Folder::new());
                    let nat = Nat::new(kind, Filtering::Port);
                    let mut homes = [world.home(nat), world.home(nat)];
                    homes[asker] = world.home(SYMMETRIC);
                    let [(alice, _), (bob, _)] = homes.each_mut().map(|home| world.host(home));
                    let _gateway =
                        Gateway::open(&world, "core", &homes[asker], &folder, Speaks::Pcp);
                    let mut meeting = report(Meeting::start(&world, &alice, &bob));
                    report(meeting.say_hello());
                    report(meeting.wait_path(&["direct"], PATIENCE));
                }
            }
        },
    );
}

#[test]
fn what_a_router_behind_a_carrier_forwards_serves_a_neighbour() {
    on_lab_ground_with(
        "gateway::what_a_router_behind_a_carrier_forwards_serves_a_neighbour",
        TOOLS,
        || {
            let (world, folder) = (World::new(), Folder::new());
            let mut carrier = world.home(SYMMETRIC);
            let mut one = world.home_behind(&mut carrier, SYMMETRIC);
            let mut other = world.home_behind(&mut carrier, SYMMETRIC);
            let ((alice, _), (bob, _)) = (world.host(&mut one), world.host(&mut other));
            let _gateway = Gateway::open(&world, &carrier.router, &one, &folder, Speaks::Pcp);
            let mut meeting = report(Meeting::start(&world, &alice, &bob));
            report(meeting.say_hello());
            // Alice sees a private address, Bob the router's.
            report(meeting.wait_path(&["direct", "lan"], PATIENCE));
            report(reached_outside(&meeting));
        },
    );
}

#[test]
fn a_question_to_the_router_that_got_lost_is_asked_again() {
    on_lab_ground_with(
        "gateway::a_question_to_the_router_that_got_lost_is_asked_again",
        TOOLS,
        || {
            let (world, folder) = (World::new(), Folder::new());
            let (mut one, mut other) = (world.home(SYMMETRIC), world.home(SYMMETRIC));
            let ((alice, _), (bob, _)) = (world.host(&mut one), world.host(&mut other));
            let _gateway = Gateway::open(&world, "core", &one, &folder, Speaks::Pcp);
            // As much as one question for a port and one for each protocol.
            let lost = "add rule ip filter own udp dport 5351 quota until 150 bytes drop\n";
            world.nft(&one.router, lost);
            let mut meeting = report(Meeting::start(&world, &alice, &bob));
            report(meeting.say_hello());
            report(meeting.wait_path(&["direct"], PATIENCE));
            report(reached_outside(&meeting));
        },
    );
}

#[test]
fn who_does_not_want_a_port_does_not_ask_for_one() {
    on_lab_ground_with("gateway::who_does_not_want_a_port_does_not_ask_for_one", TOOLS, || {
        let (world, folder) = (World::new(), Folder::new());
        let (mut one, mut other) = (world.home(SYMMETRIC), world.home(SYMMETRIC));
        let ((alice, _), (bob, _)) = (world.host(&mut one), world.host(&mut other));
        let gateway = Gateway::open(&world, "core", &one, &folder, Speaks::Pcp);
        let started = Meeting::start_with(&world, &alice, &bob, &["--no-port-mapping"]);
        let mut meeting = report(started);
        report(meeting.say_hello());
        assert!(meeting.wait_path(&["direct"], Duration::from_secs(3)).is_err());
        assert_eq!(gateway.forwarded(&world), 0);
    });
}

/// Until Bob talks to what Alice's router forwards.
fn reached_outside(meeting: &Meeting) -> Result<(), String> {
    let outside = format!("{OUTSIDE}:");
    let outside = |value: &serde_json::Value| {
        value["remote"].as_str().is_some_and(|remote| remote.starts_with(&outside))
    };
    meeting.bob.wait_from(0, "path to the forwarded port", PATIENCE, outside).map(drop)
}
