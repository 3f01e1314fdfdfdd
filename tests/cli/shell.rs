//! Completions and manual pages.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::home::Home;

#[test]
fn every_shell_gets_a_script_with_every_command() {
    let home = Home::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = home.expect(0, &["completions", shell]).stdout;
        for word in [
            "connections",
            "configs",
            "mappings",
            "skip-if-running",
            "password-stdin",
        ] {
            assert!(script.contains(word), "{shell}: {word} is missing");
        }
    }
}

#[test]
fn bash_takes_its_script() {
    let script = Home::new().expect(0, &["completions", "bash"]).stdout;
    let Ok(mut bash) = Command::new("bash")
        .args(["-n", "/dev/stdin"])
        .stdin(Stdio::piped())
        .spawn()
    else {
        return;
    };
    bash.stdin
        .take()
        .unwrap()
        .write_all(script.as_bytes())
        .unwrap();
    assert!(bash.wait().unwrap().success());
}

#[test]
fn pages_are_written_one_per_command() {
    let home = Home::new();
    let dir = home.path().join("man1");
    home.expect(0, &["man", "--dir", dir.to_str().unwrap()]);
    for (page, word) in [
        ("db-taxi.1", "headless"),
        ("db-taxi-run.1", "skip\\-if\\-running"),
        ("db-taxi-connections-add.1", "password\\-stdin"),
        ("db-taxi-jobs-logs.1", "follow"),
    ] {
        let text = std::fs::read_to_string(dir.join(page)).unwrap();
        assert!(text.starts_with(".ie") || text.contains(".TH"), "{page}");
        assert!(text.contains(word), "{page}: {word}");
    }
}
