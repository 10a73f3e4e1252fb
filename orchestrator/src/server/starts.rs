//! Idempotency keys of starts: which run a key stands for, on the disk before the run exists.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

use crate::{
    artifact::write_durably,
    run::{RunId, Timestamp},
};

/// How long a key is remembered, in seconds.
const MEMORY: f64 = 24.0 * 3600.0;

/// A key with what it stands for.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Start {
    /// BLAKE3 of the caller's name and the key.
    key: String,
    /// BLAKE3 of the request.
    request: String,
    run: RunId,
    at: Timestamp,
}

/// What a key stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// It is new, and stands for the offered run.
    New,
    /// It stands for this run, which the same request has started or was about to.
    Known(RunId),
    /// Another request has used it.
    Other,
}

/// The keys of a state folder.
pub(super) struct Starts {
    inner: Mutex<Inner>,
}

struct Inner {
    known: HashMap<String, Start>,
    file: File,
}

impl Starts {
    /// Reads what is remembered, and forgets what is old.
    pub(super) fn open(home: &Path, now: Timestamp) -> io::Result<Self> {
        let path: PathBuf = home.join("starts.jsonl");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        // A last line that was cut off was never acted on.
        let starts = text.lines().filter_map(|line| serde_json::from_str::<Start>(line).ok());
        let kept: Vec<_> = starts.filter(|start| now.seconds_since(start.at) < MEMORY).collect();
        let mut text = Vec::new();
        for start in &kept {
            text.extend(serde_json::to_vec(start)?);
            text.push(b'\n');
        }
        write_durably(&path, &text)?;
        let file = File::options().append(true).mode(0o600).open(&path)?;
        let known = kept.into_iter().map(|start| (start.key.clone(), start)).collect();
        Ok(Self { inner: Mutex::new(Inner { known, file }) })
    }

    /// Lets a key stand for a run, durably, unless it stands for one already.
    pub(super) fn claim(
        &self,
        who: &str,
        key: &str,
        request: &[u8],
        run: RunId,
        now: Timestamp,
    ) -> io::Result<Claim> {
        let key = blake3::hash(format!("{}:{who}{key}", who.len()).as_bytes()).to_hex().to_string();
        let request = blake3::hash(request).to_hex().to_string();
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.known.retain(|_, start| now.seconds_since(start.at) < MEMORY);
        if let Some(known) = inner.known.get(&key) {
            return Ok(if known.request == request { Claim::Known(known.run) } else { Claim::Other });
        }
        let start = Start { key: key.clone(), request, run, at: now };
        let mut line = serde_json::to_vec(&start)?;
        line.push(b'\n');
        inner.file.write_all(&line)?;
        inner.file.sync_data()?;
        inner.known.insert(key, start);
        Ok(Claim::New)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stands_for_one_run_also_after_a_restart_and_for_a_day() {
        let home = tempfile::tempdir().unwrap();
        let [first, second] = [1, 2].map(|n| RunId::from_parts(n, 1));
        let starts = Starts::open(home.path(), Timestamp(0)).unwrap();
        let claim = |starts: &Starts, who, request: &[u8], run, at| {
            starts.claim(who, "k", request, run, Timestamp(at)).unwrap()
        };
        assert_eq!(claim(&starts, "a", b"x", first, 0), Claim::New);
        assert_eq!(claim(&starts, "a", b"x", second, 0), Claim::Known(first));
        drop(starts);
        // A crash cut the last line off.
        let path = home.path().join("starts.jsonl");
        let mut text = std::fs::read(&path).unwrap();
        text.extend(b"{\"key\":\"ab");
        std::fs::write(&path, text).unwrap();
        let starts = Starts::open(home.path(), Timestamp(1000)).unwrap();
        assert_eq!(claim(&starts, "a", b"x", second, 1000), Claim::Known(first));
        assert_eq!(claim(&starts, "a", b"y", second, 1000), Claim::Other);
        assert_eq!(claim(&starts, "b", b"y", second, 1000), Claim::New);
        assert_eq!(claim(&starts, "a", b"x", second, 90_000_000), Claim::New);
    }
}
