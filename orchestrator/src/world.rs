//! Time and chance, as inputs: everything else takes a [`World`], so that tests can give their own.

use std::{fs::File, io::Read, path::PathBuf};

use crate::run::{RunId, Timestamp};

/// Where time and chance come from.
pub trait World: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
    /// 128 random bits.
    fn random(&self) -> u128;
}

/// The machine's clock and its source of random numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemWorld;

impl World for SystemWorld {
    fn now(&self) -> Timestamp {
        Timestamp(chrono::Utc::now().timestamp_millis())
    }

    fn random(&self) -> u128 {
        ulid::Ulid::generate().random() | (u128::from(std::process::id()) << 96)
    }
}

/// The machine's clock, wrong by as many milliseconds as a file says; right while the file says nothing. For tests.
#[derive(Clone, Debug)]
pub struct WrongClock {
    /// The file.
    pub file: PathBuf,
}

impl World for WrongClock {
    fn now(&self) -> Timestamp {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        Timestamp(SystemWorld.now().0.saturating_add(text.trim().parse().unwrap_or(0)))
    }

    fn random(&self) -> u128 {
        SystemWorld.random()
    }
}

/// Makes a run id of now.
pub fn new_run_id(world: &dyn World) -> RunId {
    RunId::from_parts(world.now().0.unsigned_abs(), world.random())
}

/// Makes a number from 0 to 1.
pub fn fraction(world: &dyn World) -> f64 {
    #[expect(clippy::cast_possible_truncation, reason = "the low 32 bits are what is wanted")]
    let bits = world.random() as u32;
    f64::from(bits) / f64::from(u32::MAX)
}

/// Makes 256 bits that nobody can guess, from the kernel. For secrets alone; whatever a test must repeat takes a [`World`].
pub fn secret() -> std::io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}
