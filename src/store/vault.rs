//! What makes a profile unreadable without its passphrase.
//!
//! A random [`DataKey`] seals everything that is secret, value by value ([`Vault`]). The passphrase only
//! wraps that key, by way of Argon2id ([`Envelope`]), so that another passphrase needs no rewriting of
//! what is sealed.
//!
//! A sealed value is `salt | ciphertext | tag`. The salt makes a key that seals this value and no other
//! (keyed BLAKE3), with which ChaCha20-Poly1305 needs no nonce: 2^32 values under one key would be too
//! many for random ones of twelve bytes. A random salt hides whether two values are equal. Values that
//! have to be found again get one that is a keyed hash of the value, as synthetic IVs are (RFC 5297).
//! Where a value stands is associated data: moved elsewhere it does not open.

use argon2::{Algorithm, Argon2, Params, Version};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use unicode_normalization::UnicodeNormalization;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Bytes of a salt: 2^64 values are sealed before two are likely to share one.
pub(super) const SALT: usize = 16;

/// Bytes of a tag of Poly1305 (RFC 8439 §2.5).
const TAG: usize = 16;

/// Bytes by which a sealed value is longer than what was sealed.
pub(super) const OVERHEAD: usize = SALT + TAG;

/// Something sealed does not open: another key, another place, or not what was sealed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("what is sealed was changed, or sealed with another key")]
pub(super) struct BrokenSeal;

/// The key that everything of a profile is sealed with. Wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct DataKey([u8; 32]);

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey(..)")
    }
}

impl DataKey {
    pub(super) fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// It, to be handed to another process of ours and to nobody else.
    #[must_use]
    pub fn to_hex(&self) -> Zeroizing<String> {
        use std::fmt::Write as _;
        let mut hex = Zeroizing::new(String::with_capacity(2 * self.0.len()));
        for byte in self.0 {
            // Text takes everything.
            let _ = write!(hex, "{byte:02x}");
        }
        hex
    }

    /// One that was handed over so.
    #[must_use]
    pub fn from_hex(hex: &str) -> Option<Self> {
        let mut key = Self([0; 32]);
        let digits = hex.as_bytes();
        if digits.len() != 2 * key.0.len() {
            return None;
        }
        for (byte, digits) in key.0.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(key)
    }

    /// The keys that are made of this one.
    pub(super) fn vault(&self) -> Vault {
        let derive = |context| blake3::derive_key(context, &self.0);
        Vault {
            values: derive("p2pchat 1 sealed values"),
            salts: derive("p2pchat 1 salts of sealed values"),
        }
    }

    /// What tells this key from others.
    fn proof(&self) -> [u8; PROOF] {
        let mut proof = [0; PROOF];
        let hash = blake3::derive_key("p2pchat 1 proof of a data key", &self.0);
        proof.copy_from_slice(&hash[..PROOF]);
        proof
    }
}

/// Seals and opens values.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(super) struct Vault {
    values: [u8; 32],
    salts: [u8; 32],
}

impl Vault {
    /// Seals a value for a place, under a salt that is drawn for it.
    pub(super) fn seal(&self, salt: [u8; SALT], place: &[u8], value: &[u8]) -> Vec<u8> {
        let mut sealed = salt.to_vec();
        sealed.extend(seal(&self.key(&salt), place, value));
        sealed
    }

    /// Seals a value so that equal ones for one place become equal.
    pub(super) fn seal_equal(&self, place: &[u8], value: &[u8]) -> Vec<u8> {
        let mut hasher = blake3::Hasher::new_keyed(&self.salts);
        hasher.update(&(place.len() as u64).to_le_bytes()).update(place).update(value);
        let mut salt = [0; SALT];
        salt.copy_from_slice(&hasher.finalize().as_bytes()[..SALT]);
        self.seal(salt, place, value)
    }

    /// Opens what was sealed for a place, either way.
    pub(super) fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Vec<u8>, BrokenSeal> {
        let (salt, sealed) = sealed.split_first_chunk::<SALT>().ok_or(BrokenSeal)?;
        open(&self.key(salt), place, sealed)
    }

    fn key(&self, salt: &[u8; SALT]) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(*blake3::keyed_hash(&self.values, salt).as_bytes())
    }
}

/// No key seals twice, so that each may use the same nonce.
const NONCE: [u8; NONCE_LEN] = [0; NONCE_LEN];

fn aead(key: &[u8; 32]) -> LessSafeKey {
    let key = UnboundKey::new(&CHACHA20_POLY1305, key);
    LessSafeKey::new(key.expect("the key has the algorithm's length"))
}

fn seal(key: &[u8; 32], place: &[u8], value: &[u8]) -> Vec<u8> {
    let mut sealed = value.to_vec();
    aead(key)
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(NONCE),
            Aad::from(place),
            &mut sealed,
        )
        .expect("a value is far shorter than the 256 GiB of ChaCha20's limit");
    sealed
}

