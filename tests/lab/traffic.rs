//! What passes and what does not, and how much passed: rules that come and go while programs run.

use std::net::Ipv4Addr;

use super::world::{Home, World};

/// What a network keeps back.
#[cfg_attr(target_os = "linux", expect(dead_code, reason = "for networks without UDP"))]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Block {
    /// All UDP.
    Udp,
    /// All but TCP to this port.
    AllButTcp(u16),
    /// UDP and TCP.
    Everything,
}

/// What one side's router saw since [`World::tally`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Tally {
    /// Datagrams that left towards the other side.
    pub(crate) packets: u32,
    /// Entries that the router made in its table of flows, those for the server included. They last
    /// 30 s at least, so no fewer are there at once at the end of a shorter try.
    pub(crate) entries: u32,
}

/// What went over a line, with the headers of IP.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Volume {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
}

impl World {
    /// Lets nothing through the core between two homes; the server stays in reach of both.
    pub(crate) fn cut_between(&self, one: Ipv4Addr, other: Ipv4Addr) {
        self.nft(
            "core",
            &format!(
                "table ip cut {{\n chain through {{\n type filter hook forward priority 1;\n \
                 ip saddr {one} ip daddr {other} drop\n ip saddr {other} ip daddr {one} drop\n \
                 }}\n}}\n"
            ),
        );
    }

    /// Takes [`Self::cut_between`] back.
    pub(crate) fn mend(&self) {
        self.nft("core", "delete table ip cut\n");
    }

    /// Starts to count what the core carries between two homes.
    pub(crate) fn count_between(&self, one: Ipv4Addr, other: Ipv4Addr) {
        self.nft(
            "core",
            &format!(
                "table ip count {{\n chain through {{\n type filter hook forward priority 3;\n \
                 ip saddr {one} ip daddr {other} counter\n \
                 ip saddr {other} ip daddr {one} counter\n }}\n}}\n"
            ),
        );
    }

    /// Packets since [`Self::count_between`], both ways.
    pub(crate) fn counted(&self) -> u32 {
        self.counters("core", "count").into_iter().sum()
    }

    /// Makes the core lose that many of a hundred datagrams.
    pub(crate) fn lose(&self, percent: u8) {
        self.nft(
            "core",
            &format!(
                "table ip loss {{\n chain through {{\n type filter hook forward priority 2;\n \
                 ip protocol udp numgen random mod 100 < {percent} drop\n }}\n}}\n"
            ),
        );
    }

    /// Has the router of a home keep something back, from now on and of what runs already.
    #[cfg_attr(target_os = "linux", expect(dead_code, reason = "for networks without UDP"))]
    pub(crate) fn block(&self, home: &Home, block: Block) {
        let kept_back = match block {
            Block::Udp => "ip protocol udp".to_owned(),
            Block::AllButTcp(port) => {
                format!("tcp dport != {port} drop\n iifname \"lan\" ip protocol udp")
            }
            Block::Everything => "ip protocol { tcp, udp }".to_owned(),
        };
        self.nft(
            &home.router,
            &format!(
                "table ip block {{\n chain through {{\n type filter hook forward priority -1;\n \
                 iifname \"lan\" {kept_back} drop\n }}\n}}\n"
            ),
        );
    }

    /// Takes [`Self::block`] back.
    #[cfg_attr(target_os = "linux", expect(dead_code, reason = "for networks without UDP"))]
    pub(crate) fn unblock(&self, home: &Home) {
        self.nft(&home.router, "delete table ip block\n");
    }

    /// Starts to count, from zero, what a home's router sends to `other` and the flows it keeps.
    ///
    /// Only the first packet of a flow meets a chain of type `nat`. A primer dies at the core, so
    /// packets are counted where they leave.
    pub(crate) fn tally(&self, home: &Home, other: Ipv4Addr) {
        self.nft(
            &home.router,
            &format!(
                "table ip tally\ndelete table ip tally\ntable ip tally {{\n \
                 chain flows {{\n type nat hook postrouting priority 99;\n \
                 oifname \"wan\" ip protocol udp counter\n }}\n \
                 chain sent {{\n type filter hook postrouting priority 200;\n \
                 oifname \"wan\" ip protocol udp ip daddr {other} counter\n }}\n}}\n"
            ),
        );
    }

    /// What a home's router has seen since [`Self::tally`].
    pub(crate) fn tallied(&self, home: &Home) -> Tally {
        let mut counters = self.counters(&home.router, "tally").into_iter();
        let mut next = || counters.next().unwrap_or_default();
        Tally { entries: next(), packets: next() }
    }

    /// Starts to count all that a home sends and gets, from zero.
    pub(crate) fn meter(&self, home: &Home) {
        self.meter_in(&home.router, &["iifname \"lan\" oifname \"wan\"", "iifname \"wan\""]);
    }

    /// What a home has sent, and what it got, since [`Self::meter`].
    pub(crate) fn metered(&self, home: &Home) -> [Volume; 2] {
        let mut volumes = self.volumes(&home.router).into_iter();
        let mut next = || volumes.next().unwrap_or_default();
        [next(), next()]
    }

    /// Starts to count all that the core carries, from zero. What is relayed passes it twice.
    pub(crate) fn meter_all(&self) {
        self.meter_in("core", &["ip protocol { udp, tcp }"]);
    }

    /// What the core has carried since [`Self::meter_all`].
    pub(crate) fn metered_all(&self) -> Volume {
        self.volumes("core").first().copied().unwrap_or_default()
    }

    fn meter_in(&self, space: &str, rules: &[&str]) {
        let rules = rules.iter().map(|rule| format!("{rule} counter\n ")).collect::<String>();
        self.nft(
            space,
            &format!(
                "table ip volume\ndelete table ip volume\ntable ip volume {{\n chain through {{\n \
                 type filter hook forward priority 4;\n {rules}}}\n}}\n"
            ),
        );
    }

    fn volumes(&self, space: &str) -> Vec<Volume> {
        let listed = self.run(space, "nft", &["list", "table", "ip", "volume"]);
        let counters = listed.split("counter packets ").skip(1);
        let volume = |rest: &str| {
            let mut words = rest.split_whitespace();
            let packets = words.next()?.parse().ok()?;
            let bytes = words.nth(1)?.parse().ok()?;
            Some(Volume { packets, bytes })
        };
        counters.filter_map(volume).collect()
    }

    /// Gives a home a line of so many thousand bits a second, up and down. A router with a queue of a fifth
    /// of a second stands before it, and what does not fit into that is lost. Says whether this kernel can.
    pub(crate) fn narrow(&self, home: &Home, up: u32, down: u32) -> bool {
        let ends = [
            (home.router.as_str(), "wan".to_owned(), up),
            ("core", format!("c-{}", home.router), down),
        ];
        ends.into_iter().all(|(space, interface, rate)| {
            let said = self.run(
                space,
                "tc",
                &[
                    "qdisc",
                    "replace",
                    "dev",
                    &interface,
                    "root",
                    "tbf",
                    "rate",
                    &format!("{rate}kbit"),
                    "burst",
                    "3000",
                    "latency",
                    "200ms",
                ],
            );
            said.trim().is_empty()
        })
    }

    /// The packets that each rule of a table has counted, in the order of its rules.
    fn counters(&self, space: &str, table: &str) -> Vec<u32> {
        let listed = self.run(space, "nft", &["list", "table", "ip", table]);
        let counters = listed.split("counter packets ").skip(1);
        counters.filter_map(|rest| rest.split(' ').next()?.parse().ok()).collect()
    }
}
