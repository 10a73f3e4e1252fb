//! Content-addressed files: what tasks leave behind, named by the BLAKE3 of their content.
//!
//! A file is hashed, synced and renamed into place, so that no half artifact can be seen.

mod durable;
mod store;

pub use durable::{create_folder_durably, write_durably};
pub(crate) use store::path_below;
pub use store::{Artifact, ArtifactError, ArtifactStore, hash_file};
