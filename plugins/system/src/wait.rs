//! Waiting for a program without a thread of its own.

use std::{
    io,
    os::fd::OwnedFd,
    process::{Child, ExitStatus},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open},
};

/// How often a cancelled run is noticed.
const LOOK: Duration = Duration::from_millis(20);

/// How long a program may take to stop.
const GRACE: Duration = Duration::from_secs(2);

/// Waits for a program, and ends it when nobody wants it any more.
pub(crate) struct Patience<'a> {
    /// Tells that the program shall end.
    pub(crate) is_cancelled: &'a dyn Fn() -> bool,
}

impl Patience<'_> {
    /// Waits for the end; `None` when the program was asked to stop: politely, then not. What is left in its group goes with it.
    pub(crate) fn wait(&self, mut child: Child) -> io::Result<Option<ExitStatus>> {
        let group = Pid::from_child(&child);
        // A sandbox may know no pidfds; then the end is looked for instead of waited for.
        let process = pidfd_open(group, PidfdFlags::empty()).ok();
        let mut asked: Option<Instant> = None;
        loop {
            if ended(process.as_ref(), &mut child)? {
                let status = child.wait()?;
                if asked.is_none() {
                    return Ok(Some(status));
                }
                let _ = kill_process_group(group, Signal::KILL);
                return Ok(None);
            }
            match asked {
                None if (self.is_cancelled)() => {
                    let _ = kill_process_group(group, Signal::TERM);
                    asked = Some(Instant::now());
                }
                Some(since) if since.elapsed() > GRACE => {
                    let _ = kill_process_group(group, Signal::KILL);
                }
                _ => {}
            }
        }
    }
}

/// Waits for a moment; true when the program has ended.
fn ended(process: Option<&OwnedFd>, child: &mut Child) -> io::Result<bool> {
    let Some(process) = process else {
        std::thread::sleep(LOOK / 10);
        return Ok(child.try_wait()?.is_some());
    };
    let timeout = Timespec { tv_sec: 0, tv_nsec: LOOK.subsec_nanos().into() };
    match poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&timeout)) {
        Ok(n_ready) => Ok(n_ready > 0),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
