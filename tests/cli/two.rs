//! Two people who have names at one server.

use serde_json::json;

use super::program::{Profile, Program};
use super::server::Server;

pub(crate) struct Two {
    /// Alice's.
    pub(crate) a: Profile,
    /// Bob's.
    pub(crate) b: Profile,
    pub(crate) server: Server,
}

impl Two {
    pub(crate) fn new() -> Self {
        let (server, a, b) = (Server::start(), Profile::new(), Profile::new());
        let address = server.address().to_string();
        a.register("alice", &address);
        b.register("bob", &address);
        Self { a, b, server }
    }

    /// A chat of alice's with bob, as a program has it.
    pub(crate) fn alice(&self, more: &[&str]) -> Program {
        chat(&self.a, "bob", more)
    }

    /// A chat of bob's with alice, as a program has it.
    pub(crate) fn bob(&self, more: &[&str]) -> Program {
        chat(&self.b, "alice", more)
    }
}

fn chat(profile: &Profile, with: &str, more: &[&str]) -> Program {
    let mut program = profile.start(&[&["--json", "--peer", with], more].concat());
    program.object(&json!({"type": "ready"}));
    program
}
