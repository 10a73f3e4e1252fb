//! The daemon's audit trail, as commands see it.

use super::{App, AppError};
use crate::server::{AuditEntry, audit_size, read_audit};

impl App {
    /// Bytes that the trail takes, with what was put aside.
    pub fn audit_size(&self) -> u64 {
        audit_size(&self.home)
    }

    /// The latest lines of the trail of changes, or of refusals, newest first.
    pub fn audit(&self, refusals: bool, limit: usize) -> Result<Vec<AuditEntry>, AppError> {
        read_audit(&self.home, refusals, limit).map_err(|error| AppError::Invalid {
            message: format!("the audit trail in `{}` cannot be read: {error}", self.home.display()),
            hint: "only the user who runs `sluice serve` may read it".into(),
        })
    }
}
