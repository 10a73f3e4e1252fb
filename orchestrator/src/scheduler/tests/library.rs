//! Workflow files that come, break, are mended and go.

use std::{
    collections::BTreeSet,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use tempfile::TempDir;

use crate::{
    run::Timestamp,
    scheduler::{Library, LoadFiles, LoadedFile, LoadedWorkflow, Place},
    workflow::{Source, unreadable},
    world::World,
};

/// A file's text is the name of its workflow; `needs FILE` is broken while there is no such file.
struct Shop {
    folder: TempDir,
    now: AtomicI64,
    kept: Mutex<BTreeSet<PathBuf>>,
    n_loads: AtomicI64,
}

impl World for Shop {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::SeqCst))
    }

    fn random(&self) -> u128 {
        0
    }
}

fn workflow(file: &Path, name: &str) -> LoadedWorkflow {
    LoadedWorkflow {
        name: name.into(),
        file: file.to_owned(),
        base_dir: PathBuf::new(),
        source: Source { name: String::new(), bytes: name.into() },
        schedules: Vec::new(),
        checked: None,
    }
}

impl LoadFiles for Shop {
    fn load(&self, file: &Path) -> LoadedFile {
        self.n_loads.fetch_add(1, Ordering::SeqCst);
        let bytes = std::fs::read(file).unwrap();
        let name = String::from_utf8_lossy(&bytes).into_owned();
        let source = Source { name: String::new(), bytes };
        if name.strip_prefix("needs ").is_some_and(|other| !self.folder.path().join(other).exists()) {
            return LoadedFile { workflow: None, source, diagnostics: vec![unreadable("broken")] };
        }
        LoadedFile { workflow: Some(workflow(file, &name)), source, diagnostics: Vec::new() }
    }

    fn kept(&self, file: &Path) -> Option<LoadedWorkflow> {
        self.kept.lock().unwrap().contains(file).then(|| workflow(file, "kept"))
    }

    fn keep(&self, workflow: &LoadedWorkflow) {
        self.kept.lock().unwrap().insert(workflow.file.clone());
    }

    fn let_go(&self, file: &Path) {
        self.kept.lock().unwrap().remove(file);
    }

    fn project_file(&self) -> Option<PathBuf> {
        Some(self.folder.path().join("sluice.toml"))
    }
}

impl Shop {
    fn open(place: fn(PathBuf) -> Place) -> (Arc<Self>, Library) {
        let (folder, now) = (tempfile::tempdir().unwrap(), AtomicI64::new(0));
        let shop = Arc::new(Self { folder, now, kept: Mutex::default(), n_loads: AtomicI64::new(0) });
        let places = vec![place(shop.folder.path().join("w"))];
        let library = Library::new(places, shop.clone(), shop.clone());
        (shop, library)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

fn names(library: &Library) -> Vec<String> {
    library.look();
    library.workflows().into_keys().collect()
}

#[test]
fn what_cannot_be_read_for_a_while_is_not_gone() {
    let (shop, library) = Shop::open(Place::whole);
    shop.write("w/a/one.toml", "one");
    shop.write("w/two.toml", "two");
    assert_eq!(names(&library), ["one", "two"]);
    let folder = shop.folder.path().join("w/a");
    std::fs::remove_dir_all(&folder).unwrap();
    // Links that go round in circles cannot be read by anyone.
    symlink(&folder, &folder).unwrap();
    std::fs::remove_file(shop.folder.path().join("w/two.toml")).unwrap();
    assert_eq!(names(&library), ["one"], "what can be read is gone when it is gone");
    std::fs::remove_file(&folder).unwrap();
    assert!(names(&library).is_empty());
    assert!(shop.kept.lock().unwrap().is_empty());
}

#[test]
fn a_broken_file_is_read_again_when_what_it_names_may_be_there() {
    let (shop, library) = Shop::open(Place::whole);
    shop.write("w/one.toml", "needs data.csv");
    let first = library.look();
    assert!(library.statuses()[0].is_broken() && library.workflows().is_empty());
    shop.write("data.csv", "");
    assert_eq!(library.look(), first, "not at every look");
    shop.now.store(5_000, Ordering::SeqCst);
    assert_eq!(names(&library), ["needs data.csv"]);
    std::fs::remove_file(shop.folder.path().join("data.csv")).unwrap();
    shop.write("sluice.toml", "");
    let (n_loads, version) = (shop.n_loads.load(Ordering::SeqCst), library.statuses()[0].version);
    assert_eq!(names(&library), ["needs data.csv"], "the last good version stays");
    assert!(library.statuses()[0].is_broken() && library.statuses()[0].version > version);
    assert!(shop.n_loads.load(Ordering::SeqCst) > n_loads, "the project's file counts for all");
}

#[test]
fn a_file_that_is_broken_at_first_sight_has_the_version_that_was_kept() {
    let (shop, library) = Shop::open(Place::whole);
    let file = shop.folder.path().join("w/one.toml");
    shop.kept.lock().unwrap().insert(file.clone());
    shop.write("w/one.toml", "needs it");
    assert_eq!(names(&library), ["kept"]);
    assert!(library.statuses()[0].is_broken());
    shop.write("w/one.toml", "good");
    assert_eq!(names(&library), ["good"]);
}

#[test]
fn below_a_folder_that_has_other_things_in_it_nothing_counts() {
    let (shop, library) = Shop::open(Place::flat);
    for name in ["w/one.toml", "w/deep/two.toml", "w/.hidden.toml", "w/sluice.toml"] {
        shop.write(name, "x");
    }
    library.look();
    assert_eq!(library.statuses().len(), 1);
}
