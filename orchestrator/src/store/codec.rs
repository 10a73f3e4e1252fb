//! Numbers and byte strings, packed: what rows and journal records are made of.

use super::StoreError;

/// Appends a number: seven bits a byte, lowest first.
pub(super) fn put_number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(0x80 | value.to_le_bytes()[0]);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Appends a number that may be negative, small ones of either sign short.
pub(super) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_number(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

/// Appends bytes with their length in front.
pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Takes packed values off the front of some bytes.
#[derive(Clone, Copy)]
pub(super) struct Unpacker<'a> {
    bytes: &'a [u8],
}

impl<'a> Unpacker<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn byte(&mut self) -> Result<u8, StoreError> {
        let (first, rest) = self.bytes.split_first().ok_or_else(cut_off)?;
        self.bytes = rest;
        Ok(*first)
    }

    pub(super) fn number(&mut self) -> Result<u64, StoreError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(StoreError::BadValue("a packed number is too long".into()))
    }

    /// A number of at most 32 bits.
    pub(super) fn small(&mut self) -> Result<u32, StoreError> {
        u32::try_from(self.number()?).map_err(|_| StoreError::BadValue("a packed number is too large".into()))
    }

    pub(super) fn signed(&mut self) -> Result<i64, StoreError> {
        let value = self.number()?;
        Ok((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], StoreError> {
        let length = usize::try_from(self.number()?).map_err(|_| cut_off())?;
        self.take(length)
    }

    pub(super) fn text(&mut self) -> Result<String, StoreError> {
        String::from_utf8(self.bytes()?.to_vec())
            .map_err(|_| StoreError::BadValue("a packed text is not UTF-8".into()))
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        self.take(N)?.try_into().map_err(|_| cut_off())
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], StoreError> {
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or_else(cut_off)?;
        self.bytes = rest;
        Ok(taken)
    }
}

fn cut_off() -> StoreError {
    StoreError::BadValue("packed values are cut off".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_back() {
        let mut out = Vec::new();
        for value in [0, 1, 127, 128, 300, u64::MAX] {
            put_number(&mut out, value);
        }
        for value in [0, -1, 63, i64::MIN, i64::MAX] {
            put_signed(&mut out, value);
        }
        put_bytes(&mut out, b"text");
        let mut packed = Unpacker::new(&out);
        for value in [0, 1, 127, 128, 300, u64::MAX] {
            assert_eq!(packed.number().unwrap(), value);
        }
        for value in [0, -1, 63, i64::MIN, i64::MAX] {
            assert_eq!(packed.signed().unwrap(), value);
        }
        assert_eq!(packed.text().unwrap(), "text");
        assert!(packed.is_empty() && packed.byte().is_err());
    }
}
