//! The merge of the layers, over all keys that a number, a duration or a word can be.

use super::*;

/// A key and two of its values, as `config show` tells them.
fn values(key: &Key, pick: u64) -> Option<String> {
    Some(match key.kind {
        Kind::Number { min, max } => {
            (min.max(2) + pick % (max - min.max(2)).clamp(1, 6)).to_string()
        }
        Kind::Duration { min, .. } => format!("{}s", min.as_secs() + 6 + pick % 7),
        Kind::Flag => (pick.is_multiple_of(2)).to_string(),
        Kind::Word(words) => words[usize::try_from(pick).unwrap() % words.len()].to_owned(),
        Kind::Text if key.name != "database.host" => format!("text-{pick}"),
        _ => return None,
    })
}

/// Which layers set a key, and to what.
#[derive(Debug, Clone)]
struct Set {
    key: &'static str,
    layers: [Option<String>; 3],
}

fn sets() -> impl Strategy<Value = Vec<Set>> {
    let one = (
        0..KEYS.len(),
        proptest::collection::vec(proptest::option::of(0_u64..40), 3),
    )
        .prop_filter_map("a kind without values here", |(at, picks)| {
            let key = &KEYS[at];
            values(key, 0)?;
            let layers = [0, 1, 2].map(|layer: usize| picks[layer].and_then(|p| values(key, p)));
            Some(Set {
                key: key.name,
                layers,
            })
        });
    proptest::collection::vec(one, 0..12).prop_map(|mut sets| {
        sets.sort_by_key(|set| set.key);
        sets.dedup_by_key(|set| set.key);
        // These two are held against each other.
        sets.retain(|set| !set.key.ends_with("_conns"));
        sets
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn each_key_has_the_value_of_the_strongest_layer_that_sets_it(sets in sets()) {
        let mut file: std::collections::BTreeMap<&str, String> = std::collections::BTreeMap::new();
        let (mut env, mut flags) = (Vec::new(), Vec::new());
        for set in &sets {
            let (section, name) = set.key.split_once('.').unwrap();
            let [in_file, in_env, by_flag] = &set.layers;
            if let Some(value) = in_file {
                file.entry(section).or_default().push_str(&format!("  {name}: {value}\n"));
            }
            if let Some(value) = in_env {
                env.push((Key::find(set.key).unwrap().env_name(), value.clone()));
            }
            if let Some(value) = by_flag {
                flags.push(format!("{}={value}", set.key));
            }
        }
        let file: String = file.iter().map(|(section, body)| format!("{section}:\n{body}")).collect();
        let env: Vec<(&str, &str)> = env.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let merged = loaded(&file, &env, &flags);
        let plain = loaded("", &[], &[]);
        let (shown, defaults) = (show(&merged), show(&plain));
        for (shown, default) in shown.iter().zip(&defaults) {
            let layers = sets.iter().find(|set| set.key == shown.key).map(|set| &set.layers);
            let strongest = layers.and_then(|layers| layers.iter().rposition(Option::is_some));
            let Some(at) = strongest else {
                prop_assert_eq!(&shown.value, &default.value, "{}", shown.key);
                continue;
            };
            let given = layers.unwrap()[at].clone().unwrap();
            // One layer alone is the measure of what a text means.
            let alone = match at {
                0 => {
                    let (section, name) = shown.key.split_once('.').unwrap();
                    loaded(&format!("{section}:\n  {name}: {given}\n"), &[], &[])
                }
                _ => loaded("", &[], &[&format!("{}={given}", shown.key)]),
            };
            let alone = super::super::show(&alone);
            let wanted = alone.iter().find(|other| other.key == shown.key).unwrap();
            prop_assert_eq!(&shown.value, &wanted.value, "{}", shown.key);
            let origin = shown.origin.to_string();
            let named = match at {
                0 => origin.contains("config.yaml:"),
                1 => origin.starts_with("DBT_"),
                _ => origin.starts_with("--set "),
            };
            prop_assert!(named, "{}: {}", shown.key, origin);
        }
    }
}
