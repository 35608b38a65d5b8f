//! What `Cargo.toml` and `deploy/package` say about the Debian package of `p2pchat` fits together.
#![cfg(target_os = "linux")]

mod package;

use package::Package;

#[test]
fn everything_in_the_package_is_in_the_repository_or_made_by_the_script() {
    let package = Package::stage("p2pchat", env!("CARGO_BIN_EXE_p2pchat"), ".");
    package.check();
    package.has("usr/bin/p2pchat");
    package.has("usr/share/man/man1/p2pchat-config-set.1");
    package.has("usr/share/bash-completion/completions/p2pchat");
    package.has("usr/share/zsh/vendor-completions/_p2pchat");
    package.has("usr/share/fish/vendor_completions.d/p2pchat.fish");
    package.has("usr/share/doc/p2pchat/copyright");
}
