//! Arrays of numbers as one text: little-endian bytes in base64. A forest has millions of numbers, and as JSON they take
//! three times the space and thirty times the time to read.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serializer, de::Error};

use crate::ensemble::Node;

/// An item of such an array.
pub(crate) trait Item: Sized {
    /// Its bytes.
    const SIZE: usize;

    /// Appends its bytes.
    fn write(&self, bytes: &mut Vec<u8>);

    /// The item of as many bytes.
    fn read(bytes: &[u8]) -> Self;
}

fn part<const N: usize>(bytes: &[u8], from: usize) -> [u8; N] {
    bytes[from..from + N].try_into().expect("the slice has this length")
}

impl Item for f64 {
    const SIZE: usize = 8;

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_le_bytes());
    }

    fn read(bytes: &[u8]) -> Self {
        Self::from_le_bytes(part(bytes, 0))
    }
}

impl Item for u64 {
    const SIZE: usize = 8;

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_le_bytes());
    }

    fn read(bytes: &[u8]) -> Self {
        Self::from_le_bytes(part(bytes, 0))
    }
}

impl Item for u32 {
    const SIZE: usize = 4;

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_le_bytes());
    }

    fn read(bytes: &[u8]) -> Self {
        Self::from_le_bytes(part(bytes, 0))
    }
}

impl Item for Node {
    const SIZE: usize = 16;

    fn write(&self, bytes: &mut Vec<u8>) {
        self.threshold.write(bytes);
        self.next.write(bytes);
        self.feature.write(bytes);
    }

    fn read(bytes: &[u8]) -> Self {
        Self { threshold: f64::read(bytes), next: u32::read(&bytes[8..]), feature: u32::read(&bytes[12..]) }
    }
}

/// Writes an array.
pub(crate) fn serialize<T: Item, S: Serializer>(items: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    let mut bytes = Vec::with_capacity(items.len() * T::SIZE);
    for item in items {
        item.write(&mut bytes);
    }
    serializer.serialize_str(&STANDARD.encode(bytes))
}

/// Reads an array.
pub(crate) fn deserialize<'de, T: Item, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
    let bytes = STANDARD.decode(text.as_bytes()).map_err(D::Error::custom)?;
    if bytes.len() % T::SIZE != 0 {
        return Err(D::Error::custom(format!("{} bytes are no array of items of {}", bytes.len(), T::SIZE)));
    }
    Ok(bytes.chunks_exact(T::SIZE).map(T::read).collect())
}
