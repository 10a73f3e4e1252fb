//! The pages of Sluicegate: view structs in, HTML and SVG out.
//!
//! Each page is a function of a [`Page`] (who looks, when, in which light) and a view struct of [`view`]. Nothing here reads a clock, a file or
//! a socket, and nothing leaves the server: the style sheet, the script and the mark are [`asset`]s with the hash of their
//! content in their names.
//!
//! # What the server does
//!
//! | address | function | parts (`X-Fragment`) |
//! |---|---|---|
//! | `/` | [`overview`] | `live` |
//! | `/workflows?q=` | [`workflows`] | `live` |
//! | `/workflows/NAME` | [`workflow`] | |
//! | `/runs?workflow=&state=&q=&after=` | [`runs`] | `live` |
//! | `/runs/ID?task=&group=&rows=` | [`run`] | `live`, `task`, `group` |
//! | `/runs/ID/tasks/TASK` | [`task`] | `live` |
//! | `/runs/ID/tasks/TASK/log?attempt=&offset=` | [`log`] | `log` |
//! | `/compare?a=&b=` | [`compare`] | |
//! | `/models`, `/models/NAME` | [`models`], [`model`] | |
//! | `/deployments` | [`deployments`] | `live` |
//! | `/schedules` | [`schedules`] | `live` |
//! | `/kinds`, `/kinds/NAME` | [`kinds`], [`kind`] | |
//! | `/system` | [`system`] | `live` |
//! | `/login?next=` | [`login`] | |
//! | `/api/docs` | [`api_docs`] | |
//! | errors | [`error`] | |
//! | `/assets/FILE` | [`asset`] | |
//!
//! Every answer carries [`CONTENT_SECURITY_POLICY`]. The header `X-Fragment` of a request goes into [`Page::fragment`](view::Page::fragment);
//! answers to requests that have it must not be cached (`Cache-Control: no-store`, `Vary: X-Fragment`).
//!
//! The live stream of a run's page is `/api/v1/runs/ID/events?after=SEQ` as server-sent events: `id:` the event's number, `event: record`, any
//! data. On each, the script asks for the page's part `live` again, no more often than the answers come quickly.
//!
//! # Forms
//!
//! All post `application/x-www-form-urlencoded` with the field `csrf`, and are answered by `303 See Other` to a page, or by the page again with
//! the problem.
//!
//! | address | fields |
//! |---|---|
//! | `/login` | `token`, `next` |
//! | `/logout` | |
//! | `/workflows/NAME/runs` | `param.PARAMETER` (a checkbox gives `true`, before it a hidden `false`: the last one counts), `no_cache=true` |
//! | `/runs/ID/cancel`, `/runs/ID/pause`, `/runs/ID/unpause`, `/runs/ID/retry` | |
//! | `/runs/ID/rerun` | `from` (a task; empty for the whole run) |
//! | `/runs/ID/tasks/TASK/resolve` | `as` = `succeeded`, `failed` or `retry` |
//! | `/models/NAME/promote` | `alias`, `version`, `reason` |
//! | `/models/NAME/rollback` | `alias`, `reason` |
//! | `/deployments/NAME/stop` | |
//! | `/schedules/ID/pause`, `/schedules/ID/resume` | `reason` |

mod ansi;
mod assets;
mod doc;
mod graph;
mod icon;
mod pages;
mod part;
mod plot;
mod text;
pub mod view;

pub use assets::{Asset, asset};
pub use pages::{
    api_docs, compare, deployments, error, kind, kinds, log, login, model, models, overview, run, runs,
    schedules, system, task, workflow, workflows,
};

/// What a page may load: its own style sheet, script, images and streams, and nothing else.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
     img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
