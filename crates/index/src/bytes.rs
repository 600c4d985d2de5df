//! Numbers in bytes: little-endian fields, variable-length integers, and a cursor that never reads past its end.

use crate::ReadError;

/// Appends `value` as LEB128: seven bits a byte, lowest first.
pub fn put_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Appends the way from one number to another, small where they are near: 0, −1, 1, −2, … as 0, 1, 2, 3, ….
pub fn put_step(bytes: &mut Vec<u8>, from: u32, to: u32) {
    let step = i64::from(to) - i64::from(from);
    put_varint(bytes, ((step << 1) ^ (step >> 63)) as u64);
}

/// The little-endian number at `at`, if it is all there.
#[inline]
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The little-endian number at `at`, if it is all there.
#[inline]
pub fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Reads on through the bytes of one section.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    rest: &'a [u8],
    section: &'static str,
}

impl<'a> Cursor<'a> {
    /// Begins at the first byte; errors name the section.
    pub fn new(bytes: &'a [u8], section: &'static str) -> Self {
        Cursor { rest: bytes, section }
    }

    /// Whether all was read.
    pub fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// What was not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next bytes.
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], ReadError> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or_else(|| self.ended())?;
        self.rest = rest;
        Ok(taken)
    }

    /// A little-endian number.
    pub fn u64(&mut self) -> Result<u64, ReadError> {
        let bytes = self.take(8)?;
        u64_at(bytes, 0).ok_or_else(|| self.ended())
    }

    #[inline]
    /// A variable-length integer.
    pub fn varint(&mut self) -> Result<u64, ReadError> {
        // Most are one byte long.
        if let Some((byte, rest)) = self.rest.split_first()
            && *byte < 0x80
        {
            self.rest = rest;
            return Ok(u64::from(*byte));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64, ReadError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or_else(|| self.ended())?;
            self.rest = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ReadError::Damaged { section: self.section, what: "a number is longer than 64 bits" })
    }

    /// A variable-length integer that must fit 32 bits.
    #[inline]
    pub fn varint32(&mut self) -> Result<u32, ReadError> {
        let section = self.section;
        let too_large = |_| ReadError::Damaged { section, what: "a number is longer than 32 bits" };
        u32::try_from(self.varint()?).map_err(too_large)
    }

    /// Where a way from a number leads that was put there with [`put_step`].
    #[inline]
    pub fn step(&mut self, from: u32) -> Result<u32, ReadError> {
        let section = self.section;
        let too_far = ReadError::Damaged { section, what: "a step leads out of 32 bits" };
        let step = self.varint()?;
        let step = (step >> 1) as i64 ^ -((step & 1) as i64);
        i64::from(from).checked_add(step).and_then(|to| u32::try_from(to).ok()).ok_or(too_far)
    }

    fn ended(&self) -> ReadError {
        ReadError::Damaged { section: self.section, what: "it ends early" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_come_back() {
        let mut bytes = Vec::new();
        let values = [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX];
        values.iter().for_each(|value| put_varint(&mut bytes, *value));
        let mut cursor = Cursor::new(&bytes, "TEST");
        assert_eq!(values.map(|_| cursor.varint().expect("it was written")), values);
        assert!(cursor.is_at_end() && cursor.varint().is_err());
        assert!(Cursor::new(&[0xff; 11], "TEST").varint().is_err());
        assert!(Cursor::new(&[0xff; 3], "TEST").u64().is_err());
    }

    #[test]
    fn steps_lead_where_they_led() {
        let mut bytes = Vec::new();
        let values = [7, 7, 6, 8, 0, u32::MAX, 0, 1 << 31];
        let from = |idx: usize| if idx == 0 { 0 } else { values[idx - 1] };
        values.iter().enumerate().for_each(|(idx, value)| put_step(&mut bytes, from(idx), *value));
        let mut cursor = Cursor::new(&bytes, "TEST");
        for (idx, value) in values.iter().enumerate() {
            assert_eq!(cursor.step(from(idx)), Ok(*value));
        }
        assert!(Cursor::new(&[1], "TEST").step(0).is_err(), "there is nothing before 0");
        assert!(
            Cursor::new(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], "TEST").step(9).is_err()
        );
    }
}
