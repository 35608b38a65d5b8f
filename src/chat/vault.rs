//! What makes a profile unreadable without its passphrase.
//!
//! A random *data key* seals everything that is secret. The passphrase only wraps that key, by way of
//! Argon2id, so that another passphrase needs no rewriting of what is sealed. Texts are sealed with
//! random nonces and bound to the row and column where they stand: moved elsewhere they do not open.
//! Names have to be found again by their value; their nonce is a keyed hash of it, so that equal
//! names look equal and nothing else shows. Terms of the search index are keyed hashes.

use argon2::{Algorithm, Argon2, Params, Version};
use base64ct::{Base64UrlUnpadded, Encoding};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Bytes of a nonce of XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha §2.3).
const NONCE: usize = 24;

/// Bytes of a tag of Poly1305 (RFC 8439 §2.5).
const TAG: usize = 16;

/// How hard it is to try a passphrase.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Cost {
    /// Memory in KiB.
    pub(super) memory: u32,
    /// Passes over it.
    pub(super) passes: u32,
    /// Lanes.
    pub(super) lanes: u32,
}

impl Cost {
    /// RFC 9106 §4, the second recommended option: 64 MiB, three passes.
    pub(super) const NORMAL: Self = Self { memory: 64 * 1024, passes: 3, lanes: 1 };

    /// What a file may ask for: more would be an attack on this computer.
    fn is_sane(self) -> bool {
        (8..=1024 * 1024).contains(&self.memory)
            && (1..=64).contains(&self.passes)
            && (1..=16).contains(&self.lanes)
    }
}

/// Something sealed does not open: another key, or not what was sealed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("what is sealed cannot be opened with this key")]
pub(super) struct NotOurs;

/// The key that everything of a profile is sealed with.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(super) struct DataKey([u8; 32]);

/// What a data key is used for, each with a key of its own.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(super) struct Vault {
    texts: [u8; 32],
    names: [u8; 32],
    nonces: [u8; 32],
    terms: [u8; 32],
    proof: [u8; 32],
}

impl DataKey {
    pub(super) fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The keys that are made of this one.
    pub(super) fn vault(&self) -> Vault {
        let derive = |context| blake3::derive_key(context, &self.0);
        Vault {
            texts: derive("p2pchat 1 vault texts"),
            names: derive("p2pchat 1 vault names"),
            nonces: derive("p2pchat 1 vault names' nonces"),
            terms: derive("p2pchat 1 vault terms"),
            proof: derive("p2pchat 1 vault proof"),
        }
    }
}

impl Vault {
    /// What a database keeps to know its key by.
    pub(super) fn proof(&self) -> [u8; 32] {
        self.proof
    }

    /// Seals a text for one place, under a nonce that is never used twice.
    pub(super) fn seal(&self, nonce: [u8; NONCE], place: &[u8], text: &str) -> String {
        encode(&self.texts, nonce, place, text)
    }

    pub(super) fn open(&self, place: &[u8], sealed: &str) -> Result<String, NotOurs> {
        decode(&self.texts, place, sealed)
    }

    /// Seals a name; equal names become equal.
    pub(super) fn seal_name(&self, name: &str) -> String {
        let hash = blake3::keyed_hash(&self.nonces, name.as_bytes());
        let mut nonce = [0; NONCE];
        nonce.copy_from_slice(&hash.as_bytes()[..NONCE]);
        encode(&self.names, nonce, b"name", name)
    }

    pub(super) fn open_name(&self, sealed: &str) -> Result<String, NotOurs> {
        decode(&self.names, b"name", sealed)
    }

