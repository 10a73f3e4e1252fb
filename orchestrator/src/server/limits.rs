//! Limits of rates, by the address that a request comes from.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::run::Timestamp;

/// Addresses that are remembered; when there are more, those that have all of their tokens are forgotten.
const MAX_ADDRESSES: usize = 10_000;

/// A bucket for each address: it fills at a rate, and each request takes one out.
pub(super) struct Buckets {
    size: f64,
    per_second: f64,
    known: Mutex<HashMap<String, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    left: f64,
    at: Timestamp,
}

impl Buckets {
    pub(super) fn new(size: f64, per_second: f64) -> Self {
        Self { size, per_second, known: Mutex::default() }
    }

    fn now(&self, bucket: Bucket, now: Timestamp) -> f64 {
        (bucket.left + now.seconds_since(bucket.at) * self.per_second).min(self.size)
    }

    /// Takes one out; false when there is none.
    pub(super) fn take(&self, address: &str, now: Timestamp) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_ADDRESSES && !known.contains_key(address) {
            known.retain(|_, bucket| self.now(*bucket, now) < self.size);
            if known.len() >= MAX_ADDRESSES {
                return false;
            }
        }
        let left = known.get(address).map_or(self.size, |bucket| self.now(*bucket, now));
        let taken = left >= 1.0;
        let left = if taken { left - 1.0 } else { left };
        known.insert(address.to_owned(), Bucket { left, at: now });
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_again_for_each_address() {
        let buckets = Buckets::new(2.0, 1.0);
        let take = |address, at| buckets.take(address, Timestamp(at));
        assert!(take("a", 0) && take("a", 0) && !take("a", 0));
        assert!(take("b", 0));
        assert!(!take("a", 500) && take("a", 1100) && !take("a", 1200));
    }
}
