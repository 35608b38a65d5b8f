//! STUN: Binding requests and their answers (RFC 8489, RFC 5780), and the classic form before them.
//!
//! The messages are `stun-rs`'s. What it leaves to its caller is done here: a fingerprint is
//! checked, bytes after the message make it invalid, and attributes that must be understood and are
//! not are found (it takes them for good). Nothing here keeps state or decides whether to answer.
//!
//! # Larger answers than requests
//!
//! A bare request has 20 bytes; its answer cannot have less than 32. So STUN breaks the rule that
//! holds for everything else here, that no unproven address gets more bytes than it sent. A server
//! bounds it from outside, by answering few requests per network, and this module keeps answers
//! small: no SOFTWARE, and a FINGERPRINT only for those who sent one. Our own requests are padded
//! to the length of the longest answer, so that they keep the rule.
//!
//! # Classic STUN
//!
//! RFC 3489 has no magic cookie, and `stun-rs` refuses messages without one. The command `stun` of
//! many distributions still speaks it, so the few bytes are read and written by hand. Its
//! RESPONSE-ADDRESS, which sends an answer to wherever the sender likes, is not answered at all.
//! RESPONSE-PORT of RFC 5780 is: the answer goes to another port of the address that asked, so
//! that somebody can find out how long the NAT keeps a mapping that nobody uses.

use std::net::SocketAddr;

use stun_rs::attributes::discovery::{
    ChangeRequest, ChangeRequestFlags, OtherAddress, ResponseOrigin, ResponsePort,
};
use stun_rs::attributes::stun::{
    ErrorCode, Fingerprint, MappedAddress, Software, UnknownAttributes, XorMappedAddress,
};
use stun_rs::methods::BINDING;
use stun_rs::{
    DecoderContextBuilder, MessageClass, MessageDecoderBuilder, MessageEncoderBuilder,
    StunAttribute, StunMessage, StunMessageBuilder, TransactionId,
};

/// The header of every message: type, length, transaction.
const HEADER: usize = 20;

const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];

/// The longest message that is read or written; a server without authentication needs no longer.
const MAX_MESSAGE: usize = 548;

/// Pads our requests to the longest answer: header, three IPv6 addresses, fingerprint.
const SOFTWARE: &str = "p2pchat, padded so that no answer is longer than this request.........";

/// How many unknown attributes an error response names.
const MAX_UNKNOWN: usize = 4;

/// From which other socket an answer is wanted (RFC 5780 §7.2).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Change {
    /// From another IP address.
    pub ip: bool,
    /// From another port.
    pub port: bool,
}

/// A Binding request that has been read whole.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request {
    id: Id,
    change: Change,
    response_port: Option<u16>,
    unknown: Vec<u16>,
    has_fingerprint: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Id {
    Modern([u8; 12]),
    Classic([u8; 16]),
}

/// What a Binding response says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Answer {
    /// Where the request came from.
    pub mapped: SocketAddr,
    /// Where the answer came from, as the server sees it.
    pub origin: Option<SocketAddr>,
    /// Where to ask next: another IP address and port, if the server has one (RFC 5780 §7.4).
    ///
    /// Take it from the first answer and keep it (§4.3). At their second address many servers, ours
    /// among them, name that address again, with the other port.
    pub other: Option<SocketAddr>,
}

/// Whether a datagram has the shape of a STUN message: the top bits, and either the magic cookie
/// (RFC 8489 §5) or the type and exact length of a classic Binding message.
#[must_use]
pub fn is_stun(bytes: &[u8]) -> bool {
    match bytes {
        [0x00..=0x3f, _, _, _, 0x21, 0x12, 0xa4, 0x42, ..] => true,
        [0x00 | 0x01, 0x01, high, low, rest @ ..] => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            length % 4 == 0 && rest.len() == HEADER - 4 + length
        }
        _ => false,
    }
}

