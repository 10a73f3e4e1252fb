//! Why a plugin is not used. Each reason names the field and both values; the hint is the way out.

use std::path::PathBuf;

use sluicegate_plugin::{TaskError, with_causes};

/// Why a plugin is not used.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The file of a plugin that must be built first is not there.
    #[error("`{file}` does not exist", file = file.display())]
    NotBuilt {
        /// The library.
        file: PathBuf,
        /// How it is built, as its `plugin.toml` says.
        build: Option<String>,
    },
    /// A file cannot be read.
    #[error("`{file}` cannot be read", file = file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// `plugin.toml` is not what it should be.
    #[error("`{file}` is not valid: {why}", file = file.display())]
    BadPluginFile {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// It is no regular file.
    #[error("`{file}` is not a regular file", file = file.display())]
    NotRegular {
        /// The file.
        file: PathBuf,
    },
    /// Somebody else owns it.
    #[error("`{file}` belongs to user {owner}, not to user {user} or root", file = file.display())]
    Owner {
        /// The file.
        file: PathBuf,
        /// Its owner.
        owner: u32,
        /// The user of this process.
        user: u32,
    },
    /// Others than its owner can change it.
    #[error("`{file}` can be written by others: its mode is {mode:03o}", file = file.display())]
    Writable {
        /// The file.
        file: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is no shared library.
    #[error("`{file}` is no shared library: {why}", file = file.display())]
    NotALibrary {
        /// The file.
        file: PathBuf,
        /// What it is.
        why: &'static str,
    },
    /// It was built for another machine.
    #[error("`{file}` was built for {found}, this machine is {wanted}", file = file.display())]
    Architecture {
        /// The file.
        file: PathBuf,
        /// What it was built for.
        found: String,
        /// What is wanted.
        wanted: &'static str,
    },
    /// Its content is not what is pinned.
    #[error("`{place}` has the hash {found}, `plugins.lock` pins {pinned}", place = place.display())]
    Changed {
        /// The file or folder.
        place: PathBuf,
        /// Its hash.
        found: String,
        /// The pinned hash.
        pinned: String,
    },
    /// There is a lock, and it does not name the plugin.
    #[error("plugin `{name}` is not in `plugins.lock`; its hash is {found}")]
    NotPinned {
        /// The plugin.
        name: String,
        /// Its hash.
        found: String,
    },
    /// Its content is not what it was when the run was started.
    #[error("`{place}` changed since the task was prepared: its hash was {before}, now it is {found}", place = place.display())]
    ChangedMeanwhile {
        /// The file or folder.
        place: PathBuf,
        /// The hash before.
        before: String,
        /// The hash now.
        found: String,
    },
    /// The system does not load it.
    #[error("`{file}` cannot be loaded: {why}", file = file.display())]
    NotLoaded {
        /// The file.
        file: PathBuf,
        /// What the system's loader says.
        why: String,
    },
    /// It has not the one function that plugins have.
    #[error("`{file}` does not export `{symbol}`", file = file.display())]
    NoSymbol {
        /// The file.
        file: PathBuf,
        /// The function.
        symbol: &'static str,
    },
    /// It was built for another major version.
    #[error("`{file}` was built for plugin ABI {found}, this `sluice` speaks ABI {speaks}", file = file.display())]
    OtherAbi {
        /// The file.
        file: PathBuf,
        /// Its version.
        found: u16,
        /// The version here.
        speaks: u16,
    },
    /// One of its tables is smaller than any version's.
    #[error("`{file}` is too old: its `{field}` is {found}, at least {least} is needed", file = file.display())]
    TooOld {
        /// The file.
        file: PathBuf,
        /// The field.
        field: &'static str,
        /// Its value.
        found: u32,
        /// The least value.
        least: u32,
    },
    /// It needs functions that this host has not.
    #[error("`{file}` is too new: its `min_host_size` is {wanted}, this `sluice` offers {offered}", file = file.display())]
    TooNew {
        /// The file.
        file: PathBuf,
        /// What it wants.
        wanted: u32,
        /// What there is.
        offered: u32,
    },
    /// A field of its tables makes no sense.
    #[error("`{file}` has a table that makes no sense: {why}", file = file.display())]
    BadTable {
        /// The file.
        file: PathBuf,
        /// Which field, and why.
        why: String,
    },
    /// What it says of its kinds is not what it should be.
    #[error("the manifest of {kind} in `{place}` is not valid: {why}", place = place.display())]
    BadManifest {
        /// The file or folder.
        place: PathBuf,
        /// Which kind.
        kind: String,
        /// What is wrong.
        why: String,
    },
    /// Two kinds have the same name.
    #[error("`{place}` has two kinds named `{kind}`", place = place.display())]
    DuplicateKind {
        /// The file or folder.
        place: PathBuf,
        /// The name.
        kind: String,
    },
    /// Two plugins have the same name.
    #[error("two plugins are named `{name}`: `{first}` and `{second}`", first = first.display(), second = second.display())]
    DuplicatePlugin {
        /// The name.
        name: String,
        /// One of them.
        first: PathBuf,
        /// The other one.
        second: PathBuf,
    },
    /// Its name is that of built-in kinds.
    #[error("plugin `{name}` in `{place}` has the name of built-in kinds: there is `{kind}`", place = place.display())]
    BuiltInName {
        /// The name.
        name: String,
        /// The file or folder.
        place: PathBuf,
        /// A built-in kind that begins with it.
        kind: String,
    },
    /// It calls itself something else than its file does.
    #[error("`{place}` calls itself `{found}`, but its file calls it `{wanted}`", place = place.display())]
    OtherName {
        /// The file or folder.
        place: PathBuf,
        /// What the plugin says.
        found: String,
        /// What its file says.
        wanted: String,
    },
    /// It does not do what it was asked: it ended, was silent, or said something else.
    #[error("plugin `{name}` {what} while it was asked {about}")]
    Misbehaved {
        /// The plugin.
        name: String,
        /// What it did.
        what: String,
        /// What it was asked.
        about: &'static str,
    },
    /// The child process that read its description refused it.
    #[error("{}", .0.message)]
    Told(TaskError),
}

impl Refusal {
    /// A stable code.
    pub fn code(&self) -> &str {
        match self {
            Self::NotBuilt { .. } => "plugin_not_built",
            Self::Unreadable { .. } => "plugin_unreadable",
            Self::BadPluginFile { .. } => "plugin_bad_file",
            Self::NotRegular { .. } => "plugin_not_regular",
            Self::Owner { .. } => "plugin_owner",
            Self::Writable { .. } => "plugin_writable",
            Self::NotALibrary { .. } => "plugin_not_a_library",
            Self::Architecture { .. } => "plugin_architecture",
            Self::Changed { .. } | Self::ChangedMeanwhile { .. } => "plugin_changed",
            Self::NotPinned { .. } => "plugin_not_pinned",
            Self::NotLoaded { .. } => "plugin_not_loaded",
            Self::NoSymbol { .. } => "plugin_no_symbol",
            Self::OtherAbi { .. } => "plugin_other_abi",
            Self::TooOld { .. } => "plugin_too_old",
            Self::TooNew { .. } => "plugin_too_new",
            Self::BadTable { .. } => "plugin_bad_table",
            Self::BadManifest { .. } => "plugin_bad_manifest",
            Self::DuplicateKind { .. } => "plugin_duplicate_kind",
            Self::DuplicatePlugin { .. } => "plugin_duplicate",
            Self::BuiltInName { .. } => "plugin_built_in_name",
            Self::OtherName { .. } => "plugin_other_name",
            Self::Misbehaved { .. } => "plugin_misbehaved",
            Self::Told(error) => &error.code,
        }
    }

    /// The way out.
    pub fn hint(&self) -> String {
        match self {
            Self::NotBuilt { file, build } => match build {
                Some(build) => format!("build it: `{build}` in its folder"),
                None => format!(
                    "build it, or correct `library` in the `plugin.toml` that names `{}`",
                    file.display()
                ),
            },
            Self::Unreadable { .. } => "give yourself the right to read it".into(),
            Self::BadPluginFile { .. } => {
                "it has `name`, and `library` or `command`; `sluice plugins new` writes a right one".into()
            }
            Self::NotRegular { .. } => "put the library itself there".into(),
            Self::Owner { file, .. } => format!("`chown $USER {}`, if you trust it", file.display()),
            Self::Writable { file, .. } => format!("`chmod go-w {}`, if you trust it", file.display()),
            Self::NotALibrary { .. } => {
                "link it as a shared library: `crate-type = [\"cdylib\"]`, or `cc -shared`".into()
            }
            Self::Architecture { wanted, .. } => format!("build it for {wanted}"),
            Self::Changed { .. } | Self::NotPinned { .. } => {
                "`sluice plugins lock` pins what is there now, if you trust it".into()
            }
            Self::ChangedMeanwhile { .. } => "start the run again: it takes the plugin as it is now".into(),
            Self::NotLoaded { .. } => "link what it needs into it, or install it".into(),
            Self::NoSymbol { .. } => {
                "`sluicegate_plugin::plugin!` makes it in Rust, `sluicegate.h` declares it for C".into()
            }
            Self::OtherAbi { found, speaks, .. } if found > speaks => {
                "use a later `sluice`, or build the plugin with this one's SDK".into()
            }
            Self::OtherAbi { .. } | Self::TooOld { .. } => {
                "build it anew with the SDK of this `sluice`".into()
            }
            Self::TooNew { .. } => {
                "use the `sluice` that it was built for, or build it with the SDK of this one".into()
            }
            Self::BadTable { .. } => "fill the tables in as `sluicegate.h` says".into(),
            Self::BadManifest { .. } => {
                "`sluice plugins test` checks manifests; docs/plugin-guide.md describes them".into()
            }
            Self::DuplicateKind { .. } => "give each kind a name of its own".into(),
            Self::DuplicatePlugin { .. } => "remove one of them, or give it another name".into(),
            Self::BuiltInName { .. } => "give the plugin another name".into(),
            Self::OtherName { wanted, .. } => format!("make both the same, such as `{wanted}`"),
            Self::Misbehaved { .. } => {
                "`sluice plugins test` tries it alone, and shows what it writes".into()
            }
            Self::Told(error) => error.hints.join("; "),
        }
    }
}

impl From<Refusal> for TaskError {
    fn from(refusal: Refusal) -> Self {
        if let Refusal::Told(error) = refusal {
            return error;
        }
        let (code, hint) = (refusal.code().to_owned(), refusal.hint());
        Self::permanent(&code, with_causes(&refusal)).hint(hint)
    }
}
