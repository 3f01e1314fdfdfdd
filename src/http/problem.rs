//! What an error looks like on the wire.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::model::command::Refusal;
use crate::model::finding::Finding;

/// When a client may ask again for what is not there at present, in seconds.
pub const RETRY_AFTER: u64 = 5;

/// An answer that is an error.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    message: String,
    details: Vec<Finding>,
    /// Seconds, where they are known better than [`RETRY_AFTER`].
    retry_after: Option<u64>,
}

impl Problem {
    /// An error of its own.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            details: Vec::new(),
            retry_after: None,
        }
    }

    /// Too many requests without a token that holds.
    pub fn rate_limited(wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Self {
            retry_after: Some(seconds),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limited",
                format!("too many requests without a valid token: wait {seconds} s"),
            )
        }
    }

    /// The request can't be understood.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// A parameter of the query can't be understood.
    pub fn bad_parameter(name: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            details: vec![Finding::new(name, message.clone())],
            ..Self::bad_request(format!("{name}: {message}"))
        }
    }

    /// The body is understood and wrong.
    pub fn invalid(findings: Vec<Finding>) -> Self {
        Refusal::Invalid(findings).into()
    }

    /// The caller may not.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    /// Nobody said who asks.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    /// There is no such thing.
    pub fn not_found(kind: &str, id: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            format!("no {kind} with the id {id:?}"),
        )
    }

    /// `If-Match` names another version.
    pub fn precondition_failed() -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "precondition_failed",
            "it was changed meanwhile: read it again, then decide",
        )
    }

    /// The control database has not answered yet.
    pub fn no_database() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "database_unavailable",
            "the control database does not answer; GET /api/status says why and when it is tried again",
        )
    }

    /// `sync.enabled` is false.
    pub fn sync_disabled() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "sync_disabled",
            "sync.enabled is false in the settings of this service",
        )
    }

    /// The service is being stopped.
    pub fn shutting_down() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "shutting_down",
            "the service is being stopped",
        )
    }

    /// Whether it is for want of a token that holds.
    pub fn is_unauthorized(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
    }

    fn body(&self) -> Value {
        let details: Vec<Value> = self
            .details
            .iter()
            .map(|finding| {
                let message = match &finding.remedy {
                    Some(remedy) => format!("{} ({remedy})", finding.message),
                    None => finding.message.clone(),
                };
                let mut detail = json!({"path": finding.path, "message": message});
                if let (Some(line), Some(detail)) = (finding.line, detail.as_object_mut()) {
                    detail.insert("line".to_owned(), line.into());
                }
                detail
            })
            .collect();
        json!({"error": {"code": self.code, "message": self.message, "details": details}})
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let code = refusal.code();
        let status = match &refusal {
            Refusal::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Refusal::NotFound { .. } => StatusCode::NOT_FOUND,
            Refusal::Conflict { code, .. } => match *code {
                "precondition_failed" => StatusCode::PRECONDITION_FAILED,
                "sync_disabled" => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::CONFLICT,
            },
            Refusal::DatabaseUnavailable(_) | Refusal::DatabaseUnusable(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Refusal::SourceUnavailable(_) => StatusCode::BAD_GATEWAY,
            Refusal::Internal(message) => {
                tracing::error!("a request failed because of a fault in this program: {message}");
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        let message = refusal.to_string();
        let details = match refusal {
            Refusal::Invalid(findings) => findings,
            _ => Vec::new(),
        };
        Self {
            status,
            code,
            message,
            details,
            retry_after: None,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::SERVICE_UNAVAILABLE
            || self.status == StatusCode::TOO_MANY_REQUESTS
        {
            let seconds = self.retry_after.unwrap_or(RETRY_AFTER);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
