//! The kinds of router, as nftables rulesets for Linux' own NAT.
//!
//! What looks odd in here was measured:
//!
//! - Linux' `masquerade` is address-and-port-dependent in filtering, and keeps the source port
//!   where it can. That *is* endpoint-independent mapping unless two flows want one port. Weaker
//!   filtering needs a map of our own from external port to inner endpoint, written as flows leave:
//!   before the source is translated where the port stays, and where it does not, in a chain behind the
//!   translation, which sees the port outside and, in the connection, the endpoint inside. What comes
//!   in by such a map is a connection of its own, so its answer leaves from where it came in, whatever
//!   the mapping is.
//! - `numgen` and `jhash` give numbers in host order and a port is big-endian: `numgen inc` straight
//!   into a port goes up in steps of 256. Hence the literal map in [`Mapping::Sequential`].
//! - `jhash ip daddr` alone gives two sockets one port; the source port belongs into the hash.
//! - An unsolicited packet that a router accepts as its own input is confirmed as a connection and
//!   takes the 4-tuple from the inner host that wants it next: its mapping moves to another port.
//!   [`Filtering::Open`] is that router; all others drop such packets.

use std::fmt;

/// How a router chooses the external port of a flow (RFC 4787 §4.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mapping {
    /// One for each inner endpoint, whatever the destination.
    Endpoint,
    /// One for each inner endpoint and destination address.
    Address,
    /// A random one for each flow: what people call symmetric.
    Random,
    /// A random one out of 1000 for each flow, as carriers do that log blocks (RFC 7422).
    Block,
    /// The next one for each flow.
    Sequential,
}

/// Whose packets a router lets in at a mapped port (RFC 4787 §5).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Filtering {
    /// Anybody's.
    None,
    /// From addresses that were sent to.
    Address,
    /// From endpoints that were sent to.
    Port,
    /// As [`Self::Port`], and what nobody inside asked for is taken for the router's own.
    Open,
    /// No UDP at all, in or out; TCP is fine.
    NoUdp,
}

/// A kind of router.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Nat {
    pub(crate) mapping: Mapping,
    pub(crate) filtering: Filtering,
    /// Whether hosts inside reach each other by external endpoints.
    pub(crate) hairpin: bool,
}

impl Nat {
    pub(crate) const fn new(mapping: Mapping, filtering: Filtering) -> Self {
        Self { mapping, filtering, hairpin: false }
    }

    pub(crate) const fn with_hairpin(self) -> Self {
        Self { hairpin: true, ..self }
    }

    /// Whether the peer can learn the external endpoint from the server.
    pub(crate) fn is_predictable(self) -> bool {
        self.mapping == Mapping::Endpoint
    }

    /// Whether a peer gets in from a port that it never named.
    pub(crate) fn admits_any_port(self) -> bool {
        matches!(self.filtering, Filtering::None | Filtering::Address)
    }

