//! What `Cargo.toml`, `deploy/package` and the unit say about the Debian package of the server fits
//! together.
#![cfg(target_os = "linux")]

#[path = "../../tests/packaging/package.rs"]
mod package;

use std::fs;
use std::path::{Path, PathBuf};

use p2pchat_rendezvous::config::Config;
use package::Package;

fn package() -> Package {
    Package::stage("p2pchat-rendezvous", env!("CARGO_BIN_EXE_p2pchat-rendezvous"), "..")
}

#[test]
fn everything_in_the_package_is_in_the_repository_or_made_by_the_script() {
    let package = package();
    package.check();
    package.has("usr/share/man/man1/p2pchat-rendezvous-ping.1");
    package.has("usr/share/bash-completion/completions/p2pchat-rendezvous");
    package.has("usr/share/doc/p2pchat-rendezvous/copyright");
}

#[test]
fn the_unit_starts_the_program_of_the_package_with_its_configuration() {
    let package = package();
    let unit = package.staged("debian/p2pchat-rendezvous.service");
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/")).expect("a start");
    let (program, configuration) = start.split_once(" --config /").expect("a configuration");
    package.has(program);
    package.has(configuration);
    assert!(!unit.contains("/usr/local/"), "{unit}");
}

#[test]
fn the_configuration_of_the_package_names_every_setting_and_settles_only_where_the_data_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/p2pchat-rendezvous.toml");
    let data_dir = PathBuf::from("/var/lib/p2pchat-rendezvous");
    let settled = Config { data_dir, ..Config::default() };
    assert_eq!(Config::read(&path).expect("valid"), settled);
    // Its examples are those comments that begin without a space.
    let is_example = |line: &&str| {
        line.strip_prefix('#').is_none_or(|comment| comment.starts_with(|c: char| c != ' '))
    };
    let text = fs::read_to_string(&path).expect("the file");
    let examples: String = text
        .lines()
        .filter(is_example)
        .map(|line| format!("{}\n", line.trim_start_matches('#')))
        .collect();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("examples.toml");
    fs::write(&path, &examples).expect("written");
    Config::read(&path).expect("valid");
    let shown: toml::Table = examples.parse().expect("TOML");
    let known = toml::Table::try_from(Config::default()).expect("TOML");
    for key in known.keys() {
        assert!(shown.contains_key(key), "{key} is not in the file");
    }
}
