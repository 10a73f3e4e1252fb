//! The built-in pack `data`: kinds that read, clean, split, query and write tables.
//!
//! Every table that a kind of this pack puts out holds the four plain types only: 64-bit numbers (`Float64`), 64-bit
//! integers (`Int64`), text (`Utf8`) and booleans (`Boolean`); a missing value is an Arrow null, never NaN, unless a
//! query computes one. Other types are turned into these where they come in ([`read::Read`], [`sql::Sql`]).

mod clean;
mod columns;
mod format;
mod plain;
mod read;
mod split;
#[cfg(feature = "sql")]
mod sql;
mod table;
mod write;

use sluicegate_plugin::Pack;

/// The kinds `data.read`, `data.clean`, `data.split`, `data.sql` (with the feature `sql`) and `data.write`.
pub fn pack() -> Pack {
    let pack = Pack::new("data").with(read::Read).with(clean::Clean).with(split::Split);
    #[cfg(feature = "sql")]
    let pack = pack.with(sql::Sql);
    pack.with(write::Write)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::pack;

    #[test]
    fn every_kind_documents_itself_its_ports_and_its_errors() {
        for kind in pack().kinds {
            let described = kind.describe();
            let name = &described.name;
            assert!(name.starts_with("data.") && described.summary.ends_with('.'), "{name}");
            assert!(described.doc.contains("uses") && described.doc.contains("```toml"), "{name}");
            let codes: BTreeSet<_> = described.errors.iter().map(|error| &error.code).collect();
            assert!(!codes.is_empty() && codes.len() == described.errors.len(), "{name}");
            let schema = kind.params_schema();
            assert_eq!(schema["additionalProperties"], false, "{name}");
            let properties = schema["properties"].as_object().unwrap();
            for (parameter, property) in properties {
                assert!(property["description"].is_string(), "{name}: `{parameter}` is not documented");
            }
        }
    }
}
