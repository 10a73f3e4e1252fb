//! The command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use super::backup::{BackupArgs, RestoreArgs};
use super::init::{CompletionsArgs, ImageArgs, InitArgs, ManArgs};
use super::plugins::PluginsCommand;
use super::schedule::ScheduleCommand;

/// From raw data to a gated, deployed, watched model, by one TOML file.
#[derive(Parser)]
#[command(name = "sluice", version, max_term_width = 100)]
pub(super) struct Args {
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto)]
    pub(super) colour: Colour,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Colour {
    Auto,
    Always,
    Never,
}

/// How a command prints.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

#[derive(ClapArgs)]
pub(super) struct FormatArg {
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Write a project that runs at once
    Init(InitArgs),
    /// Check a workflow file and report every problem in it
    Check(CheckArgs),
    /// Say what a run would do: which tasks, in which order, from the cache or not and why
    Plan(PlanArgs),
    /// Draw a workflow's graph
    Graph(GraphArgs),
    /// Run a workflow to its end; an interrupted run of it goes on where it stopped
    Run(RunArgs),
    /// Serve the API and the web page, and drive runs, until stopped; tasks then go on, and the next start takes them over
    Serve(DaemonArgs),
    /// Make, list and remove the tokens that open the daemon
    #[command(subcommand)]
    Tokens(TokensCommand),
    /// Look at who changed what through the daemon, latest first
    Audit(AuditArgs),
    /// Look at the history of runs
    #[command(subcommand)]
    Runs(RunsCommand),
    /// Say why a task ran, or why it did not
    Why(WhyArgs),
    /// Look at schedules, say what they would do, let them rest, or repeat their times
    #[command(subcommand)]
    Schedule(ScheduleCommand),
    /// Look at registered models, or serve one
    #[command(subcommand)]
    Models(ModelsCommand),
    /// Look at deployments, or stop one
    #[command(subcommand)]
    Deployments(DeploymentsCommand),
    /// Look at the kinds that tasks can use
    #[command(subcommand)]
    Kinds(KindsCommand),
    /// Look at the project's plugins, pin them, write and try new ones
    #[command(subcommand)]
    Plugins(PluginsCommand),
    /// Print the JSON Schema of workflow files, for editors
    Schema,
    /// Remove old runs, and whatever nothing names any more
    Gc(GcArgs),
    /// Write the state into one file, while runs and the daemon go on
    Backup(BackupArgs),
    /// Make the state from a backup
    Restore(RestoreArgs),
    /// Verify the store, the history and the artifacts, or rebuild the store
    Doctor(DoctorArgs),
    /// Kill random runs at random moments, and see whether every promise is kept on this disk
    Torture(TortureArgs),
    /// Build a container image of the daemon, without a Dockerfile
    Image(ImageArgs),
    /// Print a script that completes the commands in a shell
    Completions(CompletionsArgs),
    /// Write the manual pages, for packages
    #[command(hide = true)]
    Man(ManArgs),
}

/// A workflow file with the parameters of a run.
#[derive(ClapArgs)]
pub(super) struct FileArgs {
    /// The workflow file
    pub(super) file: PathBuf,
    /// Set a parameter
    #[arg(short = 'p', long = "param", value_name = "NAME=VALUE")]
    pub(super) params: Vec<String>,
}

#[derive(ClapArgs)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    pub(super) file: FileArgs,
    #[command(flatten)]
    pub(super) format: FormatArg,
}

#[derive(ClapArgs)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    pub(super) file: FileArgs,
    /// Do not use earlier outcomes
    #[arg(long)]
    pub(super) no_cache: bool,
    #[command(flatten)]
    pub(super) format: FormatArg,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum GraphFormat {
    Text,
    Dot,
    Mermaid,
    Svg,
}

#[derive(ClapArgs)]
pub(super) struct GraphArgs {
    #[command(flatten)]
    pub(super) file: FileArgs,
    /// How to draw
    #[arg(long, value_enum, default_value_t = GraphFormat::Text)]
    pub(super) format: GraphFormat,
}

