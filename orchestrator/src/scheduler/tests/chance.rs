//! Long random lives: the process dies at every point, clocks are set, machines sleep. Whatever happens, no time becomes two runs, and what
//! was recorded happens.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::{
    run::{Cause, RunId, Trigger},
    scheduler::{Effect, Planner, Turn, planner::RunIs},
    store::ScheduleState,
};

/// What the disk, the engine and the clock are, in a life.
struct Life {
    spec: Arc<Spec>,
    planner: Planner,
    /// What a restart finds.
    disk: Option<ScheduleState>,
    /// Every run that was ever started: why, and when it ends.
    runs: BTreeMap<RunId, (Cause, Timestamp)>,
    /// Those that go on, by when they end.
    going: BTreeSet<(Timestamp, RunId)>,
    now: Timestamp,
    n_ids: u128,
    seconds: i64,
    chance: u64,
}

impl Life {
    fn new(spec: Arc<Spec>, seconds: i64, chance: u64) -> Self {
        let (planner, runs, going) = (Planner::default(), BTreeMap::new(), BTreeSet::new());
        let mut life = Self { spec, planner, disk: None, runs, going, now: at(0), n_ids: 0, seconds, chance };
        life.restart();
        life
    }

    fn random(&mut self, below: u64) -> u64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        self.chance % below
    }

    fn decide(
        &mut self,
        decide: impl FnOnce(&mut Planner, Timestamp, &mut dyn FnMut() -> RunId) -> Turn,
    ) -> Turn {
        let (n, now) = (&mut self.n_ids, self.now);
        let mut ids = || {
            *n += 1;
            RunId::from_parts(0, *n)
        };
        decide(&mut self.planner, now, &mut ids)
    }

    /// Remembers and does; the process may die before, between and after. True when it did.
    fn perform(&mut self, turn: Turn) -> bool {
        if !turn.is_empty() && self.random(20) == 0 {
            return true;
        }
        if let Some(state) = turn.commit.states.last() {
            self.disk = Some(state.clone());
        }
        for effect in turn.effects {
            if self.random(20) == 0 {
                return true;
            }
            match effect {
                Effect::Start(_, fire) => {
                    let end = Timestamp(self.now.0 + self.seconds * 1000);
                    self.going.insert((end, fire.run));
                    let known = self.runs.insert(fire.run, (fire.cause, end));
                    assert!(known.is_none(), "a run that exists is not started");
                }
                Effect::Cancel(run) => {
                    if let Some((_, end)) = self.runs.get_mut(&run)
                        && self.going.remove(&(*end, run))
                    {
                        *end = self.now.min(*end);
                        self.going.insert((*end, run));
                    }
                }
            }
        }
        false
    }

    fn restart(&mut self) {
        loop {
            self.planner = Planner::default();
            self.planner.meet(Arc::clone(&self.spec), self.disk.clone(), self.now);
            let dirty = self.planner.take_dirty();
            self.disk = dirty.into_iter().last().or(self.disk.take());
            let (runs, going) = (std::mem::take(&mut self.runs), std::mem::take(&mut self.going));
            let is = |run| match runs.get(&run) {
                None => RunIs::Missing,
                Some((_, end)) if going.contains(&(*end, run)) => RunIs::Open,
                Some(_) => RunIs::Ended,
            };
            let id = self.spec.id.clone();
            let turn = self.decide(|planner, now, ids| planner.recover(&id, now, &is, ids));
            (self.runs, self.going) = (runs, going);
            if !self.perform(turn) {
                return;
            }
        }
    }

    /// Time passes while the process lives, or does not.
    fn pass(&mut self, millis: i64, is_up: bool) {
        let until = Timestamp(self.now.0 + millis);
        loop {
            let end = self.going.first().copied();
            let next = self.planner.next().filter(|_| is_up).into_iter().chain(end.map(|(at, _)| at)).min();
            let Some(next) = next.filter(|next| *next <= until) else { break };
            self.now = self.now.max(next);
            let mut dies = false;
            if let Some((_, run)) = end.filter(|(at, _)| *at <= self.now) {
                self.going.pop_first();
                if is_up {
                    let turn = self.decide(|planner, now, ids| planner.ended(run, now, ids));
                    dies |= self.perform(turn);
                }
            }
            if is_up && !dies {
                let turn = self.decide(|planner, now, ids| planner.due(now, ids));
                dies |= self.perform(turn);
            }
            if dies {
                self.restart();
            }
        }
        self.now = until;
    }

    /// Times that became runs by themselves, with how often.
    fn times(&self) -> BTreeMap<Timestamp, usize> {
        let mut times = BTreeMap::new();
        for (cause, _) in self.runs.values() {
            assert!(matches!(cause.trigger, Trigger::Schedule | Trigger::CatchUp));
            *times.entry(cause.scheduled_at).or_default() += 1;
        }
        times
    }

    fn live(&mut self, steps: usize) {
        for _ in 0..steps {
            let length = i64::try_from(self.random(3 * 3600)).unwrap() * 1000;
            match self.random(8) {
                0 => {
                    // The machine is off, or asleep.
                    self.pass(length, false);
                    self.restart();
                }
                // The clock is set.
                1 => self.now = Timestamp(self.now.0 + length),
                2 => self.now = Timestamp(self.now.0 - length),
                3 => self.restart(),
                _ => self.pass(length, true),
            }
        }
        // In the end all is quiet: the clock has come past all that was ever decided, and every run has ended.
        let watermark = self.disk.as_ref().unwrap().watermark;
        self.now = self.now.max(watermark);
        for _ in 0..50 {
            self.pass(3 * HOUR, true);
        }
    }
}