impl Request {
    /// Reads a Binding request; `None` for everything else, and for what is broken.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if !is_stun(bytes) || !bytes.starts_with(&BINDING_REQUEST) || bytes.len() > MAX_MESSAGE {
            return None;
        }
        if bytes.get(4..8)? != stun_rs::MAGIC_COOKIE.as_u32().to_be_bytes() {
            return Self::parse_classic(bytes);
        }
        let message = decode(bytes)?;
        if message.method() != BINDING || message.class() != MessageClass::Request {
            return None;
        }
        let mut request = Self {
            id: Id::Modern(*message.transaction_id().as_bytes()),
            change: Change::default(),
            response_port: message.get::<ResponsePort>().and_then(read_port),
            unknown: Vec::new(),
            has_fingerprint: message.get::<Fingerprint>().is_some(),
        };
        for attribute in message.attributes() {
            let kind = attribute.attribute_type();
            if let Ok(change) = attribute.as_change_request() {
                request.change = Change {
                    ip: change.flags().contains(ChangeRequestFlags::ChangeIp),
                    port: change.flags().contains(ChangeRequestFlags::ChangePort),
                };
            } else if kind.is_comprehension_required()
                && !is_understood(kind.as_u16())
                && request.unknown.len() < MAX_UNKNOWN
            {
                request.unknown.push(kind.as_u16());
            }
        }
        Some(request)
    }

    /// Reads a request of RFC 3489: sixteen bytes of transaction, and CHANGE-REQUEST at most.
    fn parse_classic(bytes: &[u8]) -> Option<Self> {
        let (header, mut attributes) = bytes.split_at_checked(HEADER)?;
        let mut change = Change::default();
        while let Some((attribute, rest)) = attributes.split_first_chunk::<8>() {
            // RFC 3489 §11.2.4.
            let [0x00, 0x03, 0x00, 0x04, 0, 0, 0, flags] = *attribute else { return None };
            change = Change { ip: flags & 4 != 0, port: flags & 2 != 0 };
            attributes = rest;
        }
        let id = Id::Classic(header.get(4..)?.try_into().ok()?);
        attributes.is_empty().then_some(Self {
            id,
            change,
            response_port: None,
            unknown: vec![],
            has_fingerprint: false,
        })
    }

    /// From which socket the answer is wanted.
    #[must_use]
    pub fn change(&self) -> Change {
        self.change
    }

    /// To which other port of the address that asked the answer is wanted (RFC 5780 §7.5).
    #[must_use]
    pub fn response_port(&self) -> Option<u16> {
        self.response_port
    }

    /// Whether the client speaks RFC 3489.
    #[must_use]
    pub fn is_classic(&self) -> bool {
        matches!(self.id, Id::Classic(_))
    }

    /// Whether the request has attributes that we would have to understand, and do not. It is
    /// answered with [`Request::refuse`] then (RFC 8489 §6.3.1).
    #[must_use]
    pub fn is_strange(&self) -> bool {
        !self.unknown.is_empty()
    }

    /// The success response. `None` for a classic request over IPv6, which RFC 3489 does not know.
    #[must_use]
    pub fn succeed(&self, answer: &Answer) -> Option<Vec<u8>> {
        let id = match self.id {
            Id::Classic(id) => return classic_response(&id, answer),
            Id::Modern(id) => id,
        };
        let mut message = StunMessageBuilder::new(BINDING, MessageClass::SuccessResponse)
            .with_transaction_id(TransactionId::from(id))
            .with_attribute(XorMappedAddress::from(answer.mapped));
        if let Some(origin) = answer.origin {
            message = message.with_attribute(ResponseOrigin::from(origin));
        }
        if let Some(other) = answer.other {
            message = message.with_attribute(OtherAddress::from(other));
        }
        self.finish(message)
    }

    /// The error response 420, which names what was not understood: attributes of the request, or
    /// its CHANGE-REQUEST where there is no such other socket (RFC 5780 §6.1). Classic requests get
    /// none.
    #[must_use]
    pub fn refuse(&self) -> Option<Vec<u8>> {
        let Id::Modern(id) = self.id else { return None };
        let mut unknown = UnknownAttributes::default();
        for kind in &self.unknown {
            unknown.add(*kind);
        }
        if self.unknown.is_empty() {
            unknown.add(CHANGE_REQUEST);
        }
        let code = stun_rs::ErrorCode::new(420, "Unknown").ok()?;
        let message = StunMessageBuilder::new(BINDING, MessageClass::ErrorResponse)
            .with_transaction_id(TransactionId::from(id))
            .with_attribute(ErrorCode::new(code))
            .with_attribute(unknown);
        self.finish(message)
    }

    fn finish(&self, message: StunMessageBuilder) -> Option<Vec<u8>> {
        let message = if self.has_fingerprint {
            message.with_attribute(Fingerprint::default())
        } else {
            message
        };
        encode(&message.build())
    }
}

