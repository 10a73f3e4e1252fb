//! Being told that something in the watched folders changed.

use std::{path::PathBuf, time::Duration};

use notify::{RecursiveMode, Watcher};
use tokio::sync::watch;

use super::Place;

/// How often folders are looked at although the system tells of changes: it may overlook some, as on network file systems.
const SAFETY: Duration = Duration::from_secs(30);

/// How often they are looked at when it does not.
const POLL: Duration = Duration::from_secs(2);

/// After a change, for so long others are waited for.
const SETTLE: Duration = Duration::from_millis(50);

/// Tells when it is worth looking at the folders again.
pub(super) struct FolderWatch {
    changes: watch::Receiver<u64>,
    /// Lives as long as the watching.
    watcher: Option<notify::RecommendedWatcher>,
    /// Keeps the channel open when there is no watcher.
    _sender: watch::Sender<u64>,
}

impl FolderWatch {
    /// Watches some folders, and a file that counts for all.
    pub(super) fn new(places: &[Place], file: Option<PathBuf>) -> Self {
        let (sender, changes) = watch::channel(0);
        let tell = sender.clone();
        let beside = file.as_deref().and_then(std::path::Path::parent).map(ToOwned::to_owned);
        let below: Vec<PathBuf> = places.iter().map(|place| place.path.clone()).collect();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.map_or(true, |event| matters(&event, &below, file.as_deref())) {
                tell.send_modify(|n| *n += 1);
            }
        });
        let watcher = watcher.and_then(|mut watcher| {
            places.iter().try_for_each(|Place { path, depth }| {
                let is_deep = *depth > 0;
                let mode = if is_deep { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
                watcher.watch(path, mode)
            })?;
            if let Some(beside) = beside.filter(|beside| places.iter().all(|place| place.path != *beside)) {
                watcher.watch(&beside, RecursiveMode::NonRecursive)?;
            }
            Ok(watcher)
        });
        let watcher =
            watcher.inspect_err(|error| tracing::warn!("folders are looked at every {POLL:?}: {error}")).ok();
        Self { changes, watcher, _sender: sender }
    }

    /// Waits until something may have changed.
    pub(super) async fn next(&mut self) {
        let patience = if self.watcher.is_some() { SAFETY } else { POLL };
        if let Ok(Ok(())) = tokio::time::timeout(patience, self.changes.changed()).await {
            tokio::time::sleep(SETTLE).await;
            self.changes.mark_unchanged();
        }
    }
}

/// Whether an event may be about a workflow file: not about reading one, nor about hidden folders such as that of the state.
fn matters(event: &notify::Event, folders: &[PathBuf], file: Option<&std::path::Path>) -> bool {
    let is_hidden = |path: &std::path::Path| {
        path.components().any(|part| part.as_os_str().as_encoded_bytes().starts_with(b"."))
    };
    let is_below = |path: &PathBuf| {
        let is_in = |folder: &PathBuf| path.strip_prefix(folder).is_ok_and(|rest| !is_hidden(rest));
        file == Some(path) || folders.iter().any(is_in)
    };
    !matches!(event.kind, notify::EventKind::Access(_)) && event.paths.iter().any(is_below)
}
