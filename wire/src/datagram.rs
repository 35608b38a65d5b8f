//! The kinds of datagram, told apart by the first byte, and their clear headers.
//!
//! Top bits 00 are STUN (RFC 8489 §5 reserves them); everything of ours is 0x40 and up. Numbers in
//! headers are big-endian. The clear header of a sealed datagram is its associated data, so none
//! of it can be changed on the way.

use crate::codec::DecodeError;
use crate::stun;

/// Bytes that precede the inner datagram in a relayed one: kind and channel.
pub const RELAY_HEADER: usize = 9;

/// Bytes that precede the sealed part of link data and peer data: kind, index, packet number.
pub const SEALED_HEADER: usize = 13;

/// The bytes of a [`Hello`]; no [`Challenge`] is longer.
pub const HELLO_LEN: usize = 96;

/// A link initiation is padded to at least this, so that no answer to it is longer.
pub const MIN_LINK_INIT: usize = 640;

const HELLO: u8 = 0x40;
const CHALLENGE: u8 = 0x41;
const LINK_INIT: u8 = 0x42;
const LINK_RESPONSE: u8 = 0x43;
const LINK_DATA: u8 = 0x44;
const PEER_INIT: u8 = 0x50;
const PEER_RESPONSE: u8 = 0x51;
const PEER_DATA: u8 = 0x52;
const PUNCH: u8 = 0x53;
const RELAY: u8 = 0x60;

/// One datagram, its header read and its body borrowed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Datagram<'a> {
    /// A STUN message; nothing of it has been checked but what [`stun::is_stun`] looks at.
    Stun(&'a [u8]),
    /// A client asks for a cookie.
    Hello(Hello),
    /// A server's answer to it, which costs the server no state.
    Challenge(Challenge),
    /// Noise IK message 1 to a server, with proof that the source address is real.
    LinkInit(LinkInit<'a>),
    /// Noise IK message 2 from a server.
    LinkResponse(Response<'a>),
    /// A sealed signal, either way.
    LinkData(Sealed<'a>),
    /// Noise IK message 1 to a peer.
    PeerInit(PeerInit<'a>),
    /// Noise IK message 2 from a peer.
    PeerResponse(Response<'a>),
    /// Sealed frames between peers.
    PeerData(Sealed<'a>),
    /// Opens a NAT and tells the other side where from; proves nothing.
    Punch {
        /// The introduction that both sides were given.
        introduction: u64,
    },
    /// A datagram to be carried to the other end of a relay channel.
    Relay {
        /// The channel by its owner's number.
        channel: u64,
        /// The datagram inside.
        inner: &'a [u8],
    },
}

/// The first datagram of a client that has no token: a nonce, padded to [`HELLO_LEN`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hello {
    /// The client's protocol version.
    pub version: u8,
    /// Comes back in the challenge, so that nobody off the path can answer for the server.
    pub nonce: [u8; 16],
}

/// A server's stateless answer to a hello.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Challenge {
    /// The version that the server speaks. It is the client who compares.
    pub version: u8,
    /// The client's nonce.
    pub nonce: [u8; 16],
    /// To be shown in the link initiation.
    pub cookie: [u8; 16],
    /// The server's public key, for a client that was not told it.
    pub server: [u8; 32],
    /// What the server's clock says, in milliseconds since 1970, if it has one. Proves nothing, and
    /// nothing but a diagnosis looks at it.
    pub time_ms: Option<u64>,
}

/// What makes a server believe a source address enough to compute for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AddressProof {
    /// A cookie with the nonce of its hello: good for one address and port and about a minute.
    Cookie {
        /// The hello's nonce.
        nonce: [u8; 16],
        /// The challenge's cookie.
        cookie: [u8; 16],
    },
    /// A token from an earlier registration: good for one address, any port, and days.
    Token([u8; 32]),
}

/// The head of a link initiation, and the Noise message behind it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LinkInit<'a> {
    /// The client's protocol version.
    pub version: u8,
    /// Checked before anything else is looked at.
    pub proof: AddressProof,
    /// The client's index for what is sealed to it.
    pub sender: u32,
    /// Noise IK message 1.
    pub noise: &'a [u8],
}

/// The head of a Noise message 2, from a server or from a peer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Response<'a> {
    /// The initiator's index.
    pub receiver: u32,
    /// The responder's index for what is sealed to it.
    pub sender: u32,
    /// Noise IK message 2.
    pub noise: &'a [u8],
}

/// The head of a Noise message 1 between peers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PeerInit<'a> {
    /// The introduction that both sides were given; without it nobody computes anything.
    pub introduction: u64,
    /// The initiator's index for what is sealed to it.
    pub sender: u32,
    /// Noise IK message 1.
    pub noise: &'a [u8],
}

