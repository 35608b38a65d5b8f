//! The built programs, driven from outside as a script would.
//!
//! [`chat`] holds a conversation with `p2pchat --json` over its standard input and output;
//! [`server`] keeps a rendezvous. Both end their process when dropped.

#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod chat;
pub(crate) mod server;
mod transcript;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs};

/// Set by cargo for the package whose test this is, beside `CARGO_PKG_*`.
const OURS: [&str; 3] = ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_MANIFEST_LINKS"];

/// The peer.
pub(crate) fn peer_program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_p2pchat"))
}

/// The server. Cargo builds a test's own package's programs only, so this one is built here.
pub(crate) fn server_program() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = peer_program().parent().expect("a program is in a folder");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--workspace", "--bin", "p2pchat-rendezvous"]);
        if folder.file_name().is_some_and(|profile| profile == "release") {
            cargo.arg("--release");
        }
        let target = folder.parent().expect("a profile is in a target folder");
        cargo.arg("--target-dir").arg(target).current_dir(env!("CARGO_MANIFEST_DIR"));
        // What cargo tells us about this package would be news to build scripts, which then run again.
        for (name, _) in env::vars_os() {
            if name
                .to_str()
                .is_some_and(|name| name.starts_with("CARGO_PKG_") || OURS.contains(&name))
            {
                cargo.env_remove(name);
            }
        }
        assert!(cargo.status().expect("cargo starts").success(), "{cargo:?}");
        folder.join(format!("p2pchat-rendezvous{}", env::consts::EXE_SUFFIX))
    })
}

/// A folder of a test's own, gone when dropped.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static FOLDERS: AtomicU32 = AtomicU32::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let name = format!("p2pchat-test-{}-{number}", std::process::id());
        let path = env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("the folder for temporary files is writable");
        Self(path)
    }

    /// The path of something inside.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
