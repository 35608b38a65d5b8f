//! How often something is sent to keep the router's mappings, and why so often.

use std::time::Duration;

use serde_json::{Value, json};

use super::language::Language;
use crate::proto::Upkeep;

/// For a person.
pub(super) fn sentence(upkeep: &Upkeep, language: &Language) -> String {
    let every = seconds(upkeep.path());
    let idle = match upkeep.idle {
        Some(idle) => language.say("upkeep-idle", &[("every", &every), ("idle", &seconds(idle))]),
        None => language.say("upkeep-unknown", &[("every", &every)]),
    };
    match upkeep.age {
        Some(age) => language.say("upkeep-age", &[("idle", &idle), ("age", &seconds(age))]),
        None => idle,
    }
}

/// For programs.
pub(super) fn object(upkeep: &Upkeep) -> Value {
    // None of these is longer than some minutes.
    let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    json!({
        "path_ms": milliseconds(upkeep.path()),
        "server_ms": milliseconds(upkeep.link()),
        "idle_limit_ms": upkeep.idle.map(milliseconds),
        "age_limit_ms": upkeep.age.map(milliseconds),
    })
}

/// With one digit behind the point, if there is something behind it.
fn seconds(time: Duration) -> String {
    match (time.as_secs(), time.subsec_millis() / 100) {
        (whole, 0) => whole.to_string(),
        (whole, tenths) => format!("{whole}.{tenths}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_the_router_is_said_and_what_is_not_as_well() {
        let unknown = sentence(&Upkeep::default(), &Language::default());
        assert!(unknown.starts_with("a probe every 10 s; for how long"), "{unknown}");
        let (idle, age) = (Some(Duration::from_secs(30)), Some(Duration::from_secs(55)));
        let known = sentence(&Upkeep { idle, age }, &Language::default());
        assert!(known.starts_with("a probe every 22.5 s, as your router remembers"), "{known}");
        assert!(known.contains("for 30 s at least. It ends every mapping after 55 s"), "{known}");
        let object = object(&Upkeep { idle, age: None });
        let expected = json!({
            "path_ms": 22_500, "server_ms": 22_500, "idle_limit_ms": 30_000, "age_limit_ms": null,
        });
        assert_eq!(object, expected);
    }
}