fn open(key: &[u8; 32], place: &[u8], sealed: &[u8]) -> Result<Vec<u8>, BrokenSeal> {
    let mut buffer = sealed.to_vec();
    let nonce = Nonce::assume_unique_for_key(NONCE);
    let opened = aead(key).open_in_place(nonce, Aad::from(place), &mut buffer);
    let length = opened.map_err(|_| BrokenSeal)?.len();
    buffer.truncate(length);
    Ok(buffer)
}

/// How dear it is to try a passphrase.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Cost {
    /// Memory in KiB.
    memory: u32,
    /// Passes over it.
    passes: u32,
    /// Parts of it that are filled side by side.
    lanes: u32,
}

impl Cost {
    /// The second option of RFC 9106 §4, three passes over 64 MiB, in one lane: the attacker computes
    /// lanes side by side, and the library here does not.
    pub(super) const NORMAL: Self = Self { memory: 64 * 1024, passes: 3, lanes: 1 };

    /// For tests that are about something else.
    #[cfg(test)]
    pub(super) const LEAST: Self = Self { memory: 8, passes: 1, lanes: 1 };

    /// What a file may ask for: more would be an attack on this computer.
    fn is_sane(self) -> bool {
        (1..=16).contains(&self.lanes)
            && (1..=64).contains(&self.passes)
            && (8 * self.lanes..=1024 * 1024).contains(&self.memory)
    }
}

const MAGIC: &[u8] = b"p2pchat sealed profile 1\n";
/// The beginning that every version has.
const MAGIC_OF_ALL: &[u8] = b"p2pchat sealed profile ";
const PROOF: usize = 16;
const COST_AT: usize = MAGIC.len();
const SALT_AT: usize = COST_AT + 12;
const PROOF_AT: usize = SALT_AT + SALT;
const KEY_AT: usize = PROOF_AT + PROOF;

/// The data key, wrapped with a passphrase:
/// `magic | memory | passes | lanes | salt | proof of the key | key, sealed`, numbers in little endian.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Envelope([u8; Self::LEN]);

impl Envelope {
    /// Its length.
    pub(super) const LEN: usize = KEY_AT + 32 + TAG;

    /// Reads one; `None` if it is something else, or asks for more than is sane.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let envelope = Self(bytes.try_into().ok()?);
        (bytes.starts_with(MAGIC) && envelope.cost().is_sane()).then_some(envelope)
    }

    /// Whether this is, or begins with, an envelope of another version than ours.
    pub(super) fn is_of_another_version(bytes: &[u8]) -> bool {
        bytes.starts_with(MAGIC_OF_ALL) && !bytes.starts_with(MAGIC)
    }

    /// Wraps a key. The salt is new each time, and so is the key that wraps.
    pub(super) fn wrap(key: &DataKey, passphrase: &str, cost: Cost, salt: [u8; SALT]) -> Self {
        let mut bytes = [0; Self::LEN];
        bytes[..COST_AT].copy_from_slice(MAGIC);
        for (at, number) in [cost.memory, cost.passes, cost.lanes].into_iter().enumerate() {
            bytes[COST_AT + 4 * at..][..4].copy_from_slice(&number.to_le_bytes());
        }
        bytes[SALT_AT..PROOF_AT].copy_from_slice(&salt);
        bytes[PROOF_AT..KEY_AT].copy_from_slice(&key.proof());
        let wrapping = stretch(passphrase, cost, &salt);
        let wrapped = seal(&wrapping, &bytes[..KEY_AT], &key.0);
        bytes[KEY_AT..].copy_from_slice(&wrapped);
        Self(bytes)
    }

    /// Takes the key out.
    pub(super) fn unwrap(&self, passphrase: &str) -> Result<DataKey, BrokenSeal> {
        let salt = self.0[SALT_AT..PROOF_AT].try_into().map_err(|_| BrokenSeal)?;
        let wrapping = stretch(passphrase, self.cost(), &salt);
        let key = Zeroizing::new(open(&wrapping, &self.0[..KEY_AT], &self.0[KEY_AT..])?);
        let key = key.as_slice().try_into().map_err(|_| BrokenSeal)?;
        Ok(DataKey(key))
    }

    /// Whether this is the key in it.
    pub(super) fn holds(&self, key: &DataKey) -> bool {
        self.0[PROOF_AT..KEY_AT] == key.proof()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn cost(&self) -> Cost {
        let number = |at: usize| {
            let mut number = [0; 4];
            number.copy_from_slice(&self.0[COST_AT + 4 * at..][..4]);
            u32::from_le_bytes(number)
        };
        Cost { memory: number(0), passes: number(1), lanes: number(2) }
    }
}

