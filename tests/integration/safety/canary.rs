//! Passwords that are found nowhere, however they were given and whatever went wrong.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{account, three_rows, told, use_account};
use crate::both_flavours;
use crate::support::servers::Servers;
use crate::support::{DbTaxi, Finished, Pair, Running};

/// Part of every password here.
const MARK: &str = "c4n4ry";

/// Everything that could be read by somebody who must not know a password.
struct Seen {
    texts: Vec<(String, String)>,
}

impl Seen {
    fn note(&mut self, what: &str, text: impl Into<String>) {
        self.texts.push((what.to_owned(), text.into()));
    }

    /// Runs a command to its end, and looks at the list of processes meanwhile.
    fn run(&mut self, mut command: Command, code: i32) -> Finished {
        command.args(["--log-level", "trace"]);
        let mut process = Running::start(command);
        let arguments = format!("/proc/{}/cmdline", process.pid());
        let arguments = std::fs::read(arguments).unwrap_or_default();
        self.note("cmdline", String::from_utf8_lossy(&arguments));
        if process.is_alive() {
            let listed = Command::new("ps").args(["-ww", "-ef"]).output().unwrap();
            self.note("ps", String::from_utf8_lossy(&listed.stdout));
        }
        let ended = process.wait(Duration::from_secs(120)).expect_code(code);
        self.note(&format!("stdout of {}", ended.command), &ended.stdout);
        self.note(&format!("stderr of {}", ended.command), &ended.stderr);
        ended
    }

    fn clean(&self) {
        for (what, text) in &self.texts {
            // The values that a test gives in the environment stand in the command's Debug.
            let what = what.split(" env ").next().unwrap_or_default();
            if let Some(at) = text.find(MARK) {
                let from = text[..at]
                    .char_indices()
                    .rev()
                    .nth(100)
                    .map_or(0, |(i, _)| i);
                let until = (at + 40).min(text.len());
                panic!(
                    "a password is in {what}: {}",
                    text.get(from..until).unwrap_or(MARK)
                );
            }
        }
    }
}

