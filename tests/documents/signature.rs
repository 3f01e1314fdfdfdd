//! The lines of Python that docs/notifications.md gives to receivers verify what we sign.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use ring::hmac;

#[test]
fn a_receiver_verifies_signatures_with_the_lines_of_the_documentation() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/notifications.md");
    let page = std::fs::read_to_string(path).unwrap();
    let lines = page.split("```python\n").nth(1).unwrap();
    let lines = lines.split("```").next().unwrap();
    let body = "{\"v\":1,\"text\":\"né à 8 ✓\"}";
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"a secret");
    let tag = hmac::sign(&key, body.as_bytes());
    let hex: String = tag.as_ref().iter().map(|b| format!("{b:02x}")).collect();
    let script = format!(
        "{lines}\nimport sys\nbody = sys.stdin.buffer.read()\n\
         assert is_ours(b'a secret', body, 'sha256={hex}')\n\
         assert not is_ours(b'a secret', body + b' ', 'sha256={hex}')\n\
         assert not is_ours(b'another', body, 'sha256={hex}')\n"
    );
    let python = Command::new("python3")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    // Only receivers need it; where it is not installed there is nothing to try it with.
    let Ok(mut python) = python else { return };
    python
        .stdin
        .take()
        .unwrap()
        .write_all(body.as_bytes())
        .unwrap();
    let ended = python.wait_with_output().unwrap();
    assert!(
        ended.status.success(),
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
}
