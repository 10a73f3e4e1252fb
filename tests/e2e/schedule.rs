//! Schedules, from the file to the run: killed at every point, with clocks that are set, with broken edits, by command.

use std::{
    collections::BTreeMap,
    process::{Child, Stdio},
};

use serde_json::Value;
use sluicegate::failpoint;

use crate::project::{Project, wait_until};

/// A workflow that runs every second, and catches up what it missed.
const EVERY_SECOND: &str = "name = \"tick\"\n[schedule]\ncron = \"* * * * * *\"\noverlap = \"allow\"\ncatch_up = \"all\"\n[tasks.t]\nuses = \"noop\"\n";

/// A daemon; it is killed when this is dropped.
struct Watch {
    child: Child,
}

impl Watch {
    fn start(project: &Project, variables: &[(&str, &str)]) -> Self {
        Self::start_with(project, &[], variables)
    }

    fn start_with(project: &Project, args: &[&str], variables: &[(&str, &str)]) -> Self {
        let serve = ["serve", "--bind", "127.0.0.1:0", "--workflows", "workflows"];
        let mut command = project.command(&[&serve[..], args].concat());
        command.envs(variables.iter().copied()).stdout(Stdio::null()).stderr(Stdio::null());
        Self { child: command.spawn().expect("the binary starts") }
    }

    fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Asks it to end in order.
    fn stop(mut self) {
        let status = format!("/proc/{}/status", self.child.id());
        wait_until("it listens for signals", || {
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let caught = text.lines().find_map(|line| line.strip_prefix("SigCgt:"));
            caught.is_some_and(|mask| {
                u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask >> 14 & 1 == 1)
            })
        });
        let pid =
            i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw).expect("a pid");
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "{status}");
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn n_runs(project: &Project) -> usize {
    let listed = project.sluice(&["runs", "list", "--limit", "10000", "--format", "json"]);
    serde_json::from_str::<Value>(&listed.stdout)
        .ok()
        .and_then(|list| Some(list.as_array()?.len()))
        .unwrap_or(0)
}

/// Every run with why it ran.
fn stories(project: &Project, workflow: &str) -> Vec<Value> {
    let list = ["runs", "list", "--workflow", workflow, "--limit", "10000", "--format", "json"];
    let runs = project.sluice(&list).expect(0).json();
    let show = |run: &Value| {
        let id = run["id"].as_str().expect("an id").to_owned();
        project.sluice(&["runs", "show", &id, "--format", "json"]).expect(0).json()
    };
    runs.as_array().expect("a list").iter().map(show).collect()
}

/// The times for which runs happened, in seconds, each with how many runs it has.
fn times(stories: &[Value]) -> BTreeMap<i64, usize> {
    let mut times = BTreeMap::new();
    for story in stories {
        let at = story["scheduled_at"].as_str().expect("a time");
        let at = chrono::DateTime::parse_from_rfc3339(at).expect("RFC 3339").timestamp();
        *times.entry(at).or_default() += 1;
    }
    times
}

/// Asserts that every second between the first and the last became exactly one run, and that all went well.
fn assert_exactly_once(project: &Project, what: &str) {
    let stories = stories(project, "tick");
    let times = times(&stories);
    assert!(times.values().all(|n| *n == 1), "{what}: {times:?}");
    let (first, last) = (times.keys().next().expect("a run"), times.keys().last().expect("a run"));
    let missing: Vec<_> = (*first..=*last).filter(|at| !times.contains_key(at)).collect();
    assert!(missing.is_empty(), "{what}: {missing:?} are missing of {first}..={last}");
    for story in &stories {
        assert_eq!(story["status"], "succeeded", "{what}: {story}");
        assert_eq!(story["schedule"], "default", "{what}");
    }
}

#[test]
fn a_kill_at_every_point_of_a_fire_neither_repeats_nor_forgets_it() {
    for (point, _) in failpoint::SCHEDULES {
        let project = Project::new();
        project.file("workflows/tick.toml", EVERY_SECOND);
        let mut struck = Watch::start(&project, &[("SLUICE_FAILPOINT", &format!("{point}@3"))]);
        let status = struck.child.wait().expect("it ends");
        assert!(status.code().is_none(), "{point} kills: {status}");
        let n_before = n_runs(&project);
        let watch = Watch::start(&project, &[]);
        wait_until("more runs", || n_runs(&project) >= n_before + 3);
        watch.stop();
        let watch = Watch::start(&project, &[]);
        wait_until("what was left open ends", || {
            let listed =
                project.sluice(&["runs", "list", "--limit", "100", "--format", "json"]).expect(0).json();
            listed.as_array().expect("a list").iter().all(|run| run["status"] == "succeeded")
        });
        watch.stop();
        settle(&project);
        assert_exactly_once(&project, point);
    }
}

