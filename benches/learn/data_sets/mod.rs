//! Generated tables, as plain columns.
//!
//! The same options and seed give the same table, wherever `ln`, `sin` and `cos` round alike.

mod classification;
mod random;

pub(crate) use classification::Classification;
