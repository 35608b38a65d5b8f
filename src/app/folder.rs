//! Paths as a person types them, and what is in a folder.

use std::fs;
use std::path::{Path, PathBuf};

use tokio::sync::oneshot;

use crate::chat::clean;
use crate::ui::tui::completion::folder_and_name;

/// Names that are looked at in one folder.
const MAX_NAMES: usize = 20_000;

/// The path with the person's own folder in place of a `~` at its beginning.
pub(super) fn expanded(typed: &str) -> PathBuf {
    let own = typed.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/'));
    match own.zip(std::env::home_dir()) {
        Some((rest, home)) => home.join(rest.trim_start_matches('/')),
        None => PathBuf::from(typed),
    }
}

/// Where accepted files are put: as settled, else where the system has downloads.
pub(super) fn downloads(settled: Option<&str>) -> String {
    let folder = settled.map(expanded).unwrap_or_else(|| {
        let home = std::env::home_dir().unwrap_or_default();
        system_downloads(&home).unwrap_or_else(|| home.join("Downloads"))
    });
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    folder.to_string_lossy().into_owned()
}

/// What the desktop calls the folder for downloads.
#[cfg(any(target_os = "macos", windows))]
fn system_downloads(_: &Path) -> Option<PathBuf> {
    None
}

/// What the desktop calls the folder for downloads
/// (<https://www.freedesktop.org/wiki/Software/xdg-user-dirs/>).
#[cfg(not(any(target_os = "macos", windows)))]
fn system_downloads(home: &Path) -> Option<PathBuf> {
    let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let config = config.filter(|path| path.is_absolute()).unwrap_or_else(|| home.join(".config"));
    downloads_in(&fs::read_to_string(config.join("user-dirs.dirs")).ok()?, home)
}

/// The line `XDG_DOWNLOAD_DIR="$HOME/…"` or `="/…"` of such a file; the home folder itself means none.
fn downloads_in(settings: &str, home: &Path) -> Option<PathBuf> {
    let mut values =
        settings.lines().filter_map(|line| line.trim().strip_prefix("XDG_DOWNLOAD_DIR="));
    let value = values.next_back()?.trim().trim_matches('"');
    let folder = match value.strip_prefix("$HOME") {
        Some(rest) => home.join(rest.trim_start_matches('/')),
        None => PathBuf::from(value),
    };
    (folder.is_absolute() && folder != home).then_some(folder)
}

/// What the beginning of a path can become, through the channel; folders end in `/`.
#[expect(clippy::disallowed_methods, reason = "a disk may take its time")]
pub(super) fn candidates(typed: String) -> oneshot::Receiver<Vec<String>> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        // Nobody listens only when the chat has ended, or something else is to be completed.
        let _ = sender.send(begun_with(&typed));
    });
    receiver
}

fn begun_with(typed: &str) -> Vec<String> {
    if typed == "~" {
        return vec!["~/".to_owned()];
    }
    let (folder, begun) = folder_and_name(typed);
    let place = if folder.is_empty() { PathBuf::from(".") } else { expanded(folder) };
    let Ok(entries) = fs::read_dir(place) else { return Vec::new() };
    let entries = entries.take(MAX_NAMES).filter_map(Result::ok);
    let candidates = entries.filter_map(|entry| {
        // A name that is no text, or that does something on a terminal, cannot be typed either.
        let name = entry.file_name().into_string().ok()?;
        let hidden = name.starts_with('.') && !begun.starts_with('.');
        let fits = !hidden && name.chars().all(clean::is_plain);
        fits.then(|| format!("{folder}{name}{}", if is_folder(&entry.path()) { "/" } else { "" }))
    });
    candidates.collect()
}

/// Also by a link.
fn is_folder(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn downloads_are_where_the_desktop_has_them() {
        let home = Path::new("/home/bob");
        let found = |settings| downloads_in(settings, home);
        let both = "# a comment\nXDG_DESKTOP_DIR=\"$HOME/d\"\nXDG_DOWNLOAD_DIR=\"$HOME/下载\"\n";
        assert_eq!(found(both).as_deref(), Some(Path::new("/home/bob/下载")));
        let other = "XDG_DOWNLOAD_DIR=\"/data/in\"";
        assert_eq!(found(other).as_deref(), Some(Path::new("/data/in")));
        for none in ["", "XDG_DOWNLOAD_DIR=\"$HOME/\"", "XDG_DOWNLOAD_DIR=\"x\""] {
            assert_eq!(found(none), None, "{none}");
        }
        assert_eq!(downloads(Some("/data/in")), "/data/in");
    }

    #[test]
    fn a_folder_offers_its_files_with_spaces_and_in_every_script() {
        let home = tempfile::tempdir().expect("a directory");
        for name in ["a file.txt", "会议 记录.md", ".hidden", "bell\u{7}"] {
            fs::write(home.path().join(name), "").expect("written");
        }
        fs::create_dir(home.path().join("notes")).expect("made");
        let folder = format!("{}/", home.path().display());
        let offered = |begun: &str| {
            let mut offered = begun_with(&format!("{folder}{begun}"));
            offered.sort_unstable();
            let bare = |path: &String| path.strip_prefix(&folder).map(str::to_owned);
            offered.iter().filter_map(bare).collect::<Vec<_>>()
        };
        assert_eq!(offered(""), ["a file.txt", "notes/", "会议 记录.md"]);
        assert_eq!(offered("."), [".hidden", "a file.txt", "notes/", "会议 记录.md"]);
        assert_eq!(begun_with(&format!("{folder}none/")), Vec::<String>::new());
        assert_eq!(begun_with("~"), ["~/"]);
        assert_eq!(expanded("a/~"), Path::new("a/~"));
        assert_eq!(expanded("~bob/x"), Path::new("~bob/x"));
    }
}