#[derive(ClapArgs)]
pub(super) struct RunArgs {
    /// The workflow file
    #[arg(required_unless_present = "resume")]
    pub(super) file: Option<PathBuf>,
    /// Set a parameter
    #[arg(short = 'p', long = "param", value_name = "NAME=VALUE")]
    pub(super) params: Vec<String>,
    /// Go on with this interrupted run instead: its id, a unique part of it, or `latest`
    #[arg(long, value_name = "RUN", conflicts_with_all = ["file", "params", "no_cache", "new"])]
    pub(super) resume: Option<String>,
    /// Do not use earlier outcomes
    #[arg(long)]
    pub(super) no_cache: bool,
    /// Start a new run even if one of this workflow was interrupted
    #[arg(long)]
    pub(super) new: bool,
    #[command(flatten)]
    pub(super) format: FormatArg,
}

#[derive(Subcommand)]
pub(super) enum RunsCommand {
    /// List runs, newest first
    List(RunsListArgs),
    /// Tell the story of one run
    Show(RunArg),
    /// Print the logs of a run's tasks
    Logs(LogsArgs),
    /// Start nothing new in a run until it is resumed; tasks that run go on
    Pause(RunArg),
    /// Go on with an interrupted or paused run; tasks that still run are taken over
    Resume(RunArg),
    /// End a run and everything it started
    Cancel(RunArg),
    /// Repeat what failed in a run, and what stands behind it, with the recorded workflow
    Retry(RunArg),
    /// Start a new run from a task on; what stands before it is taken over from an earlier run
    Rerun(RerunArgs),
    /// Compare two runs: definition, parameters, inputs, metrics, durations
    Diff(DiffArgs),
    /// Say how a task ended whose outcome was lost and that must not happen twice
    Resolve(ResolveArgs),
}

#[derive(ClapArgs)]
pub(super) struct RunsListArgs {
    /// Only runs of this workflow
    #[arg(long)]
    pub(super) workflow: Option<String>,
    /// Only runs in this state
    #[arg(long)]
    pub(super) status: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 20)]
    pub(super) limit: usize,
    #[command(flatten)]
    pub(super) format: FormatArg,
}

#[derive(ClapArgs)]
pub(super) struct RunArg {
    /// The run: its id, a unique part of it, or `latest`
    #[arg(default_value = "latest")]
    pub(super) run: String,
    #[command(flatten)]
    pub(super) format: FormatArg,
}

/// What a person says of a task.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ResolutionArg {
    /// It happened
    Succeeded,
    /// It shall count as failed
    Failed,
    /// It did not happen; `runs retry` may try it again
    Retry,
}

#[derive(ClapArgs)]
pub(super) struct ResolveArgs {
    /// The run: its id, a unique part of it, or `latest`
    pub(super) run: String,
    /// The task
    pub(super) task: String,
    /// How it ended
    #[arg(long = "as", value_enum)]
    pub(super) resolution: ResolutionArg,
}

#[derive(ClapArgs)]
pub(super) struct RerunArgs {
    /// The earlier run: its id, a unique part of it, or `latest`
    pub(super) run: String,
    /// The task that runs again, with everything behind it
    #[arg(long, value_name = "TASK")]
    pub(super) from: String,
    /// Run that task alone
    #[arg(long)]
    pub(super) only: bool,
    /// Take the workflow's file as it is now, instead of as it was recorded
    #[arg(long)]
    pub(super) current: bool,
    /// Set a parameter; the others are as in the earlier run
    #[arg(short = 'p', long = "param", value_name = "NAME=VALUE")]
    pub(super) params: Vec<String>,
    #[command(flatten)]
    pub(super) format: FormatArg,
}

#[derive(ClapArgs)]
pub(super) struct DiffArgs {
    /// The run to compare with
    pub(super) before: String,
    /// The run to compare
    #[arg(default_value = "latest")]
    pub(super) after: String,
    /// Fail (exit code 1) when this holds for the differences of metrics, such as `f1 < -0.01`
    #[arg(long, value_name = "CONDITION")]
    pub(super) fail_if: Option<String>,
    #[command(flatten)]
    pub(super) format: FormatArg,
}

