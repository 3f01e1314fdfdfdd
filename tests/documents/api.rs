//! The reference of the REST API, made from the OpenAPI document.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::reference::{MADE, cell, held};

/// The last part of a `$ref`.
fn name_of(reference: &str) -> &str {
    reference.rsplit('/').next().unwrap_or_default()
}

fn link(name: &str) -> String {
    format!("[{name}](#{})", name.to_lowercase())
}

/// A schema in a few words.
fn kind(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        return link(name_of(reference));
    }
    for word in ["oneOf", "anyOf"] {
        if let Some(all) = schema[word].as_array() {
            return all.iter().map(kind).collect::<Vec<_>>().join(" or ");
        }
    }
    let mut words: Vec<String> = match &schema["type"] {
        Value::String(one) => vec![one.clone()],
        Value::Array(all) => all
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        _ => vec!["any".to_owned()],
    };
    for word in &mut words {
        if word == "array" && schema["items"].is_object() {
            *word = format!("list of {}", kind(&schema["items"]));
        }
    }
    let mut text = words.join(" or ");
    if let Some(allowed) = schema["enum"].as_array() {
        let allowed: Vec<String> = allowed
            .iter()
            .filter_map(Value::as_str)
            .map(|word| format!("`{word}`"))
            .collect();
        text = allowed.join(" ");
        if words.iter().any(|word| word == "null") {
            text += " or null";
        }
    }
    if !schema["const"].is_null() {
        text = format!("`{}`", schema["const"].to_string().trim_matches('"'));
    }
    let (least, most) = (&schema["minimum"], &schema["maximum"]);
    match (least.is_null(), most.is_null()) {
        (false, false) => write!(text, ", {least} to {most}").unwrap(),
        (false, true) if least != 0 => write!(text, ", at least {least}").unwrap(),
        _ => {}
    }
    if let Some(format) = schema["format"].as_str() {
        write!(text, " ({format})").unwrap();
    }
    if let Some(most) = schema["maxLength"].as_u64() {
        write!(text, ", at most {most} characters").unwrap();
    }
    text
}