/// Lets what a stop left open come to its end: without its schedule, nothing new begins.
fn settle(project: &Project) {
    let listed = project.sluice(&["runs", "list", "--limit", "1000", "--format", "json"]).expect(0).json();
    for run in listed.as_array().expect("a list").iter().filter(|run| run["status"] == "interrupted") {
        project.sluice(&["runs", "resume", run["id"].as_str().expect("an id")]).expect(0);
    }
}

#[test]
fn kills_at_random_moments_neither_repeat_nor_forget_a_fire() {
    let project = Project::new();
    project.file("workflows/tick.toml", EVERY_SECOND);
    for round in 0..6 {
        let n_before = n_runs(&project);
        let watch = Watch::start(&project, &[]);
        wait_until("some runs", || n_runs(&project) > n_before + round % 3);
        watch.kill();
    }
    settle(&project);
    assert_exactly_once(&project, "random kills");
}

#[test]
fn a_clock_that_is_set_forward_and_back_fires_each_time_once() {
    let project = Project::new();
    let text = EVERY_SECOND.replace("* * * * * *", "0 * * * *");
    project.file("workflows/tick.toml", text);
    let hour = 3_600_000;
    let now = chrono::Utc::now().timestamp_millis();
    // The clock stands a second before a full hour.
    let base = (now / hour + 10) * hour - 1000 - now;
    let clock = project.path("clock").display().to_string();
    let set = |offset: i64| project.file("clock.new", offset.to_string()).rename("clock.new", "clock");
    set(base);
    let watch = Watch::start_with(&project, &["--test-clock", &clock], &[]);
    wait_until("the hour comes", || n_runs(&project) == 1);
    set(base + 3 * hour);
    wait_until("three hours are caught up", || n_runs(&project) == 4);
    // Back by two hours, and past them again: nothing happens twice.
    set(base + hour);
    wait_until("the clock is looked at", || project.sluice(&["schedule", "list"]).code == 0);
    set(base + 4 * hour);
    wait_until("the next hour comes", || n_runs(&project) == 5);
    watch.stop();
    settle(&project);
    let times = times(&stories(&project, "tick"));
    assert!(times.values().all(|n| *n == 1) && times.len() == 5, "{times:?}");
    let first = times.keys().next().expect("a time");
    assert!(times.keys().zip(0..).all(|(at, n)| *at == first + n * 3600), "{times:?}");
}

#[test]
fn a_broken_edit_keeps_the_last_good_version_and_a_good_one_takes_its_place() {
    let project = Project::new();
    project.file("workflows/tick.toml", EVERY_SECOND);
    let watch = Watch::start(&project, &[]);
    wait_until("a run", || n_runs(&project) >= 1);
    project.file("workflows/tick.toml", EVERY_SECOND.replace("uses = \"noop\"", "uses = \"nope\""));
    let n_before = n_runs(&project);
    wait_until("the last good version goes on", || n_runs(&project) >= n_before + 3);
    let listed = project.sluice(&["schedule", "list", "--workflows", "workflows"]).expect(0);
    assert!(listed.stderr.contains("there is no kind `nope`"), "{}", listed.stderr);
    project.file(
        "workflows/tick.toml",
        EVERY_SECOND.replace("* * * * * *", "0 0 1 1 *").replace("tick", "tock"),
    );
    wait_until("the new version is taken", || {
        let before = n_runs(&project);
        std::thread::sleep(std::time::Duration::from_millis(2100));
        n_runs(&project) == before
    });
    watch.stop();
}

