//! Workers as real processes: this test program starts itself again.

mod inline;
mod keep;
mod limits;
mod measure;
mod orphan;
mod run;
mod stop;
mod trial;
pub(super) mod yard;
