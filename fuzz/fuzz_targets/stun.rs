//! Any bytes are a STUN message or not, and answers to strangers' requests are well-formed.
#![no_main]

use std::net::SocketAddr;

use libfuzzer_sys::fuzz_target;
use p2pchat_wire::stun::{self, Answer, Request};

fuzz_target!(|bytes: &[u8]| {
    let _ = stun::response(bytes);
    let Some(request) = Request::parse(bytes) else { return };
    assert!(stun::is_stun(bytes), "parsed, and told apart as something else");
    let mapped = SocketAddr::from(([192, 0, 2, 1], 4000));
    let answer = Answer { mapped, origin: Some(mapped), other: Some(mapped) };
    if let Some(success) = request.succeed(&answer) {
        assert!(success.len() <= 128);
        assert!(stun::is_stun(&success));
        assert!(Request::parse(&success).is_none(), "an answer that can be answered");
    }
    if let Some(refusal) = request.refuse() {
        assert!(Request::parse(&refusal).is_none(), "a refusal that can be answered");
        assert!(refusal.len() <= 1200);
    }
});
