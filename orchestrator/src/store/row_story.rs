//! The end of a packed row: why the run exists and what came of it. What is not there takes no room but a bit.

use sluicegate_plugin::Decision;

use super::{
    StoreError,
    codec::{Unpacker, put_bytes, put_signed},
};
use crate::run::{Cause, RunStory, Timestamp, Trigger, Trouble};

/// Bits of the first byte; the two highest of the lower half are the decision.
const HAS_CAUSE: u8 = 0x01;
const HAS_STARTER: u8 = 0x02;
const HAS_TROUBLE: u8 = 0x04;
const DECISION_AT: u8 = 4;

/// Every trigger and decision. Rows keep the place in these lists, so their order is part of the format: new ones go to the end.
const TRIGGERS: [Trigger; 7] = [
    Trigger::Hand,
    Trigger::Schedule,
    Trigger::CatchUp,
    Trigger::Backfill,
    Trigger::Run,
    Trigger::Webhook,
    Trigger::Files,
];
const DECISIONS: [Option<Decision>; 4] =
    [None, Some(Decision::Pass), Some(Decision::Reject), Some(Decision::Insufficient)];

/// Appends a story; times are relative to the run's beginning.
pub(super) fn put(out: &mut Vec<u8>, story: &RunStory, created_at: Timestamp) {
    let decision = DECISIONS.iter().position(|known| *known == story.decision).unwrap_or_default();
    let mut flags = decision.to_le_bytes()[0] << DECISION_AT;
    flags |= if story.cause.is_some() { HAS_CAUSE } else { 0 };
    flags |= if story.started_by.is_empty() { 0 } else { HAS_STARTER };
    flags |= if story.trouble.is_some() { HAS_TROUBLE } else { 0 };
    out.push(flags);
    if let Some(cause) = &story.cause {
        let trigger = TRIGGERS.iter().position(|known| *known == cause.trigger).unwrap_or_default();
        out.push(trigger.to_le_bytes()[0]);
        put_bytes(out, cause.schedule.as_bytes());
        put_signed(out, cause.scheduled_at.0.wrapping_sub(created_at.0));
    }
    if !story.started_by.is_empty() {
        put_bytes(out, story.started_by.as_bytes());
    }
    if let Some(trouble) = &story.trouble {
        put_bytes(out, trouble.task.as_bytes());
        put_bytes(out, trouble.message.as_bytes());
    }
}

/// Takes a story off the front of some bytes.
pub(super) fn take(packed: &mut Unpacker<'_>, created_at: Timestamp) -> Result<RunStory, StoreError> {
    let unknown = |what: &str| StoreError::BadValue(format!("a run's row has an unknown {what}"));
    let flags = packed.byte()?;
    let decision = DECISIONS.get(usize::from(flags >> DECISION_AT)).ok_or_else(|| unknown("decision"))?;
    let mut story = RunStory { decision: *decision, ..RunStory::default() };
    if flags & HAS_CAUSE != 0 {
        let trigger = TRIGGERS.get(usize::from(packed.byte()?)).ok_or_else(|| unknown("trigger"))?;
        let schedule = packed.text()?;
        let scheduled_at = Timestamp(created_at.0.wrapping_add(packed.signed()?));
        story.cause = Some(Cause { trigger: *trigger, schedule, scheduled_at });
    }
    if flags & HAS_STARTER != 0 {
        story.started_by = packed.text()?;
    }
    if flags & HAS_TROUBLE != 0 {
        story.trouble = Some(Trouble { task: packed.text()?, message: packed.text()? });
    }
    Ok(story)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(story: &RunStory) -> (usize, RunStory) {
        let mut packed = Vec::new();
        put(&mut packed, story, Timestamp(1_700_000_000_000));
        let mut unpacker = Unpacker::new(&packed);
        let read = take(&mut unpacker, Timestamp(1_700_000_000_000)).unwrap();
        assert!(unpacker.is_empty());
        (packed.len(), read)
    }

    #[test]
    fn a_story_comes_back_whole_and_an_empty_one_is_a_byte() {
        assert_eq!(back(&RunStory::default()), (1, RunStory::default()));
        for (trigger, decision) in TRIGGERS.into_iter().zip(DECISIONS.into_iter().cycle()) {
            let cause =
                Cause { trigger, schedule: "nightly".into(), scheduled_at: Timestamp(1_699_999_999_000) };
            let trouble = Trouble { task: "model".into(), message: "no such column".into() };
            let story =
                RunStory { cause: Some(cause), started_by: "ana".into(), trouble: Some(trouble), decision };
            assert_eq!(back(&story).1, story);
        }
    }

    #[test]
    fn what_a_later_program_wrote_is_refused() {
        for bytes in [&[0x40_u8][..], &[HAS_CAUSE, 99, 0, 0]] {
            assert!(take(&mut Unpacker::new(bytes), Timestamp(0)).is_err());
        }
    }
}
