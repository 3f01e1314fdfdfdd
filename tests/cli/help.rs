//! Help: complete.

use crate::home::Home;

#[test]
fn the_short_help_is_the_documented_one() {
    let help = Home::new().expect(0, &["-h"]).stdout;
    insta::assert_snapshot!(help);
}

#[test]
fn the_help_of_run_is_the_documented_one() {
    let help = Home::new().expect(0, &["run", "-h"]).stdout;
    insta::assert_snapshot!(help);
}

#[test]
fn the_long_help_tells_the_exit_codes() {
    let help = Home::new().expect(0, &["--help"]).stdout;
    for code in ["  0  ", "  1  ", "  2  ", "  3  ", "  4  ", "130, 143, 129"] {
        assert!(help.contains(code), "{code} is missing:\n{help}");
    }
}

#[test]
fn every_command_answers_help() {
    let home = Home::new();
    for path in [
        "run",
        "plan",
        "verify",
        "repair",
        "jobs differences",
        "jobs undo",
        "connections list",
        "connections show",
        "connections add",
        "connections edit",
        "connections remove",
        "connections test",
        "configs list",
        "configs show",
        "configs add",
        "configs edit",
        "configs remove",
        "configs enable",
        "configs disable",
        "jobs list",
        "jobs show",
        "jobs start",
        "jobs stop",
        "jobs pause",
        "jobs resume",
        "jobs retry",
        "jobs set",
        "jobs logs",
        "mappings import",
        "mappings export",
        "mappings check",
        "status",
        "instances",
        "config show",
        "config check",
        "config template",
        "config paths",
        "migrate",
        "completions",
        "man",
    ] {
        let mut args: Vec<&str> = path.split(' ').collect();
        args.push("--help");
        let help = home.expect(0, &args).stdout;
        assert!(help.contains(&format!("Usage: db-taxi {path}")), "{help}");
        assert!(help.contains("--json"), "global flags are missing: {help}");
    }
}

#[test]
fn a_password_is_no_argument() {
    let home = Home::new();
    let add = [
        "connections",
        "add",
        "a",
        "--username",
        "u",
        "--database",
        "d",
    ];
    for flag in ["--password", "--password=canary", "-pcanary"] {
        let mut args = add.to_vec();
        args.push(flag);
        home.expect(2, &args);
    }
    let help = home.expect(0, &["connections", "add", "-h"]).stdout;
    for flag in ["--password-stdin", "--password-env", "--password-file"] {
        assert!(help.contains(flag), "{flag}");
    }
}