const CHANGE_REQUEST: u16 = 0x0003;

/// MAPPED-ADDRESS, USERNAME and what belongs to authentication: known, and ignored by a server that
/// asks nobody who he is. RESPONSE-PORT is honoured. PADDING of RFC 5780, optional there, is not
/// understood.
fn is_understood(kind: u16) -> bool {
    matches!(kind, 0x0001 | 0x0006 | 0x0008 | 0x0014 | 0x0015 | 0x001c..=0x001e | 0x0020 | 0x0027)
}

fn read_port(attribute: &StunAttribute) -> Option<u16> {
    attribute.as_response_port().ok().map(ResponsePort::as_u16)
}

/// Our own Binding request, padded so that no answer is longer.
#[must_use]
pub fn request(transaction: [u8; 12], change: Change) -> Vec<u8> {
    let flags = match (change.ip, change.port) {
        (false, false) => None,
        (true, false) => Some(ChangeRequestFlags::ChangeIp.into()),
        (false, true) => Some(ChangeRequestFlags::ChangePort.into()),
        (true, true) => Some(ChangeRequestFlags::ChangeIp | ChangeRequestFlags::ChangePort),
    };
    let mut message = StunMessageBuilder::new(BINDING, MessageClass::Request)
        .with_transaction_id(TransactionId::from(transaction));
    if flags.is_some() {
        message = message.with_attribute(ChangeRequest::new(flags));
    }
    pad(message)
}

/// A Binding request whose answer goes to `port` of the address that the server sees, padded so
/// that the answer is no longer.
#[must_use]
pub fn request_for_port(transaction: [u8; 12], port: u16) -> Vec<u8> {
    let message = StunMessageBuilder::new(BINDING, MessageClass::Request)
        .with_transaction_id(TransactionId::from(transaction))
        .with_attribute(ResponsePort::from(port));
    pad(message)
}

fn pad(message: StunMessageBuilder) -> Vec<u8> {
    let message = match Software::new(SOFTWARE) {
        Ok(software) => message.with_attribute(software),
        Err(_) => message,
    };
    encode(&message.with_attribute(Fingerprint::default()).build()).unwrap_or_default()
}

/// Reads a success response; returns its transaction with what it says.
#[must_use]
pub fn response(bytes: &[u8]) -> Option<([u8; 12], Answer)> {
    if bytes.len() > MAX_MESSAGE {
        return None;
    }
    let message = decode(bytes)?;
    if message.method() != BINDING || message.class() != MessageClass::SuccessResponse {
        return None;
    }
    let xored = message.get::<XorMappedAddress>().and_then(|a| a.as_xor_mapped_address().ok());
    let plain = message.get::<MappedAddress>().and_then(|a| a.as_mapped_address().ok());
    let origin = message.get::<ResponseOrigin>().and_then(|a| a.as_response_origin().ok());
    let other = message.get::<OtherAddress>().and_then(|a| a.as_other_address().ok());
    let mapped =
        xored.map(|a| *a.socket_address()).or_else(|| plain.map(|a| *a.socket_address()))?;
    let origin = origin.map(|a| *a.socket_address());
    let other = other.map(|a| *a.socket_address());
    Some((*message.transaction_id().as_bytes(), Answer { mapped, origin, other }))
}

