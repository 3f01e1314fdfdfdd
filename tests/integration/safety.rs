//! Secrets stay secret, and whatever is wrong is told clearly and costs nothing.

mod canary;
mod inputs;
mod refusals;
mod rights;

use crate::support::{DbTaxi, Finished, Pair, servers::Server};

/// A table of three rows on the source.
fn three_rows(pair: &Pair, table: &str) {
    pair.source.sql(&format!(
        "CREATE TABLE {0} (id INT PRIMARY KEY, v VARCHAR(100)); \
         INSERT INTO {0} VALUES (1, 'a'), (2, 'b'), (3, 'c');",
        pair.source_table(table)
    ));
}

/// An account of this test with these grants and nothing else.
fn account(server: &Server, name: &str, password: &str, grants: &[String]) {
    server.sql(&format!(
        "DROP USER IF EXISTS {name}@'127.0.0.1'; \
         CREATE USER {name}@'127.0.0.1' IDENTIFIED BY '{password}';"
    ));
    for grant in grants {
        server.sql(&format!("GRANT {grant} TO {name}@'127.0.0.1'"));
    }
}

/// Makes an installation use this account on its local server.
fn use_account(taxi: &DbTaxi, name: &str, password: &str) {
    let settings = std::fs::read_to_string(taxi.path("config.yaml")).unwrap();
    let settings = settings.replace(
        "  username: root\n",
        &format!("  username: {name}\n  password: \"{password}\"\n"),
    );
    taxi.write("config.yaml", &settings);
}

/// Goes on only when the command said all of this to a person.
fn told(ended: &Finished, texts: &[&str]) {
    for text in texts {
        assert!(
            ended.stderr.contains(text) || ended.stdout.contains(text),
            "{text:?} is not told by {}\n--- stdout\n{}\n--- stderr\n{}",
            ended.command,
            ended.stdout,
            ended.stderr
        );
    }
}
