//! The language that people are spoken to in; what programs read is English.

use serde_json::Value;

use super::program::{Outcome, Profile, Program};

/// Runs with these variables, and no others that could say which language.
fn run(variables: &[(&str, &str)], arguments: &[&str]) -> Outcome {
    let profile = Profile::new();
    let mut command = profile.command(arguments);
    for variable in ["P2PCHAT_LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"] {
        command.env_remove(variable);
    }
    command.envs(variables.iter().copied());
    let mut program = Program::start(command);
    program.end_input();
    program.outcome()
}

const CHINESE: (&str, &str) = ("LANG", "zh_CN.UTF-8");

#[test]
fn a_chinese_locale_is_spoken_to_in_chinese() {
    let outcome = run(&[CHINESE], &["id"]).exits(0);
    assert!(outcome.out[0].starts_with("名字        尚未选定"), "{outcome:?}");
    assert!(outcome.out[1].starts_with("公钥        "), "{outcome:?}");
    assert!(outcome.out[2].starts_with("会合服务器  尚未选定"), "{outcome:?}");
    run(&[CHINESE], &[]).exits(2).says("p2pchat: 还不知道任何会合服务器。");
}

#[test]
fn an_option_comes_before_a_variable_and_that_before_the_locale() {
    let speaks = |variables: &[(&str, &str)], arguments: &[&str]| {
        let outcome = run(variables, &[&["id"], arguments].concat()).exits(0);
        outcome.out[0].split(' ').next().unwrap_or_default().to_owned()
    };
    let ours = ("P2PCHAT_LANG", "zh");
    assert_eq!(speaks(&[], &[]), "name");
    assert_eq!(speaks(&[("LANG", "xx_XX.UTF-8")], &[]), "name");
    assert_eq!(speaks(&[CHINESE, ("LC_ALL", "C")], &[]), "name");
    assert_eq!(speaks(&[("LC_ALL", "C"), ours], &[]), "名字");
    assert_eq!(speaks(&[CHINESE, ours], &["--lang", "en"]), "name");
    run(&[], &["--lang", "xx", "id"]).exits(2).says("xx");
}

#[test]
fn programs_are_spoken_to_in_english() {
    let outcome = run(&[CHINESE], &["--json"]).exits(2);
    let object: Value = serde_json::from_str(&outcome.out[0]).expect("JSON");
    assert_eq!(object["code"], "usage");
    assert!(object["message"].as_str().is_some_and(|said| said.starts_with("no rendezvous is")));
}

#[test]
fn the_help_is_chinese_too_and_names_every_option_as_it_is_typed() {
    let (english, chinese) =
        (run(&[], &["--help"]).exits(0), run(&[CHINESE], &["--help"]).exits(0));
    let asked = run(&[], &["--lang", "zh", "--help"]).exits(0);
    assert_eq!(asked.out, chinese.out);
    let options = |outcome: &Outcome| -> Vec<String> {
        let words = outcome.out.iter().flat_map(|line| line.split_whitespace());
        words.filter(|word| word.starts_with("--")).map(ToOwned::to_owned).collect()
    };
    let listed = |outcome: &Outcome, option: &str| options(outcome).iter().any(|one| one == option);
    for option in ["--lang", "--peer", "--relay-only", "--timeout", "--help"] {
        assert!(listed(&english, option) && listed(&chinese, option), "{option}");
    }
    let text = chinese.out.join("\n");
    for said in ["用法：", "命令:", "选项:", "退出码：", "[默认值：30s]"] {
        assert!(text.contains(said), "{said} is not in\n{text}");
    }
    for said in ["Usage:", "Options:", "default:", "Print help", "possible values"] {
        assert!(!text.contains(said), "{said} is in\n{text}");
    }
}
