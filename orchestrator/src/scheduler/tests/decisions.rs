//! What becomes of times, one rule at a time.

use std::collections::BTreeMap;

use super::*;
use crate::{
    run::{RunId, Trigger},
    scheduler::{Effect, Planner, Simulation, Turn, planner::Event, simulate},
    store::{Backfill, Decision, ScheduleCommit, ScheduleId},
    workflow::RunRule,
};

/// A planner with ids that count.
struct Desk {
    planner: Planner,
    n_ids: u128,
    id: ScheduleId,
}

impl Desk {
    fn new(spec: Arc<Spec>) -> Self {
        let id = spec.id.clone();
        let mut planner = Planner::default();
        planner.meet(spec, None, at(0));
        Self { planner, n_ids: 0, id }
    }

    fn ask(&mut self, ask: impl FnOnce(&mut Planner, &mut dyn FnMut() -> RunId) -> Turn) -> Vec<String> {
        let n = &mut self.n_ids;
        let mut ids = || {
            *n += 1;
            RunId::from_parts(0, *n)
        };
        said(&ask(&mut self.planner, &mut ids))
    }

    fn due(&mut self, now: i64) -> Vec<String> {
        self.ask(|planner, ids| planner.due(at(now), ids))
    }

    fn ended(&mut self, run: u128, now: i64) -> Vec<String> {
        self.ask(|planner, ids| planner.ended(RunId::from_parts(0, run), at(now), ids))
    }
}

fn n(run: RunId) -> u128 {
    run.to_bytes().last_chunk::<8>().map_or(0, |bytes| u128::from(u64::from_be_bytes(*bytes)))
}

/// Decisions and effects in short: `start 1 for 00:05`.
fn said(turn: &Turn) -> Vec<String> {
    let minute = |at: Timestamp| format!("{:02}:{:02}", (at.0 - NOON) / HOUR, (at.0 - NOON) / MINUTE % 60);
    let log = turn.commit.log.iter().map(|(_, entry)| {
        let what = match &entry.decision {
            Decision::Started { run } => format!("{} starts", n(*run)),
            Decision::Queued { run } => format!("{} waits", n(*run)),
            Decision::Overlapped { with } => format!("overlaps {}", n(*with)),
            Decision::QueueFull => "full".into(),
            Decision::Replaced { run } => format!("{} is replaced", n(*run)),
            Decision::Cancelled { run } => format!("{} is cancelled", n(*run)),
            Decision::Missed { n } => format!("missed {}", n.map_or("many".into(), |n| n.to_string())),
            Decision::Failed { run, reason } => format!("{} failed: {reason}", n(*run)),
        };
        format!("{} {what}", minute(entry.cause.scheduled_at))
    });
    let effects = turn.effects.iter().map(|effect| match effect {
        Effect::Start(_, fire) => format!("start {}", n(fire.run)),
        Effect::Cancel(run) => format!("cancel {}", n(*run)),
    });
    log.chain(effects).collect()
}

const NOTHING: [&str; 0] = [];

#[test]
fn a_schedule_that_is_new_begins_now_and_fires_once_for_each_time() {
    let mut desk = Desk::new(spec("*/5 * * * *", Overlap::Allow, CatchUp::All));
    assert_eq!(desk.planner.next(), Some(at(5 * MINUTE)));
    assert_eq!(desk.due(4 * MINUTE), NOTHING);
    assert_eq!(desk.due(5 * MINUTE), ["00:05 1 starts", "start 1"]);
    assert_eq!(desk.due(5 * MINUTE), NOTHING);
    // The clock goes back, and comes to the same time again.
    assert_eq!(desk.due(2 * MINUTE), NOTHING);
    assert_eq!(desk.due(5 * MINUTE + 1), NOTHING);
    assert_eq!(desk.due(10 * MINUTE + 20_000), ["00:10 2 starts", "start 2"]);
}