/// The head of a sealed datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sealed<'a> {
    /// The receiver's index: which keys.
    pub receiver: u32,
    /// Nonce of the seal and name of the packet; never used twice with one key.
    pub packet_number: u64,
    /// The clear header: associated data of the seal.
    pub header: &'a [u8],
    /// Ciphertext and tag.
    pub ciphertext: &'a [u8],
}

/// A sealed datagram that is to be opened where it lies.
#[derive(Debug)]
pub struct SealedMut<'a> {
    /// The receiver's index: which keys.
    pub receiver: u32,
    /// Nonce of the seal and name of the packet; never used twice with one key.
    pub packet_number: u64,
    /// The clear header: associated data of the seal.
    pub header: &'a [u8],
    /// Ciphertext and tag.
    pub ciphertext: &'a mut [u8],
}

impl<'a> SealedMut<'a> {
    /// Reads the header of peer data; `None` for every other kind, and if the header is not whole.
    pub fn peer_data(bytes: &'a mut [u8]) -> Option<Self> {
        let Ok(Datagram::PeerData(Sealed { receiver, packet_number, .. })) = Datagram::parse(bytes)
        else {
            return None;
        };
        let (header, ciphertext) = bytes.split_at_mut_checked(SEALED_HEADER)?;
        Some(Self { receiver, packet_number, header, ciphertext })
    }
}

impl<'a> Datagram<'a> {
    /// Reads the header of a datagram.
    ///
    /// # Errors
    ///
    /// [`DecodeError::UnknownKind`] for a first byte without meaning, [`DecodeError::Truncated`]
    /// if the header is not whole.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut rest = bytes;
        Ok(match take::<1>(&mut rest)?[0] {
            0x00..=0x3f if stun::is_stun(bytes) => Self::Stun(bytes),
            HELLO if bytes.len() >= HELLO_LEN => {
                Self::Hello(Hello { version: take::<1>(&mut rest)?[0], nonce: take(&mut rest)? })
            }
            HELLO => return Err(DecodeError::Truncated),
            CHALLENGE => Self::Challenge(Challenge {
                version: take::<1>(&mut rest)?[0],
                nonce: take(&mut rest)?,
                cookie: take(&mut rest)?,
                server: take(&mut rest)?,
                time_ms: take::<8>(&mut rest).ok().map(u64::from_be_bytes),
            }),
            LINK_INIT if bytes.len() >= MIN_LINK_INIT => Self::LinkInit(LinkInit {
                version: take::<1>(&mut rest)?[0],
                proof: match take::<1>(&mut rest)?[0] {
                    0 => AddressProof::Cookie { nonce: take(&mut rest)?, cookie: take(&mut rest)? },
                    1 => AddressProof::Token(take(&mut rest)?),
                    _ => return Err(DecodeError::OutOfRange),
                },
                sender: u32::from_be_bytes(take(&mut rest)?),
                noise: rest,
            }),
            LINK_INIT => return Err(DecodeError::Truncated),
            kind @ (LINK_RESPONSE | PEER_RESPONSE) => {
                let response = Response {
                    receiver: u32::from_be_bytes(take(&mut rest)?),
                    sender: u32::from_be_bytes(take(&mut rest)?),
                    noise: rest,
                };
                if kind == LINK_RESPONSE {
                    Self::LinkResponse(response)
                } else {
                    Self::PeerResponse(response)
                }
            }
            kind @ (LINK_DATA | PEER_DATA) => {
                let (header, ciphertext) =
                    bytes.split_at_checked(SEALED_HEADER).ok_or(DecodeError::Truncated)?;
                let sealed = Sealed {
                    receiver: u32::from_be_bytes(take(&mut rest)?),
                    packet_number: u64::from_be_bytes(take(&mut rest)?),
                    header,
                    ciphertext,
                };
                if kind == LINK_DATA { Self::LinkData(sealed) } else { Self::PeerData(sealed) }
            }
            PEER_INIT => Self::PeerInit(PeerInit {
                introduction: u64::from_be_bytes(take(&mut rest)?),
                sender: u32::from_be_bytes(take(&mut rest)?),
                noise: rest,
            }),
            PUNCH => Self::Punch { introduction: u64::from_be_bytes(take(&mut rest)?) },
            RELAY => Self::Relay { channel: u64::from_be_bytes(take(&mut rest)?), inner: rest },
            _ => return Err(DecodeError::UnknownKind),
        })
    }
}

