//! Configs that are not stored: planned, tried out; mapping files in the file system.

use db_taxi::model::mask::Mask;
use db_taxi::model::preview::RulePreview;

use super::*;

const SHOP: &str = "CREATE TABLE people (id INT PRIMARY KEY, email VARCHAR(80) NOT NULL, note TEXT CHARACTER SET latin1, raw VARBINARY(8), born DATE); \
 INSERT INTO people VALUES (1, 'anna@example.com', 'gr\u{fc}n', X'00FF', '1980-05-06'), (2, 'bob@example.com', NULL, NULL, NULL); \
 CREATE TABLE logs (id INT PRIMARY KEY); INSERT INTO logs VALUES (1), (2), (3), (4), (5), (6), (7)";

async fn preview(house: &House, spec: &ConfigSpec, rule: usize) -> Result<RulePreview, Refusal> {
    house
        .services
        .configs
        .preview(spec.clone(), None, rule)
        .await
}

both_flavours! {
    async fn a_rule_is_tried_out_with_rows_as_they_would_arrive_and_nothing_is_written(pair: Pair) {
        pair.source.sql(&format!("USE {}; {SHOP}", pair.source_db()));
        let house = house(&pair).await;
        house.services.connections.create(connection(&pair, "shop")).await.unwrap();
        let mut spec = config("all", "shop", &["people"]);
        let rule = &mut spec.tables[0];
        rule.mask = [("email".to_owned(), Mask::Partial { keep_first: 1, keep_last: 0, fill: '*' })].into();
        rule.rename_columns = [("note".to_owned(), "remark".to_owned())].into();
        rule.where_clause = Some("id < 2".to_owned());
        let shown = preview(&house, &spec, 0).await.unwrap();
        assert_eq!(shown.note, None);
        let row: Vec<Option<&str>> = shown.rows[0].iter().map(Option::as_deref).collect();
        let masked = format!("a{}", "*".repeat(15));
        assert_eq!(row, [Some("1"), Some(masked.as_str()), Some("grün"), Some("0x00FF"), Some("1980-05-06")]);
        assert_eq!(shown.rows.len(), 1, "where holds");
        assert!(shown.sql.contains("AS `remark`") && shown.sql.contains("WHERE id < 2"), "{}", shown.sql);
        let email = shown.columns.iter().find(|c| c.source == "email").unwrap();
        assert!(email.is_masked && !email.is_key);
        assert!(shown.columns[0].is_key);
        assert_eq!(shown.source_columns.len(), 5);
        spec.tables.push(TableRule::of_pattern("l*"));
        let shown = preview(&house, &spec, 1).await.unwrap();
        assert_eq!((shown.source_table.as_str(), shown.tables, shown.rows.len()), ("logs", 1, 5));
        assert!(house.services.configs.list(None).await.unwrap().is_empty());
        let made = pair.local.count(&format!(
            "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{}'",
            pair.target_db()
        ));
        assert_eq!(made, 0, "nothing is made on the target");
    }

    async fn a_rule_that_is_not_understood_shows_no_row_of_what_it_was_to_mask(pair: Pair) {
        pair.source.sql(&format!("USE {}; {SHOP}", pair.source_db()));
        let house = house(&pair).await;
        house.services.connections.create(connection(&pair, "shop")).await.unwrap();
        let mut spec = config("all", "shop", &["people"]);
        spec.tables[0].mask = [("emial".to_owned(), Mask::Nullify)].into();
        let shown = preview(&house, &spec, 0).await.unwrap();
        assert!(shown.rows.is_empty());
        assert!(shown.note.unwrap().contains("emial"));
        spec.tables[0].mask.clear();
        spec.tables[0].where_clause = Some("nothing = 1".to_owned());
        let shown = preview(&house, &spec, 0).await.unwrap();
        assert!(shown.rows.is_empty() && shown.note.is_some());
        assert!(shown.plan.has_stop());
        let missing = config("all", "shop", &["nobody"]);
        let shown = preview(&house, &missing, 0).await.unwrap();
        assert!(shown.note.unwrap().contains("not there"));
        let mut none = config("all", "shop", &["people"]);
        none.tables.push(TableRule::of_pattern("zzz*"));
        assert_eq!(code(preview(&house, &none, 1).await), "validation_failed");
    }

    async fn a_source_that_takes_too_long_gives_no_rows_and_says_so(pair: Pair) {
        pair.source.sql(&format!("USE {}; {SHOP}", pair.source_db()));
        let house = house(&pair).await;
        house.services.connections.create(connection(&pair, "shop")).await.unwrap();
        let mut spec = config("all", "shop", &["logs"]);
        spec.tables[0].where_clause = Some("id < 0 OR SLEEP(2)".to_owned());
        let shown = preview(&house, &spec, 0).await.unwrap();
        assert!(shown.rows.is_empty());
        assert!(shown.note.is_some(), "{shown:?}");
    }

    async fn a_config_is_planned_before_it_is_stored(pair: Pair) {
        pair.source.sql(&format!("USE {}; {SHOP}", pair.source_db()));
        let house = house(&pair).await;
        house.services.connections.create(connection(&pair, "shop")).await.unwrap();
        let configs = &house.services.configs;
        let plan = configs.plan_draft(config("all", "shop", &["people", "logs"]), None, false).await.unwrap();
        assert_eq!(plan.tables.len(), 2);
        assert!(plan.tables[0].ddl.iter().any(|sql| sql.contains("CREATE TABLE")));
        assert!(configs.list(None).await.unwrap().is_empty());
        let wrong = config("all", "nowhere", &["people"]);
        assert_eq!(code(configs.plan_draft(wrong, None, false).await), "validation_failed");
    }

    async fn a_mapping_file_is_shown_before_its_import_and_written_without_overwriting(pair: Pair) {
        let house = house(&pair).await;
        let mappings = &house.services.mappings;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.yaml");
        let shown = path.to_str().unwrap();
        std::fs::write(&path, mapping(&pair, "'*'", "")).unwrap();
        let (file, outcome) = mappings.read_file(shown).await.unwrap();
        assert_eq!(outcome.created, ["connection shop", "config all"]);
        assert!(!outcome.diff.contains("canary-password"), "{}", outcome.diff);
        assert!(house.services.configs.list(None).await.unwrap().is_empty(), "only read");
        assert!(!format!("{file:?}").contains("canary"));
        std::fs::write(&path, "version: 1\n").unwrap();
        mappings.import(&file.text, file.format, false).await.unwrap();
        assert_eq!(house.services.configs.list(None).await.unwrap().len(), 1, "what was shown");
        assert_eq!(code(mappings.write_file(&[], shown, false).await), "file_exists");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "version: 1\n");
        mappings.write_file(&["all".to_owned()], shown, true).await.unwrap();
        let written = std::fs::read_to_string(&path).unwrap();
        assert!(written.contains("name: all") && !written.contains("canary"), "{written}");
        std::fs::write(&path, "version: 1\nconfigs: [{name: x}]\n").unwrap();
        assert_eq!(code(mappings.read_file(shown).await), "validation_failed");
        let nowhere = folder.path().join("none");
        assert_eq!(code(mappings.read_file(nowhere.to_str().unwrap()).await), "validation_failed");
    }
}
