//! Any bytes are a signal or an error, and a signal survives being written and read again.
#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use p2pchat_wire::codec;
use p2pchat_wire::signal::{self, ClientSignal, LinkReply, LinkRequest, ServerSignal};

fuzz_target!(|input: &[u8]| {
    let Some((choice, bytes)) = input.split_first() else { return };
    match choice % 4 {
        0 => check(signal::decode::<ClientSignal>(bytes).ok(), |bytes| signal::decode(bytes).ok()),
        1 => check(signal::decode::<ServerSignal>(bytes).ok(), |bytes| signal::decode(bytes).ok()),
        2 => check_padded(signal::decode_padded::<LinkRequest>(bytes).ok(), |bytes| {
            signal::decode_padded(bytes).ok()
        }),
        _ => check_padded(signal::decode_padded::<LinkReply>(bytes).ok(), |bytes| {
            signal::decode_padded(bytes).ok()
        }),
    }
});

fn check<T>(value: Option<T>, read: impl Fn(&[u8]) -> Option<T>)
where
    T: serde::Serialize + Debug + PartialEq,
{
    if let Some(value) = value {
        let bytes = codec::encode(&value);
        assert!(bytes.len() <= signal::MAX_SIGNAL);
        assert_eq!(read(&bytes), Some(value));
    }
}

fn check_padded<T>(value: Option<T>, read: impl Fn(&[u8]) -> Option<T>)
where
    T: serde::Serialize + Debug + PartialEq,
{
    if let Some(value) = value {
        assert_eq!(read(&signal::encode_padded(&value, 640)), Some(value));
    }
}
