//! Exit codes and where things are written.

use std::process::Stdio;

use crate::home::{Home, ended};

#[test]
fn usage_mistakes_exit_with_2_and_say_so_on_stderr() {
    let home = Home::new();
    for args in [
        &["nothing"][..],
        &["run"],
        &["run", "a", "--all"],
        &["run", "--file", "m.yaml", "--dry-run"],
        &["run", "a", "--no-such-flag"],
        &["plan"],
        &["--headless", "status"],
        &["--headless", "--theme", "x"],
        &["--listen", "127.0.0.1:0"],
        &["--read-only", "status"],
        &["connections", "add", "a", "--socket", "/s", "--host", "h"],
        &[
            "connections",
            "add",
            "a",
            "--password-stdin",
            "--password-env",
            "X",
        ],
        &["connections", "add", "a", "--port", "0x1"],
        &["jobs", "start", "a", "--priority", "101"],
        &["jobs", "list", "--limit", "0"],
        &["jobs", "list", "--state", "held"],
        &["completions", "cmd"],
        &["status", "--log-level", "loud"],
    ] {
        let ended = home.expect(2, args);
        assert_eq!(ended.stdout, "", "{args:?}");
        assert!(ended.stderr.starts_with("error: "), "{args:?}: {ended:?}");
    }
}

#[test]
fn without_a_terminal_the_dashboard_points_at_headless() {
    let ended = Home::new().expect(2, &[]);
    assert_eq!(ended.stdout, "");
    assert!(ended.stderr.contains("--headless"), "{ended:?}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let home = Home::new();
    for args in [
        &["config", "template"][..],
        &["config", "show"],
        &["man"],
        &["completions", "bash"],
        &["--help"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let child = home
            .command(args)
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let ended = ended(child.wait_with_output().unwrap());
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{args:?}");
    }
}

#[test]
fn the_version_is_the_package_s() {
    let ended = Home::new().expect(0, &["-V"]);
    assert_eq!(
        ended.stdout,
        concat!("db-taxi ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn a_port_in_use_is_told_with_its_address() {
    let home = Home::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = home.expect(2, &["--headless", "--listen", &address]);
    assert!(ended.stderr.contains(&address), "{ended:?}");
}

#[test]
fn an_address_that_is_none_is_refused() {
    let ended = Home::new().expect(2, &["--headless", "--listen", "8080"]);
    assert!(ended.stderr.contains("HOST:PORT"), "{ended:?}");
}
