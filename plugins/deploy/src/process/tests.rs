//! Rollouts on real processes.
