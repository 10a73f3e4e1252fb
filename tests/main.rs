//! Black-box tests of the binary: a folder, a workflow, a command, what it printed and what it left behind.

#[path = "e2e/project.rs"]
mod project;

#[path = "e2e/daemon.rs"]
mod daemon;

#[path = "e2e/attempts.rs"]
mod attempts;
#[path = "e2e/bad_data.rs"]
mod bad_data;
#[path = "e2e/browser.rs"]
mod browser;
#[path = "e2e/cache.rs"]
mod cache;
#[path = "e2e/cancel.rs"]
mod cancel;
#[path = "e2e/check.rs"]
mod check;
#[path = "e2e/crash.rs"]
mod crash;
#[path = "e2e/deploy.rs"]
mod deploy;
#[path = "e2e/docker.rs"]
mod docker;
#[path = "e2e/durability.rs"]
mod durability;
#[path = "e2e/examples.rs"]
mod examples;
#[path = "e2e/flow.rs"]
mod flow;
#[path = "e2e/install.rs"]
mod install;
#[path = "e2e/plugin_faults.rs"]
mod plugin_faults;
#[path = "e2e/plugin_guide.rs"]
mod plugin_guide;
#[path = "e2e/plugin_programs.rs"]
mod plugin_programs;
#[path = "e2e/plugins.rs"]
mod plugins;
#[path = "e2e/readme.rs"]
mod readme;
#[path = "e2e/rerun.rs"]
mod rerun;
#[path = "e2e/retry.rs"]
mod retry;
#[path = "e2e/schedule.rs"]
mod schedule;
#[path = "e2e/serve.rs"]
mod serve;
#[path = "e2e/serve_access.rs"]
mod serve_access;
#[path = "e2e/serve_commands.rs"]
mod serve_commands;
#[path = "e2e/serve_hooks.rs"]
mod serve_hooks;
#[path = "e2e/serve_limits.rs"]
mod serve_limits;
#[path = "e2e/serve_page.rs"]
mod serve_page;
#[path = "e2e/serve_tls.rs"]
mod serve_tls;
#[path = "e2e/webdriver.rs"]
mod webdriver;
