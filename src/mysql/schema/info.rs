//! A table as a schema browser shows it.

use super::super::column::Column;
use super::{ForeignKey, Key, KeyPart, TableSchema};
use crate::model::report::{ColumnInfo, KeyInfo, TableInfo};

impl TableSchema {
    /// What a schema browser shows of it.
    #[must_use]
    pub fn info(&self) -> TableInfo {
        let mut keys: Vec<KeyInfo> = self.keys.iter().map(Key::info).collect();
        keys.sort_by_key(|key| (key.name != "PRIMARY", !key.unique));
        TableInfo {
            name: self.table.table.raw().to_owned(),
            engine: self.engine.clone(),
            columns: self.columns.iter().map(Column::info).collect(),
            keys,
            foreign_keys: self.foreign_keys.iter().map(ForeignKey::info).collect(),
            triggers: self.triggers.clone(),
            create_sql: self.create_sql.clone(),
        }
    }
}

impl Column {
    fn info(&self) -> ColumnInfo {
        let said = [
            (self.generated, "generated"),
            (self.auto_increment, "auto_increment"),
            (self.on_update_now, "on update"),
        ];
        ColumnInfo {
            name: self.name.raw().to_owned(),
            column_type: self.column_type.clone(),
            nullable: self.nullable,
            extra: said
                .into_iter()
                .filter(|(is, _)| *is)
                .map(|(_, word)| word)
                .collect::<Vec<_>>()
                .join(", "),
        }
    }
}

impl Key {
    fn info(&self) -> KeyInfo {
        KeyInfo {
            name: self.name.raw().to_owned(),
            unique: self.unique,
            parts: self.parts.iter().map(KeyPart::shown).collect(),
        }
    }
}

impl KeyPart {
    fn shown(&self) -> String {
        let Some(column) = &self.column else {
            return self.expression.clone().unwrap_or_else(|| "?".to_owned());
        };
        match self.length.filter(|_| self.prefix) {
            Some(length) => format!("{}({length})", column.raw()),
            None => column.raw().to_owned(),
        }
    }
}

impl ForeignKey {
    fn info(&self) -> String {
        let list = |columns: &[crate::mysql::Ident]| {
            let names: Vec<&str> = columns.iter().map(crate::mysql::Ident::raw).collect();
            names.join(", ")
        };
        let from_same = self.parent.database == self.table.database;
        let parent = if from_same {
            self.parent.table.raw().to_owned()
        } else {
            self.parent.shown()
        };
        format!(
            "{} → {parent} ({}), on delete {}",
            list(&self.columns),
            list(&self.parent_columns),
            self.on_delete.to_lowercase()
        )
    }
}