/// Reads an error response to a Binding request; returns the request's transaction.
#[must_use]
pub fn refusal(bytes: &[u8]) -> Option<[u8; 12]> {
    if bytes.len() > MAX_MESSAGE {
        return None;
    }
    let message = decode(bytes)?;
    let is_error = message.method() == BINDING && message.class() == MessageClass::ErrorResponse;
    is_error.then(|| *message.transaction_id().as_bytes())
}

fn decode(bytes: &[u8]) -> Option<StunMessage> {
    let context = DecoderContextBuilder::default().with_validation().build();
    let decoder = MessageDecoderBuilder::default().with_context(context).build();
    let (message, length) = decoder.decode(bytes).ok()?;
    (length == bytes.len()).then_some(message)
}

fn encode(message: &StunMessage) -> Option<Vec<u8>> {
    let mut out = vec![0; MAX_MESSAGE];
    let length = MessageEncoderBuilder::default().build().encode(&mut out, message).ok()?;
    out.truncate(length);
    Some(out)
}

/// RFC 3489 §9.3: MAPPED-ADDRESS, SOURCE-ADDRESS, CHANGED-ADDRESS.
fn classic_response(id: &[u8; 16], answer: &Answer) -> Option<Vec<u8>> {
    let mut attributes = Vec::new();
    let mapped = Some(answer.mapped);
    for (kind, address) in [(0x0001u16, mapped), (0x0004, answer.origin), (0x0005, answer.other)] {
        match address {
            Some(SocketAddr::V4(address)) => {
                attributes.extend(kind.to_be_bytes());
                attributes.extend([0x00, 0x08, 0x00, 0x01]);
                attributes.extend(address.port().to_be_bytes());
                attributes.extend(address.ip().octets());
            }
            Some(SocketAddr::V6(_)) => return None,
            None => {}
        }
    }
    let mut out = vec![0x01, 0x01];
    out.extend(u16::try_from(attributes.len()).ok()?.to_be_bytes());
    out.extend(id);
    out.extend(attributes);
    Some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(version: u8) -> Answer {
        let [mapped, origin, other] = match version {
            4 => ["192.0.2.1:5000", "203.0.113.1:3478", "203.0.113.2:3479"],
            _ => ["[2001:db8::1]:5000", "[2001:db8::2]:3478", "[2001:db8::3]:3479"],
        }
        .map(|text| text.parse().expect("address"));
        Answer { mapped, origin: Some(origin), other: Some(other) }
    }

    const BARE: [u8; 20] =
        [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

    #[test]
    fn our_request_is_answered_by_no_more_bytes_and_the_answer_is_read_back() {
        for version in [4, 6] {
            for change in [Change::default(), Change { ip: true, port: false }] {
                let bytes = request([7; 12], change);
                let request = Request::parse(&bytes).expect("a request");
                assert_eq!((request.change(), request.is_strange()), (change, false));
                let reply = request.succeed(&answer(version)).expect("a response");
                assert!(reply.len() <= bytes.len(), "{} > {}", reply.len(), bytes.len());
                assert_eq!(response(&reply), Some(([7; 12], answer(version))));
            }
        }
    }

    #[test]
    fn a_bare_request_gets_a_small_answer_without_fingerprint() {
        let request = Request::parse(&BARE).expect("a request");
        let only_mapped = Answer { origin: None, other: None, ..answer(4) };
        assert_eq!(request.succeed(&only_mapped).expect("a response").len(), 32);
        assert_eq!(request.succeed(&answer(4)).expect("a response").len(), 56);
    }

    #[test]
    fn a_broken_fingerprint_or_a_byte_too_many_makes_no_request() {
        let mut bytes = request([7; 12], Change::default());
        bytes.push(0);
        assert_eq!(Request::parse(&bytes), None);
        bytes.pop();
        *bytes.last_mut().expect("bytes") ^= 1;
        assert_eq!(Request::parse(&bytes), None);
    }

    #[test]
    fn what_must_be_understood_and_is_not_is_refused_by_name() {
        // RFC 8445 PRIORITY and RFC 5780 PADDING.
        for kind in [0x24u8, 0x26] {
            let mut bytes = BARE.to_vec();
            bytes[3] = 8;
            bytes.extend([0, kind, 0, 4, 0x10, 0x00, 0, 0]);
            let request = Request::parse(&bytes).expect("a request");
            assert!(request.is_strange());
            let reply = request.refuse().expect("a response");
            assert!(reply.ends_with(&[0, 10, 0, 2, 0, kind, 0, 0]), "{reply:x?}");
            assert_eq!(reply[..2], [0x01, 0x11]);
            let transaction = bytes[8..20].try_into().ok();
            assert_eq!((response(&reply), refusal(&reply)), (None, transaction));
            assert_eq!(refusal(&bytes), None);
        }
    }

    #[test]
    fn a_response_port_is_read_with_and_without_its_padding_counted() {
        for length in [2, 4] {
            let mut bytes = BARE.to_vec();
            bytes[3] = 8;
            bytes.extend([0, 0x27, 0, length, 0x13, 0x88, 0, 0]);
            let request = Request::parse(&bytes).expect("a request");
            assert_eq!((request.response_port(), request.is_strange()), (Some(5000), false));
        }
        let ours = Request::parse(&request_for_port([7; 12], 5000)).expect("a request");
        assert_eq!((ours.response_port(), ours.is_strange()), (Some(5000), false));
        assert!(ours.succeed(&answer(6)).expect("a response").len() <= 112);
        assert_eq!(request_for_port([7; 12], 5000).len(), 112);
    }

    #[test]
    fn answers_are_never_taken_for_requests() {
        let request = Request::parse(&BARE).expect("a request");
        let reply = request.succeed(&answer(4)).expect("a response");
        assert!(is_stun(&reply));
        assert_eq!(Request::parse(&reply), None);
        assert_eq!(Request::parse(&request.refuse().expect("a response")), None);
    }

    /// As sent by `stun` 0.97.
    const CLASSIC: [u8; 28] = [
        0x00, 0x01, 0x00, 0x08, 0x01, 0x6e, 0x22, 0x36, 0xb2, 0x23, 0x73, 0x3c, 0xc2, 0x4b, 0xf5,
        0x78, 0x7f, 0xfd, 0x23, 0x69, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x00, 0x06,
    ];

    #[test]
    fn a_classic_request_gets_a_classic_answer() {
        let request = Request::parse(&CLASSIC).expect("a request");
        assert_eq!(request.change(), Change { ip: true, port: true });
        let reply = request.succeed(&answer(4)).expect("a response");
        assert_eq!((&reply[..4], &reply[4..20]), (&[1, 1, 0, 36][..], &CLASSIC[4..20]));
        assert_eq!(reply[20..32], [0, 1, 0, 8, 0, 1, 0x13, 0x88, 192, 0, 2, 1]);
        assert_eq!((Request::parse(&reply), request.refuse()), (None, None));
        assert_eq!(request.succeed(&answer(6)), None);
    }

    #[test]
    fn a_classic_request_cannot_send_the_answer_elsewhere() {
        let mut bytes = CLASSIC[..20].to_vec();
        bytes[3] = 12;
        bytes.extend([0, 2, 0, 8, 0, 1, 0x13, 0x88, 192, 0, 2, 1]);
        assert!(is_stun(&bytes));
        assert_eq!(Request::parse(&bytes), None);
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..700)) {
            let _ = Request::parse(&bytes);
            let _ = response(&bytes);
        }

        #[test]
        fn reading_what_was_changed_on_the_way_never_panics(
            at in 0usize..104, by in 1u8.., cut in 0usize..104,
        ) {
            let mut bytes = request([7; 12], Change { ip: true, port: true });
            bytes[at] ^= by;
            let _ = Request::parse(&bytes);
            let _ = Request::parse(&bytes[..cut]);
            let reply = Request::parse(&BARE).and_then(|r| r.succeed(&answer(6)));
            let mut reply = reply.expect("a response");
            let length = reply.len();
            reply[at % length] ^= by;
            let _ = response(&reply);
        }
    }
}
