//! A local command: started without a shell, with the body on its standard input and little else.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// For the whole of a try.
pub const LIMIT: Duration = Duration::from_secs(30);
/// For what a command's children still write after it has ended.
const LEFTOVERS: Duration = Duration::from_millis(500);
/// Bytes of its output that are kept for the log.
const MOST_OUTPUT: usize = 4096;
/// Variables that it gets, where this process has them.
const VARIABLES: &[&str] = &["PATH", "HOME", "LANG", "LC_ALL", "TZ", "USER", "LOGNAME"];

/// Runs `argv` with `body` on its standard input; anything but exit 0 is an error. What it writes
/// goes to the log.
///
/// # Errors
/// Why it did not do its work.
pub async fn run(argv: &[String], body: &str) -> Result<(), String> {
    run_within(argv, body, LIMIT).await
}

pub(super) async fn run_within(argv: &[String], body: &str, limit: Duration) -> Result<(), String> {
    let Some((program, arguments)) = argv.split_first() else {
        return Err("names no program".to_owned());
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(
            VARIABLES
                .iter()
                .filter_map(|name| Some((name, std::env::var_os(name)?))),
        )
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // With its children a group of its own, so that all of them can be ended.
        .process_group(0);
    let child = command
        .spawn()
        .map_err(|error| format!("{program} can't be started: {error}"))?;
    let mut group = Group::of(child);
    let said = timeout(limit, group.talk(body)).await;
    let Ok(outcome) = said else {
        return Err(format!(
            "{program} had not ended after {} s, and was killed with its children",
            limit.as_secs()
        ));
    };
    let (status, output) = outcome.map_err(|error| format!("{program}: {error}"))?;
    if !output.is_empty() {
        tracing::info!(target: "db_taxi::notify", "{program} says: {output}");
    }
    if status.success() {
        return Ok(());
    }
    let last = output.lines().last().unwrap_or_default();
    Err(format!("{program} ended with {status}: {last}"))
}

/// A running command. Dropped before it has ended, it is killed with its children.
struct Group {
    child: Child,
    group: Option<Pid>,
}

impl Group {
    fn of(child: Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self {
            child,
            group: id.and_then(Pid::from_raw),
        }
    }

    /// Gives it the body and waits for its end; how it ended, and what it wrote.
    async fn talk(&mut self, body: &str) -> std::io::Result<(std::process::ExitStatus, String)> {
        let (stdin, stdout, stderr) = (
            self.child.stdin.take(),
            self.child.stdout.take(),
            self.child.stderr.take(),
        );
        let give = async {
            if let Some(mut stdin) = stdin {
                // A command that does not read is none the worse for it.
                let _unread = stdin.write_all(body.as_bytes()).await;
            }
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let status = {
            let reads =
                async { tokio::join!(give, keep(stdout, &mut out), keep(stderr, &mut err)) };
            tokio::pin!(reads);
            let mut all_read = false;
            let status = tokio::select! {
                status = self.child.wait() => status?,
                _ = &mut reads => {
                    all_read = true;
                    self.child.wait().await?
                }
            };
            if !all_read {
                let _late = timeout(LEFTOVERS, reads).await;
            }
            status
        };
        // What it started in the background is its own business.
        self.group = None;
        out.extend(err);
        out.truncate(MOST_OUTPUT);
        Ok((status, String::from_utf8_lossy(&out).trim().to_owned()))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.group.take() {
            // It may have ended by itself.
            let _gone = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Reads all of it and keeps the beginning.
async fn keep(from: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let Some(mut from) = from else { return };
    let mut buffer = [0; 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let room = MOST_OUTPUT.saturating_sub(kept.len());
        kept.extend_from_slice(&buffer[..read.min(room)]);
    }
}