    /// The ruleset for a router with external address `wan` on interface `wan` and homes on `lan`.
    pub(crate) fn ruleset(self, wan: &str) -> String {
        let keeps_map = self.keeps_map();
        let (mut map, mut inward, mut recorded, mut hairpin) = (NOTHING, "", "", "");
        let turned =
            format!("iifname \"lan\" ip daddr {wan} ip protocol udp dnat to udp dport map @mapped");
        let turned_back = format!("iifname \"lan\" oifname \"lan\" ct status dnat snat to {wan}");
        let mut inward_hairpin = "";
        let mut behind = "";
        if self.is_lenient_without_keeping_ports() {
            map = "map admitted { type inet_service . ipv4_addr : ipv4_addr . inet_service; \
                   flags dynamic,timeout; timeout 300s; size 65536; }";
            inward = "iifname \"wan\" ip protocol udp \
                      dnat to udp dport . ip saddr map @admitted";
            behind = "oifname \"wan\" ip protocol udp update @admitted \
                      { udp sport . ip daddr timeout 300s : \
                      ct original ip saddr . ct original proto-src }";
        }
        if keeps_map {
            map = "map mapped { type inet_service : ipv4_addr . inet_service; \
                   flags dynamic,timeout; timeout 300s; size 65536; }";
            inward = "iifname \"wan\" ip protocol udp dnat to udp dport map @mapped";
            recorded = "oifname \"wan\" ip protocol udp update @mapped \
                        { udp sport timeout 300s : ip saddr . udp sport }";
            if self.hairpin {
                inward_hairpin = &turned;
                hairpin = &turned_back;
            }
        }
        let source = self.source_rule(wan);
        let admitted = match self.filtering {
            Filtering::None => "iifname \"wan\" ct status dnat accept",
            Filtering::Address => "iifname \"wan\" ct status dnat ip daddr . ip saddr @seen accept",
            _ => NOTHING,
        };
        let own_input = match self.filtering {
            Filtering::Open => NOTHING,
            _ => "iifname \"wan\" ct state new,invalid drop",
        };
        let blocked = match self.filtering {
            Filtering::NoUdp => "iifname \"lan\" ip protocol udp drop",
            _ => NOTHING,
        };
        // nft 1.0.6 wants each chain and statement on a line of its own.
        format!(
            r#"
table ip nat {{
  {map}
  chain inward {{
    type nat hook prerouting priority -100;
    {inward}
    {inward_hairpin}
  }}
  chain outward {{
    type nat hook postrouting priority 100;
    {recorded}
    {hairpin}
    oifname "wan" ip protocol udp {source}
    oifname "wan" masquerade
  }}
  chain behind {{
    type filter hook postrouting priority 110;
    {behind}
  }}
}}
table ip filter {{
  set seen {{
    type ipv4_addr . ipv4_addr; flags dynamic,timeout; timeout 300s; size 65536;
  }}
  chain own {{
    type filter hook input priority 0; policy accept;
    {own_input}
  }}
  chain through {{
    type filter hook forward priority 0; policy drop;
    {blocked}
    iifname "lan" oifname "wan" update @seen {{ ip saddr . ip daddr timeout 300s }}
    iifname "lan" accept
    ct state established,related accept
    {admitted}
  }}
}}
"#
        )
    }

    /// Whether the ruleset has a map of our own from external ports to inner endpoints.
    fn keeps_map(self) -> bool {
        self.mapping == Mapping::Endpoint
            && (self.hairpin || matches!(self.filtering, Filtering::None | Filtering::Address))
    }

    /// Whether it needs a map for each remote address.
    fn is_lenient_without_keeping_ports(self) -> bool {
        self.mapping != Mapping::Endpoint && self.filtering == Filtering::Address
    }

    /// Rules that empty what [`Self::ruleset`] remembers.
    pub(crate) fn forgetting(self) -> &'static str {
        if self.keeps_map() {
            "flush map ip nat mapped\nflush set ip filter seen\n"
        } else if self.is_lenient_without_keeping_ports() {
            "flush map ip nat admitted\nflush set ip filter seen\n"
        } else {
            "flush set ip filter seen\n"
        }
    }

    fn source_rule(self, wan: &str) -> String {
        match self.mapping {
            Mapping::Endpoint => "masquerade".to_owned(),
            Mapping::Random => "masquerade random,fully-random".to_owned(),
            Mapping::Block => "masquerade to :30000-30999 random,fully-random".to_owned(),
            Mapping::Address => format!(
                "snat to {wan}:jhash ip daddr . udp sport mod 20000 seed 0x1234 offset 30000"
            ),
            Mapping::Sequential => {
                let ports: Vec<String> =
                    (0..4000).map(|step| format!("{step} : {}", 30_000 + step)).collect();
                format!("snat to {wan}:numgen inc mod 4000 map {{ {} }}", ports.join(", "))
            }
        }
    }
}

/// A line of a ruleset that does nothing.
const NOTHING: &str = "";

/// A stateful firewall for IPv6, where there is nothing to translate.
pub(crate) const FIREWALL_V6: &str = r#"
table ip6 firewall {
  chain through {
    type filter hook forward priority 0; policy drop;
    iifname "lan" accept
    ct state established,related accept
  }
}
"#;

impl fmt::Display for Nat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mapping = match self.mapping {
            Mapping::Endpoint => "eim",
            Mapping::Address => "adm",
            Mapping::Random => "sym",
            Mapping::Block => "block",
            Mapping::Sequential => "seq",
        };
        let filtering = match self.filtering {
            Filtering::None => "eif",
            Filtering::Address => "adf",
            Filtering::Port => "apdf",
            Filtering::Open => "open",
            Filtering::NoUdp => "no-udp",
        };
        let hairpin = if self.hairpin { "+hp" } else { "" };
        f.pad(&format!("{mapping}/{filtering}{hairpin}"))
    }
}
