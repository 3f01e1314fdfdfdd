//! Who asks, and what that allows.

use std::net::IpAddr;

use crate::model::token::Scope;

/// Who asks.
#[derive(Debug, Clone)]
pub struct Caller {
    /// `token:NAME`, or `api@ADDRESS` where nobody needs a token.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
}

impl Caller {
    /// Whoever reaches a listener on loopback while there is no token.
    pub fn on_loopback(from: IpAddr) -> Self {
        Self {
            name: format!("api@{from}"),
            scope: Scope::Admin,
        }
    }

    /// The owner of a token.
    pub fn of_token(name: &str, scope: Scope) -> Self {
        Self {
            name: format!("token:{name}"),
            scope,
        }
    }
}

/// What a request needs: GET, plan and test read; jobs are operated; the rest administers.
pub fn needed(method: &axum::http::Method, path: &str) -> Scope {
    let rest = path.strip_prefix("/api/sync").unwrap_or_default();
    if method.is_safe() || rest.ends_with("/plan") || rest.ends_with("/test") {
        Scope::Read
    } else if rest == "/jobs" || rest.starts_with("/jobs/") {
        Scope::Operate
    } else {
        Scope::Admin
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Method;

    #[test]
    fn reading_operating_and_administering_are_three_things() {
        for (method, path, scope) in [
            (Method::GET, "/api/sync/connections", Scope::Read),
            (Method::GET, "/api/status", Scope::Read),
            (Method::POST, "/api/sync/configs/1/plan", Scope::Read),
            (Method::POST, "/api/sync/connections/1/test", Scope::Read),
            (Method::POST, "/api/sync/jobs", Scope::Operate),
            (Method::PATCH, "/api/sync/jobs/1", Scope::Operate),
            (Method::POST, "/api/sync/jobs/1/undo", Scope::Operate),
            (Method::POST, "/api/sync/connections", Scope::Admin),
            (Method::DELETE, "/api/sync/configs/1", Scope::Admin),
            (Method::POST, "/api/sync/mappings/import", Scope::Admin),
        ] {
            assert_eq!(needed(&method, path), scope, "{method} {path}");
        }
    }
}
