//! Any stream is read to its end or refused, the same however it is cut; and what was read is what
//! was written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use p2pchat_fuzz::Choices;
use p2pchat_wire::carrier::{self, CarrierError, Decoder, MAX_CARRIED, PREFACE};

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::new(input);
    let cut = usize::from(choices.byte()).max(1);
    let stream = choices.rest();
    let whole = read([stream]);
    assert_eq!(whole, read(stream.chunks(cut)));
    let (datagrams, result) = whole;
    assert!(datagrams.iter().all(|datagram| (1..=MAX_CARRIED).contains(&datagram.len())));
    if result != Err(CarrierError::NotACarrier) && stream.len() >= PREFACE.len() {
        let mut again = PREFACE.to_vec();
        assert!(datagrams.iter().all(|datagram| carrier::append(datagram, &mut again)));
        assert!(stream.starts_with(&again));
    }
});

fn read<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Vec<u8>>, Result<(), CarrierError>) {
    let (mut decoder, mut datagrams) = (Decoder::default(), Vec::new());
    for mut piece in pieces {
        loop {
            match decoder.next(&mut piece) {
                Ok(Some(datagram)) => datagrams.push(datagram.to_vec()),
                Ok(None) => break,
                Err(error) => return (datagrams, Err(error)),
            }
        }
        assert!(piece.is_empty(), "bytes that nobody took");
    }
    (datagrams, Ok(()))
}
