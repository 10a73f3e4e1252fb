//! Signed feature hashing of categories or terms into a fixed number of columns.
//!
//! The columns are those of scikit-learn 1.9.1's `FeatureHasher(input_type="string", alternate_sign=True)`, and
//! for terms those of its `HashingVectorizer(norm=None)`: the hash of a feature chooses its column and whether
//! one is added or taken away there.
//!
//! Sources: Weinberger, Dasgupta, Langford, Smola and Attenberg 2009, "Feature hashing for large scale multitask
//! learning", Proceedings of the 26th International Conference on Machine Learning, 1113–1120; Appleby 2011,
//! `MurmurHash3` in `SMHasher`, <https://github.com/aappleby/smhasher> (public domain), after which the hash is
//! written anew here.

use serde::{Deserialize, Serialize};

use super::{NamedColumns, error::TextError, terms::TermSettings};

/// The largest number of columns that the settings take.
pub const LARGEST_COLUMN_COUNT: u32 = 1 << 20;

/// What of a text is hashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HashedSource {
    /// The whole text as one category, letter by letter as it is; an empty text is a category too.
    Category,
    /// Each term of the text, as often as it is there.
    Terms(TermSettings),
}

/// How texts are hashed into columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashedSettings {
    /// The number of columns, from one to [`LARGEST_COLUMN_COUNT`].
    pub columns: u32,
    /// What of a text is hashed.
    pub source: HashedSource,
}

impl HashedSettings {
    /// Checks the limits of each setting.
    ///
    /// # Errors
    ///
    /// [`TextError::Setting`] for the first setting that is out of its limits.
    pub fn validate(&self) -> Result<(), TextError> {
        if !(1..=LARGEST_COLUMN_COUNT).contains(&self.columns) {
            let reason = format!("must be from 1 to {LARGEST_COLUMN_COUNT}");
            return Err(TextError::setting("columns", reason));
        }
        match &self.source {
            HashedSource::Category => Ok(()),
            HashedSource::Terms(terms) => terms.validate(),
        }
    }

    /// The signed sums of the hashed features in `texts`, in columns called `NAME:0`, `NAME:1` and so on.
    ///
    /// A missing text has zeros in all columns.
    ///
    /// # Errors
    ///
    /// [`TextError::Setting`] for a setting out of its limits.
    pub fn apply(&self, name: &str, texts: &[Option<&str>]) -> Result<NamedColumns, TextError> {
        self.validate()?;
        let mut columns: NamedColumns =
            (0..self.columns).map(|index| (format!("{name}:{index}"), vec![0.0; texts.len()])).collect();
        for (row, text) in texts.iter().enumerate() {
            let Some(text) = text else { continue };
            let mut add = |feature: &str| {
                let (index, sign) = column_and_sign(feature, self.columns);
                let column = usize::try_from(index).ok().and_then(|index| columns.get_mut(index));
                if let Some(cell) = column.and_then(|(_, values)| values.get_mut(row)) {
                    *cell += sign;
                }
            };
            match &self.source {
                HashedSource::Category => add(text),
                HashedSource::Terms(terms) => terms.for_each_term(text, &mut add),
            }
        }
        Ok(columns)
    }
}

/// The column of a feature among `columns` columns, and the sign of its share there: 1 or -1.
///
/// The hash is read as a signed number. Its absolute value modulo the number of columns is the column; the
/// smallest number, which has no positive counterpart in 32 bits, counts as 2^31. No columns count as one.
#[must_use]
pub fn column_and_sign(feature: &str, columns: u32) -> (u32, f64) {
    let hash = murmur_hash_3(feature.as_bytes(), 0).cast_signed();
    let sign = if hash >= 0 { 1.0 } else { -1.0 };
    (hash.unsigned_abs() % columns.max(1), sign)
}

/// The 32-bit variant of `MurmurHash3` for x86.
#[must_use]
pub fn murmur_hash_3(bytes: &[u8], seed: u32) -> u32 {
    let (blocks, tail) = bytes.as_chunks::<4>();
    let mut hash = seed;
    for block in blocks {
        hash ^= scramble(u32::from_le_bytes(*block));
        hash = hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    let last = tail.iter().rev().fold(0, |number, &byte| (number << 8) | u32::from(byte));
    hash ^= scramble(last);
    finish(hash ^ low_32_bits(bytes.len()))
}

/// Mixes one block of four bytes.
fn scramble(block: u32) -> u32 {
    block.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593)
}

/// Spreads each bit of the hash to all others.
fn finish(mut hash: u32) -> u32 {
    hash ^= hash >> 16;
    hash = hash.wrapping_mul(0x85eb_ca6b);
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

/// The low 32 bits of a length.
fn low_32_bits(length: usize) -> u32 {
    u32::try_from(length & 0xffff_ffff).unwrap_or(u32::MAX)
}
