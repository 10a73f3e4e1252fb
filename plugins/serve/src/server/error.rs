//! Why the model server cannot serve.

use std::{net::SocketAddr, path::PathBuf};

use sluicegate_model::ModelError;

/// Why the model server cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on `{bind}`")]
    Bind {
        /// The address.
        bind: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The address cannot be written down.
    #[error("cannot write the address to `{path}`", path = path.display())]
    AddressFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The bundle cannot be read.
    #[error("cannot load the model")]
    Bundle(#[source] ModelError),
    /// The bundle can be read but does not predict.
    #[error("the model cannot predict: {0}")]
    SelfCheck(String),
    /// The bundle's file cannot be read.
    #[error("cannot read `{path}`", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The bundle's file is not the one that was asked for.
    #[error("`{path}` has the hash {hash}, not {wanted}", path = path.display())]
    WrongBundle {
        /// The file.
        path: PathBuf,
        /// Its BLAKE3.
        hash: String,
        /// The BLAKE3 that it should have.
        wanted: String,
    },
    /// The runtime does not start.
    #[error("cannot start the runtime")]
    Runtime {
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The process cannot wait for signals.
    #[error("cannot wait for signals")]
    Signals {
        /// Why.
        #[source]
        source: std::io::Error,
    },
}
