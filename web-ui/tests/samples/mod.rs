//! Data as a project that has run for a while has them: for the gallery, the benchmark and the tests.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each user takes a part")]

mod lists;
mod many;
mod runs;
mod tasks;

pub use lists::*;
pub use many::*;
pub use runs::*;
pub use tasks::*;

use sluicegate_web::view::{Page, Role, User};

/// 2026-11-24 12:00:00 UTC.
pub const NOW: i64 = 1_795_521_600_000;
pub const SECOND: i64 = 1_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

pub fn page() -> Page {
    Page {
        now: NOW,
        csrf: "f3a9c1".into(),
        user: Some(User { name: "ana".into(), role: Role::Admin }),
        version: "0.1.0".into(),
        project: "credit-lab".into(),
        ..Page::default()
    }
}

/// The same numbers each time.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From 0 to 1.
    pub fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A whole number below another.
    pub fn below(&mut self, n: u32) -> u32 {
        self.next();
        u32::try_from((self.0 >> 33) % u64::from(n)).expect("it is below `n`")
    }
}

pub fn s(text: &str) -> String {
    text.to_owned()
}
