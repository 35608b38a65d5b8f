//! `p2pchat demo`.

use super::program::Profile;

#[test]
fn each_line_of_input_is_delivered_and_echoed() {
    let outcome =
        Profile::new().run(&["demo"], "hello\n你好，世界\n\n/who is not a command here\n");
    let outcome = outcome.exits(0);
    let said = |from: &str| -> Vec<&str> {
        outcome.out.iter().filter_map(|line| line.strip_prefix(from)).collect()
    };
    assert_eq!(said("you   "), ["hello", "你好，世界", "/who is not a command here"]);
    assert_eq!(said("you   "), said("echo  "));
    let story = outcome.out.join("\n");
    for part in [
        "a rendezvous listens on 127.0.0.1:",
        "registered as you@",
        "introduced to echo",
        "connected to echo",
        "the path is direct",
    ] {
        assert!(story.contains(part), "{part:?} in {story}");
    }
}

#[test]
fn without_input_there_is_a_greeting() {
    let outcome = Profile::new().run(&["demo"], "").exits(0);
    assert_eq!(outcome.out.iter().filter(|line| line.starts_with("echo  ")).count(), 1);
}

#[test]
fn over_the_relay_alone_it_works_as_well() {
    let outcome = Profile::new().run(&["demo", "--relay-only"], "hello\n").exits(0);
    assert!(outcome.out.iter().any(|line| line.contains("the relay carried")), "{outcome:#?}");
}

#[test]
fn a_thousand_lines_come_back_in_order() {
    let input: String = (0..1000).map(|n| format!("line {n}\n")).collect();
    let outcome = Profile::new().run(&["demo"], &input).exits(0);
    let echoed = outcome.out.iter().filter_map(|line| line.strip_prefix("echo  "));
    assert!(echoed.eq(input.lines()));
}

#[test]
fn programs_can_watch_it_too() {
    let profile = Profile::new();
    let outcome =
        profile.run(&["demo", "--json"], "{\"type\":\"send\",\"text\":\"hi\",\"ref\":\"1\"}\n");
    let states: Vec<String> = outcome
        .exits(0)
        .out
        .iter()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|object| object["type"] == "status")
        .map(|object| object["state"].to_string())
        .collect();
    assert_eq!(states, ["\"queued\"", "\"sent\"", "\"delivered\""]);
}
