//! Documentation as HTML: the Markdown of kinds, and JSON Schemas.

mod markdown;
mod schema;

pub(crate) use markdown::markdown;
pub(crate) use schema::{schema, schema_in};
