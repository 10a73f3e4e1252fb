//! The mark in the environment by which everything that a worker started can be found.
//!
//! A mark is `HOME-ORCHESTRATOR-NUMBER`: the folder of the state, the orchestrator process that started the worker, and a
//! count. A process inherits it from the worker, and keeps it when it leaves the worker's session.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    path::Path,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use sluicegate_plugin::ProcessId;

/// The environment variable that holds the mark.
pub(super) const MARK: &str = "SLUICE_WORKER_ID";

/// A mark that no other worker has.
pub(super) fn new_mark(home: &Path) -> String {
    static N_MARKS: AtomicU64 = AtomicU64::new(0);
    let number = N_MARKS.fetch_add(1, Ordering::Relaxed);
    format!("{}{}{number}", home_part(home), own_part())
}

/// Tells whether a mark is that of a worker which another orchestrator of this folder left behind. Only one orchestrator
/// holds a folder at a time, so the other one is gone.
pub(super) fn is_leftover(mark: &str, home: &Path) -> bool {
    mark.strip_prefix(&home_part(home)).is_some_and(|rest| !rest.starts_with(own_part()))
}

/// Tells whether a mark is that of any worker of a folder.
#[cfg(test)]
pub(super) fn is_of_home(mark: &str, home: &Path) -> bool {
    mark.starts_with(&home_part(home))
}

/// Text that nobody can guess, from the keys of the standard library's hash maps.
pub(super) fn new_nonce() -> String {
    let half = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", half(), half())
}

fn home_part(home: &Path) -> String {
    let home = home.canonicalize().or_else(|_| std::path::absolute(home)).unwrap_or_else(|_| home.to_owned());
    format!("{}-", &blake3::hash(home.as_os_str().as_encoded_bytes()).to_hex()[..16])
}

/// This process: a later one with the same number started at another time.
fn own_part() -> &'static str {
    static OWN: OnceLock<String> = OnceLock::new();
    OWN.get_or_init(|| {
        let own = ProcessId::of(std::process::id());
        let text =
            own.map_or_else(new_nonce, |own| format!("{} {} {}", own.pid, own.start_time, own.boot_id));
        format!("{}-", &blake3::hash(text.as_bytes()).to_hex()[..8])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_workers_and_those_of_other_folders_are_no_leftovers() {
        let (home, other) = (Path::new("/a/.sluice"), Path::new("/b/.sluice"));
        let own = new_mark(home);
        assert_ne!(own, new_mark(home));
        assert!(!is_leftover(&own, home));
        let foreign = own.replace(own_part(), "0badf00d-");
        assert!(is_leftover(&foreign, home));
        assert!(!is_leftover(&foreign, other));
    }
}
