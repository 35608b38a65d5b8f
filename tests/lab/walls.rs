//! Networks that let some things out and others not.

use super::world::{Home, World};

/// What a home's router does not let out, besides being a NAT.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wall {
    /// UDP.
    Udp,
    /// All but TLS to port 443. It knows our streams by their first bytes: the payload begins after
    /// twenty bytes of TCP header and twelve of options, which Linux sends in every packet.
    AllButTls,
    /// UDP and TCP: all there is.
    Everything,
}

impl World {
    /// Puts up a wall. What was under way does not get through either.
    pub(crate) fn wall(&self, home: &Home, wall: Wall) {
        let rules = match wall {
            Wall::Udp => "ip protocol udp drop",
            Wall::AllButTls => {
                "ip protocol udp drop\n iifname \"lan\" tcp dport != 443 drop\n \
                 iifname \"lan\" tcp dport 443 @th,256,32 0x70327063 drop"
            }
            Wall::Everything => "ip protocol { tcp, udp } drop",
        };
        self.nft(
            &home.router,
            &format!(
                "table ip wall {{\n chain through {{\n type filter hook forward priority -10;\n \
                 {rules}\n }}\n}}\n"
            ),
        );
    }

    /// Takes it down.
    pub(crate) fn tear_down(&self, home: &Home) {
        self.nft(&home.router, "delete table ip wall\n");
    }
}
