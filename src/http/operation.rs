//! One operation of the service: what it is called, what it takes and gives, and who does it.
//!
//! The router and the OpenAPI document are both made from lists of these, so neither has a route
//! that the other lacks, and a query takes exactly the parameters that are documented.

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, Request};
use axum::http::{Method, Uri};
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse;
use axum::routing::MethodRouter;

use super::body;
use super::problem::Problem;
use crate::model::token::Scope;

/// Most bytes of a body where none is taken.
const NOTHING: u64 = 1024;

/// JSON, as a media type.
pub const JSON: &str = "application/json";
/// YAML, as a media type.
pub const YAML: &str = "application/yaml";
/// Plain text, as a media type.
pub const TEXT: &str = "text/plain";
/// OpenMetrics, as a media type.
pub const METRICS: &str = "application/openmetrics-text";
/// Server-sent events, as a media type.
pub const EVENTS: &str = "text/event-stream";

/// What the document says of an operation. Schemas and parameters are named as in `parts.yaml`.
#[derive(Debug, Clone)]
pub struct Described {
    /// `get`, `post` …
    pub method: &'static str,
    /// `/api/sync/jobs/{id}`.
    pub path: &'static str,
    /// `operationId`.
    pub id: &'static str,
    /// What it is about.
    pub tag: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// The least scope of a token; none where anybody may ask.
    pub scope: Option<Scope>,
    /// Names of the query's parameters.
    pub query: Vec<&'static str>,
    /// Names of header parameters.
    pub headers: Vec<&'static str>,
    /// What the body is.
    pub body: Option<Taken>,
    /// Answers that are no errors, and 503 where it has a shape of its own.
    pub answers: Vec<Given>,
    /// Statuses of further errors.
    pub errors: Vec<u16>,
}

/// A body that is taken.
#[derive(Debug, Clone, Copy)]
pub struct Taken {
    /// Its schema.
    pub schema: &'static str,
    /// Its media types.
    pub media: &'static [&'static str],
    /// Whether it may be missing.
    pub optional: bool,
}

/// An answer.
#[derive(Debug, Clone, Copy)]
pub struct Given {
    /// Its status.
    pub status: u16,
    /// Its schema; none for no body.
    pub schema: Option<&'static str>,
    /// Its media type.
    pub media: &'static str,
    /// Names of its headers.
    pub headers: &'static [&'static str],
}

/// An operation and who does it.
pub struct Operation<S> {
    doc: Described,
    handler: MethodRouter<S>,
}