fn described(schema: &Value) -> String {
    let mut text = schema["description"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    if !schema["default"].is_null() {
        let default = schema["default"].to_string();
        write!(
            text,
            "{}default `{}`",
            if text.is_empty() { "" } else { " " },
            default.trim_matches('"')
        )
        .unwrap();
    }
    text
}

/// The fields of an object, those of objects within it with a dotted path.
fn fields(schema: &Value, path: &str, page: &mut String) {
    let required: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for (name, inner) in schema["properties"]
        .as_object()
        .into_iter()
        .flat_map(Map::iter)
    {
        let own = format!("{path}{name}");
        let must = if required.contains(&name.as_str()) {
            "yes"
        } else {
            ""
        };
        writeln!(
            page,
            "| `{own}` | {} | {must} | {} |",
            cell(&kind(inner)),
            cell(&described(inner))
        )
        .unwrap();
        fields(inner, &format!("{own}."), page);
        if inner["items"]["properties"].is_object() {
            fields(&inner["items"], &format!("{own}[]."), page);
        }
    }
}

fn body(content: &Value) -> String {
    let mut shown: Vec<String> = Vec::new();
    for (media, content) in content.as_object().into_iter().flat_map(Map::iter) {
        let what = kind(&content["schema"]);
        shown.push(if media == "application/json" {
            what
        } else {
            format!("{what} (`{media}`)")
        });
    }
    shown.join(" or ")
}

fn operation(document: &Value, method: &str, path: &str, doc: &Value, page: &mut String) {
    let at = |value: &Value| match value["$ref"].as_str() {
        Some(reference) => document
            .pointer(reference.trim_start_matches('#'))
            .unwrap()
            .clone(),
        None => value.clone(),
    };
    let scope = doc["x-scope"]
        .as_str()
        .map_or("no token".to_owned(), |scope| format!("scope `{scope}`"));
    write!(
        page,
        "\n### {} {path}\n\n{}. Needs: {scope}.\n",
        method.to_uppercase(),
        doc["summary"].as_str().unwrap()
    )
    .unwrap();
    let parameters: Vec<Value> = doc["parameters"]
        .as_array()
        .into_iter()
        .flatten()
        .map(at)
        .filter(|p| p["in"] != "path")
        .collect();
    if !parameters.is_empty() {
        page.push_str("\n| parameter | in | type | |\n| --- | --- | --- | --- |\n");
        for parameter in &parameters {
            let (name, place) = (
                parameter["name"].as_str().unwrap(),
                parameter["in"].as_str().unwrap(),
            );
            let text = format!(
                "{} {}",
                parameter["description"].as_str().unwrap(),
                described(&parameter["schema"])
            );
            writeln!(
                page,
                "| `{name}` | {place} | {} | {} |",
                cell(&kind(&parameter["schema"])),
                cell(text.trim())
            )
            .unwrap();
        }
    }
    let taken = &doc["requestBody"];
    if taken.is_object() {
        let optional = if taken["required"] == false {
            ", or none"
        } else {
            ""
        };
        write!(page, "\nBody: {}{optional}.\n", body(&taken["content"])).unwrap();
    }
    page.push_str("\nAnswers: ");
    let mut errors: Vec<&str> = Vec::new();
    let mut good: Vec<String> = Vec::new();
    for (status, answer) in doc["responses"].as_object().unwrap() {
        if answer["$ref"].is_string() {
            errors.push(status);
            continue;
        }
        let mut text = format!("{status} {}", body(&answer["content"]));
        for header in answer["headers"]
            .as_object()
            .into_iter()
            .flat_map(Map::keys)
        {
            write!(
                text,
                "{} `{header}`",
                if text.contains(" with ") {
                    ","
                } else {
                    " with"
                }
            )
            .unwrap();
        }
        good.push(text.trim().to_owned());
    }
    page.push_str(&good.join("; "));
    if !errors.is_empty() {
        write!(page, "; errors {}", errors.join(" ")).unwrap();
    }
    page.push_str(".\n");
}

fn api() -> String {
    let document = db_taxi::http::document();
    let mut page = format!(
        "{MADE}# REST API\n\n\
         How it is used, with curl lines: [rest.md](../rest.md). A running service gives the same as OpenAPI {} at \
         `/openapi.json`, with patterns and examples.\n\n{}\n",
        document["openapi"].as_str().unwrap(),
        document["info"]["description"].as_str().unwrap()
    );
    for tag in document["tags"].as_array().unwrap() {
        write!(page, "\n## {}\n", tag["name"].as_str().unwrap()).unwrap();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, doc) in methods.as_object().unwrap() {
                if doc["tags"][0] == tag["name"] {
                    operation(&document, method, path, doc, &mut page);
                }
            }
        }
    }
    page.push_str("\n## Errors\n\nEvery error has the body [Error](#error).\n\n| status | codes |\n| --- | --- |\n");
    for (name, answer) in document["components"]["responses"].as_object().unwrap() {
        let status = name.trim_start_matches("Error");
        writeln!(
            page,
            "| {status} | {} |",
            cell(answer["description"].as_str().unwrap())
        )
        .unwrap();
    }
    page.push_str("| 405 | `method_not_allowed`; `Allow` names the methods |\n\n## Objects\n");
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        write!(page, "\n### {name}\n\n").unwrap();
        let text = described(schema);
        if !text.is_empty() {
            write!(page, "{text}\n\n").unwrap();
        }
        if let Some(base) = schema["allOf"][0]["$ref"].as_str() {
            write!(page, "Every field of {}, and:\n\n", link(name_of(base))).unwrap();
        }
        if schema["properties"].is_object() {
            page.push_str("| field | type | always | |\n| --- | --- | --- | --- |\n");
            fields(schema, "", &mut page);
        } else if schema["allOf"].is_null() {
            writeln!(page, "{}", kind(schema)).unwrap();
        }
    }
    page
}

#[test]
fn the_reference_of_the_rest_api_is_what_the_program_says() {
    let page = api();
    assert!(page.contains("### POST /api/sync/jobs\n") && page.contains("Idempotency-Key"));
    held("docs/reference/api.md", &page);
}
