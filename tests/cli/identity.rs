//! `id words` and `id restore`: an identity on paper.

use serde_json::Value;

use super::program::Profile;

fn key(profile: &Profile) -> String {
    let outcome = profile.run(&["id", "--json"], "").exits(0);
    let object: Value = serde_json::from_str(&outcome.out[0]).expect("JSON");
    object["key"].as_str().expect("a key").to_owned()
}

#[test]
fn an_identity_moves_to_another_computer_as_words() {
    for list in ["en", "zh"] {
        let (old, new) = (Profile::new(), Profile::new());
        let before = key(&old);
        let words = old.run(&["id", "words", "--yes", "--list", list], "").exits(0).out;
        assert_eq!(words[0].split(' ').count(), 24);
        let lines = words[0].replacen(' ', "\n", 5);
        new.run(&["id", "restore"], &lines).exits(0);
        assert_eq!(key(&new), before);
    }
}

#[test]
fn words_are_printed_to_nobody_unasked() {
    let profile = Profile::new();
    profile.run(&["id", "words", "--yes"], "").exits(8).says("no identity");
    key(&profile);
    let outcome = profile.run(&["id", "words"], "yes\n").exits(8).says("--yes");
    assert!(outcome.out.is_empty(), "{outcome:?}");
}

#[test]
fn an_identity_is_never_replaced() {
    let (old, new) = (Profile::new(), Profile::new());
    let (one, two) = (key(&old), key(&new));
    let words = old.run(&["id", "words", "--yes"], "").exits(0).out.join(" ");
    new.run(&["id", "restore"], &words).exits(8).says("already");
    assert_eq!(key(&new), two);
    assert_ne!(one, two);
}

#[test]
fn wrong_words_make_nobody() {
    let profile = Profile::new();
    for (typed, reason) in [
        ("", "24 words"),
        ("abandon art", "24 words"),
        (&"abandon ".repeat(24), "checksum"),
        (&format!("{}bandon", "abandon ".repeat(23)), "Word 24"),
        (&"x".repeat(100_000), "24 words"),
    ] {
        profile.run(&["id", "restore"], typed).exits(2).says(reason);
    }
    profile.run(&["id", "words", "--yes"], "").exits(8).says("no identity");
}
