//! The codes of errors that `docs/json.md` lists are those that the program writes.

const PAGE: &str = include_str!("../../../docs/json.md");

#[test]
fn every_code_of_an_error_is_on_the_page() {
    let code = |rest: &str| rest.split('"').next().unwrap_or_default().to_owned();
    let written = |source: &str, before: &str| {
        let source = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        source.split(before).skip(1).map(code).collect::<Vec<_>>()
    };
    let behind = |source: &'static str, name: &str| source.split_once(name).expect("the codes").1;
    let problems = behind(include_str!("../problems.rs"), "pub fn problem_code(");
    let words = behind(include_str!("../words.rs"), "pub fn failure_code(");
    let mut all = [written(problems, "=> \""), written(words, "=> \"")].concat();
    all.extend(written(include_str!("../json.rs"), "error(\""));
    all.extend(written(include_str!("requests.rs"), "error(\""));
    let table = PAGE.split_once("| Code | ").expect("the table").1.split("\n\n").next();
    let rows = table
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    let shown: Vec<&str> = rows.map(|(code, _)| code).collect();
    let is_code = |code: &&str| all.iter().any(|one| one == code);
    let missing: Vec<&String> = all.iter().filter(|code| !shown.contains(&&***code)).collect();
    assert!(missing.is_empty(), "not in docs/json.md: {missing:?}");
    let more: Vec<&str> = shown.into_iter().filter(|code| !is_code(code)).collect();
    assert!(more.is_empty(), "never written: {more:?}");
}