fn overlaps() -> impl Strategy<Value = Overlap> {
    prop_oneof![Just(Overlap::Skip), Just(Overlap::Queue), Just(Overlap::CancelRunning), Just(Overlap::Allow)]
}

fn catch_ups() -> impl Strategy<Value = CatchUp> {
    prop_oneof![Just(CatchUp::None), Just(CatchUp::Latest), Just(CatchUp::All)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_time_becomes_two_runs_and_what_was_recorded_happens(
        overlap in overlaps(),
        catch_up in catch_ups(),
        cron in prop_oneof![Just("*/7 * * * *"), Just("0 * * * *"), Just("30 */2 * * *"), Just("*/20 9-17 * * *")],
        seconds in prop_oneof![Just(0i64), 1i64..300, 300i64..20_000],
        jitter in prop_oneof![Just(0.0), Just(90.0)],
        chance in 1u64..u64::MAX,
    ) {
        let spec = spec_with(cron, overlap, catch_up, |rule| rule.jitter = jitter);
        let mut life = Life::new(Arc::clone(&spec), seconds, chance);
        life.live(60);
        let times = life.times();
        prop_assert!(times.values().all(|n| *n == 1), "{times:?}");
        for time in times.keys() {
            let before = Timestamp(time.0 - 1);
            prop_assert_eq!(spec.next(before).map(|due| due.scheduled_at), Some(*time), "a time of the line");
        }
        // What is still recorded as started exists; only fires that wait behind a long queue do not.
        let state = life.disk.clone().unwrap();
        for fire in state.open.iter().filter(|fire| !fire.waits) {
            prop_assert!(life.runs.contains_key(&fire.run));
        }
    }

    #[test]
    fn when_all_is_caught_up_every_time_becomes_exactly_one_run(
        overlap in prop_oneof![Just(Overlap::Queue), Just(Overlap::Allow)],
        seconds in 0i64..600,
        chance in 1u64..u64::MAX,
    ) {
        let spec = spec_with("0 * * * *", overlap, CatchUp::All, |rule| {
            rule.catch_up_limit = 1000;
            rule.catch_up_window = 365.0 * 86_400.0;
        });
        let mut life = Life::new(Arc::clone(&spec), seconds, chance);
        life.live(60);
        let times = life.times();
        let last = life.disk.as_ref().unwrap().watermark;
        let wanted: BTreeMap<Timestamp, usize> = std::iter::successors(spec.next(at(0)), |due| spec.next(due.scheduled_at))
            .map(|due| due.scheduled_at)
            .take_while(|time| *time <= last)
            .map(|time| (time, 1))
            .collect();
        prop_assert_eq!(times, wanted);
    }
}
