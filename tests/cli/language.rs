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
    for said in ["用法：", "命令:", "选项:", "退出码："] {
        assert!(text.contains(said), "{said} is not in\n{text}");
    }
    for said in ["Usage:", "Options:", "default:", "Print help", "possible values"] {
        assert!(!text.contains(said), "{said} is in\n{text}");
    }
    let receiving = run(&[CHINESE], &["recv", "--help"]).exits(0).out.join("\n");
    assert!(receiving.contains("[默认值：1]"), "{receiving}");
}

#[test]
fn a_mistake_in_the_configuration_is_told_in_the_language_that_it_settles() {
    let profile = Profile::new();
    let path = profile.run(&["config", "path"], "").exits(0).out[0].clone();
    let text = "language = \"zh\"\nnmae = \"x\"\n[ui]\nambiguous = 3\ntheme = \"none\"\n";
    std::fs::write(&path, text).expect("the file");
    let chinese = |arguments: &[&str]| {
        let mut command = profile.command(arguments);
        command.env_remove("P2PCHAT_LANG");
        let mut program = Program::start(command);
        program.end_input();
        program.outcome()
    };
    for arguments in [&["config", "check"][..], &["config", "show"], &["id"]] {
        chinese(arguments)
            .exits(2)
            .says("有问题：")
            .says("第 2 行：没有 nmae 这项设置；是 name 吗？")
            .says("第 4 行：ui.ambiguous 应为 1 或 2")
            .says("请改正");
    }
    std::fs::write(&path, "language = \"zh\"\n[ui]\ntheme = \"none\"\n").expect("the file");
    chinese(&["config", "check"]).exits(2).says("ui.theme：没有名为 \"none\" 的配色");
    std::fs::write(&path, "language = \"zh\"\n").expect("the file");
    chinese(&["config", "set", "ui.mouse", "maybe"]).exits(2).says("ui.mouse 应为 true 或 false");
    chinese(&["config", "set", "keys.hlep", "f1"]).exits(2).says("没有名为 \"hlep\" 的操作");
    // An option comes before the file here, too.
    let english = profile.command(&["--lang", "en", "config", "set", "ui.mouse", "maybe"]);
    let mut english = Program::start(english);
    english.end_input();
    english.outcome().exits(2).says("ui.mouse is true or false");
}

#[test]
fn what_each_setting_is_for_is_told_in_chinese() {
    let template = run(&[CHINESE], &["config", "template"]).exits(0).out.join("\n");
    assert!(template.contains("# 我的名字，首次使用时在会合服务器上登记\n# 例如：name = \"bob\""));
    let shown = run(&[CHINESE], &["config", "show"]).exits(0);
    assert!(shown.out.iter().any(|row| row.starts_with("ui.mouse") && row.ends_with("# 默认")));
    let page = run(&[CHINESE], &["man"]).exits(0).out.join("\n");
    for said in [".SH 名称", ".SH 配置文件", "局域网中谁能找到我"] {
        assert!(page.contains(said), "{said} is not in\n{page}");
    }
}

#[test]
fn why_nothing_was_imported_is_told_in_chinese() {
    let profile = Profile::new();
    profile.run(&["id"], "").exits(0);
    let import = |text: &str| {
        let path = profile.path().join("export.json");
        std::fs::write(&path, text).expect("a file");
        let path = path.display().to_string();
        profile.run(&["--lang", "zh", "history", "import", &path], "")
    };
    import("").exits(2).says("文件第 1 行与导出的格式不符：内容为空。什么都没有导入。");
    import("hello\n").exits(2).says("文件第 1 行与导出的格式不符");
    let header = |version: u8| {
        let key = "a".repeat(52);
        format!("{{\"type\":\"p2pchat-export\",\"version\":{version},\"key\":\"{key}\"}}\n")
    };
    import(&header(1)).exits(8).says("而这份数据属于另一个人");
    import(&header(2)).exits(9).says("文件是由更新的 p2pchat 写入的（版本为 2，本程序只认识到 1）");
}

#[test]
fn a_command_line_that_means_nothing_is_told_in_chinese_and_ends_as_in_english() {
    run(&[CHINESE], &["--pier", "x"])
        .exits(2)
        .says("没有 --pier 这个选项或参数")
        .says("是 --peer 吗？");
    run(&[CHINESE], &["--name", "\u{1b}[2J", "id"]).exits(2).says("不能用作 --name <NAME> 的值");
    run(&[], &["--pier", "x"]).exits(2).says("unexpected argument");
}
