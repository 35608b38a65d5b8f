//! A Debian package as its manifest describes it, without building one: `deploy/package` lays out what
//! the program writes, and each file that the manifest names is looked for.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

pub(crate) struct Package {
    program: &'static str,
    metadata: toml::Table,
    /// The folder of the manifest; what it names is relative to it.
    folder: PathBuf,
    repository: PathBuf,
    script: String,
    staged: TempDir,
}

impl Package {
    /// Lays out what belongs to `program`. `repository` is where that is, as seen from the manifest.
    pub(crate) fn stage(program: &'static str, binary: &str, repository: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let repository = folder.join(repository).canonicalize().expect("the repository");
        let script = repository.join("deploy/package");
        let staged = tempfile::tempdir().expect("a folder");
        let output = Command::new(&script)
            .args(["stage", program, binary])
            .arg(staged.path())
            .output()
            .expect("the script starts");
        assert!(output.status.success(), "{output:?}");
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("the manifest");
        let manifest: toml::Table = manifest.parse().expect("TOML");
        let metadata = manifest["package"]["metadata"]["deb"].as_table().expect("a table").clone();
        let script = fs::read_to_string(script).expect("the script");
        Self { program, metadata, folder, repository, script, staged }
    }

    /// Checks that there is each file that the manifest names.
    pub(crate) fn check(&self) {
        for key in ["changelog", "maintainer-scripts"] {
            if let Some(path) = self.metadata.get(key) {
                self.files(path.as_str().expect("a path"));
            }
        }
        assert!(!self.installed().is_empty(), "the package is empty");
    }

    /// Checks that the package installs this file.
    #[track_caller]
    pub(crate) fn has(&self, path: &str) {
        let installed = self.installed();
        assert!(installed.contains(Path::new(path)), "no {path} in {installed:#?}");
    }

    /// What the script made under `target/package/PROGRAM/`.
    #[allow(dead_code, reason = "one of the two packages has more to look into")]
    pub(crate) fn staged(&self, file: &str) -> String {
        fs::read_to_string(self.staged.path().join(file)).expect("a file that was laid out")
    }

    fn installed(&self) -> BTreeSet<PathBuf> {
        let mut installed = BTreeSet::new();
        for asset in self.metadata["assets"].as_array().expect("a list") {
            let [source, target, mode] = asset.as_array().expect("a list").as_slice() else {
                panic!("{asset}: not a source, a target and a mode");
            };
            let (source, target) = (source.as_str(), target.as_str().expect("a path"));
            let source = source.expect("a path");
            let is_program = source == format!("target/release/{}", self.program);
            assert_eq!(mode.as_str(), Some(if is_program { "755" } else { "644" }), "{source}");
            for file in if is_program { vec![source.into()] } else { self.files(source) } {
                let name = if target.ends_with('/') { file.file_name() } else { None };
                let path = name.map_or_else(|| target.into(), |name| Path::new(target).join(name));
                assert!(installed.insert(path), "{target} twice");
            }
        }
        installed
    }

    /// The files that `source` stands for; at least one.
    fn files(&self, source: &str) -> Vec<PathBuf> {
        let path = self.folder.join(source);
        let made = format!("target/package/{}/", self.program);
        let (place, is_made) = match source.trim_start_matches("../").strip_prefix(&made) {
            // Made from the sources of the libraries, which need not be here.
            Some("third-party.gz") => {
                assert!(self.script.contains("target/package/$program/third-party.gz"));
                return vec![path];
            }
            Some(rest) => (self.staged.path().join(rest), true),
            None => (path, false),
        };
        let files = match place.file_name().and_then(|name| name.to_str()) {
            Some("*") => {
                let folder = place.parent().expect("a folder");
                let entries = fs::read_dir(folder).into_iter().flatten().flatten();
                entries.map(|entry| entry.path()).collect()
            }
            _ => Vec::from_iter(place.exists().then_some(place)),
        };
        assert!(!files.is_empty(), "no {source}");
        for file in &files {
            let folder = if is_made { self.staged.path() } else { &self.repository };
            let place = file.canonicalize().expect("a file");
            assert!(place.starts_with(folder.canonicalize().expect("a folder")), "{source}");
            assert!(place.is_dir() || fs::metadata(file).is_ok_and(|it| it.len() > 0), "{source}");
        }
        files
    }
}
