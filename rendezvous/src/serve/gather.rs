//! Datagrams that lie in several places, sent as one (GSO): a vector of pieces, for which `quinn-udp` has no
//! call. Linux only; elsewhere they are put together first.
//!
//! What goes with them are two control messages, written here as the kernel reads them: a header of
//! length, level and type, the value, and zeros up to the size of a word (cmsg(3)).

use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};

use socket2::{MsgHdr, SockAddr, SockRef};

/// The level of UDP's messages and the one that says how long each datagram is (udp(7), `UDP_SEGMENT`).
const SOL_UDP: i32 = 17;
const UDP_SEGMENT: i32 = 103;

/// That of the address to send from: `IP_PKTINFO` (ip(7)), `IPV6_PKTINFO` (RFC 3542 §6).
const IPPROTO_IP: i32 = 0;
const IP_PKTINFO: i32 = 8;
const IPPROTO_IPV6: i32 = 41;
const IPV6_PKTINFO: i32 = 50;

const WORD: usize = size_of::<usize>();

/// Sends `pieces` as datagrams of `size` bytes each.
pub(super) fn send(
    socket: SockRef<'_>,
    from: Option<IpAddr>,
    to: SocketAddr,
    pieces: &[IoSlice<'_>],
    size: u16,
) -> io::Result<()> {
    let mut control = Control::default();
    control.add(SOL_UDP, UDP_SEGMENT, &[&size.to_ne_bytes()]);
    match from {
        // The interface, the address, and one that only a receiver is told.
        Some(IpAddr::V4(ip)) => {
            control.add(IPPROTO_IP, IP_PKTINFO, &[&[0; 4], &ip.octets(), &[0; 4]]);
        }
        Some(IpAddr::V6(ip)) => control.add(IPPROTO_IPV6, IPV6_PKTINFO, &[&ip.octets(), &[0; 4]]),
        None => {}
    }
    let to = SockAddr::from(to);
    let message = MsgHdr::new().with_addr(&to).with_buffers(pieces).with_control(control.bytes());
    socket.sendmsg(&message, 0).map(drop)
}

/// Room for both: headers of 16 bytes, values of 2 and 20, each filled up to whole words.
const ROOM: usize = 64;

/// Control messages, one after the other.
struct Control {
    bytes: [u8; ROOM],
    length: usize,
}

impl Default for Control {
    fn default() -> Self {
        Self { bytes: [0; ROOM], length: 0 }
    }
}

impl Control {
    fn add(&mut self, level: i32, kind: i32, value: &[&[u8]]) {
        let header = WORD + 2 * size_of::<i32>();
        let length = header + value.iter().map(|part| part.len()).sum::<usize>();
        let (level, kind, length) = (level.to_ne_bytes(), kind.to_ne_bytes(), length.to_ne_bytes());
        for part in [&length[..], &level, &kind].iter().chain(value) {
            self.bytes[self.length..self.length + part.len()].copy_from_slice(part);
            self.length += part.len();
        }
        self.length = self.length.next_multiple_of(WORD);
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_messages_are_headers_and_values_filled_up_to_whole_words() {
        let mut control = Control::default();
        control.add(SOL_UDP, UDP_SEGMENT, &[&1209_u16.to_ne_bytes()]);
        control.add(IPPROTO_IPV6, IPV6_PKTINFO, &[&[7; 16], &[0; 4]]);
        let header = WORD + 8;
        let first = (header + 2).next_multiple_of(WORD);
        assert_eq!(control.bytes().len(), first + (header + 20).next_multiple_of(WORD));
        assert_eq!(control.bytes()[..WORD], (header + 2).to_ne_bytes());
        assert_eq!(control.bytes()[header..header + 2], 1209_u16.to_ne_bytes());
        assert_eq!(control.bytes()[first..first + WORD], (header + 20).to_ne_bytes());
        assert_eq!(control.bytes()[first + header..first + header + 16], [7; 16]);
    }
}
