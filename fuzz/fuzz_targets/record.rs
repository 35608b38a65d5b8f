//! Any message of a contact is a record, an unknown one, or an error; a record survives being
//! written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use p2pchat::chat::record::Record;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(Some(record)) = Record::decode(bytes) {
        assert_eq!(Record::decode(&record.encode()), Ok(Some(record)));
    }
});
