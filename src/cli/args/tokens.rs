//! Flags of `tokens`.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use crate::model::duration::parse_duration;
use crate::model::token::Scope;

/// Tokens of the REST API.
#[derive(Debug, Subcommand)]
pub enum TokensCommand {
    /// List tokens; their secrets are stored nowhere
    List,
    /// Make a token and print its secret, this once
    Create(TokenCreateArgs),
    /// Remove a token; whoever uses it is refused from then on
    Revoke(TokenRevokeArgs),
}

/// Flags of `tokens create`.
#[derive(Debug, Args)]
pub struct TokenCreateArgs {
    /// Name
    #[arg(value_name = "NAME")]
    pub name: String,
    /// read sees, tests and plans; operate also starts, stops and changes jobs; admin may all
    #[arg(long, value_name = "SCOPE")]
    pub scope: ScopeWord,
    /// How long it holds, such as 90d [default: until it is revoked]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub expires: Option<Duration>,
}

/// Flags of `tokens revoke`.
#[derive(Debug, Args)]
pub struct TokenRevokeArgs {
    /// Token, by name or id
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ScopeWord {
    /// See, test and plan.
    Read,
    /// Also start, stop and change jobs.
    Operate,
    /// Also everything else.
    Admin,
}

impl From<ScopeWord> for Scope {
    fn from(word: ScopeWord) -> Self {
        match word {
            ScopeWord::Read => Self::Read,
            ScopeWord::Operate => Self::Operate,
            ScopeWord::Admin => Self::Admin,
        }
    }
}
