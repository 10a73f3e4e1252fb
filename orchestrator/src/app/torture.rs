//! Trying the promises of `docs/durability.md` on a user's own disk: random workflows, killed at random, gone on with, and verified.

mod round;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use serde::Serialize;

use super::{App, AppError};
use round::Round;

/// What to try.
pub struct TortureRequest {
    /// How long.
    pub time: Duration,
    /// At most so many rounds.
    pub max_rounds: Option<u64>,
    /// Decides the workflows and the moments; the same seed tries the same again, as far as time allows.
    pub seed: Option<u64>,
    /// Where, a folder on the disk that is to be tried.
    pub folder: PathBuf,
}

/// What was tried.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TortureReport {
    /// The seed.
    pub seed: u64,
    /// Random workflows that were run to their end.
    pub n_rounds: u64,
    /// Processes that were killed from outside.
    pub n_kills: u64,
    /// Processes in which a failpoint was armed.
    pub n_failpoints: u64,
    /// Tasks that were run.
    pub n_tasks: u64,
    /// Tasks that were started more than once.
    pub n_repeated: u64,
    /// Tasks that must happen once and of which a person had to say whether they did.
    pub n_resolved: u64,
}

/// What came of it.
pub enum Torture {
    /// Every promise was kept; nothing is left in the folder.
    Kept(TortureReport),
    /// One was not.
    Broken {
        /// What was tried until then.
        report: TortureReport,
        /// What was found.
        reason: String,
        /// The folder with the evidence.
        folder: PathBuf,
    },
}

impl App {
    /// Tries the promises until the time is over, or one is broken. `tell` hears of each round.
    pub fn torture(
        &self,
        request: &TortureRequest,
        tell: &mut dyn FnMut(&TortureReport),
    ) -> Result<Torture, AppError> {
        let program = std::env::current_exe().map_err(|source| AppError::NoProgram { source })?;
        #[expect(clippy::cast_possible_truncation, reason = "any 64 bits make a seed")]
        let seed = request.seed.unwrap_or_else(|| self.world.random() as u64);
        let mut chance = Chance(seed);
        let mut report = TortureReport { seed, ..TortureReport::default() };
        let start = Instant::now();
        while start.elapsed() < request.time && request.max_rounds.is_none_or(|most| report.n_rounds < most) {
            let folder =
                request.folder.join(format!("sluice-torture-{}-{}", std::process::id(), report.n_rounds));
            let unwritable = |source| AppError::Unwritable { path: folder.clone(), source };
            std::fs::create_dir_all(&folder).map_err(unwritable)?;
            let round = Round { program: &program, folder: &folder };
            if let Err(reason) = round.run(&mut chance, &mut report) {
                return Ok(Torture::Broken { report, reason, folder });
            }
            std::fs::remove_dir_all(&folder).map_err(unwritable)?;
            report.n_rounds += 1;
            tell(&report);
        }
        Ok(Torture::Kept(report))
    }
}

/// Random numbers from a seed (`SplitMix64`), because a trial must be repeatable.
pub(super) struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `0` to `n - 1`.
    fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }
}