impl Hello {
    /// The datagram, padded.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HELLO_LEN);
        out.extend([HELLO, self.version]);
        out.extend(self.nonce);
        out.resize(HELLO_LEN, 0);
        out
    }
}

impl Challenge {
    /// The datagram; shorter than the hello that it answers.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![CHALLENGE, self.version];
        out.extend(self.nonce);
        out.extend(self.cookie);
        out.extend(self.server);
        out.extend(self.time_ms.into_iter().flat_map(u64::to_be_bytes));
        out
    }
}

impl LinkInit<'_> {
    /// The datagram. The Noise payload inside carries the padding to [`MIN_LINK_INIT`].
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![LINK_INIT, self.version];
        match &self.proof {
            AddressProof::Cookie { nonce, cookie } => {
                out.push(0);
                out.extend(nonce);
                out.extend(cookie);
            }
            AddressProof::Token(token) => {
                out.push(1);
                out.extend(token);
            }
        }
        out.extend(self.sender.to_be_bytes());
        out.extend(self.noise);
        out
    }
}

impl Response<'_> {
    /// The datagram by which a server answers a link initiation.
    #[must_use]
    pub fn encode_link(&self) -> Vec<u8> {
        self.encode(LINK_RESPONSE)
    }

    /// The datagram by which a peer answers a peer initiation.
    #[must_use]
    pub fn encode_peer(&self) -> Vec<u8> {
        self.encode(PEER_RESPONSE)
    }

    fn encode(&self, kind: u8) -> Vec<u8> {
        let mut out = vec![kind];
        out.extend(self.receiver.to_be_bytes());
        out.extend(self.sender.to_be_bytes());
        out.extend(self.noise);
        out
    }
}

impl PeerInit<'_> {
    /// The datagram.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![PEER_INIT];
        out.extend(self.introduction.to_be_bytes());
        out.extend(self.sender.to_be_bytes());
        out.extend(self.noise);
        out
    }
}

/// A punch datagram.
#[must_use]
pub fn punch(introduction: u64) -> Vec<u8> {
    let mut out = vec![PUNCH];
    out.extend(introduction.to_be_bytes());
    out
}

/// A datagram wrapped for a relay channel.
#[must_use]
pub fn relay(channel: u64, inner: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(RELAY_HEADER + inner.len());
    out.extend(relay_header(channel));
    out.extend(inner);
    out
}

/// What precedes the inner datagram in a relayed one.
#[must_use]
pub fn relay_header(channel: u64) -> [u8; RELAY_HEADER] {
    let mut header = [RELAY; RELAY_HEADER];
    header[1..].copy_from_slice(&channel.to_be_bytes());
    header
}