#[test]
fn a_run_that_ends_and_a_file_that_comes_start_others() {
    let project = Project::new();
    let files = "name = \"take\"\n[trigger]\nfiles = { path = \"../in/*.csv\", settle = \"0.3s\" }\n[tasks.t]\nuses = \"noop\"\n";
    let after = "name = \"after\"\n[[trigger]]\nname = \"end\"\nrun = { workflow = \"take\" }\n[tasks.t]\nuses = \"shell\"\nwith = { script = \"echo $WHY >> ../why\" }\nenv = { WHY = \"{{ run.trigger }} {{ run.schedule }}\" }\n";
    project.file("in/old.csv", "old").file("workflows/take.toml", files).file("workflows/after.toml", after);
    let watch = Watch::start(&project, &[]);
    // What is there from the beginning is not new.
    wait_until("the files are met", || {
        let listed = project.sluice(&["schedule", "list", "--format", "json"]).expect(0).json();
        listed.as_array().is_some_and(|list| list.len() == 2) && project.files_with("\"seen\"").len() == 1
    });
    project.file("in/new.csv", "new");
    wait_until("both ran", || project.read("why").lines().count() == 1);
    project.file("in/new.csv", "changed");
    wait_until("both ran again", || project.read("why").lines().count() == 2);
    watch.stop();
    settle(&project);
    assert_eq!(project.read("why"), "run end\nrun end\n");
    assert_eq!(stories(&project, "take").len(), 2);
    assert_eq!(stories(&project, "take")[0]["trigger"], "files");
}

#[test]
fn overlapping_runs_are_replaced_when_the_file_says_so() {
    let project = Project::new();
    let text = "name = \"slow\"\n[schedule]\ncron = \"*/2 * * * * *\"\noverlap = \"cancel-running\"\n[tasks.t]\nuses = \"shell\"\nwith = { script = \"sleep 60\" }\n";
    project.file("workflows/slow.toml", text);
    let watch = Watch::start(&project, &[]);
    let with_status = |status: &str| {
        let listed = project.sluice(&["runs", "list", "--status", status, "--format", "json"]);
        serde_json::from_str::<Value>(&listed.stdout)
            .ok()
            .and_then(|it| Some(it.as_array()?.len()))
            .unwrap_or(0)
    };
    wait_until("two were replaced", || with_status("cancelled") >= 2);
    assert!(with_status("running") <= 1);
    project.file("workflows/slow.toml", "");
    std::fs::remove_file(project.path("workflows/slow.toml")).expect("the file is there");
    watch.stop();
    project.sluice(&["runs", "cancel", "latest"]);
}

const NIGHTLY: &str = "name = \"nightly\"\n[params]\nday = { type = \"string\", default = \"none\" }\n[schedule]\ncron = \"30 2 * * *\"\ntimezone = \"Europe/Berlin\"\ndst_gap = \"run_after\"\ncatch_up = \"all\"\nparams = { day = \"x\" }\n[tasks.t]\nuses = \"shell\"\nwith = { script = \"echo $AT $DAY >> ../ran\" }\nenv = { AT = \"{{ run.scheduled_at }}\", DAY = \"{{ params.day }}\" }\n";

#[test]
fn a_schedule_rests_and_goes_on_by_command_and_is_listed_with_its_next_times() {
    let project = Project::new();
    project.file("workflows/nightly.toml", NIGHTLY);
    let listed = project.sluice(&["schedule", "list", "--format", "json"]).expect(0).json();
    assert_eq!(listed[0]["id"], "nightly/default");
    assert_eq!(listed[0]["next"].as_array().expect("times").len(), 3);
    let paused = project.sluice(&["schedule", "pause", "nightly"]).expect(0);
    assert_eq!(
        paused.stdout,
        "nightly/default rests; `sluice schedule resume nightly/default` lets it go on\n"
    );
    project.sluice(&["doctor", "--rebuild"]).expect(0);
    let listed = project.sluice(&["schedule", "list", "--format", "json"]).expect(0).json();
    assert!(listed[0]["paused_at"].is_string() && listed[0]["next"] == serde_json::json!([]), "{listed}");
    project.sluice(&["schedule", "resume", "nightly/default"]).expect(0);
    let listed = project.sluice(&["schedule", "list"]).expect(0);
    assert!(listed.stdout.contains("nightly/default  30 2 * * * Europe/Berlin  on "), "{}", listed.stdout);
    let missing = project.sluice(&["schedule", "pause", "nightli"]).expect(5);
    assert!(missing.stderr.contains("did you mean `nightly`?"), "{}", missing.stderr);
}

