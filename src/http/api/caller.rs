//! Who asks, and what that allows.

use std::net::IpAddr;

use axum::http::Method;

use crate::model::token::Scope;

tokio::task_local! {
    /// Who asks, for what is changed on the way: handlers need not hand it on.
    static ACTOR: String;
}

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
    pub fn on_loopback(from: IpAddr, scope: Scope) -> Self {
        Self {
            name: format!("api@{from}"),
            scope,
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

/// Carries out the work of a request in the name of `actor`.
pub async fn acting<F: Future>(actor: &str, work: F) -> F::Output {
    ACTOR.scope(actor.to_owned(), work).await
}

/// In whose name the request in hand is carried out; `None` outside of one.
pub fn actor() -> Option<String> {
    ACTOR.try_with(Clone::clone).ok()
}

/// What a request needs: GET, plan and test read; jobs are operated; the rest administers.
/// `route` is the template of its route, if there is one.
pub fn needed(method: &Method, route: Option<&str>) -> Scope {
    let route = route.unwrap_or_default();
    let rest = route.strip_prefix("/api/sync").unwrap_or_default();
    let looks = matches!(
        rest,
        "/configs/{id}/plan" | "/connections/{id}/test" | "/connections/test"
    );
    if method.is_safe() || (*method == Method::POST && looks) {
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

    #[test]
    fn reading_operating_and_administering_are_three_things() {
        for (method, route, scope) in [
            (Method::GET, "/api/sync/connections", Scope::Read),
            (Method::GET, "/api/status", Scope::Read),
            (Method::GET, "/metrics", Scope::Read),
            (Method::POST, "/api/sync/configs/{id}/plan", Scope::Read),
            (Method::POST, "/api/sync/connections/{id}/test", Scope::Read),
            (Method::POST, "/api/sync/connections/test", Scope::Read),
            (Method::POST, "/api/sync/jobs", Scope::Operate),
            (Method::PATCH, "/api/sync/jobs/{id}", Scope::Operate),
            (Method::POST, "/api/sync/jobs/{id}/undo", Scope::Operate),
            (Method::POST, "/api/sync/connections", Scope::Admin),
            (Method::PUT, "/api/sync/configs/{id}", Scope::Admin),
            (Method::DELETE, "/api/sync/configs/{id}/plan", Scope::Admin),
            (Method::POST, "/api/sync/mappings/import", Scope::Admin),
            (Method::POST, "", Scope::Admin),
        ] {
            assert_eq!(needed(&method, Some(route)), scope, "{method} {route}");
        }
        assert_eq!(needed(&Method::GET, None), Scope::Read);
        assert_eq!(needed(&Method::POST, None), Scope::Admin);
    }
}