#[test]
fn times_that_passed_unwatched_are_caught_up_as_the_file_says() {
    let asleep =
        |catch_up| Desk::new(spec("0 * * * *", Overlap::Allow, catch_up)).due(3 * HOUR + 30 * MINUTE);
    assert_eq!(asleep(CatchUp::None), ["01:00 missed 3"]);
    assert_eq!(asleep(CatchUp::Latest), ["01:00 missed 2", "03:00 1 starts", "start 1"]);
    let all = ["01:00 1 starts", "02:00 2 starts", "03:00 3 starts", "start 1", "start 2", "start 3"];
    assert_eq!(asleep(CatchUp::All), all);
    // A time that comes right now makes the latest missed one unnecessary.
    let awake = |catch_up| Desk::new(spec("0 * * * *", Overlap::Allow, catch_up)).due(3 * HOUR + 10_000);
    assert_eq!(awake(CatchUp::Latest), ["01:00 missed 2", "03:00 1 starts", "start 1"]);
    assert_eq!(awake(CatchUp::None), ["01:00 missed 2", "03:00 1 starts", "start 1"]);
}

#[test]
fn a_window_and_a_limit_bound_what_is_caught_up() {
    let limited = spec_with("0 * * * *", Overlap::Allow, CatchUp::All, |rule| rule.catch_up_limit = 2);
    assert_eq!(
        Desk::new(limited).due(5 * HOUR + 30 * MINUTE)[..3],
        ["01:00 missed 3", "04:00 1 starts", "05:00 2 starts"]
    );
    let windowed = spec_with("0 * * * *", Overlap::Allow, CatchUp::All, |rule| rule.catch_up_window = 3600.0);
    assert_eq!(Desk::new(windowed).due(5 * HOUR + 30 * MINUTE)[..2], ["01:00 missed 4", "05:00 1 starts"]);
    let narrow = spec_with("0 0 * * *", Overlap::Allow, CatchUp::Latest, |rule| rule.catch_up_window = 60.0);
    assert_eq!(Desk::new(narrow).due(20 * HOUR), ["12:00 missed 1"]);
    // Years of seconds cost no more than the last of them.
    let seconds = spec("* * * * * *", Overlap::Allow, CatchUp::Latest);
    let said = Desk::new(seconds).due(20 * 365 * 24 * HOUR);
    assert_eq!(said[0], "00:00 missed many");
    assert_eq!(said.len(), 1 + 2 * 31, "those of the last half minute are on time");
}

#[test]
fn fires_that_overlap_are_skipped_or_wait_or_replace() {
    let mut skip = Desk::new(spec("*/5 * * * *", Overlap::Skip, CatchUp::None));
    let _ = skip.due(5 * MINUTE);
    assert_eq!(skip.due(10 * MINUTE), ["00:10 overlaps 1"]);
    assert_eq!(skip.ended(1, 11 * MINUTE), NOTHING);
    assert_eq!(skip.due(15 * MINUTE), ["00:15 3 starts", "start 3"]);

    let mut queue = Desk::new(spec("*/5 * * * *", Overlap::Queue, CatchUp::None));
    let _ = queue.due(5 * MINUTE);
    assert_eq!(queue.due(10 * MINUTE), ["00:10 2 waits"]);
    assert_eq!(queue.due(15 * MINUTE), ["00:15 3 waits"]);
    assert_eq!(queue.ended(1, 16 * MINUTE), ["00:10 2 starts", "start 2"]);
    assert_eq!(queue.ended(2, 17 * MINUTE), ["00:15 3 starts", "start 3"]);

    let mut cancel = Desk::new(spec("*/5 * * * *", Overlap::CancelRunning, CatchUp::None));
    let _ = cancel.due(5 * MINUTE);
    assert_eq!(cancel.due(10 * MINUTE), ["00:05 1 is cancelled", "00:10 2 waits", "cancel 1"]);
    let third = ["00:10 2 is replaced", "00:05 1 is cancelled", "00:15 3 waits", "cancel 1"];
    assert_eq!(cancel.due(15 * MINUTE), third);
    assert_eq!(cancel.ended(1, 16 * MINUTE), ["00:15 3 starts", "start 3"]);
}

#[test]
fn what_is_caught_up_waits_for_itself_even_where_overlaps_are_skipped() {
    let mut desk = Desk::new(spec("0 * * * *", Overlap::Skip, CatchUp::All));
    assert_eq!(desk.due(2 * HOUR + 30 * MINUTE), ["01:00 1 starts", "02:00 2 waits", "start 1"]);
    assert_eq!(desk.due(3 * HOUR), ["03:00 overlaps 1"]);
    assert_eq!(desk.ended(1, 3 * HOUR + 1), ["02:00 2 starts", "start 2"]);
}