#[test]
fn a_simulation_prints_gaps_catch_up_and_overlaps() {
    let project = Project::new();
    project.file("workflows/nightly.toml", NIGHTLY);
    let args = [
        "schedule",
        "simulate",
        "nightly",
        "--from",
        "2026-03-28",
        "--to",
        "2026-03-31",
        "--duration",
        "30h",
        "--format",
        "json",
    ];
    let steps = project.sluice(&args).expect(0).json();
    let shown: Vec<String> = steps
        .as_array()
        .expect("a list")
        .iter()
        .map(|step| {
            format!("{} {}", step["at"].as_str().expect("a time"), step["decision"].as_str().expect("a word"))
        })
        .collect();
    let wanted = [
        "2026-03-28T01:30:00.000Z started",
        "2026-03-29T01:00:00.000Z overlapped",
        "2026-03-29T07:30:00.000Z ended",
        "2026-03-30T00:30:00.000Z started",
        "2026-03-31T00:30:00.000Z overlapped",
        "2026-03-31T06:30:00.000Z ended",
    ];
    assert_eq!(shown, wanted);
    let down = "2026-03-28T00:00..2026-03-30T12:00";
    let args = [
        "schedule",
        "simulate",
        "--from",
        "2026-03-28",
        "--to",
        "2026-03-31",
        "--down",
        down,
        "--duration",
        "1h",
    ];
    let text = project.sluice(&args).expect(0).stdout;
    assert!(text.contains("run 1 starts, caught up"), "{text}");
    assert_eq!(text.matches("waits, caught up").count(), 2, "{text}");
}

#[test]
fn a_range_of_days_is_worked_off_in_order() {
    let project = Project::new();
    project.file("workflows/nightly.toml", NIGHTLY);
    let range = ["schedule", "backfill", "nightly", "--from", "2026-03-28", "--to", "2026-03-30"];
    let times = project.sluice(&[&range[..], &["--dry-run"]].concat()).expect(0).stdout;
    assert_eq!(times, "2026-03-28T01:30:00.000Z\n2026-03-29T01:00:00.000Z\n2026-03-30T00:30:00.000Z\n");
    let done = project.sluice(&[&range[..], &["-p", "day=y", "--format", "json"]].concat()).expect(0).json();
    assert_eq!(done.as_array().expect("a list").len(), 3, "{done}");
    let wanted = "2026-03-28T01:30:00Z y\n2026-03-29T01:00:00Z y\n2026-03-30T00:30:00Z y\n";
    assert_eq!(project.read("ran"), wanted);
    assert!(stories(&project, "nightly").iter().all(|story| story["trigger"] == "backfill"));
    // A rerun is for the same time.
    project.sluice(&["runs", "rerun", "latest", "--from", "t"]).expect(0);
    assert_eq!(project.read("ran"), format!("{wanted}2026-03-30T00:30:00Z y\n"));
    let none = project.sluice(&[
        "schedule",
        "backfill",
        "nightly",
        "--from",
        "2026-03-28T03:00",
        "--to",
        "2026-03-28T04:00",
    ]);
    assert!(none.expect(2).stderr.contains("has no times from"));
}

#[test]
fn what_is_left_of_a_backfill_is_dropped_on_demand() {
    let project = Project::new();
    project.file("sluice.toml", "").file(
        "workflows/long.toml",
        "name = \"long\"\n[schedule]\ncron = \"0 3 * * *\"\n[tasks.t]\nuses = \"shell\"\nwith = { script = \"until [ -e ../go ]; do sleep 0.02; done\" }\n",
    );
    let watch = Watch::start(&project, &[]);
    wait_until("the daemon answers", || project.path(".sluice/sluice.sock").exists());
    let range = ["schedule", "backfill", "long", "--from", "2026-03-01", "--to", "2026-03-30"];
    let mut backfill = project.spawn(&range);
    wait_until("its first run", || n_runs(&project) == 1);
    let stop = ["schedule", "backfill", "long", "--stop"];
    let stopped = project.sluice(&stop).expect(0);
    assert!(
        stopped.stdout.contains("what was left of the backfill of long/default is dropped"),
        "{}",
        stopped.stdout
    );
    project.file("go", "");
    assert!(backfill.wait().expect("it ends").success());
    assert_eq!(n_runs(&project), 1);
    assert!(project.sluice(&stop).expect(0).stdout.contains("nothing is left"));
    watch.stop();
    // Also when nobody watches.
    let again = project.sluice(&[&stop[..], &["--format", "json"]].concat()).expect(0).json();
    assert_eq!(again["stopped"], false, "{again}");
    assert!(project.sluice(&["schedule", "backfill", "long"]).expect(2).stderr.contains("--from"));
}