#[derive(ClapArgs)]
pub(super) struct LogsArgs {
    /// The run: its id, a unique part of it, or `latest`
    pub(super) run: String,
    /// Only this task
    pub(super) task: Option<String>,
}

#[derive(ClapArgs)]
pub(super) struct WhyArgs {
    /// The run: its id, a unique part of it, or `latest`
    pub(super) run: String,
    /// The task
    pub(super) task: String,
    #[command(flatten)]
    pub(super) format: FormatArg,
}

#[derive(Subcommand)]
pub(super) enum ModelsCommand {
    /// List registered models
    List(FormatArg),
    /// Show a model's versions, aliases and their history
    Show(ModelArgs),
    /// Let an alias stand for a version
    Promote(PromoteArgs),
    /// Let an alias stand for the version before
    Rollback(RollbackArgs),
    /// Serve a model over HTTP until stopped
    Serve(ServeArgs),
}

#[derive(ClapArgs)]
pub(super) struct PromoteArgs {
    /// The model's name
    pub(super) name: String,
    /// The version
    pub(super) version: u64,
    /// The alias that moves
    #[arg(long, default_value = "champion")]
    pub(super) alias: String,
    /// Why; kept in the history
    #[arg(long)]
    pub(super) reason: String,
    #[command(flatten)]
    pub(super) format: FormatArg,
}

#[derive(ClapArgs)]
pub(super) struct RollbackArgs {
    /// The model's name
    pub(super) name: String,
    /// The alias that moves
    #[arg(long, default_value = "champion")]
    pub(super) alias: String,
    /// Why; kept in the history
    #[arg(long)]
    pub(super) reason: String,
    #[command(flatten)]
    pub(super) format: FormatArg,
}

#[derive(ClapArgs)]
pub(super) struct ModelArgs {
    /// The model's name
    pub(super) name: String,
    #[command(flatten)]
    pub(super) format: FormatArg,
}

#[derive(ClapArgs)]
pub(super) struct ServeArgs {
    /// What to serve: `NAME`, `NAME@ALIAS` or `NAME@VERSION`
    #[arg(required_unless_present = "bundle")]
    pub(super) model: Option<String>,
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    pub(super) bind: SocketAddr,
    /// Serve this bundle file instead of a registered model
    #[arg(long, conflicts_with = "model")]
    pub(super) bundle: Option<PathBuf>,
    /// The name under which a bundle file is served
    #[arg(long, requires = "bundle", default_value = "model")]
    pub(super) name: String,
    /// The version under which a bundle file is served
    #[arg(long, requires = "bundle")]
    pub(super) version: Option<u64>,
    /// The BLAKE3 that a bundle file must have
    #[arg(long, requires = "bundle")]
    pub(super) bundle_hash: Option<String>,
    /// Write the address to this file once it listens
    #[arg(long)]
    pub(super) address_file: Option<PathBuf>,
    /// Leave the session of the caller
    #[arg(long)]
    pub(super) detach: bool,
}

#[derive(Subcommand)]
pub(super) enum DeploymentsCommand {
    /// List deployments
    List(DeploymentsListArgs),
    /// Show one deployment with its earlier generations
    Show(DeploymentArgs),
    /// Put the model that was in service before back into service
    Rollback(DeploymentArgs),
    /// Take a deployment out of service
    Stop(DeploymentArgs),
}

#[derive(ClapArgs)]
pub(super) struct DeploymentsListArgs {
    /// Also those that are stopped or failed
    #[arg(long)]
    pub(super) all: bool,
    #[command(flatten)]
    pub(super) format: FormatArg,
}

#[derive(ClapArgs)]
pub(super) struct DeploymentArgs {
    /// The deployment's name
    pub(super) name: String,
    #[command(flatten)]
    pub(super) format: FormatArg,
}

#[derive(Subcommand)]
pub(super) enum KindsCommand {
    /// List kinds
    List(FormatArg),
    /// Show a kind's documentation, parameters, ports and errors
    Show(KindArgs),
}

#[derive(ClapArgs)]
pub(super) struct KindArgs {
    /// The kind's name
    pub(super) name: String,
    #[command(flatten)]
    pub(super) format: FormatArg,
}

