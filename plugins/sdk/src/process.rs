//! Who a process is, so that no later process of the same number is taken for it.

use std::{fs::File, io::Read, sync::OnceLock};

use serde::{Deserialize, Serialize};

/// A process that cannot be confused with a later one of the same number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    /// The process id.
    pub pid: u32,
    /// Its start time, in clock ticks since boot (field 22 of `/proc/PID/stat`).
    pub start_time: u64,
    /// The boot it belongs to (`/proc/sys/kernel/random/boot_id`).
    pub boot_id: String,
}

impl ProcessId {
    /// Who a process is; `None` when it does not live. One that ended and only waits to be reaped does not live.
    pub fn of(pid: u32) -> Option<Self> {
        let boot_id = boot_id()?.to_owned();
        let start_time = ProcessStat::read(pid).filter(|stat| !stat.has_ended)?.start_time;
        Some(Self { pid, start_time, boot_id })
    }

    /// Tells whether this very process lives.
    pub fn is_alive(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }
}

/// What the kernel says of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessStat {
    /// The process that started it, or adopted it.
    pub parent: u32,
    /// Its start time, in clock ticks since boot.
    pub start_time: u64,
    /// Nothing of it runs any more, no thread either; it waits to be reaped.
    pub has_ended: bool,
}

impl ProcessStat {
    /// Reads `/proc/PID/stat`; `None` when there is no such process.
    pub fn read(pid: u32) -> Option<Self> {
        Self::parse(&read_proc(&format!("/proc/{pid}/stat"))?)
    }

    /// State, parent, number of threads and start time are fields 3, 4, 20 and 22; the name before them may hold spaces and
    /// brackets. A process whose first thread alone has ended looks as if it waited to be reaped, and lives.
    fn parse(stat: &str) -> Option<Self> {
        let (_, after_name) = stat.rsplit_once(')')?;
        let mut fields = after_name.split_ascii_whitespace();
        let first_thread_ended = matches!(fields.next()?, "Z" | "X");
        let parent = fields.next()?.parse().ok()?;
        let n_threads: u32 = fields.nth(15)?.parse().ok()?;
        let start_time = fields.nth(1)?.parse().ok()?;
        Some(Self { parent, start_time, has_ended: first_thread_ended && n_threads <= 1 })
    }
}

/// The boot that this process belongs to.
fn boot_id() -> Option<&'static str> {
    static BOOT_ID: OnceLock<Option<String>> = OnceLock::new();
    let read = || Some(read_proc("/proc/sys/kernel/random/boot_id")?.trim().to_owned());
    BOOT_ID.get_or_init(read).as_deref()
}

/// Reads a file of `/proc`. Such files say that they are empty, so the standard library would read them in pieces of 32 bytes.
fn read_proc(path: &str) -> Option<String> {
    let mut text = String::with_capacity(1024);
    File::open(path).ok()?.read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_one_with_another_start_time_does_not() {
        let mut own = ProcessId::of(std::process::id()).unwrap();
        assert!(own.is_alive());
        own.start_time += 1;
        assert!(!own.is_alive());
    }

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let rest = "7 1 1 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 98765 0 0";
        let found = ProcessStat::parse(&format!("42 (a) Z (b c)) S {rest}"));
        let stat = ProcessStat { parent: 7, start_time: 98765, has_ended: false };
        assert_eq!(found, Some(stat));
        let ended = ProcessStat { has_ended: true, ..stat };
        assert_eq!(ProcessStat::parse(&format!("42 (a) Z {rest}")), Some(ended));
    }

    #[test]
    fn a_process_whose_first_thread_alone_ended_lives() {
        let stat = "42 (a) Z 7 1 1 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 2 0 98765 0 0";
        assert!(!ProcessStat::parse(stat).unwrap().has_ended);
    }
}