/// A command that reads `text` from stdin.
fn fed(taxi: &DbTaxi, args: &[&str], text: &str) -> Finished {
    let mut child = taxi
        .command(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    Finished {
        command: format!("{args:?}"),
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The control database as a backup would hold it.
fn dump(pair: &Pair) -> String {
    let program = Servers::get().unwrap().program(pair.flavour, "DUMP");
    let output = Command::new(program)
        .args([
            "--no-defaults",
            "-h127.0.0.1",
            "-uroot",
            "--skip-opt",
            "--complete-insert",
        ])
        .arg(format!("-P{}", pair.local.port))
        .arg(pair.control_db())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("sync_connections"), "{text}");
    text
}

/// Every file below the folder of logs.
fn logs(taxi: &DbTaxi) -> String {
    let mut all = String::new();
    for file in std::fs::read_dir(taxi.path("logs")).unwrap() {
        all.push_str(&std::fs::read_to_string(file.unwrap().path()).unwrap());
    }
    all
}

/// Four connections, each with its password given in another way, and a config for each.
fn set_up(pair: &Pair, taxi: &DbTaxi, seen: &mut Seen) {
    for way in ["stdin", "text", "env", "file"] {
        let user = format!("{}_{way}", pair.source_db());
        let grants = [format!("ALL ON {}.*", pair.source_db())];
        account(&pair.source, &user, &format!("{MARK}-{way}"), &grants);
    }
    let port = pair.source.port.to_string();
    let (source, target) = (pair.source_db(), pair.target_db());
    let file = taxi.write("password", &format!("{MARK}-file\n"));
    let file = file.to_string_lossy();
    let add = |way: &str, password: &[&str]| {
        let user = format!("{source}_{way}");
        let fields = [
            "connections",
            "add",
            way,
            "--host",
            "127.0.0.1",
            "--port",
            &port,
            "--username",
            &user,
            "--database",
            &source,
            "--local-db-name",
            &target,
            "--log-level",
            "trace",
        ];
        let args = [&fields[..], password].concat();
        fed(taxi, &args, &format!("{MARK}-stdin\n")).expect_code(0)
    };
    for ended in [
        add("stdin", &["--password-stdin"]),
        add("env", &["--password-env", "SOURCE_PW"]),
        add("file", &["--password-file", &file]),
    ] {
        seen.note("connections add", ended.stdout);
        seen.note("connections add", ended.stderr);
    }
    let mut mapping = format!(
        "version: 1\nconnections:\n- {{name: text, host: 127.0.0.1, port: {port}, \
         username: {source}_text, password: {MARK}-text, database: {source}, \
         local_db_name: {target}}}\nconfigs:\n"
    );
    for way in ["stdin", "text", "env", "file"] {
        mapping.push_str(&format!(
            "- {{name: {way}, connection: {way}, tables: [{{source_table: t, target_table: t_{way}}}]}}\n"
        ));
    }
    let path = taxi.write("good.yaml", &mapping);
    let path = path.to_string_lossy();
    seen.run(with_env(taxi, &["-y", "mappings", "import", &path]), 0);
}

fn with_env(taxi: &DbTaxi, args: &[&str]) -> Command {
    let mut command = taxi.command(args);
    command.env("SOURCE_PW", format!("{MARK}-env"));
    command
}

/// Mapping files that are wrong next to a password.
const BAD: [&str; 6] = [
    "password: \"c4n4ry-bad\n  database: s\n",
    "password: c4n4ry-bad: x\n",
    "password: *c4n4ry-bad\n",
    "password: !c4n4ry-bad x\n",
    "pasword: c4n4ry-bad\n  port: many\n",
    "password: [c4n4ry-bad]\n- c4n4ry-bad\n",
];

both_flavours! {
    async fn a_password_is_found_nowhere(pair: Pair) {
        three_rows(&pair, "t");
        let taxi = DbTaxi::new(&pair);
        let local = format!("{}_me", pair.target_db());
        account(&pair.local, &local, &format!("{MARK}-local"), &["ALL ON *.*".to_owned()]);
        use_account(&taxi, &local, &format!("{MARK}-local"));
        let mut seen = Seen { texts: Vec::new() };
        set_up(&pair, &taxi, &mut seen);

        seen.run(with_env(&taxi, &["run", "--all"]), 0);
        for way in ["stdin", "text", "env", "file"] {
            pair.judge("t", &format!("t_{way}")).equal();
            seen.run(with_env(&taxi, &["connections", "test", way]), 0);
            seen.run(with_env(&taxi, &["connections", "show", way, "--json"]), 0);
            seen.run(with_env(&taxi, &["jobs", "logs", &format!("last:{way}")]), 0);
        }
        for args in [
            &["mappings", "export"][..], &["mappings", "check"], &["config", "show"],
            &["config", "check"], &["status"], &["plan", "text"], &["configs", "show", "text"],
        ] {
            seen.run(with_env(&taxi, args), 0);
        }

        for text in BAD {
            let text = format!("version: 1\nconnections:\n- name: bad\n  {text}");
            let path = taxi.write("bad.yaml", &text);
            seen.run(taxi.command(&["-y", "mappings", "import", &path.to_string_lossy()]), 2);
            let settings = text.replace("version: 1\nconnections:\n- name: bad", "database:");
            let path = taxi.write("bad-settings.yaml", &settings);
            seen.run(taxi.command(&["--config", &path.to_string_lossy(), "config", "check"]), 2);
        }
        // Not set, so the reference leads nowhere.
        seen.run(taxi.command(&["run", "env"]), 3);
        let mut panicking = taxi.command(&["run", "file", "--full", "--fresh"]);
        panicking.env("DB_TAXI_HOOKS", format!("load.create=panic:{MARK}-panic"));
        pair.local.sql(&format!("DROP TABLE {}", pair.target_table("t_file")));
        let ended = seen.run(panicking, 1);
        assert!(ended.stderr.contains("[panic]"), "{}", ended.stderr);
        fed(&taxi, &["connections", "edit", "stdin", "--password-stdin"], &format!("{MARK}-wrong"))
            .expect_code(0);
        seen.run(taxi.command(&["run", "stdin"]), 3);
        seen.run(taxi.command(&["connections", "test", "stdin"]), 3);
        taxi.run(&["connections", "edit", "text", "--port", "1"]).expect_code(0);
        seen.run(taxi.command(&["run", "text"]), 3);
        let mut locked_out = taxi.command(&["status"]);
        locked_out.env("DBT_DATABASE_PASSWORD", format!("{MARK}-wrong-local"));
        seen.run(locked_out, 3);

        let written = logs(&taxi);
        // Nothing of ours is that fine so far; what is finer than `info` must be there.
        assert!(written.contains("\"level\":\"DEBUG\""), "{written}");
        seen.note("the log files", written);
        seen.note("a dump of the control database", dump(&pair));
        seen.clean();
        // The search would have found one.
        let shown = taxi.run(&["mappings", "export", "--with-secrets"]).expect_code(0);
        assert!(shown.stdout.contains(&format!("{MARK}-text")), "{}", shown.stdout);
        assert!(shown.stdout.contains("${env:SOURCE_PW}"), "{}", shown.stdout);
    }

    async fn a_secret_is_refused_as_an_argument(pair: Pair) {
        let taxi = DbTaxi::unmigrated(&pair);
        let ended = taxi.run(&["--set", "database.password=c4n4ry", "config", "check"]).expect_code(2);
        told(&ended, &["database.password", "DBT_DATABASE_PASSWORD", "${file:PATH}"]);
        assert!(!ended.stderr.contains(MARK), "{}", ended.stderr);
        taxi.run(&["--set", "database.password=${env:HOME}", "config", "check"]).expect_code(0);
    }
}