#[test]
fn a_queue_is_not_endless() {
    let mut desk = Desk::new(spec("* * * * *", Overlap::Queue, CatchUp::None));
    for minute in 1..=101 {
        let _ = desk.due(minute * MINUTE);
    }
    assert_eq!(desk.due(102 * MINUTE), ["01:42 full"]);
}

#[test]
fn a_paused_schedule_lets_its_times_pass_and_goes_on_from_now() {
    let mut desk = Desk::new(spec("0 * * * *", Overlap::Skip, CatchUp::All));
    let id = desk.id.clone();
    let _ = desk.planner.pause(&id, "ann", at(1));
    assert_eq!(desk.planner.next(), None);
    assert_eq!(desk.due(5 * HOUR), NOTHING);
    let _ = desk.planner.resume(&id, at(5 * HOUR + MINUTE));
    assert_eq!(desk.planner.next(), Some(at(6 * HOUR)));
    assert_eq!(desk.due(6 * HOUR), ["06:00 1 starts", "start 1"]);
}

#[test]
fn another_definition_begins_now_and_another_parameter_does_not() {
    let mut desk = Desk::new(spec("0 * * * *", Overlap::Skip, CatchUp::All));
    desk.planner.meet(spec("30 * * * *", Overlap::Skip, CatchUp::All), None, at(45 * MINUTE));
    assert_eq!(desk.planner.next(), Some(at(90 * MINUTE)), "00:30 was not a time of it then");
    desk.planner.meet(spec("30 * * * *", Overlap::Queue, CatchUp::All), None, at(95 * MINUTE));
    assert_eq!(desk.planner.next(), Some(at(90 * MINUTE)), "01:30 still is");
}

#[test]
fn jitter_is_chance_but_the_same_for_the_same_time_and_keeps_the_order() {
    let spec = spec_with("*/5 * * * *", Overlap::Allow, CatchUp::All, |rule| rule.jitter = 120.0);
    let late = |spec: &Spec| -> Vec<i64> {
        let times = std::iter::successors(spec.next(at(0)), |due| spec.next(due.scheduled_at));
        times.take(50).map(|due| due.at.0 - due.scheduled_at.0).collect()
    };
    assert_eq!(late(&spec), late(&spec));
    assert!(late(&spec).iter().all(|late| (0..=120_000).contains(late)));
    assert!(late(&spec).iter().max() > late(&spec).iter().min());
    let mut desk = Desk::new(Arc::clone(&spec));
    let due = spec.next(at(0)).unwrap();
    assert_eq!(desk.due(due.at.0 - NOON - 1), NOTHING);
    assert_eq!(desk.due(due.at.0 - NOON).len(), 2);
}

#[test]
fn a_range_is_worked_off_in_order_beside_the_schedule_itself() {
    let mut desk = Desk::new(spec("0 * * * *", Overlap::Skip, CatchUp::None));
    let (id, params) = (desk.id.clone(), BTreeMap::new());
    let range = Backfill { done: at(-3 * HOUR - 1), until: at(0), parallel: 2, params };
    let first = desk.ask(|planner, ids| planner.backfill(&id, range, at(1), ids));
    assert_eq!(first.len(), 4, "{first:?}");
    assert_eq!(desk.due(HOUR), ["01:00 3 starts", "start 3"], "its own times do not care");
    assert_eq!(desk.ended(2, HOUR).len(), 2);
    assert_eq!(desk.ended(1, HOUR).len(), 2);
    assert_eq!(desk.ended(4, HOUR), NOTHING);
    let (_, state, _) = desk.planner.get(&id).unwrap();
    assert!(state.backfills.is_empty() && state.open.len() == 2);
}