#[derive(ClapArgs)]
pub(super) struct DoctorArgs {
    /// Make a new database from the history and the journal; the old one is kept aside
    #[arg(long)]
    pub(super) rebuild: bool,
    #[command(flatten)]
    pub(super) format: FormatArg,
}

#[derive(ClapArgs)]
pub(super) struct GcArgs {
    /// Keep runs that ended within so many days
    #[arg(long, value_name = "N")]
    pub(super) keep_days: Option<u32>,
    /// Keep so many of the newest finished runs
    #[arg(long, value_name = "N")]
    pub(super) keep_runs: Option<usize>,
    /// Remove the oldest runs until the state takes no more than this, such as `20GB`
    #[arg(long, value_name = "SIZE", value_parser = super::gc::parse_size)]
    pub(super) max_size: Option<u64>,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    #[command(flatten)]
    pub(super) format: FormatArg,
}

#[derive(ClapArgs)]
pub(super) struct TortureArgs {
    /// For how long
    #[arg(long, default_value_t = 1.0)]
    pub(super) minutes: f64,
    /// Try the workflows of this seed again
    #[arg(long)]
    pub(super) seed: Option<u64>,
    /// A folder on the disk that is to be tried; the temporary folder when there is none
    #[arg(long)]
    pub(super) folder: Option<PathBuf>,
    /// At most so many runs
    #[arg(long, hide = true)]
    pub(super) rounds: Option<u64>,
    #[command(flatten)]
    pub(super) format: FormatArg,
}

#[derive(ClapArgs)]
pub(super) struct DaemonArgs {
    /// Where to listen; port 0 takes a free one. An address that others can reach wants a token
    #[arg(long, default_value = "127.0.0.1:7411")]
    pub(super) bind: SocketAddr,
    /// The folder of the workflow files [default: `workflows` beside `sluice.toml`, or that folder]
    #[arg(long, value_name = "DIR")]
    pub(super) workflows: Option<PathBuf>,
    /// A name under which the daemon may be reached, besides addresses and `localhost`
    #[arg(long = "host", value_name = "NAME")]
    pub(super) hosts: Vec<String>,
    /// The file of the TLS certificates, PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(super) tls_cert: Option<PathBuf>,
    /// The file of the certificate's key, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(super) tls_key: Option<PathBuf>,
    /// Tasks in workers at a time, of all runs together [default: one for each core, at least 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) workers: Option<u16>,
    /// Write the address to this file once it listens
    #[arg(long, value_name = "FILE")]
    pub(super) address_file: Option<PathBuf>,
    /// For tests: the clock is wrong by as many milliseconds as this file says
    #[arg(long, value_name = "FILE", hide = true)]
    pub(super) test_clock: Option<PathBuf>,
}

/// What the holder of a token may do.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum RoleArg {
    /// Look at everything
    Viewer,
    /// Also start and steer runs, schedules and models
    Operator,
    /// Also clear away
    Admin,
}

#[derive(Subcommand)]
pub(super) enum TokensCommand {
    /// Make a token and print it; it is shown this once
    Add(TokenAddArgs),
    /// List tokens
    List(FormatArg),
    /// Remove a token; whoever has it is locked out at once
    Remove(TokenArgs),
}

#[derive(ClapArgs)]
pub(super) struct TokenAddArgs {
    /// The token's name, such as the person or program that has it
    pub(super) name: String,
    /// What its holder may do
    #[arg(long, value_enum)]
    pub(super) role: RoleArg,
    #[command(flatten)]
    pub(super) format: FormatArg,
}

#[derive(ClapArgs)]
pub(super) struct AuditArgs {
    /// Who was refused, instead of who changed what
    #[arg(long)]
    pub(super) refusals: bool,
    /// At most so many lines
    #[arg(long, default_value_t = 50)]
    pub(super) limit: usize,
    #[command(flatten)]
    pub(super) format: FormatArg,
}

#[derive(ClapArgs)]
pub(super) struct TokenArgs {
    /// The token's name
    pub(super) name: String,
}
