//! What a run notes of a source's table, so that a later look can tell in what it has drifted.

use super::super::column::Column;
use super::TableSchema;
use crate::model::seen::{SeenColumn, SeenTable};

impl TableSchema {
    /// What a run notes of it.
    #[must_use]
    pub fn seen(&self) -> SeenTable {
        let key = self.keys.iter().find(|k| k.name.raw() == "PRIMARY");
        let parts = key.into_iter().flat_map(|key| &key.parts);
        SeenTable {
            columns: self.columns.iter().map(Column::seen).collect(),
            key: parts
                .filter_map(|part| part.column.as_ref())
                .map(|name| name.raw().to_owned())
                .collect(),
        }
    }
}

impl Column {
    fn seen(&self) -> SeenColumn {
        let mut definition = self.column_type.clone();
        if let Some(collation) = &self.collation {
            definition.push_str(" collate ");
            definition.push_str(collation);
        }
        if !self.nullable {
            definition.push_str(" not null");
        }
        if self.generated {
            definition.push_str(" generated");
        }
        SeenColumn {
            name: self.name.raw().to_owned(),
            definition,
        }
    }
}
