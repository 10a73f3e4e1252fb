//! Where a request comes from, as the listener knows it.

use std::net::{IpAddr, SocketAddr};

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// A TCP connection.
    Net {
        /// Its address.
        address: SocketAddr,
        /// Whether it is encrypted.
        tls: bool,
    },
    /// A process of this machine, by the Unix socket; its user was checked.
    Socket {
        /// The process's user.
        uid: u32,
    },
}

impl Peer {
    /// The address for the audit trail.
    pub(super) fn label(&self) -> String {
        match self {
            Self::Net { address, .. } => address.ip().to_canonical().to_string(),
            Self::Socket { .. } => "socket".into(),
        }
    }

    /// For what limits count as one: an address, and of IPv6 the network that a single customer is given.
    pub(super) fn source(&self) -> String {
        match self {
            Self::Net { address, .. } => match address.ip().to_canonical() {
                IpAddr::V6(ip) => format!("{:x?}", &ip.segments()[..4]),
                ip @ IpAddr::V4(_) => ip.to_string(),
            },
            Self::Socket { .. } => "socket".into(),
        }
    }

    /// Tells whether what is said to it cannot be read on the way.
    pub(super) fn is_tls(&self) -> bool {
        matches!(self, Self::Net { tls: true, .. })
    }
}
