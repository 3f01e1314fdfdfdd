//! The whole log: every sink together.

use super::*;
use secrecy::SecretString;
use std::sync::Mutex;

struct Sinks {
    _dir: tempfile::TempDir,
    directory: PathBuf,
    stderr: Arc<Mutex<String>>,
    ring: RingHandle,
    guard: Guard,
    dispatch: Dispatch,
}

fn sinks(change: impl FnOnce(&mut LoggingOptions)) -> Sinks {
    let dir = tempfile::tempdir().unwrap();
    let directory = dir.path().join("logs");
    let mut options = LoggingOptions {
        directory: Some(directory.clone()),
        keep_files: 3,
        ring: Some(100),
        format: Some(LogFormat::Text),
        color: Some(false),
        ..LoggingOptions::default()
    };
    change(&mut options);
    let (dispatch, guard) = build(&options);
    let stderr = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&stderr);
    guard
        .stderr()
        .through(move |line| sink.lock().unwrap().push_str(line));
    Sinks {
        _dir: dir,
        directory,
        stderr,
        ring: guard.ring().unwrap(),
        guard,
        dispatch,
    }
}

impl Sinks {
    /// Logs, ends the log, and returns what reached `(stderr, files, ring)`.
    fn log(self, lines: impl FnOnce()) -> (String, String, Vec<Arc<RingLine>>) {
        tracing::dispatcher::with_default(&self.dispatch, lines);
        drop(self.guard);
        let files = std::fs::read_dir(&self.directory)
            .into_iter()
            .flatten()
            .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
            .collect();
        let stderr = self.stderr.lock().unwrap().clone();
        (stderr, files, self.ring.since(0).lines)
    }
}

#[test]
fn a_line_reaches_every_sink_with_its_fields_and_those_of_its_spans() {
    let (stderr, files, ring) = sinks(|_| {}).log(|| {
        let span = tracing::info_span!(target: "db_taxi::jobs", "job", config = "shop");
        let _entered = span.enter();
        tracing::warn!(target: "db_taxi::sync::copy", rows = 7, "slow range");
    });
    assert!(
        stderr.ends_with("  WARN sync: job{config=\"shop\"}: slow range rows=7\n"),
        "{stderr}"
    );
    let json: serde_json::Value = serde_json::from_str(&files).unwrap();
    assert_eq!(json["level"], "WARN");
    assert_eq!(json["fields"]["message"], "slow range");
    assert_eq!(json["fields"]["rows"], 7);
    assert_eq!(json["spans"][0]["config"], "shop");
    assert_eq!(ring.len(), 1);
    assert_eq!(
        (ring[0].level, ring[0].module.as_str()),
        (Level::Warn, "sync")
    );
    assert_eq!(ring[0].message, "slow range");
    assert_eq!(ring[0].fields["rows"], 7);
    assert_eq!(ring[0].fields["config"], "shop");
}

#[test]
fn times_are_utc_with_milliseconds() {
    let (stderr, files, _) = sinks(|_| {}).log(|| tracing::info!(target: "db_taxi", "x"));
    let json: serde_json::Value = serde_json::from_str(&files).unwrap();
    for time in [
        stderr.split(' ').next().unwrap(),
        json["timestamp"].as_str().unwrap(),
    ] {
        assert!(time.len() == 24 && time.ends_with('Z'), "{time}");
        chrono::DateTime::parse_from_rfc3339(time).unwrap();
    }
}

#[test]
fn levels_hold_per_module_and_other_crates_only_warn() {
    let set = |options: &mut LoggingOptions| {
        options.level = Level::Info;
        options.modules = BTreeMap::from([
            ("sync".to_owned(), Level::Trace),
            ("store".to_owned(), Level::Error),
        ]);
    };
    let (_, _, ring) = sinks(set).log(|| {
        tracing::debug!(target: "db_taxi::jobs", "no");
        tracing::info!(target: "db_taxi::jobs", "yes 1");
        tracing::trace!(target: "db_taxi::sync::copy", "yes 2");
        tracing::warn!(target: "db_taxi::store", "no");
        tracing::error!(target: "db_taxi::store", "yes 3");
        tracing::info!(target: "mysql_async::conn", "no");
        tracing::warn!(target: "mysql_async::conn", "yes 4");
    });
    let said: Vec<_> = ring.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(said, ["yes 1", "yes 2", "yes 3", "yes 4"]);
}

#[test]
fn levels_change_while_the_process_runs() {
    let sinks = sinks(|options| options.level = Level::Warn);
    let levels = sinks.guard.levels();
    let (_, _, ring) = sinks.log(|| {
        let say = |word| tracing::debug!(target: "db_taxi::http", "{word}");
        say("no");
        levels.set(Level::Debug, &BTreeMap::new());
        say("yes");
        levels.set(
            Level::Error,
            &BTreeMap::from([("http".into(), Level::Warn)]),
        );
        say("no");
    });
    let said: Vec<_> = ring.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(said, ["yes"]);
}

#[test]
fn a_secret_that_was_logged_by_mistake_is_in_no_sink() {
    let secret = "log-\"canary\\4711";
    for format in [LogFormat::Text, LogFormat::Json] {
        register_secret(&SecretString::from(secret));
        let (stderr, files, ring) = sinks(|options| options.format = Some(format)).log(|| {
            let span = tracing::info_span!(target: "db_taxi", "open", url = secret, later = tracing::field::Empty);
            span.record("later", secret);
            let _entered = span.enter();
            let error = std::io::Error::other(format!("refused {secret}"));
            tracing::error!(target: "db_taxi", password = secret, debug = ?secret, error = %error, "login with {secret}");
            tracing::error!(target: "db_taxi", error = &error as &dyn std::error::Error, "again");
        });
        let ring = format!("{ring:?}");
        for (sink, text) in [("stderr", stderr), ("files", files), ("ring", ring)] {
            assert!(text.contains("***"), "{sink}: {text}");
            assert!(!text.contains("canary"), "{sink}: {text}");
            assert!(!text.contains("4711"), "{sink}: {text}");
        }
    }
}

#[test]
fn a_silenced_stderr_gets_nothing_and_the_others_go_on() {
    let sinks = sinks(|_| {});
    sinks.guard.stderr().silence();
    let (stderr, files, ring) = sinks.log(|| tracing::error!(target: "db_taxi", "x"));
    assert_eq!(stderr, "");
    assert!(files.contains("\"x\""), "{files}");
    assert_eq!(ring.len(), 1);
}

#[test]
fn a_folder_that_can_not_be_written_is_a_warning() {
    let sinks = sinks(|options| options.directory = Some("/dev/null/logs".into()));
    let warnings = sinks.guard.warnings();
    assert!(
        warnings.len() == 1 && warnings[0].contains("/dev/null/logs"),
        "{warnings:?}"
    );
    let (stderr, _, ring) = sinks.log(|| tracing::error!(target: "db_taxi", "still here"));
    assert!(stderr.contains("still here"));
    assert_eq!(ring.len(), 1);
}
