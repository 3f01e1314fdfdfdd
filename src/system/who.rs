//! Who runs this process.

use std::{env, fs};

/// `user@host` of whoever runs this process.
#[must_use]
pub fn requested_by() -> String {
    let id = rustix::process::getuid().as_raw();
    let user = ["USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| env::var(name).ok().filter(|user| !user.is_empty()))
        .or_else(|| account(&fs::read_to_string("/etc/passwd").ok()?, id))
        .unwrap_or_else(|| id.to_string());
    let system = rustix::system::uname();
    let host = system.nodename().to_string_lossy();
    format!("{user}@{host}")
}

/// The name of the account with this number; cron sets no variable that has it.
fn account(passwd: &str, id: u32) -> Option<String> {
    let id = id.to_string();
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == id).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_number() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\ntaxi:x:1001:1001::/home/taxi:/bin/sh\n";
        assert_eq!(account(passwd, 1001).as_deref(), Some("taxi"));
        assert_eq!(account(passwd, 7), None);
    }
}