/// Argon2id (RFC 9106). Whatever keyboard a passphrase is typed on, it is the same (NFC).
fn stretch(passphrase: &str, cost: Cost, salt: &[u8; SALT]) -> Zeroizing<[u8; 32]> {
    let passphrase: Zeroizing<String> = Zeroizing::new(passphrase.nfc().collect());
    let params = Params::new(cost.memory, cost.passes, cost.lanes, Some(32));
    let params = params.expect("sane numbers are Argon2's");
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, key.as_mut())
        .expect("the lengths are Argon2's");
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault() -> Vault {
        DataKey::new([7; 32]).vault()
    }

    #[test]
    fn what_is_sealed_opens_where_it_was_sealed_and_nowhere_else() {
        let sealed = vault().seal([1; SALT], b"here", "你好".as_bytes());
        assert_eq!(sealed.len(), OVERHEAD + "你好".len());
        assert_eq!(vault().open(b"here", &sealed).as_deref(), Ok("你好".as_bytes()));
        assert_eq!(vault().open(b"there", &sealed), Err(BrokenSeal));
        assert_eq!(DataKey::new([8; 32]).vault().open(b"here", &sealed), Err(BrokenSeal));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(vault().open(b"here", &changed), Err(BrokenSeal), "byte {at}");
            assert_eq!(vault().open(b"here", &sealed[..at]), Err(BrokenSeal), "length {at}");
        }
    }

    #[test]
    fn equal_values_look_equal_only_where_they_have_to_be_found() {
        let vault = vault();
        assert_eq!(vault.seal_equal(b"name", b"bob"), vault.seal_equal(b"name", b"bob"));
        assert_ne!(vault.seal_equal(b"name", b"bob"), vault.seal_equal(b"host", b"bob"));
        assert_ne!(vault.seal_equal(b"name", b"bob"), vault.seal_equal(b"name", b"eve"));
        assert_eq!(
            vault.open(b"name", &vault.seal_equal(b"name", b"bob")).as_deref(),
            Ok(&b"bob"[..])
        );
        assert_ne!(vault.seal([1; SALT], b"name", b"bob"), vault.seal([2; SALT], b"name", b"bob"));
    }

    #[test]
    fn an_envelope_opens_with_its_passphrase_and_no_other() {
        let key = DataKey::new([7; 32]);
        let envelope = Envelope::wrap(&key, "caf\u{e9}", Cost::LEAST, [3; SALT]);
        let read = Envelope::read(envelope.bytes()).expect("it is one");
        assert_eq!(read.unwrap("cafe\u{301}").expect("the same in NFC").0, key.0);
        assert_eq!(read.unwrap("cafe").err(), Some(BrokenSeal));
        assert!(read.holds(&key) && !read.holds(&DataKey::new([8; 32])));
        for at in MAGIC.len() + 12..Envelope::LEN {
            let mut changed = envelope.bytes().to_vec();
            changed[at] ^= 1;
            let changed = Envelope::read(&changed).expect("it looks like one");
            assert!(changed.unwrap("caf\u{e9}").is_err(), "byte {at}");
        }
    }

    #[test]
    fn an_envelope_that_asks_for_too_much_is_none() {
        let envelope = Envelope::wrap(&DataKey::new([7; 32]), "p", Cost::LEAST, [3; SALT]);
        for (at, value) in [(0, u32::MAX), (0, 7), (1, 0), (1, 65), (2, 0), (2, 2), (2, 17)] {
            let mut bytes = envelope.bytes().to_vec();
            bytes[COST_AT + 4 * at..][..4].copy_from_slice(&u32::to_le_bytes(value));
            assert_eq!(Envelope::read(&bytes), None, "{at} {value}");
        }
        let mut newer = envelope.bytes().to_vec();
        newer[MAGIC.len() - 2] = b'2';
        assert!(Envelope::read(&newer).is_none() && Envelope::is_of_another_version(&newer));
        assert!(!Envelope::is_of_another_version(envelope.bytes()));
    }

    /// RFC 9106 has no test vector without secret and associated data; the second value was computed
    /// with the reference implementation, as `argon2 somesaltsomesalt -id -t 3 -k 65536 -p 1 -l 32`
    /// does.
    #[test]
    fn the_values_are_those_of_the_format() {
        let sealed = vault().seal_equal(b"name", b"bob");
        let hex: String = sealed.iter().map(|byte| format!("{byte:02x}")).collect();
        let value = "61ca6ba049b919228184ee21ea01b263ce7b84cf5416b9d05870c69919582c228e81ba";
        assert_eq!(hex, value);
        let key = stretch("password", Cost::NORMAL, b"somesaltsomesalt");
        let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "7664ad4ba1a3c999fcdd0991ffc2270f78302d2383233db5e7befc85d1bb1819");
    }
}
