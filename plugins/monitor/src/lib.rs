//! The built-in pack `monitor`: looking at what is in service.

mod expect;
mod fetch;
mod http;
mod page;
mod prometheus;
mod redact;

use sluicegate_plugin::Pack;

pub use http::MonitorHttp;

/// The kind `monitor.http`.
pub fn pack() -> Pack {
    Pack::new("monitor").with(MonitorHttp)
}
