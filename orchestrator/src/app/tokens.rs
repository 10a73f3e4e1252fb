//! Tokens, as commands see them.

use super::{App, AppError};
use crate::server::{Role, TokenBook, TokenInfo};

impl App {
    /// Every token.
    pub fn tokens(&self) -> Result<Vec<TokenInfo>, AppError> {
        Ok(TokenBook::of(&self.home).list()?)
    }

    /// Makes a token; a daemon that runs knows it at once.
    pub fn add_token(&self, name: &str, role: Role) -> Result<String, AppError> {
        Ok(TokenBook::of(&self.home).add(name, role, self.now())?)
    }

    /// Removes a token; a daemon that runs refuses it at once.
    pub fn remove_token(&self, name: &str) -> Result<(), AppError> {
        Ok(TokenBook::of(&self.home).remove(name)?)
    }
}