#[test]
fn mistakes_in_a_schedule_are_reported_at_their_places() {
    let project = Project::new();
    let text = "[[schedule]]\ncron = \"0 25 * * 8\"\ntimezone = \"Europe/Berln\"\nstart = 2026-05-01\nend = 2026-04-01\n[[schedule]]\nname = \"b\"\ncron = \"0 0 30 2 *\"\n[[schedule]]\nname = \"c\"\ncron = \"30 2 * * *\"\ntimezone = \"Europe/Berlin\"\nparams = { dya = 1 }\n[[trigger]]\nrun = { workflow = \"w\", status = [\"failed\"] }\n[tasks.t]\nuses = \"noop\"\n";
    project.file("w.toml", text);
    let found = project.sluice(&["check", "w.toml", "--format", "json"]).expect(2).json();
    let shown: Vec<String> = found
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| format!("{} {}:{}", it["code"].as_str().expect("a code"), it["line"], it["column"]))
        .collect();
    assert_eq!(
        shown,
        [
            "E031 2:11",
            "E031 2:18",
            "E032 3:12",
            "E035 5:7",
            "E033 8:8",
            "E034 11:8",
            "E036 13:12",
            "E038 14:1"
        ]
    );
    let hints: Vec<&str> =
        found.as_array().expect("a list").iter().filter_map(|it| it["hint"].as_str()).collect();
    assert!(hints.contains(&"did you mean `Europe/Berlin`?"), "{hints:?}");
}

/// A workflow whose parameters come from what starts it.
const GIVEN: &str = "name = \"given\"\n[params]\nwhat = { type = \"string\" }\n[[schedule]]\nname = \"yearly\"\ncron = \"0 0 1 1 *\"\nparams = { what = \"{{ event.scheduled_at }}\" }\n[[trigger]]\nname = \"files\"\nfiles = { path = \"../in/*.csv\", settle = \"0.3s\" }\nparams = { what = \"{{ event.files | join(' ') }}\" }\n[[trigger]]\nname = \"end\"\nrun = { workflow = \"first\", status = [\"failed\"] }\nparams = { what = \"{{ event.run.workflow }} {{ event.run.status }}\" }\n[tasks.t]\nuses = \"shell\"\nwith = { script = \"echo $WHAT >> ../ran\" }\nenv = { WHAT = \"{{ params.what }}\" }\n";

#[test]
fn what_an_event_brings_reaches_the_run_as_parameters() {
    let project = Project::new();
    let first = "name = \"first\"\n[tasks.t]\nuses = \"shell\"\nwith = { script = \"exit 1\" }\n";
    project.file("in/a.csv", "a").file("in/b.csv", "b");
    project.file("workflows/given.toml", GIVEN).file("first.toml", first);
    // Nothing but its schedules gives the parameter: that is fine for them, and not for a run by hand.
    project.sluice(&["check", "workflows/given.toml"]).expect(0);
    let by_hand = project.sluice(&["run", "workflows/given.toml"]).expect(2);
    assert!(by_hand.stderr.contains("parameter `what` has no default and no value"), "{}", by_hand.stderr);
    let watch = Watch::start(&project, &[]);
    wait_until("the files are met", || project.files_with("\"seen\"").len() == 1);
    project.file("in/b.csv", "changed").file("in/c.csv", "c");
    wait_until("the files were seen", || project.read("ran").lines().count() == 1);
    std::fs::remove_file(project.path("in/a.csv")).expect("it is there");
    project.sluice(&["run", "first.toml"]).expect(1);
    wait_until("the end was seen", || project.read("ran").lines().count() == 2);
    watch.stop();
    // What comes while nobody watches is new, too, and nothing else is.
    project.file("in/d.csv", "d");
    let watch = Watch::start(&project, &[]);
    wait_until("the file was seen", || project.read("ran").lines().count() == 3);
    watch.stop();
    assert_eq!(project.read("ran"), "../in/b.csv ../in/c.csv\nfirst failed\n../in/d.csv\n");
    let range = ["schedule", "backfill", "given/yearly", "--from", "2026-01-01", "--to", "2026-01-01"];
    project.sluice(&range).expect(0);
    assert!(project.read("ran").ends_with("\n2026-01-01T00:00:00Z\n"), "{}", project.read("ran"));
}

