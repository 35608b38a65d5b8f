//! The ground a lab stands on: the right to make network namespaces.
//!
//! Root has it. Everybody else may have it inside a user namespace of their own, so the test
//! binary runs one test of itself again in there. Where neither works the test counts as skipped,
//! and says so; with `P2PCHAT_LAB=require` it fails.

use std::env;
use std::process::{Command, Stdio};

/// Set for the copy that runs inside a user namespace.
const INSIDE: &str = "P2PCHAT_LAB_INSIDE";

/// What a lab cannot do without, and the Debian package that has it.
const TOOLS: &[(&str, &str)] =
    &[("ip", "iproute2"), ("nft", "nftables"), ("conntrack", "conntrack"), ("sysctl", "procps")];

/// Runs `body`, the test called `name`, where namespaces can be made.
pub(crate) fn on_lab_ground(name: &str, body: impl FnOnce()) {
    on_lab_ground_with(name, &[], body);
}

/// As [`on_lab_ground`], where these tools are there too, each with the Debian package that has it.
pub(crate) fn on_lab_ground_with(name: &str, tools: &[(&str, &str)], body: impl FnOnce()) {
    match ground(tools) {
        Ground::Here => body(),
        Ground::UserNamespace => {
            // `ip netns` keeps its namespaces under /run, where only root may write.
            let script = "mount -t tmpfs lab /run && exec \"$0\" --exact \"$1\" --nocapture --include-ignored";
            let exe = env::current_exe().expect("the path of this test");
            let status = Command::new("unshare")
                .args(["-Urnm", "sh", "-c", script])
                .arg(exe)
                .arg(name)
                .env(INSIDE, "1")
                .status()
                .expect("unshare starts");
            assert!(status.success(), "{name}, run in a user namespace: {status}");
        }
        Ground::Missing(why) => {
            assert!(env::var("P2PCHAT_LAB").as_deref() != Ok("require"), "{name}: {why}");
            eprintln!("{name}: skipped: {why}");
        }
    }
}

enum Ground {
    Here,
    UserNamespace,
    Missing(String),
}

fn ground(more: &[(&str, &str)]) -> Ground {
    if !cfg!(target_os = "linux") {
        return Ground::Missing("namespaces are Linux's".to_owned());
    }
    for (tool, package) in TOOLS.iter().chain(more) {
        if !succeeds(Command::new("sh").args(["-c", &format!("command -v {tool}")])) {
            return Ground::Missing(format!("no `{tool}` (Debian: apt-get install {package})"));
        }
    }
    if may_add_namespaces() {
        return Ground::Here;
    }
    if env::var_os(INSIDE).is_some() {
        return Ground::Missing("no namespaces even inside a user namespace".to_owned());
    }
    if succeeds(Command::new("unshare").args(["-Urnm", "mount", "-t", "tmpfs", "lab", "/run"])) {
        return Ground::UserNamespace;
    }
    Ground::Missing(
        "this user may not make network namespaces. Run as root, or allow user namespaces \
         (Ubuntu: sysctl kernel.apparmor_restrict_unprivileged_userns=0)"
            .to_owned(),
    )
}

fn may_add_namespaces() -> bool {
    let name = format!("p2plab{}-probe{:?}", std::process::id(), std::thread::current().id());
    let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    let added = succeeds(Command::new("ip").args(["netns", "add", &name]));
    added && succeeds(Command::new("ip").args(["netns", "del", &name]))
}

fn succeeds(command: &mut Command) -> bool {
    command
        .env("PATH", super::world::path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
