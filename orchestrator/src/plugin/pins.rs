//! `plugins.lock`: the plugins that a project trusts, by their hashes. Without the file everything in the plugin folders is trusted.

use std::{collections::BTreeMap, io, path::Path};

use serde::{Deserialize, Serialize};

use super::Refusal;

/// The file's name, beside `sluice.toml`.
pub const LOCK_FILE: &str = "plugins.lock";

/// The version of the file. A file of a later version is refused.
const VERSION: u32 = 1;

/// The pinned hashes, by the plugin's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pins {
    version: u32,
    /// BLAKE3 by the plugin's name.
    #[serde(default)]
    pub plugins: BTreeMap<String, String>,
}

impl Pins {
    /// Pins plugins.
    pub fn new(plugins: BTreeMap<String, String>) -> Self {
        Self { version: VERSION, plugins }
    }

    /// Reads the file; `None` when there is none.
    pub fn read(file: &Path) -> Result<Option<Self>, Refusal> {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Refusal::Unreadable { file: file.to_owned(), source }),
        };
        let bad = |why: String| Refusal::BadPluginFile { file: file.to_owned(), why };
        let pins: Self = toml::from_str(&text).map_err(|error| bad(error.to_string().trim().to_owned()))?;
        if pins.version > VERSION {
            return Err(bad(format!("its version is {}, this `sluice` reads up to {VERSION}", pins.version)));
        }
        Ok(Some(pins))
    }

    /// Writes the file, whole or not at all.
    pub fn write(&self, file: &Path) -> io::Result<()> {
        let text = toml::to_string(self).map_err(io::Error::other)?;
        let staged = file.with_extension("lock.new");
        let about = "# The plugins that this project trusts, by BLAKE3 of their code. Written by `sluice plugins lock`.\n";
        std::fs::write(&staged, format!("{about}{text}"))?;
        std::fs::File::open(&staged)?.sync_all()?;
        std::fs::rename(&staged, file)
    }

    /// Verifies that a plugin is what is pinned.
    pub(super) fn verify(&self, name: &str, place: &Path, found: &str) -> Result<(), Refusal> {
        match self.plugins.get(name) {
            Some(pinned) if pinned == found => Ok(()),
            Some(pinned) => {
                Err(Refusal::Changed { place: place.to_owned(), found: found.into(), pinned: pinned.clone() })
            }
            None => Err(Refusal::NotPinned { name: name.into(), found: found.into() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_plugin_and_one_that_is_not_pinned_are_refused_with_both_hashes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(LOCK_FILE);
        assert_eq!(Pins::read(&file).unwrap(), None);
        Pins::new(BTreeMap::from([("acme".into(), "aa".into())])).write(&file).unwrap();
        let pins = Pins::read(&file).unwrap().unwrap();
        let place = Path::new("plugins/acme");
        pins.verify("acme", place, "aa").unwrap();
        assert_eq!(
            pins.verify("acme", place, "bb").unwrap_err().to_string(),
            "`plugins/acme` has the hash bb, `plugins.lock` pins aa"
        );
        assert!(matches!(pins.verify("other", place, "cc"), Err(Refusal::NotPinned { .. })));
        std::fs::write(&file, "version = 2\n").unwrap();
        assert!(
            Pins::read(&file)
                .unwrap_err()
                .to_string()
                .contains("its version is 2, this `sluice` reads up to 1")
        );
    }
}
