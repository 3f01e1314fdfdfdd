//! Arguments → front → exit code.

use std::process::ExitCode;

use clap::Parser;
use db_taxi::cli::{self, Cli, Exit, Output};

fn main() -> ExitCode {
    let typed = Cli::parse();
    let output = Output::new(&typed.global);
    let exit = match cli::offline(&typed) {
        Some(Ok(())) => Exit::Done,
        Some(Err(failure)) => {
            output.failure(&failure);
            failure.exit
        }
        None => Exit::Invalid,
    };
    exit.into()
}
