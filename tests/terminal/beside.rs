//! What is beside the chat on a computer: files, and the person's editor.

use std::fs;

use super::pty::{Terminal, p2pchat, p2pchat_of, rows};
use super::server::Server;

#[test]
fn tab_completes_paths_from_home_on_in_every_script() {
    let home = tempfile::tempdir().expect("a directory");
    fs::create_dir(home.path().join("会议 记录")).expect("a directory");
    let mut command = p2pchat(&["demo"]);
    command.env("HOME", home.path());
    let mut terminal = Terminal::start(80, 24, command);
    terminal.writes("", 0);
    terminal.types("hello\r");
    terminal.shows("echo  hello");
    terminal.types("/export ~/会\t");
    terminal.writes("/export ~/会议 记录/", 20);
    terminal.types("chat.txt");
    terminal.writes("/export ~/会议 记录/chat.txt", 28);
    terminal.types("\r");
    terminal.writes("", 0);
    terminal.shows("~/会议 记录/chat.txt has 2 lines now.");
    // It is there when the chat says so, and then Tab knows it, and that nothing goes on behind it.
    assert!(home.path().join("会议 记录/chat.txt").exists());
    terminal.types("/export ~/会议 记录/c\t");
    terminal.writes("/export ~/会议 记录/chat.txt ", 29);
}

#[test]
fn where_there_is_no_such_editor_it_is_said_and_what_was_written_stays() {
    let mut command = p2pchat(&["demo"]);
    command.env("EDITOR", "no-such-editor --wait");
    let mut terminal = Terminal::start(80, 24, command);
    terminal.writes("", 0);
    terminal.types("half a 想法\x18e");
    terminal.shows("There is no editor called no-such-editor --wait.");
    terminal.writes("half a 想法", 11);
    terminal.types("!");
    terminal.writes("half a 想法!", 12);
}

#[test]
fn what_the_editor_writes_comes_back_and_nothing_is_left() {
    let (server, home) = (Server::start(), tempfile::tempdir().expect("a directory"));
    let script = home.path().join("my editor");
    // It waits for a line, which only comes if the terminal gives lines again.
    fs::write(&script, "echo EDITING; read -r word; printf ' %s' \"$word\" >> \"$1\"\n")
        .expect("a script");
    let rendezvous = server.address().to_string();
    let alice = ["--name", "alice", "--rendezvous", &rendezvous, "--peer", "bob"];
    let profile = home.path().join("profile");
    let mut command = p2pchat_of(&profile, &alice);
    command.env("EDITOR", format!("sh '{}'", script.display()));
    let mut terminal = Terminal::start(80, 24, command);
    terminal.shows("bob");
    terminal.types("half a 想法");
    terminal.writes("half a 想法", 11);
    terminal.types("\x18e");
    terminal.shows("EDITING");
    terminal.is_as_before();
    assert!(profile.join("editing").exists());
    terminal.types("ends\r");
    terminal.writes("half a 想法 ends", 16);
    assert!(terminal.screen().alternate_screen() && terminal.is_raw());
    assert!(!profile.join("editing").exists());
}

#[test]
fn how_far_a_file_is_stands_in_one_line_of_a_script() {
    let (server, home) = (Server::start(), tempfile::tempdir().expect("a directory"));
    // One hole, so that it takes a while to read and no room.
    let file = home.path().join("large");
    fs::File::create(&file).and_then(|file| file.set_len(24 << 30)).expect("a file");
    let rendezvous = server.address().to_string();
    let file = file.to_str().expect("text");
    let send =
        ["send", "--to", "bob", "--file", file, "--name", "alice", "--rendezvous", &rendezvous];
    let mut terminal = Terminal::start(60, 24, p2pchat_of(&home.path().join("profile"), &send));
    terminal.shows("large  reading it, ");
    let stands = |rows: &[String]| {
        rows.iter().filter(|row| row.contains("reading it")).cloned().collect::<Vec<_>>()
    };
    let before = stands(&terminal.rows());
    terminal.until("it goes on", |screen| stands(&rows(screen)) != before);
    assert_eq!(stands(&terminal.rows()).len(), 1, "in place of what stood there");
    terminal.types("\x03");
    terminal.ends();
}

#[test]
fn how_far_several_files_are_stands_in_one_line_of_a_script() {
    let (server, home) = (Server::start(), tempfile::tempdir().expect("a directory"));
    let rendezvous = server.address().to_string();
    // Holes, so that it takes a while to give the one and to read the other, and no room.
    let files = [("given", 1), ("read", 24)].map(|(name, gibibytes)| {
        let path = home.path().join(name);
        fs::File::create(&path).and_then(|file| file.set_len(gibibytes << 30)).expect("a file");
        path.to_str().expect("text").to_owned()
    });
    let bob = ["--plain", "--name", "bob", "--rendezvous", &rendezvous];
    let mut bob = p2pchat_of(&home.path().join("bob"), &bob);
    bob.env("HOME", home.path());
    let mut bob = Terminal::start(120, 24, bob);
    bob.says("You are bob@");
    let send = ["send", "--to", "bob", "--name", "alice", "--rendezvous", &rendezvous, "--file"];
    let send = [&send[..], &files.each_ref().map(String::as_str)].concat();
    let mut terminal = Terminal::start(160, 24, p2pchat_of(&home.path().join("alice"), &send));
    bob.says("/accept 1");
    bob.types("/accept 1\r");
    let tells_of_both = |row: &String| {
        row.contains("given  ") && row.contains(" | ") && row.contains("read  reading it, ")
    };
    terminal.until("both files in one line", |screen| rows(screen).iter().any(tells_of_both));
    let rows = terminal.rows();
    assert_eq!(rows.iter().filter(|row| row.contains(" %")).count(), 1, "{rows:#?}");
    terminal.types("\x03");
    terminal.ends();
}
