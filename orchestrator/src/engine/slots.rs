//! Pools and mutexes across runs: what each run that goes on holds, taken from its state whenever that changed.
//!
//! A run claims while it holds the table, and puts what it then holds in place of what it held before; nothing is ever counted up and down.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::mpsc;

use super::driver::Message;
use crate::run::{Run, RunId};

/// What a run holds, and how to tell it that others let something go; nobody is told of a run that no process drives.
struct Holder {
    held: BTreeMap<String, u32>,
    inbox: Option<mpsc::UnboundedSender<Message>>,
}

/// The slots that the runs of an engine hold.
pub(super) struct Slots {
    /// Slots of the project's pools, by key.
    project: BTreeMap<String, u32>,
    holders: Mutex<BTreeMap<RunId, Holder>>,
}

/// The table, while a run claims.
pub(super) struct Claiming<'a> {
    project: &'a BTreeMap<String, u32>,
    holders: MutexGuard<'a, BTreeMap<RunId, Holder>>,
}

impl Slots {
    /// Nothing is held; `project` has the slots of the pools that all runs share, by key.
    pub(super) fn new(project: BTreeMap<String, u32>) -> Self {
        Self { project, holders: Mutex::default() }
    }

    /// Adds a run.
    pub(super) fn enter(&self, run: &Run, inbox: mpsc::UnboundedSender<Message>) {
        self.lock().holders.insert(run.id(), Holder { held: run.held_slots(), inbox: Some(inbox) });
    }

    /// Adds a run that no process drives, but whose workers go on.
    pub(super) fn enter_undriven(&self, run: &Run) {
        self.lock().holders.insert(run.id(), Holder { held: run.held_slots(), inbox: None });
    }

    /// Takes a run out unless a process drives it by now.
    pub(super) fn leave_undriven(&self, run: RunId) {
        let mut claiming = self.lock();
        if claiming.holders.get(&run).is_some_and(|holder| holder.inbox.is_none()) {
            claiming.holders.remove(&run);
            claiming.wake_others(run);
        }
    }

    /// Takes a run out; others may claim what it held.
    pub(super) fn leave(&self, run: RunId) {
        let mut claiming = self.lock();
        claiming.holders.remove(&run);
        claiming.wake_others(run);
    }

    /// The pools that all runs share, by key: how many slots are held, and how many there are.
    pub(super) fn loads(&self) -> Vec<(String, u32, u32)> {
        let claiming = self.lock();
        let held = |key: &String| claiming.holders.values().filter_map(|holder| holder.held.get(key)).sum();
        self.project.iter().map(|(key, slots)| (key.clone(), held(key), *slots)).collect()
    }

    /// Holds the table. Nobody else claims meanwhile.
    pub(super) fn lock(&self) -> Claiming<'_> {
        let holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        Claiming { project: &self.project, holders }
    }
}

impl Claiming<'_> {
    /// What the other runs leave free of everything that a run may claim.
    pub(super) fn free_for(&self, run: &Run) -> BTreeMap<String, u32> {
        let others = || self.holders.iter().filter(|(id, _)| **id != run.id()).map(|(_, holder)| holder);
        let mut free = run.claimable();
        for (key, n_slots) in &mut free {
            let all = self.project.get(key).copied().unwrap_or(*n_slots);
            let held: u32 = others().filter_map(|holder| holder.held.get(key)).sum();
            *n_slots = all.saturating_sub(held);
        }
        free
    }

    /// Notes what a run holds now. When that is less of anything, the others look again.
    pub(super) fn note(&mut self, run: &Run) {
        let now = run.held_slots();
        let Some(holder) = self.holders.get_mut(&run.id()) else { return };
        let less = holder.held.iter().any(|(key, before)| now.get(key).is_none_or(|now| now < before));
        holder.held = now;
        if less {
            self.wake_others(run.id());
        }
    }

    fn wake_others(&self, run: RunId) {
        let others = self.holders.iter().filter(|(id, _)| **id != run);
        for inbox in others.filter_map(|(_, holder)| holder.inbox.as_ref()) {
            let _ = inbox.send(Message::Look);
        }
    }
}