    /// What stands for a term in the index: 16 hexadecimal digits.
    pub(super) fn term(&self, term: &str) -> String {
        let hash = blake3::keyed_hash(&self.terms, term.as_bytes());
        hash.as_bytes()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// An empty text stays empty: that a line has been deleted is no secret.
fn encode(key: &[u8; 32], nonce: [u8; NONCE], place: &[u8], text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let mut bytes = nonce.to_vec();
    bytes.extend(seal_bytes(key, nonce, place, text.as_bytes()));
    Base64UrlUnpadded::encode_string(&bytes)
}

fn decode(key: &[u8; 32], place: &[u8], sealed: &str) -> Result<String, NotOurs> {
    if sealed.is_empty() {
        return Ok(String::new());
    }
    let bytes = Base64UrlUnpadded::decode_vec(sealed).map_err(|_| NotOurs)?;
    let (nonce, sealed) = bytes.split_first_chunk::<NONCE>().ok_or(NotOurs)?;
    let text = open_bytes(key, *nonce, place, sealed)?;
    String::from_utf8(text.to_vec()).map_err(|_| NotOurs)
}

fn seal_bytes(key: &[u8; 32], nonce: [u8; NONCE], aad: &[u8], msg: &[u8]) -> Vec<u8> {
    let cipher = XChaCha20Poly1305::new(key.into());
    // It fails for texts of more than 256 GiB only, which no database holds.
    cipher.encrypt(&XNonce::from(nonce), Payload { msg, aad }).unwrap_or_default()
}

fn open_bytes(
    key: &[u8; 32],
    nonce: [u8; NONCE],
    aad: &[u8],
    msg: &[u8],
) -> Result<Zeroizing<Vec<u8>>, NotOurs> {
    let cipher = XChaCha20Poly1305::new(key.into());
    let opened = cipher.decrypt(&XNonce::from(nonce), Payload { msg, aad });
    opened.map(Zeroizing::new).map_err(|_| NotOurs)
}

/// The identity and the data key, as the file of a sealed profile holds them.
///
/// `magic | intent | memory | passes | lanes | salt | nonce | data key, sealed | nonce | seed, sealed`,
/// numbers in little endian.
pub(super) struct Sealed {
    bytes: Vec<u8>,
}

const MAGIC: &[u8] = b"p2pchat sealed identity 1\n";
const SALT: usize = 16;
const HEADER: usize = MAGIC.len() + 1 + 12 + SALT;
const WRAPPED: usize = NONCE + 32 + TAG;

/// The length of the file.
pub(super) const SEALED_LEN: usize = HEADER + 2 * WRAPPED;

/// What a sealed profile is about to become, if it is interrupted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Intent {
    /// Sealed.
    Seal,
    /// Clear.
    Open,
}

/// What has to be random in such a file.
pub(super) struct Salts {
    pub(super) salt: [u8; SALT],
    pub(super) nonces: [[u8; NONCE]; 2],
}

impl Sealed {
    /// Reads a file; `None` if it is something else.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let sealed = Self { bytes: bytes.to_vec() };
        let whole = bytes.len() == SEALED_LEN && bytes.starts_with(MAGIC);
        (whole && sealed.cost().is_sane() && bytes[MAGIC.len()] <= 1).then_some(sealed)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn intent(&self) -> Intent {
        if self.bytes[MAGIC.len()] == 0 { Intent::Seal } else { Intent::Open }
    }

    fn cost(&self) -> Cost {
        let number = |at: usize| {
            let at = MAGIC.len() + 1 + 4 * at;
            let bytes = self.bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
            bytes.map_or(0, u32::from_le_bytes)
        };
        Cost { memory: number(0), passes: number(1), lanes: number(2) }
    }

    /// Wraps data key and seed.
    pub(super) fn make(
        passphrase: &str,
        cost: Cost,
        intent: Intent,
        data_key: &DataKey,
        seed: &[u8; 32],
        salts: &Salts,
    ) -> Result<Self, NotOurs> {
        let mut bytes = MAGIC.to_vec();
        bytes.push(u8::from(intent == Intent::Open));
        for number in [cost.memory, cost.passes, cost.lanes] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(salts.salt);
        let key = stretch(passphrase, cost, &salts.salt)?;
        for (key, nonce, secret) in
            [(&*key, salts.nonces[0], &data_key.0), (&data_key.0, salts.nonces[1], seed)]
        {
            let sealed = seal_bytes(key, nonce, &bytes[..HEADER], secret);
            bytes.extend(nonce);
            bytes.extend(sealed);
        }
        Ok(Self { bytes })
    }

    /// Opens it with the passphrase.
    pub(super) fn unwrap(&self, passphrase: &str) -> Result<(DataKey, Zeroizing<[u8; 32]>), NotOurs> {
        let (header, rest) = self.bytes.split_at(HEADER);
        let key = stretch(passphrase, self.cost(), &header[HEADER - SALT..])?;
        let open = |key: &[u8; 32], wrapped: &[u8]| {
            let (nonce, sealed) = wrapped.split_first_chunk::<NONCE>().ok_or(NotOurs)?;
            let secret = open_bytes(key, *nonce, header, sealed)?;
            <[u8; 32]>::try_from(secret.as_slice()).map(Zeroizing::new).map_err(|_| NotOurs)
        };
        let (first, second) = rest.split_at(WRAPPED);
        let data_key = DataKey(*open(&key, first)?);
        let seed = open(&data_key.0, second)?;
        Ok((data_key, seed))
    }
}

fn stretch(passphrase: &str, cost: Cost, salt: &[u8]) -> Result<Zeroizing<[u8; 32]>, NotOurs> {
    let params =
        Params::new(cost.memory, cost.passes, cost.lanes, Some(32)).map_err(|_| NotOurs)?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, key.as_mut())
        .map_err(|_| NotOurs)?;
    Ok(key)
}
