//! What foreign code may write: nothing but its staging folder. It guards against accidents, not against malice; the kernel (Landlock)
//! holds it, for the calling thread and for what it starts.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, AccessFs, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, RulesetStatus,
};

/// What is asked of the kernel; an older one enforces what it knows.
const WANTED: ABI = ABI::V5;

/// Places that programs write to without leaving anything behind.
const HARMLESS: [&str; 3] = ["/dev/null", "/dev/shm", "/dev/tty"];

/// Lets this thread, and all that it starts from now on, write only below these folders. False when the kernel cannot hold it.
pub(super) fn write_only_below(folders: &[PathBuf]) -> Result<bool, RulesetError> {
    let all = AccessFs::from_write(WANTED);
    let mut rules =
        Ruleset::default().set_compatibility(CompatLevel::BestEffort).handle_access(all)?.create()?;
    let harmless = HARMLESS.iter().map(Path::new).filter(|path| path.exists());
    for path in harmless.chain(folders.iter().map(PathBuf::as_path)) {
        // A file has fewer rights than a folder.
        let rights = if path.is_dir() { all } else { all & AccessFs::from_file(WANTED) };
        if let Ok(fd) = PathFd::new(path) {
            rules = rules.add_rule(PathBeneath::new(fd, rights))?;
        }
    }
    Ok(rules.restrict_self()?.ruleset != RulesetStatus::NotEnforced)
}

/// What the log says when the kernel cannot hold it.
pub(super) const NOT_HELD: &str =
    "this kernel cannot keep plugins from writing outside their staging folder (it has no Landlock)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confined_thread_writes_below_its_folder_and_nowhere_else() {
        let (inside, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (may, may_not) = (inside.path().join("a/b"), outside.path().join("c"));
        let folders = [inside.path().to_owned()];
        let thread = std::thread::spawn(move || {
            if !write_only_below(&folders).unwrap() {
                return None;
            }
            std::fs::create_dir(may.parent().unwrap()).unwrap();
            Some((
                std::fs::write(&may, "x").is_ok(),
                std::fs::write(&may_not, "x").is_ok(),
                std::fs::read(may).is_ok(),
            ))
        });
        let held = thread.join().unwrap();
        assert!(matches!(held, None | Some((true, false, true))), "{held:?}");
        std::fs::write(outside.path().join("d"), "this thread is free").unwrap();
    }
}
