//! Native plugins: shared libraries with the C ABI of `sluicegate.h`. They are loaded in workers, and in children that only describe.

mod desk;
mod file;
mod mapped;
mod open;
mod run;
mod stream;
mod tables;
#[cfg(test)]
mod tests;

pub(super) use file::LibraryFile;
pub(super) use open::OpenLibrary;
pub(super) use run::LibraryCode;