#[test]
fn parameters_of_schedules_are_checked_like_those_of_runs() {
    let project = Project::new();
    let text = "[params]\na = { type = \"string\" }\n[[schedule]]\nname = \"x\"\ncron = \"0 0 * * *\"\nparams = { a = \"{{ event.body }}\" }\n[[trigger]]\nname = \"y\"\nrun = { workflow = \"z\" }\nparams = { a = \"{{ event.run.idd }}\" }\n[[trigger]]\nname = \"q\"\nrun = { workflow = \"z\" }\n[[trigger]]\nname = \"r\"\nrun = { workflow = \"z\" }\nparams = { a = \"{{ params.a }} {{ 1 + }}\" }\n[tasks.t]\nuses = \"noop\"\n";
    project.file("w.toml", text);
    let found = project.sluice(&["check", "w.toml", "--format", "json"]).expect(2).json();
    let shown: Vec<String> = found
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| {
            format!("{} {}", it["code"].as_str().expect("a code"), it["message"].as_str().expect("a text"))
        })
        .collect();
    assert_eq!(shown[0], "E024 `event` of schedule `x` has no `body`");
    assert_eq!(shown[1], "E024 `event.run` has no `idd`");
    assert_eq!(shown[2], "E036 `q` does not give `a`, which has no default");
    assert_eq!(shown[3], "E024 the name `params` is not known here");
    assert_eq!(shown.len(), 4, "{shown:?}");
}

#[test]
fn a_file_that_is_broken_while_nobody_watches_keeps_its_last_good_version() {
    let project = Project::new();
    project.file("workflows/tick.toml", EVERY_SECOND);
    let watch = Watch::start(&project, &[]);
    wait_until("a run", || n_runs(&project) >= 1);
    watch.kill();
    project.file("workflows/tick.toml", "[tasks.t\n");
    let n_before = n_runs(&project);
    let watch = Watch::start(&project, &[]);
    wait_until("the last good version goes on", || n_runs(&project) >= n_before + 2);
    let listed = project.sluice(&["schedule", "list", "--workflows", "workflows"]).expect(0);
    assert!(listed.stdout.contains("tick/default"), "{}", listed.stdout);
    assert!(listed.stderr.contains("cannot be used"), "{}", listed.stderr);
    watch.stop();
    // Once the file is gone, nothing of it is kept.
    std::fs::remove_file(project.path("workflows/tick.toml")).expect("it is there");
    let kept = || std::fs::read_dir(project.path(".sluice/last-good")).map_or(0, Iterator::count);
    assert_eq!(kept(), 1);
    let watch = Watch::start(&project, &[]);
    wait_until("what was kept goes", || kept() == 0);
    project.file("workflows/tick.toml", EVERY_SECOND);
    wait_until("it is kept", || kept() == 1);
    std::fs::remove_file(project.path("workflows/tick.toml")).expect("it is there");
    wait_until("it is let go", || kept() == 0);
    watch.stop();
}

#[test]
fn a_project_file_that_is_mended_mends_the_workflows() {
    let project = Project::new();
    project.file("sluice.toml", "[pools\n").file("workflows/tick.toml", EVERY_SECOND);
    // What the pools are must be known before anything runs.
    let refused = project.sluice(&["serve", "--bind", "127.0.0.1:0"]).expect(2);
    assert!(refused.stderr.contains("`sluice.toml` is not valid"), "{}", refused.stderr);
    project
        .file("sluice.toml", "")
        .file("workflows/tick.toml", "name = \"tick\"\n[tasks.t]\nuses = \"noop\"\n");
    let watch = Watch::start(&project, &[]);
    wait_until("the daemon answers", || project.path(".sluice/sluice.sock").exists());
    project.file("sluice.toml", "[pools\n").file("workflows/tick.toml", EVERY_SECOND);
    wait_until("the daemon looks", || {
        project.sluice(&["schedule", "list"]).stderr.contains("cannot be used")
    });
    assert_eq!(n_runs(&project), 0);
    project.file("sluice.toml", "");
    wait_until("a run", || n_runs(&project) >= 1);
    watch.stop();
}

#[test]
fn a_workflow_that_a_task_runs_sees_the_time_for_which_it_runs() {
    let project = Project::new();
    let inner = "name = \"inner\"\n[tasks.t]\nuses = \"shell\"\nwith = { script = \"echo $AT >> ran\" }\nenv = { AT = \"{{ run.trigger }} {{ run.schedule }} {{ run.scheduled_at }}\" }\n";
    let outer = "name = \"outer\"\n[schedule]\ncron = \"0 0 1 1 *\"\n[tasks.t]\nuses = \"workflow\"\nwith = { file = \"../inner.toml\" }\n";
    project.file("inner.toml", inner).file("workflows/outer.toml", outer);
    let range =
        ["schedule", "backfill", "outer", "--from", "2026-01-01", "--to", "2026-01-01", "--format", "json"];
    let done = project.sluice(&range).expect(0).json();
    assert_eq!(done.as_array().map(Vec::len), Some(1), "the inner run is none of the range: {done}");
    assert_eq!(project.read("ran"), "backfill default 2026-01-01T00:00:00Z\n");
}
