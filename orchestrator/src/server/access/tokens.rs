//! The file of tokens: names, roles, and hashes of random 256 bit.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::Role;
use crate::{run::Timestamp, world::secret};

/// The version of the file.
const VERSION: u32 = 1;

/// What every token begins with, so that scanners for secrets find it.
const PREFIX: &str = "sluice_";

/// Why a token could not be added or removed.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file could not be read or written.
    #[error("cannot {verb} `{path}`", path = path.display())]
    Io {
        /// What was tried.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The file is not what was written.
    #[error("`{path}` cannot be understood: {reason}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The name is taken.
    #[error("a token is named `{0}` already")]
    Taken(String),
    /// No token has the name.
    #[error("no token is named `{0}`")]
    Unknown(String),
    /// The name cannot be one.
    #[error("`{0}` cannot be the name of a token; use letters, digits, `-`, `_` and `.`, at most 64")]
    BadName(String),
}

/// What is known of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenInfo {
    /// Its name.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    name: String,
    role: Role,
    created_at: Timestamp,
    /// BLAKE3 of the token.
    hash: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Content {
    version: u32,
    tokens: Vec<Entry>,
}

/// What tells one state of the file from another: inode, length, time of change in nanoseconds.
type Stamp = (u64, u64, i64, i64);

/// The tokens of a state folder. Reads the file again whenever it has changed.
pub struct TokenBook {
    path: PathBuf,
    known: Mutex<(Option<Stamp>, Arc<Vec<Entry>>)>,
}

impl TokenBook {
    /// The tokens of a state folder; opens nothing.
    pub fn of(home: &Path) -> Self {
        Self { path: home.join("tokens.json"), known: Mutex::default() }
    }

    fn io(&self, verb: &'static str) -> impl FnOnce(io::Error) -> TokenError {
        let path = self.path.clone();
        move |source| TokenError::Io { verb, path, source }
    }

    fn entries(&self) -> Result<Arc<Vec<Entry>>, TokenError> {
        let stamp = match std::fs::metadata(&self.path) {
            Ok(about) => Some((about.ino(), about.len(), about.mtime(), about.mtime_nsec())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(self.io("read")(error)),
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.0 != stamp || stamp.is_none() {
            let entries = if stamp.is_some() { self.read()? } else { Vec::new() };
            *known = (stamp, Arc::new(entries));
        }
        Ok(Arc::clone(&known.1))
    }

    fn read(&self) -> Result<Vec<Entry>, TokenError> {
        let mut text = String::new();
        File::open(&self.path)
            .and_then(|mut file| file.read_to_string(&mut text))
            .map_err(self.io("read"))?;
        let damaged = |reason: String| TokenError::Damaged { path: self.path.clone(), reason };
        let content: Content = serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
        if content.version > VERSION {
            return Err(damaged(format!("it has version {}; use a newer `sluice`", content.version)));
        }
        Ok(content.tokens)
    }

    /// Writes the file whole or not at all, readable for its owner alone.
    fn write(&self, tokens: Vec<Entry>) -> Result<(), TokenError> {
        let content = Content { version: VERSION, tokens };
        let text = serde_json::to_vec_pretty(&content).expect("tokens have string keys");
        if let Some(folder) = self.path.parent() {
            crate::artifact::create_folder_durably(folder).map_err(self.io("write"))?;
        }
        let staged = self.path.with_extension(format!("json.{}", std::process::id()));
        let written = || {
            let mut file =
                File::options().write(true).create(true).truncate(true).mode(0o600).open(&staged)?;
            file.write_all(&text)?;
            file.sync_all()?;
            std::fs::rename(&staged, &self.path)?;
            File::open(self.path.parent().unwrap_or(Path::new(".")))?.sync_all()
        };
        written().map_err(self.io("write"))
    }

    /// Every token.
    pub fn list(&self) -> Result<Vec<TokenInfo>, TokenError> {
        let info = |entry: &Entry| TokenInfo {
            name: entry.name.clone(),
            role: entry.role,
            created_at: entry.created_at,
        };
        Ok(self.entries()?.iter().map(info).collect())
    }

    /// Makes a token and returns it; only its hash is kept.
    pub fn add(&self, name: &str, role: Role, now: Timestamp) -> Result<String, TokenError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
            return Err(TokenError::BadName(name.into()));
        }
        let mut entries = self.entries()?.as_ref().clone();
        if entries.iter().any(|entry| entry.name == name) {
            return Err(TokenError::Taken(name.into()));
        }
        let random = secret().map_err(self.io("make a token for"))?;
        let token = format!("{PREFIX}{}", blake3::Hash::from_bytes(random).to_hex());
        let hash = blake3::hash(token.as_bytes()).to_hex().to_string();
        entries.push(Entry { name: name.into(), role, created_at: now, hash });
        self.write(entries)?;
        Ok(token)
    }

    /// Takes a token away, at once.
    pub fn remove(&self, name: &str) -> Result<(), TokenError> {
        let mut entries = self.entries()?.as_ref().clone();
        let before = entries.len();
        entries.retain(|entry| entry.name != name);
        if entries.len() == before {
            return Err(TokenError::Unknown(name.into()));
        }
        self.write(entries)
    }

    /// Tells whether there is no token.
    pub(in crate::server) fn is_empty(&self) -> Result<bool, TokenError> {
        Ok(self.entries()?.is_empty())
    }

    /// The holder of a token. Every entry is compared, in constant time.
    pub(in crate::server) fn holder(&self, token: &str) -> Result<Option<TokenInfo>, TokenError> {
        let hash = blake3::hash(token.as_bytes()).to_hex();
        let mut found = None;
        for entry in self.entries()?.iter() {
            if bool::from(entry.hash.as_bytes().ct_eq(hash.as_bytes())) {
                found = Some(entry.clone());
            }
        }
        Ok(found.map(|Entry { name, role, created_at, .. }| TokenInfo { name, role, created_at }))
    }

    /// A token by its name and the time of its making: one that was removed and made again is another.
    pub(in crate::server) fn named(&self, name: &str, made: i64) -> Result<Option<TokenInfo>, TokenError> {
        let all = self.list()?;
        Ok(all.into_iter().find(|token| token.name == name && token.created_at.0 == made))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_token_opens_until_it_is_removed_and_only_its_hash_is_kept() {
        let home = tempfile::tempdir().unwrap();
        let book = TokenBook::of(home.path());
        assert!(book.is_empty().unwrap());
        let token = book.add("ci", Role::Operator, Timestamp(5)).unwrap();
        assert_eq!(token.len(), PREFIX.len() + 64);
        // Another process, such as the daemon, sees the same file.
        let daemon = TokenBook::of(home.path());
        assert_eq!(daemon.holder(&token).unwrap().unwrap().role, Role::Operator);
        assert_eq!(daemon.holder("sluice_other").unwrap(), None);
        let path = home.path().join("tokens.json");
        assert!(!std::fs::read_to_string(&path).unwrap().contains(&token));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(book.add("ci", Role::Viewer, Timestamp(6)), Err(TokenError::Taken(_))));
        assert!(matches!(book.add("a b", Role::Viewer, Timestamp(6)), Err(TokenError::BadName(_))));
        book.remove("ci").unwrap();
        assert_eq!(daemon.holder(&token).unwrap(), None);
        assert!(matches!(book.remove("ci"), Err(TokenError::Unknown(_))));
    }
}