#[test]
fn an_event_that_came_before_does_nothing() {
    let mut desk = Desk::new(spec("0 0 1 1 *", Overlap::Queue, CatchUp::None));
    let id = desk.id.clone();
    let mut come = |key: &str| {
        let event = Event { trigger: Trigger::Webhook, key, at: at(0), params: &Ok(BTreeMap::new()) };
        desk.ask(|planner, ids| planner.event(&id, &event, at(0), ids).1)
    };
    assert_eq!(come("a"), ["00:00 1 starts", "start 1"]);
    assert_eq!(come("a"), NOTHING);
    assert_eq!(come("b"), ["00:00 2 waits"]);
}

#[test]
fn a_run_that_cannot_start_makes_room_for_the_next() {
    let mut desk = Desk::new(spec("*/5 * * * *", Overlap::Queue, CatchUp::None));
    let _ = desk.due(5 * MINUTE);
    let _ = desk.due(10 * MINUTE);
    let failed =
        desk.ask(|planner, ids| planner.failed(RunId::from_parts(0, 1), "no disk", at(11 * MINUTE), ids));
    assert_eq!(failed, ["00:05 1 failed: no disk", "00:10 2 starts", "start 2"]);
}

#[test]
fn a_simulation_shows_what_would_happen_while_runs_take_their_time_and_nobody_watches() {
    let simulation = Simulation {
        specs: vec![spec("0 * * * *", Overlap::Skip, CatchUp::Latest)],
        from: at(0),
        to: at(6 * HOUR),
        down: vec![(at(3 * HOUR + 1), at(5 * HOUR + 10 * MINUTE))],
        seconds: BTreeMap::from([("w".to_owned(), 5400.0)]),
        limit: 100,
    };
    let (steps, is_whole) = simulate(simulation.clone());
    let shown: Vec<String> = steps
        .into_iter()
        .map(|step| {
            let decision = step.decision.map(|decision| vec![(step.schedule.clone(), decision)]);
            let log = decision.into_iter().flatten().map(|(id, decision)| {
                (id, crate::store::LogEntry { n: 0, at: step.at, cause: step.cause.clone(), decision })
            });
            let turn = Turn {
                commit: ScheduleCommit { states: Vec::new(), log: log.collect() },
                effects: Vec::new(),
            };
            said(&turn).pop().unwrap_or_else(|| format!("{} ends", step.run.unwrap()))
        })
        .collect();
    let wanted = [
        "00:00 1 starts",
        "01:00 overlaps 1",
        "1 ends",
        "02:00 3 starts",
        "03:00 overlaps 3",
        "3 ends",
        "04:00 missed 1",
        "05:00 5 starts",
        "06:00 overlaps 5",
    ];
    assert_eq!(shown, wanted);
    assert!(is_whole);
    assert_eq!(simulate(Simulation { limit: 3, ..simulation }).0.len(), 3);
}

#[test]
fn what_was_decided_stays_decided_when_the_clock_is_set_back_and_the_schedule_begins_anew() {
    let mut desk = Desk::new(spec("0 * * * *", Overlap::Allow, CatchUp::All));
    assert_eq!(desk.due(HOUR), ["01:00 1 starts", "start 1"]);
    // The clock goes back by half an hour; then someone edits the line, and lets the schedule rest and go on.
    let edited = spec("0,59 * * * *", Overlap::Allow, CatchUp::All);
    desk.planner.meet(edited, None, at(HOUR / 2));
    let id = desk.id.clone();
    let _ = desk.ask(|planner, _| planner.pause(&id, "ann", at(HOUR / 2)));
    let _ = desk.ask(|planner, _| planner.resume(&id, at(HOUR / 2)));
    assert_eq!(desk.due(HOUR + MINUTE), NOTHING);
    assert_eq!(desk.due(2 * HOUR - MINUTE).len(), 2);
    // A clock that was wrong by years does not silence the schedule for years, once somebody lets it begin anew.
    let _ = desk.due(10 * 365 * 24 * HOUR);
    assert!(desk.planner.next().unwrap() > at(9 * 365 * 24 * HOUR));
    let _ = desk.ask(|planner, _| planner.pause(&id, "ann", at(3 * HOUR)));
    let _ = desk.ask(|planner, _| planner.resume(&id, at(3 * HOUR)));
    assert_eq!(desk.planner.next(), Some(at(3 * HOUR + 59 * MINUTE)));
}