impl<S: Clone + Send + Sync + 'static> Operation<S> {
    /// An operation that `handler` does: what `axum::routing::get` and the like give.
    pub fn new(
        method: &'static str,
        path: &'static str,
        id: &'static str,
        handler: MethodRouter<S>,
    ) -> Self {
        let errors = if path.contains('{') {
            vec![404]
        } else {
            Vec::new()
        };
        Self {
            doc: Described {
                method,
                path,
                id,
                tag: "",
                summary: "",
                scope: Some(Scope::Admin),
                query: Vec::new(),
                headers: Vec::new(),
                body: None,
                answers: Vec::new(),
                errors,
            },
            handler,
        }
    }

    /// What it is about, and what it does.
    pub fn about(mut self, tag: &'static str, summary: &'static str) -> Self {
        self.doc.tag = tag;
        self.doc.summary = summary;
        self
    }

    /// Anybody may ask.
    pub fn open(mut self) -> Self {
        self.doc.scope = None;
        self
    }

    /// The parameters of its query.
    pub fn query(mut self, names: &[&'static str]) -> Self {
        self.doc.query.extend(names);
        self
    }

    /// Pages: `limit` and `cursor`.
    pub fn paged(self) -> Self {
        self.query(&["limit", "cursor"])
    }

    /// The least scope of a token.
    pub fn needs(mut self, scope: Scope) -> Self {
        self.doc.scope = self.doc.scope.and(Some(scope));
        self
    }

    /// How it is asked for: `GET` and the like, and where.
    pub fn asked(&self) -> (Method, &'static str) {
        let method = self.doc.method.to_ascii_uppercase();
        (
            Method::from_bytes(method.as_bytes()).unwrap_or_default(),
            self.doc.path,
        )
    }

    /// A header that it looks at.
    pub fn header(mut self, name: &'static str) -> Self {
        self.doc.headers.push(name);
        self
    }

    /// It honours `If-Match`.
    pub fn conditional(self) -> Self {
        self.header("If-Match").fails(&[412])
    }

    /// It takes a JSON body.
    pub fn takes(self, schema: &'static str) -> Self {
        self.takes_as(schema, &[JSON], false)
    }

    /// It takes a JSON body, or none.
    pub fn may_take(self, schema: &'static str) -> Self {
        self.takes_as(schema, &[JSON], true)
    }

    /// It takes a body of one of these media types.
    pub fn takes_as(
        mut self,
        schema: &'static str,
        media: &'static [&'static str],
        optional: bool,
    ) -> Self {
        self.doc.body = Some(Taken {
            schema,
            media,
            optional,
        });
        self.fails(&[408, 413, 415, 422])
    }

    /// It answers with a JSON object.
    pub fn gives(self, status: u16, schema: &'static str) -> Self {
        self.gives_as(status, Some(schema), JSON, &[])
    }

    /// The same with the object's version in `ETag`.
    pub fn gives_tagged(self, status: u16, schema: &'static str) -> Self {
        self.gives_as(status, Some(schema), JSON, &["ETag"])
    }

    /// The same where the object was made.
    pub fn gives_made(self, status: u16, schema: &'static str) -> Self {
        self.gives_as(status, Some(schema), JSON, &["ETag", "Location"])
    }

    /// An answer.
    pub fn gives_as(
        mut self,
        status: u16,
        schema: Option<&'static str>,
        media: &'static str,
        headers: &'static [&'static str],
    ) -> Self {
        self.doc.answers.push(Given {
            status,
            schema,
            media,
            headers,
        });
        self
    }

    /// Errors beside those of every operation.
    pub fn fails(mut self, statuses: &[u16]) -> Self {
        self.doc.errors.extend(statuses);
        self
    }

    /// What the document says of it.
    pub fn described(&self) -> Described {
        let mut doc = self.doc.clone();
        doc.errors.sort_unstable();
        doc.errors.dedup();
        doc
    }

    fn checked(self) -> (&'static str, MethodRouter<S>) {
        let Described {
            path, query, body, ..
        } = self.doc;
        if self.doc.scope.is_none() {
            return (path, self.handler);
        }
        let takes_body = body.is_some();
        let check = from_fn(move |request: Request, next: Next| {
            let query = query.clone();
            async move {
                match checked(request, &query, takes_body).await {
                    Ok(request) => next.run(request).await,
                    Err(problem) => problem.into_response(),
                }
            }
        });
        (path, self.handler.route_layer(check))
    }
}

/// What these operations say of themselves.
pub fn described<S: Clone + Send + Sync + 'static>(operations: &[Operation<S>]) -> Vec<Described> {
    operations.iter().map(Operation::described).collect()
}

/// The routes of these operations.
pub fn router<S: Clone + Send + Sync + 'static>(operations: Vec<Operation<S>>) -> Router<S> {
    operations
        .into_iter()
        .map(Operation::checked)
        .fold(Router::new(), |router, (path, handler)| {
            router.route(path, handler)
        })
}

fn refuse_unknown(uri: &Uri, known: &[&'static str]) -> Result<(), Problem> {
    let given = Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|_| Problem::bad_request("the query can't be read"))?;
    match given
        .0
        .iter()
        .find(|(name, _)| !known.contains(&name.as_str()))
    {
        None => Ok(()),
        Some((name, _)) => Err(Problem::bad_parameter(name, "there is no such parameter")),
    }
}

/// Refuses parameters that are not documented, and a body where none is taken.
async fn checked(
    request: Request,
    known: &[&'static str],
    takes_body: bool,
) -> Result<Request, Problem> {
    refuse_unknown(request.uri(), known)?;
    if takes_body || *request.method() != Method::POST {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    let bytes = body::read(body, NOTHING, "this route takes no body").await?;
    let is_empty = bytes.iter().all(u8::is_ascii_whitespace)
        || serde_json::from_slice::<serde_json::Map<_, serde_json::Value>>(&bytes)
            .is_ok_and(|fields| fields.is_empty());
    if !is_empty {
        return Err(Problem::bad_request("this route takes no body"));
    }
    Ok(Request::from_parts(parts, Body::empty()))
}
