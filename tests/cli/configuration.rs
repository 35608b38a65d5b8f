//! `config.toml` and `p2pchat config`.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::program::{Outcome, Profile};
use super::server::Server;

/// A profile whose configuration file says this.
fn configured(text: &str) -> (Profile, PathBuf) {
    let profile = Profile::new();
    let path = PathBuf::from(&profile.run(&["config", "path"], "").exits(0).out[0]);
    fs::write(&path, text).expect("the file");
    (profile, path)
}

#[test]
fn what_the_file_settles_holds_and_an_option_comes_before_it() {
    let server = Server::start();
    let address = server.address().to_string();
    let (profile, _) =
        configured(&format!("name = \"alice\"\nrendezvous = [\"{address}\"] # ours\n"));
    let mut alice = profile.start(&[]);
    alice.hears("You are alice@");
    alice.end_input();
    alice.outcome().exits(0);
    let mut anna = profile.start(&["--name", "anna"]);
    anna.hears("You are anna@");
    anna.end_input();
    anna.outcome().exits(0);
}

#[test]
fn a_mistake_in_the_file_stops_the_start_and_says_where_and_what_was_meant() {
    let (profile, path) = configured("[network]\nlna = \"off\"\n[ui]\nambiguous = 3\n");
    let says = |outcome: Outcome| {
        outcome
            .exits(2)
            .says(&path.display().to_string())
            .says("line 2: there is no setting network.lna; did you mean network.lan?")
            .says("line 4: ui.ambiguous is 1 or 2")
    };
    says(profile.run(&["id"], ""));
    says(profile.run(&["config", "check"], ""));
    // Whoever has to mend it must be able to find it, and may look up how.
    profile.run(&["config", "path"], "").exits(0);
    profile.run(&["config", "template"], "").exits(0);
    profile.run(&["man"], "").exits(0);
    fs::write(&path, "[network]\nlan = \"off\"\n").expect("mended");
    let checked = profile.run(&["config", "check"], "").exits(0);
    assert!(checked.out[0].ends_with("is in order."), "{checked:?}");
}

#[test]
fn keys_and_colours_are_checked_too() {
    let (profile, _) = configured(
        "[keys]\nserach = \"f9\"\n[themes.mine]\nonw = \"red\"\nown = \"fog\"\n[ui]\ntheme = \"none\"\n",
    );
    profile
        .run(&["config", "check"], "")
        .exits(2)
        .says("line 2: keys: there is no action \"serach\"; did you mean \"search\"?")
        .says("line 4: themes.mine: nothing is called \"onw\"; did you mean own?")
        .says("line 5: themes.mine: \"fog\" is no colour")
        .says("ui.theme: there is no theme \"none\"; there are dark, light, mono, mine");
    let new = Profile::new();
    new.run(&["config", "set", "keys.help", "f1"], "").exits(0);
    new.run(&["config", "set", "keys.hlep", "f1"], "").exits(2).says("there is no action \"hlep\"");
    new.run(&["config", "check"], "").exits(0);
}

#[test]
fn the_language_can_be_settled() {
    let (profile, _) = configured("language = \"zh\"\n");
    let shown = profile.command(&["id"]).env_remove("P2PCHAT_LANG").output().expect("it runs");
    let shown = String::from_utf8(shown.stdout).expect("text");
    assert!(shown.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{shown}");
}

#[test]
fn show_says_what_holds_and_who_settled_it() {
    let (profile, _) =
        configured("name = \"alice\"\n[ui]\ntheme = \"light\"\n[keys]\nhelp = \"f1\"\n");
    let shown = profile.run(&["--name", "eve", "config", "show", "--json"], "").exits(0);
    let setting = |key: &str| -> Value {
        let lines = shown.out.iter().map(|line| serde_json::from_str(line).expect("JSON"));
        lines.into_iter().find(|line: &Value| line["key"] == key).expect(key)
    };
    for (key, value, from) in [
        ("name", "\"eve\"", "option"),
        ("ui.theme", "\"light\"", "file"),
        ("keys.help", "\"f1\"", "file"),
        ("ui.mouse", "false", "default"),
        ("network.lan", "\"off\"", "option"),
    ] {
        assert_eq!((&setting(key)["value"], &setting(key)["from"]), (&value.into(), &from.into()));
    }
    let plain = profile.run(&["config", "show"], "").exits(0);
    assert!(
        plain
            .out
            .iter()
            .any(|line| line.starts_with("ui.theme = \"light\"") && line.ends_with("# file")),
        "{plain:?}"
    );
}

#[test]
fn settling_a_thing_keeps_the_comments_and_refuses_what_is_wrong() {
    let (profile, path) = configured("# mine\nname = \"alice\" # since 2019\n");
    profile.run(&["config", "set", "ui.theme", "light"], "").exits(0);
    profile.run(&["config", "set", "name", "anna"], "").exits(0);
    let text = fs::read_to_string(&path).expect("the file");
    assert_eq!(text, "# mine\nname = \"anna\" # since 2019\n\n[ui]\ntheme = \"light\"\n");
    profile
        .run(&["config", "set", "ui.ambiguous", "3"], "")
        .exits(2)
        .says("ui.ambiguous is 1 or 2");
    profile.run(&["config", "set", "ui.thme", "dark"], "").exits(2).says("did you mean ui.theme?");
    assert_eq!(fs::read_to_string(&path).expect("the file"), text);
    profile.run(&["config", "unset", "ui.theme"], "").exits(0);
    assert!(!fs::read_to_string(&path).expect("the file").contains("theme"));
    // Where there is no file yet, one comes to be.
    let new = Profile::new();
    new.run(&["config", "set", "ui.mouse", "true"], "").exits(0);
    new.run(&["config", "check"], "").exits(0);
}
