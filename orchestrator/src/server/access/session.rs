//! Sessions of the page: a cookie that the daemon has signed, so that it survives a restart, and ends with its token.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use subtle::ConstantTimeEq;

use super::{TokenInfo, tokens::TokenBook};
use crate::{run::Timestamp, world::secret};

/// The cookie's name.
pub(in crate::server) const COOKIE: &str = "sluice_session";

/// How long a session lasts, in seconds.
const LIFETIME: i64 = 12 * 3600;

/// Makes and reads the cookies of sessions.
pub(in crate::server) struct Sessions {
    key: [u8; 32],
}

impl Sessions {
    /// With the key of a state folder, which is made when there is none.
    pub(in crate::server) fn open(home: &Path) -> io::Result<Self> {
        let path = home.join("session.key");
        let mut key = [0; 32];
        match File::open(&path).and_then(|mut file| file.read_exact(&mut key)) {
            Ok(()) => return Ok(Self { key }),
            // A key that was cut off by a crash signed nothing that matters.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof) => {}
            Err(error) => return Err(error),
        }
        let key = secret()?;
        let staged = path.with_extension(format!("key.{}", std::process::id()));
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&staged)?;
        file.write_all(&key)?;
        file.sync_all()?;
        std::fs::rename(&staged, &path)?;
        Ok(Self { key })
    }

    fn sign(&self, purpose: &str, text: &str) -> String {
        let key = blake3::derive_key(&format!("sluicegate {purpose} 1"), &self.key);
        blake3::keyed_hash(&key, text.as_bytes()).to_hex().to_string()
    }

    /// A cookie's value for the holder of a token.
    pub(in crate::server) fn begin(&self, token: &TokenInfo, now: Timestamp) -> io::Result<String> {
        let until = now.0 / 1000 + LIFETIME;
        let nonce = &blake3::Hash::from_bytes(secret()?).to_hex()[..32];
        let text = format!("{}|{}|{until}|{nonce}", token.name, token.created_at.0);
        Ok(format!("{text}|{}", self.sign("session", &text)))
    }

    /// The holder of the token for which a cookie was made, while both are good.
    pub(in crate::server) fn holder(
        &self,
        cookie: &str,
        tokens: &TokenBook,
        now: Timestamp,
    ) -> Option<TokenInfo> {
        let (text, mac) = cookie.rsplit_once('|')?;
        if !bool::from(self.sign("session", text).as_bytes().ct_eq(mac.as_bytes())) {
            return None;
        }
        let mut parts = text.split('|');
        let (name, made, until) = (parts.next()?, parts.next()?, parts.next()?);
        if until.parse::<i64>().ok()? <= now.0 / 1000 {
            return None;
        }
        tokens.named(name, made.parse().ok()?).ok().flatten()
    }

    /// What a form must carry: a page elsewhere cannot know it. `cookie` is empty where there is no session.
    pub(in crate::server) fn form_token(&self, cookie: &str) -> String {
        self.sign("form", cookie)
    }

    /// Tells whether a form carries what it must.
    pub(in crate::server) fn is_form_token(&self, cookie: &str, given: &str) -> bool {
        self.form_token(cookie).as_bytes().ct_eq(given.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Role, *};

    #[test]
    fn a_session_survives_a_restart_and_ends_with_its_time_or_its_token() {
        let home = tempfile::tempdir().unwrap();
        let tokens = TokenBook::of(home.path());
        tokens.add("anna", Role::Operator, Timestamp(1000)).unwrap();
        let anna = tokens.list().unwrap().remove(0);
        let cookie = Sessions::open(home.path()).unwrap().begin(&anna, Timestamp(2000)).unwrap();
        let sessions = Sessions::open(home.path()).unwrap();
        let holder = |cookie: &str, now| sessions.holder(cookie, &tokens, Timestamp(now));
        assert_eq!(holder(&cookie, 3000), Some(anna));
        assert_eq!(holder(&cookie, 3000 + LIFETIME * 1000), None);
        assert_eq!(holder(&cookie.replace("anna", "root"), 3000), None);
        assert_eq!(holder("", 3000), None);
        assert!(sessions.is_form_token(&cookie, &sessions.form_token(&cookie)));
        assert!(!sessions.is_form_token(&cookie, &sessions.form_token("")));
        tokens.remove("anna").unwrap();
        assert_eq!(holder(&cookie, 3000), None);
    }
}
