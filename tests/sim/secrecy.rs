//! What an eavesdropper on every wire at once finds in what was said.

use std::time::Duration;

use p2pchat::proto::{Command, PathKind};

use crate::nat::Behaviour;
use crate::scene::{Place, Scene, key_of};
use crate::talker::named;

const TEXT: &str = "Nobody else is to read this, nor to know who said it.";

#[test]
fn neither_text_nor_names_nor_keys_of_people_are_seen_on_any_wire() {
    for place in [Behaviour::home(), Behaviour::symmetric()] {
        let place = || Place::Behind(place.clone());
        let mut scene = Scene::new(1, place(), place());
        scene.world.eavesdrop();
        for (who, other) in [(scene.alice, "bob"), (scene.bob, "alice")] {
            scene.command(who, Command::Pin { name: named(other).into(), key: key_of(other) });
        }
        scene.call();
        scene.say(scene.alice, TEXT);
        scene.world.run_for(Duration::from_secs(20));
        let bob = scene.bob;
        assert_eq!(scene.heard(bob), [TEXT]);
        let path = scene.talker(bob).path();
        assert!(matches!(path, Some(PathKind::Direct | PathKind::Relay)));
        let (alices, bobs) = (key_of("alice").0, key_of("bob").0);
        let secrets: [&[u8]; 4] = [TEXT.as_bytes(), b"alice", &alices, &bobs];
        let packets = scene.world.overheard();
        assert!(packets.len() > 20);
        for packet in &packets {
            for secret in secrets {
                let seen = packet.bytes.windows(secret.len()).any(|bytes| bytes == secret);
                assert!(!seen, "{secret:02x?} is in {:02x?}", packet.bytes);
            }
        }
    }
}
