//! Plugins with every fault that a host must survive: `tests/plugins/faulty.c`, built with and without flags.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::project::{Project, repository};

/// Builds the faulty plugin with flags, as `plugins/NAME.so` of the project.
pub(crate) fn build(project: &Project, name: &str, flags: &[&str]) -> PathBuf {
    let library = project.path(&format!("plugins/{name}.so"));
    std::fs::create_dir_all(library.parent().expect("a folder")).expect("writable");
    let built = Command::new("cc")
        .args([
            "-shared",
            "-fPIC",
            "-Wall",
            "-Wextra",
            "-Wno-unused-function",
            "-Wno-missing-field-initializers",
        ])
        .args(["-Wno-return-type", "-Werror"])
        .arg(format!("-DNAME=\"{name}\""))
        .args(flags)
        .arg("-I")
        .arg(repository().join("plugins/sdk/include"))
        .arg(repository().join("tests/plugins/faulty.c"))
        .arg("-o")
        .arg(&library)
        .output()
        .expect("a C compiler");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    library
}

pub(crate) fn project() -> Project {
    let project = Project::new();
    project.file("sluice.toml", "");
    project
}

fn message_of(project: &Project, task: &str) -> String {
    project.task("latest", task)["error"]["message"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_task_that_goes_wrong_fails_by_name_and_the_others_go_on() {
    let project = project();
    build(&project, "faulty", &[]);
    let outside = project.path("escaped");
    let task = |name: &str, rest: &str| format!("[tasks.{name}]\nuses = \"faulty.{name}\"\n{rest}\n");
    let text = [
        "name = \"faults\"\nmax_parallel = 2\n".to_owned(),
        ["segfault", "abort", "exit", "garbage", "climb", "huge", "silent", "nonsense", "lazy"]
            .map(|name| task(name, ""))
            .concat(),
        task("loop", "timeout = \"200ms\""),
        task("leak", "resources = { memory = \"128MiB\" }"),
        task("escape", &format!("with = {{ path = \"{}\" }}", outside.display())),
        (0..4)
            .map(|how| format!("[tasks.stream{how}]\nuses = \"faulty.stream\"\nwith = {{ how = {how} }}\n"))
            .collect(),
        task("good", ""),
        "[tasks.fine]\nuses = \"shell\"\nwith = { command = [\"true\"] }\n".to_owned(),
    ]
    .concat();
    project.file("faults.toml", &text);
    project.sluice(&["run", "faults.toml"]).expect(1);
    let place = project.path("plugins/faulty.so").display().to_string();
    let took_down = format!("plugin `faulty` (`{place}`) took its worker down: the worker");
    let expected = [
        ("segfault", format!("{took_down} was killed by signal 11 (SIGSEGV)")),
        (
            "abort",
            format!("{took_down} was killed by signal 6 (SIGABRT); it last wrote: free(): invalid pointer"),
        ),
        ("exit", format!("{took_down} exited with code 0 in the middle of the task")),
        (
            "garbage",
            format!("{took_down}'s channel carried a line that is no message: `· this is no message`"),
        ),
        ("climb", "plugin `faulty`: `../../../climbed` cannot be the name of an output".into()),
        ("huge", "plugin `faulty`: output `out` is a value of 307200 bytes; at most 65536 fit".into()),
        ("silent", "plugin `faulty` failed without saying why".into()),
        ("nonsense", "plugin `faulty` returned the status 77, which means nothing".into()),
        ("lazy", "plugin `faulty`: output `table` was not written".into()),
        (
            "loop",
            "took longer than its timeout of 0.2 s; plugin `faulty` did not stop when it was asked to".into(),
        ),
        ("leak", format!("{took_down} was killed by signal 9 (SIGKILL)")),
        ("stream0", "plugin `faulty`: output `table` is a malformed Arrow stream".into()),
        ("stream1", "plugin `faulty`: output `table` is a malformed Arrow stream".into()),
        ("stream2", "plugin `faulty`: output `table` is a malformed Arrow stream".into()),
        ("stream3", "plugin `faulty`: output `table` is a malformed Arrow stream".into()),
    ];
    for (task, begin) in expected {
        let message = message_of(&project, task);
        assert!(message.starts_with(&begin), "{task}: {message}");
    }
    assert_eq!(project.task("latest", "good")["state"], "succeeded");
    assert_eq!(project.task("latest", "fine")["state"], "succeeded");
    assert!(!project.path("climbed").exists());
    // Where the kernel has no Landlock, the log of the attempt says that nothing holds.
    let log = project.sluice(&["runs", "logs", "latest", "escape"]).stdout;
    assert!(!outside.exists() || log.contains("no Landlock"), "{log}");
    let staging = project.path(".sluice/staging");
    assert_eq!(staging.read_dir().map_or(0, Iterator::count), 0, "nothing staged is left");
}

#[test]
fn every_refusal_names_the_file_the_field_both_values_and_the_way_out() {
    let project = project();
    let cases: [(&str, &[&str], &str, &str); 15] = [
        ("nosymbol", &["-DSYMBOL=other"], "plugin_no_symbol", "does not export `sluice_plugin_v1`"),
        (
            "major",
            &["-DMAJOR=2"],
            "plugin_other_abi",
            "was built for plugin ABI 2, this `sluice` speaks ABI 1",
        ),
        (
            "symbol",
            &["-DSYMBOL=sluice_plugin_v2"],
            "plugin_other_abi",
            "plugin ABI 2, this `sluice` speaks ABI 1",
        ),
        (
            "zero",
            &["-DSYMBOL=sluice_plugin_v0"],
            "plugin_other_abi",
            "plugin ABI 0, this `sluice` speaks ABI 1",
        ),
        ("magic", &["-DMAGIC=0xdead"], "plugin_bad_table", "`magic` is 0x0000dead, not 0x31474c53"),
        ("old", &["-DSIZE=40"], "plugin_too_old", "its `size` is 40, at least 64 is needed"),
        ("stride", &["-DSTRIDE=8"], "plugin_too_old", "its `kind_stride` is 8, at least 32 is needed"),
        (
            "new",
            &["-DHOST_SIZE=4096"],
            "plugin_too_new",
            "its `min_host_size` is 4096, this `sluice` offers 128",
        ),
        ("twice", &["-DTWICE"], "plugin_duplicate_kind", "has two kinds named `twice.good`"),
        ("json", &["-DBAD_MANIFEST=\"{\""], "plugin_bad_manifest", "the manifest of kind 19 in"),
        (
            "panics",
            &["-DDESCRIBE=describe_panic"],
            "plugin_bad_manifest",
            "`describe` panicked: index out of bounds",
        ),
        ("crashes", &["-DDESCRIBE=describe_crash"], "plugin_misbehaved", "ended with signal: 11 (SIGSEGV)"),
        (
            "hugely",
            &["-DDESCRIBE=describe_huge"],
            "plugin_bad_manifest",
            "it answered 2097152 bytes; at most 1048576",
        ),
        ("norun", &["-DNO_RUN"], "plugin_bad_table", "kind 19: `run` is null"),
        (
            "name",
            &["-UNAME", "-DNAME=\"other\""],
            "plugin_other_name",
            "calls itself `other`, but its file calls it `name`",
        ),
    ];
    for (name, flags, _, _) in &cases {
        build(&project, name, flags);
    }
    let listed = project.sluice(&["plugins", "list", "--format", "json"]).expect(0).json();
    for (name, _, code, message) in &cases {
        let row = listed.as_array().expect("rows").iter().find(|row| row["name"] == **name).expect("a row");
        assert_eq!((&row["state"], &row["error"]["code"]), (&"refused".into(), &(*code).into()), "{row}");
        assert!(row["error"]["message"].as_str().is_some_and(|text| text.contains(message)), "{row}");
        assert!(row["error"]["hints"][0].as_str().is_some_and(|hint| !hint.is_empty()), "{row}");
    }
    // A workflow that uses a kind of it is told why there is none.
    project.file("w.toml", "name = \"w\"\n[tasks.t]\nuses = \"major.good\"\n");
    let told = project.sluice(&["check", "w.toml"]).expect(2).stderr;
    assert!(told.contains("there is no kind `major.good`: plugin `major` is not used"), "{told}");
    assert!(told.contains("was built for plugin ABI 2, this `sluice` speaks ABI 1"), "{told}");
}

#[test]
fn tables_of_an_older_or_later_minor_version_work() {
    let project = project();
    build(&project, "older", &["-DSHORT_KINDS", "-DSIZE=64"]);
    build(&project, "later", &["-DLONG_KINDS"]);
    project
        .file("w.toml", "name = \"w\"\n[tasks.a]\nuses = \"older.good\"\n[tasks.b]\nuses = \"later.good\"\n");
    project.sluice(&["run", "w.toml"]).expect(0);
    for task in ["a", "b"] {
        assert_eq!(project.task("latest", task)["metrics"]["answer"], 42.0);
    }
    let about = project.sluice(&["plugins", "show", "older", "--format", "json"]).expect(0).json();
    assert_eq!(about["build"], "", "a field that is not there is absent");
}

#[test]
fn a_file_that_others_can_write_or_that_is_pinned_otherwise_is_not_loaded() {
    use std::os::unix::fs::PermissionsExt;
    let project = project();
    let library = build(&project, "acme", &[]);
    project.file("w.toml", "name = \"w\"\n[tasks.t]\nuses = \"acme.good\"\n");
    std::fs::set_permissions(&library, std::fs::Permissions::from_mode(0o757)).expect("its mode");
    let told = project.sluice(&["check", "w.toml"]).expect(2).stderr;
    assert!(told.contains("can be written by others: its mode is 757"), "{told}");
    assert!(told.contains("`chmod go-w "), "{told}");
    std::fs::set_permissions(&library, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    project.sluice(&["plugins", "lock"]).expect(0);
    project.sluice(&["run", "w.toml"]).expect(0);
    build(&project, "acme", &["-DLATER"]);
    append(&library, b"one byte more");
    let told = project.sluice(&["check", "w.toml"]).expect(2).stderr;
    assert!(told.contains("`plugins.lock` pins "), "{told}");
    assert!(told.contains("`sluice plugins lock` pins what is there now"), "{told}");
    build(&project, "new", &[]);
    let listed = project.sluice(&["plugins", "list"]).expect(0).stdout;
    assert!(listed.contains("plugin `new` is not in `plugins.lock`"), "{listed}");
    project.sluice(&["plugins", "lock"]).expect(0);
    project.sluice(&["run", "w.toml"]).expect(0);
}

fn append(path: &Path, bytes: &[u8]) {
    use std::io::Write;
    std::fs::File::options()
        .append(true)
        .open(path)
        .and_then(|mut file| file.write_all(bytes))
        .expect("writable");
}

#[test]
fn a_description_that_takes_for_ever_is_given_up() {
    let project = project();
    build(&project, "slow", &["-DDESCRIBE=describe_slow"]);
    let told = project.sluice(&["plugins", "show", "slow"]).expect(2).stderr;
    assert!(
        told.contains("plugin `slow` did not answer within 10 s while it was asked for its kinds"),
        "{told}"
    );
}

#[test]
fn the_conformance_suite_finds_what_is_wrong_and_passes_what_is_right() {
    let project = project();
    build(&project, "faulty", &[]);
    let found = project
        .sluice(&[
            "plugins",
            "test",
            "plugins/faulty.so",
            "--timeout",
            "1",
            "--memory",
            "128",
            "--format",
            "json",
        ])
        .expect(1)
        .json();
    let failed = |kind: &str| {
        let checks = found["checks"].as_array().expect("checks");
        checks.iter().any(|check| check["kind"] == format!("faulty.{kind}") && check["verdict"] == "failed")
    };
    for kind in ["good", "nothing"] {
        assert!(!failed(kind), "{kind}");
    }
    let wrong = [
        "segfault", "abort", "exit", "loop", "leak", "garbage", "climb", "huge", "silent", "nonsense",
        "stream", "lazy",
    ];
    for kind in wrong {
        assert!(failed(kind), "{kind}");
    }
    build(&project, "other", &["-DSYMBOL=sluice_plugin_v2"]);
    let told = project.sluice(&["plugins", "test", "plugins/other.so"]).expect(1).stdout;
    assert!(told.contains("was built for plugin ABI 2, this `sluice` speaks ABI 1"), "{told}");
}
