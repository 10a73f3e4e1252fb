//! An interrupt from the keyboard ends the run in order.

use crate::project::{Project, wait_until};

#[test]
fn an_interrupt_cancels_the_run_and_leaves_no_process() {
    let project = Project::new();
    project.file(
        "w.toml",
        "name = \"long\"\n[tasks.long]\nuses = \"shell\"\nwith = { script = \"trap '' TERM; touch started; setsid sleep 600 & sleep 600\" }\n[tasks.next]\nuses = \"shell\"\nneeds = [\"long\"]\nwith = { script = \"touch next\" }\n",
    );
    let mut child = project.spawn(&["run", "w.toml"]);
    project.wait_for_file("started");
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT)
        .expect("the command runs");
    let status = child.wait().expect("the command ends");
    assert_eq!(status.code(), Some(4));
    wait_until("no process is left", || project.processes().is_empty());
    let story = project.sluice(&["runs", "show", "latest", "--format", "json"]).expect(0).json();
    assert_eq!(story["status"], "cancelled");
    assert_eq!(project.task("latest", "next")["state"], "cancelled");
    assert!(!project.path("next").exists());
}
