//! Being told that something in the watched folders changed.

use std::{path::PathBuf, time::Duration};

use notify::{RecursiveMode, Watcher};
use tokio::sync::watch;

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
    pub(super) fn new(folders: &[PathBuf]) -> Self {
        let (sender, changes) = watch::channel(0);
        let tell = sender.clone();
        let below = folders.to_vec();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.map_or(true, |event| matters(&event, &below)) {
                tell.send_modify(|n| *n += 1);
            }
        });
        let watcher = watcher.and_then(|mut watcher| {
            folders.iter().try_for_each(|folder| watcher.watch(folder, RecursiveMode::Recursive))?;
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
fn matters(event: &notify::Event, folders: &[PathBuf]) -> bool {
    let is_hidden = |path: &std::path::Path| {
        path.components().any(|part| part.as_os_str().as_encoded_bytes().starts_with(b"."))
    };
    let is_below = |path: &PathBuf| {
        folders.iter().any(|folder| path.strip_prefix(folder).is_ok_and(|rest| !is_hidden(rest)))
    };
    !matches!(event.kind, notify::EventKind::Access(_)) && event.paths.iter().any(is_below)
}
