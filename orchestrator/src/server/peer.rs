//! Where a request comes from, as the listener knows it.

use std::net::{IpAddr, SocketAddr};

/// A user's name as this machine's list has it; the number, where it has none.
pub fn user_name(uid: u32) -> String {
    let list = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = list.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| format!("user {uid}"))
}

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

#[cfg(test)]
mod tests {
    use super::user_name;

    #[test]
    fn users_are_known_by_name_where_the_machine_has_one() {
        assert_eq!(user_name(0), "root");
        assert_eq!(user_name(3_999_999_999), "user 3999999999");
    }
}
