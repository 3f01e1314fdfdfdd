//! `edit` without flags: an object as YAML in the editor of whoever asks.

use std::cell::{Cell, RefCell};
use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use tokio::process::Command;
use uuid::Uuid;

use super::failure::Failure;
use super::show::connection::without_empty;

/// Fields that only the program writes; they would be noise in an editor.
const READ_ONLY: &[&str] = &[
    "id",
    "connection_id",
    "created_at",
    "updated_at",
    "has_password",
    "health",
    "last_job",
    "next_run_at",
    "next_runs",
];

/// Opens `object` in the editor until what is saved passes `parse`, or nothing was changed
/// (`None`); `editing` is set meanwhile. After a mistake on a terminal the editor opens again with it on top.
///
/// # Errors
/// When there is no editor, it fails, or what was saved is wrong and nobody can be asked again.
pub async fn edit<T>(
    object: &Value,
    editing: &Cell<bool>,
    parse: impl Fn(&Value) -> Result<T, Failure>,
) -> Result<Option<T>, Failure> {
    let before = to_yaml(object)?;
    let file = Scratch::new(&before)?;
    let mut problem: Option<Failure> = None;
    loop {
        editing.set(true);
        let closed = open_editor(file.path()).await;
        editing.set(false);
        closed?;
        let after = file.read()?;
        let stripped = without_notes(&after);
        if stripped == before {
            return Ok(None);
        }
        // Saved again with the same mistake: given up.
        if let Some(problem) = problem.take_if(|_| stripped == without_notes(&file.last())) {
            return Err(problem);
        }
        let parsed = serde_yaml::from_str::<Value>(&stripped)
            .map_err(|error| Failure::invalid(format!("not YAML: {error}")))
            .and_then(|value| parse(&value));
        match parsed {
            Ok(value) => return Ok(Some(value)),
            Err(failure) if !io::stdin().is_terminal() => return Err(failure),
            Err(failure) => {
                file.write(&with_notes(&failure, &stripped))?;
                problem = Some(failure);
            }
        }
    }
}

const NOTE: &str = "#! ";

fn with_notes(failure: &Failure, text: &str) -> String {
    let mut out = String::new();
    for line in failure.lines() {
        out.push_str(&format!("{NOTE}{line}\n"));
    }
    out.push_str(&format!(
        "{NOTE}correct it, or close without a change to give up\n{text}"
    ));
    out
}

fn without_notes(text: &str) -> String {
    text.split_inclusive('\n')
        .filter(|line| !line.starts_with(NOTE))
        .collect()
}

fn to_yaml(object: &Value) -> Result<String, Failure> {
    let shown: Map<String, Value> = without_empty(object)
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| !READ_ONLY.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    serde_yaml::to_string(&shown)
        .map_err(|error| Failure::internal(format!("can't write YAML: {error}")))
}

async fn open_editor(path: &Path) -> Result<(), Failure> {
    let editor = ["VISUAL", "EDITOR"]
        .into_iter()
        .find_map(|name| env::var(name).ok().filter(|editor| !editor.is_empty()));
    let editor = match editor {
        Some(editor) => editor,
        None if io::stdin().is_terminal() => "vi".to_owned(),
        None => {
            return Err(Failure::invalid("nothing to change")
                .hint("give the fields to change as flags, or set EDITOR"));
        }
    };
    // Through the shell, so that an editor with arguments works.
    let status = Command::new("sh")
        .arg("-c")
        .arg(format!("{editor} \"$1\""))
        .arg("sh")
        .arg(path)
        .status()
        .await
        .map_err(|error| Failure::file("start", &editor, &error))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::refused(
        "confirmation_missing",
        format!("the editor {editor} ended with {status}; nothing was changed"),
    ))
}

/// A file that only we can read, gone when dropped.
struct Scratch {
    path: PathBuf,
    last: RefCell<String>,
}

impl Scratch {
    fn new(text: &str) -> Result<Self, Failure> {
        let path = env::temp_dir().join(format!("db-taxi-{}.yaml", Uuid::now_v7()));
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| Failure::file("create", &path.display().to_string(), &error))?;
        let scratch = Self {
            path,
            last: RefCell::new(String::new()),
        };
        file.write_all(text.as_bytes())
            .map_err(|error| scratch.failure("write", &error))?;
        Ok(scratch)
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn read(&self) -> Result<String, Failure> {
        fs::read_to_string(&self.path).map_err(|error| self.failure("read", &error))
    }

    fn write(&self, text: &str) -> Result<(), Failure> {
        text.clone_into(&mut self.last.borrow_mut());
        fs::write(&self.path, text).map_err(|error| self.failure("write", &error))
    }

    /// What was last written for the editor to show.
    fn last(&self) -> String {
        self.last.borrow().clone()
    }

    fn failure(&self, doing: &str, error: &io::Error) -> Failure {
        Failure::file(doing, &self.path.display().to_string(), error)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A file that is gone already is as good.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_person_may_change_is_shown() {
        let object = serde_json::json!({"id": "x", "name": "a", "socket": null, "port": 3306,
                                        "health": {"state": "ok"}});
        assert_eq!(to_yaml(&object), Ok("name: a\nport: 3306\n".to_owned()));
    }

    #[test]
    fn notes_come_off_again() {
        let text = "name: a\n# mine\n";
        let noted = with_notes(&Failure::invalid("no such field"), text);
        assert!(noted.contains("#! error: no such field\n"));
        assert_eq!(without_notes(&noted), text);
    }

    #[test]
    fn the_file_is_private_and_gone_afterwards() {
        use std::os::unix::fs::PermissionsExt;
        let scratch = Scratch::new("x").unwrap();
        let path = scratch.path().to_owned();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(scratch);
        assert!(!path.exists());
    }
}
