//! Every route of the service, and what is told where there is none.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware;
use serde_json::Value;

use super::api;
use super::health::{self, Probe};
use super::measure;
use super::openapi;
use super::operation::Described;
use super::origin;
use super::problem::Problem;
use super::requests;
use super::service::Service;
use crate::model::labels::API;

/// The routes of a service, each behind its door.
pub fn of(service: &Arc<Service>) -> Router {
    let asked = Arc::clone(service);
    let probe: Probe = Arc::new(move || asked.readiness());
    let api = api::shared(service, document());
    let health = health::router(probe);
    let routes = if service.settings.instance.has_role(API) {
        api::router(&api)
    } else {
        api::metrics_alone(&api)
    };
    let safe = api::guarded(complete(health.merge(routes)), &api).layer(
        middleware::from_fn_with_state(Arc::clone(&service.origins), origin::check),
    );
    measure::measured(safe, &service.requests).layer(middleware::from_fn(requests::tell))
}

/// Every operation of the service.
#[must_use]
pub fn operations() -> Vec<Described> {
    let mut all = health::described();
    all.extend(api::described());
    all
}

/// The OpenAPI document of this version.
#[must_use]
pub fn document() -> Value {
    openapi::document(&operations())
}

/// JSON errors for all that is no route.
pub fn complete(router: Router) -> Router {
    router
        .method_not_allowed_fallback(|| async {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "this route does not take that method",
            )
        })
        .fallback(|| async {
            Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such route")
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::collections::BTreeSet;

    /// Every `$ref` in a document.
    fn references(value: &Value, into: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    // As of a description with a comma that was not quoted.
                    assert!(!key.contains(' '), "a sentence as a key: {key}");
                    match value {
                        Value::String(text) if key == "$ref" => {
                            into.insert(text.clone());
                        }
                        other => references(other, into),
                    }
                }
            }
            Value::Array(list) => list.iter().for_each(|item| references(item, into)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_no_part_is_left_over() {
        let document = document();
        let mut used = BTreeSet::new();
        references(&document, &mut used);
        for reference in &used {
            let pointer = reference.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
        for kind in ["schemas", "parameters", "headers", "responses"] {
            for name in document["components"][kind].as_object().unwrap().keys() {
                let reference = format!("#/components/{kind}/{name}");
                // The data of a stream has no place in OpenAPI but its description.
                assert!(
                    used.contains(&reference) || name == "Event",
                    "{reference} is not used"
                );
            }
        }
    }

    #[test]
    fn every_operation_says_what_it_does_and_what_it_answers() {
        let mut ids = BTreeSet::new();
        for operation in operations() {
            assert!(ids.insert(operation.id), "{} is there twice", operation.id);
            assert!(
                !operation.summary.is_empty() && !operation.tag.is_empty(),
                "{}",
                operation.id
            );
            assert!(!operation.answers.is_empty(), "{}", operation.id);
        }
    }
}
