//! The client's half of the link, without IO.
#![allow(dead_code, reason = "each program uses its part")]

use p2pchat_wire::VERSION;
use p2pchat_wire::codec;
use p2pchat_wire::datagram::{AddressProof, Challenge, Datagram, Hello, LinkInit, link_header};
use p2pchat_wire::handshake::{Initiator, Purpose};
use p2pchat_wire::identity::{Identity, Name, PeerId, ServerKey};
use p2pchat_wire::random::Random;
use p2pchat_wire::sealing::Keys;
use p2pchat_wire::signal::{self, ClientSignal, LinkReply, LinkRequest, ServerSignal};

/// Padding of a link request.
const REQUEST: usize = 560;

pub(crate) struct Client {
    identity: Identity,
    random: Random,
    index: u32,
    counter: u64,
    initiator: Option<Initiator>,
    keys: Option<Keys>,
    remote: u32,
    packets: u64,
}

impl Client {
    pub(crate) fn new(seed: u64) -> Self {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        let mut random = Random::from_seed(bytes);
        Self {
            identity: Identity::from_seed(random.array()),
            index: random.u32(),
            random,
            counter: 0,
            initiator: None,
            keys: None,
            remote: 0,
            packets: 0,
        }
    }

    pub(crate) fn key(&self) -> PeerId {
        self.identity.id()
    }

    pub(crate) fn hello(&mut self) -> Vec<u8> {
        Hello { version: VERSION, nonce: self.random.array() }.encode()
    }

    /// Answers a challenge with a request to be registered.
    pub(crate) fn request(&mut self, challenge: &Challenge, name: Option<&Name>) -> Vec<u8> {
        self.counter += 1;
        let (counter, name) = (self.counter, name.cloned());
        let request = LinkRequest { counter, name, concealed: false, connects: vec![] };
        let payload = signal::encode_padded(&request, REQUEST);
        let server: ServerKey = PeerId(challenge.server);
        let (initiator, noise) = Initiator::new(
            Purpose::Link(server),
            &self.identity,
            &server,
            &payload,
            &mut self.random,
        )
        .expect("initiation");
        self.initiator = Some(initiator);
        let proof = AddressProof::Cookie { nonce: challenge.nonce, cookie: challenge.cookie };
        LinkInit { version: VERSION, proof, sender: self.index, noise: &noise }.encode()
    }

    /// Reads the answer to the request.
    pub(crate) fn finish(&mut self, datagram: &[u8]) -> Option<LinkReply> {
        let Ok(Datagram::LinkResponse(response)) = Datagram::parse(datagram) else { return None };
        let (payload, keys) = self.initiator.as_mut()?.finish(response.noise).ok()?;
        (self.keys, self.remote, self.packets) = (Some(keys), response.sender, 0);
        signal::decode_padded(&payload).ok()
    }

    pub(crate) fn seal(&mut self, signal: &ClientSignal) -> Vec<u8> {
        let header = link_header(self.remote, self.packets);
        let mut packet = header.to_vec();
        let keys = self.keys.as_ref().expect("a link");
        keys.send.seal(self.packets, &header, &codec::encode(signal), &mut packet);
        self.packets += 1;
        packet
    }

    pub(crate) fn open(&self, datagram: &[u8]) -> Option<ServerSignal> {
        let Ok(Datagram::LinkData(sealed)) = Datagram::parse(datagram) else { return None };
        let keys = self.keys.as_ref()?;
        let text =
            keys.receive.open(sealed.packet_number, sealed.header, sealed.ciphertext).ok()?;
        signal::decode(&text).ok()
    }
}