#[test]
fn who_edits_how_much_is_caught_up_wants_it_for_what_was_missed() {
    let mut desk = Desk::new(spec("0 * * * *", Overlap::Allow, CatchUp::None));
    let edited = spec_with("0 * * * *", Overlap::Allow, CatchUp::All, |rule| rule.catch_up_limit = 2);
    desk.planner.meet(edited, None, at(3 * HOUR + 30 * MINUTE));
    assert_eq!(desk.due(3 * HOUR + 30 * MINUTE)[..2], ["01:00 missed 1", "02:00 1 starts"]);
}

#[test]
fn fires_that_wait_are_dropped_with_their_schedule_and_need_not_wait_under_another_rule() {
    let queue = || Desk::new(spec("*/5 * * * *", Overlap::Queue, CatchUp::None));
    let mut desk = queue();
    let _ = desk.due(5 * MINUTE);
    let _ = desk.due(10 * MINUTE);
    let id = desk.id.clone();
    let said = desk.ask(|planner, _| planner.forget(&id, at(11 * MINUTE)));
    assert_eq!(said, ["00:10 2 failed: no workflow file has its schedule any more"]);
    assert_eq!(desk.ended(1, 12 * MINUTE), NOTHING);

    let mut desk = queue();
    for time in [5, 10, 15] {
        let _ = desk.due(time * MINUTE);
    }
    desk.planner.meet(spec("*/5 * * * *", Overlap::Allow, CatchUp::None), None, at(16 * MINUTE));
    let said = desk.ask(|planner, ids| planner.reconsider(&id, at(16 * MINUTE), ids));
    assert_eq!(said, ["00:10 2 starts", "00:15 3 starts", "start 2", "start 3"]);
}

#[test]
fn a_time_that_waits_for_the_jitter_of_the_one_before_it_is_not_missed() {
    let late = spec_with("*/5 * * * * *", Overlap::Allow, CatchUp::None, |rule| rule.jitter = 300.0);
    let mut desk = Desk::new(Arc::clone(&late));
    let mut started = Vec::new();
    for second in 0..3600 {
        started.extend(desk.due(second * 1000).into_iter().filter(|said| said.contains("missed")));
    }
    assert_eq!(started, NOTHING);
}

#[test]
fn an_event_whose_parameters_cannot_be_had_starts_nothing_and_says_why() {
    let mut desk = Desk::new(spec("0 0 1 1 *", Overlap::Queue, CatchUp::None));
    let id = desk.id.clone();
    let params = Err("parameter `a` cannot be had".to_owned());
    let event = Event { trigger: Trigger::Webhook, key: "k", at: at(0), params: &params };
    let said = desk.ask(|planner, ids| planner.event(&id, &event, at(0), ids).1);
    assert_eq!(said, ["00:00 1 failed: parameter `a` cannot be had"]);
}

#[test]
fn a_simulation_follows_runs_that_start_others() {
    let rule = RunRule { workflow: "w".into(), status: vec!["succeeded".into()] };
    let (name, on, overlap) = ("after".to_owned(), On::Run(rule), Overlap::Queue);
    let after = Schedule { name, enabled: true, on, overlap, params: BTreeMap::new() };
    let simulation = Simulation {
        specs: vec![spec("0 * * * *", Overlap::Skip, CatchUp::None), Arc::new(Spec::new("v", &after))],
        from: at(0),
        to: at(HOUR + 20 * MINUTE),
        down: Vec::new(),
        seconds: BTreeMap::from([("w".to_owned(), 600.0), ("v".to_owned(), 300.0)]),
        limit: 100,
    };
    let shown: Vec<String> = simulate(simulation)
        .0
        .iter()
        .map(|step| {
            let what = if step.decision.is_some() { "decides" } else { "ends" };
            format!("{} {} {what}", (step.at.0 - NOON) / MINUTE, step.schedule.workflow)
        })
        .collect();
    let hour = |from: i64| {
        [(0, "w decides"), (10, "w ends"), (10, "v decides"), (15, "v ends")]
            .map(|(at, what)| format!("{} {what}", from + at))
    };
    assert_eq!(shown, [hour(0), hour(60)].concat());
}