/// The channel of a relayed datagram; `None` for every other kind.
#[must_use]
pub fn relay_channel(bytes: &[u8]) -> Option<u64> {
    let (kind, rest) = bytes.split_first()?;
    let channel = rest.first_chunk()?;
    (*kind == RELAY).then(|| u64::from_be_bytes(*channel))
}

/// Gives a relayed datagram another channel, where it is.
pub fn readdress(relayed: &mut [u8], channel: u64) {
    if let Some(old) = relayed.get_mut(1..RELAY_HEADER) {
        old.copy_from_slice(&channel.to_be_bytes());
    }
}

/// The clear header of sealed link data.
#[must_use]
pub fn link_header(receiver: u32, packet_number: u64) -> [u8; SEALED_HEADER] {
    sealed_header(LINK_DATA, receiver, packet_number)
}

/// The clear header of sealed peer data.
#[must_use]
pub fn peer_header(receiver: u32, packet_number: u64) -> [u8; SEALED_HEADER] {
    sealed_header(PEER_DATA, receiver, packet_number)
}

fn sealed_header(kind: u8, receiver: u32, packet_number: u64) -> [u8; SEALED_HEADER] {
    let mut header = [0; SEALED_HEADER];
    let (index, number) = header[1..].split_at_mut(4);
    index.copy_from_slice(&receiver.to_be_bytes());
    number.copy_from_slice(&packet_number.to_be_bytes());
    header[0] = kind;
    header
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], DecodeError> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(DecodeError::Truncated)?;
    *rest = tail;
    Ok(*head)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_kind_is_read_as_it_was_written() {
        let noise = [5; 640];
        let hello = Hello { version: 1, nonce: [2; 16] };
        let challenge = Challenge {
            version: 1,
            nonce: [2; 16],
            cookie: [3; 16],
            server: [4; 32],
            time_ms: Some(1_790_000_000_000),
        };
        let timeless = Challenge { time_ms: None, ..challenge };
        let proof = AddressProof::Cookie { nonce: [2; 16], cookie: [3; 16] };
        let init = LinkInit { version: 1, proof, sender: 9, noise: &noise };
        let token = LinkInit { proof: AddressProof::Token([8; 32]), ..init };
        let response = Response { receiver: 9, sender: 10, noise: &noise };
        let peer = PeerInit { introduction: 11, sender: 12, noise: &noise };
        for (bytes, expected) in [
            (hello.encode(), Datagram::Hello(hello)),
            (challenge.encode(), Datagram::Challenge(challenge)),
            (timeless.encode(), Datagram::Challenge(timeless)),
            (init.encode(), Datagram::LinkInit(init)),
            (token.encode(), Datagram::LinkInit(token)),
            (response.encode_link(), Datagram::LinkResponse(response)),
            (response.encode_peer(), Datagram::PeerResponse(response)),
            (peer.encode(), Datagram::PeerInit(peer)),
            (punch(7), Datagram::Punch { introduction: 7 }),
            (relay(8, &noise), Datagram::Relay { channel: 8, inner: &noise }),
        ] {
            assert_eq!(Datagram::parse(&bytes), Ok(expected));
        }
        assert!(challenge.encode().len() <= hello.encode().len());
    }

    #[test]
    fn a_sealed_header_is_its_own_associated_data() {
        let mut bytes = peer_header(3, 4).to_vec();
        bytes.extend([9; 20]);
        let Ok(Datagram::PeerData(sealed)) = Datagram::parse(&bytes) else { panic!("peer data") };
        assert_eq!((sealed.receiver, sealed.packet_number), (3, 4));
        assert_eq!((sealed.header, sealed.ciphertext), (&bytes[..13], &[9; 20][..]));
    }

    #[test]
    fn a_hello_shorter_than_its_answer_is_no_hello() {
        let bytes = Hello { version: 1, nonce: [0; 16] }.encode();
        assert_eq!(Datagram::parse(&bytes[..HELLO_LEN - 1]), Err(DecodeError::Truncated));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..1500)) {
            let _ = Datagram::parse(&bytes);
        }
    }
}
