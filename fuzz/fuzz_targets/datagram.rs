//! Any bytes are a datagram or an error, and a datagram's header survives being written again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use p2pchat_wire::datagram::{self, Datagram};

fuzz_target!(|bytes: &[u8]| {
    let Ok(parsed) = Datagram::parse(bytes) else { return };
    let (again, whole) = match parsed {
        Datagram::Stun(_) => return,
        // What follows a fixed header is padding, and not written again.
        Datagram::Hello(hello) => (hello.encode(), false),
        Datagram::Challenge(challenge) => (challenge.encode(), false),
        Datagram::Punch { introduction } => (datagram::punch(introduction), false),
        // A token is as long as nonce and cookie; noise goes to the end.
        Datagram::LinkInit(init) => (init.encode(), true),
        Datagram::LinkResponse(response) => (response.encode_link(), true),
        Datagram::PeerResponse(response) => (response.encode_peer(), true),
        Datagram::PeerInit(init) => (init.encode(), true),
        Datagram::Relay { channel, inner } => (datagram::relay(channel, inner), true),
        Datagram::LinkData(sealed) => {
            (datagram::link_header(sealed.receiver, sealed.packet_number).to_vec(), false)
        }
        Datagram::PeerData(sealed) => {
            (datagram::peer_header(sealed.receiver, sealed.packet_number).to_vec(), false)
        }
        // `Datagram` may grow; a new kind belongs in this list.
        other => panic!("a kind that this target does not know: {other:?}"),
    };
    let fixed = match parsed {
        // Version and nonce; zeros follow where the sender may have had something else.
        Datagram::Hello(_) => 18,
        _ => again.len(),
    };
    assert!(!whole || again.len() == bytes.len());
    assert_eq!(again.get(..fixed), bytes.get(..fixed));
});
