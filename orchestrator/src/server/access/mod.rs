//! Who may do what: roles, tokens, sessions.

mod role;
mod session;
mod tokens;

pub use role::Role;
pub(super) use role::{Identity, Via};
pub(super) use session::{COOKIE, Sessions};
pub use tokens::{TokenBook, TokenError, TokenInfo};
