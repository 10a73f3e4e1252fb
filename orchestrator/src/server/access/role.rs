//! Roles and identities.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What someone may do; each role includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Look at everything.
    Viewer,
    /// Also start and steer runs, schedules and models.
    Operator,
    /// Also clear away.
    Admin,
}

impl Role {
    /// The word that people read and write.
    pub fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.word())
    }
}

/// How someone proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Via {
    /// They did not have to: the daemon listens to this machine alone, and has no tokens.
    Loopback,
    /// By the user of their process.
    Socket,
    /// By a token in the request.
    Token,
    /// By the cookie of a session.
    Session,
}

impl Via {
    /// Tells whether a browser sends it along on its own, so that a page elsewhere could use it.
    pub(in crate::server) fn is_ambient(self) -> bool {
        matches!(self, Self::Loopback | Self::Session)
    }
}

/// Someone who may do something.
#[derive(Clone, Debug)]
pub(in crate::server) struct Identity {
    pub(in crate::server) name: String,
    pub(in crate::server) role: Role,
    pub(in crate::server) via: Via,
}
