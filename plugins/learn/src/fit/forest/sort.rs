//! Sorting the rows of a node by a column. A key holds the value's bits, mapped so that they ascend with the
//! value, above the row's place in the node; equal values therefore stay in their former order.

/// From here on, sorting by digits beats sorting by comparisons.
const MIN_RADIX_LEN: usize = 1024;
/// The digits of the upper half of a key, from the lowest: shift and number of bits.
const DIGITS: [(u32, u32); 3] = [(32, 11), (43, 11), (54, 10)];

/// The key of a value at a place in the node. NaN sorts last.
pub(super) fn key(value: f32, place: u32) -> u64 {
    let bits = value.to_bits();
    let ascending = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
    u64::from(ascending) << 32 | u64::from(place)
}

/// The value in a key.
pub(super) fn value(key: u64) -> f32 {
    let ascending = (key >> 32) as u32;
    f32::from_bits(if ascending >> 31 == 1 { ascending & !(1 << 31) } else { !ascending })
}

/// The place in a key.
#[expect(clippy::cast_possible_truncation, reason = "the low half of a key is the place")]
pub(super) fn place(key: u64) -> usize {
    key as u32 as usize
}

/// Sorts keys whose places ascend; `scratch` is memory to reuse.
pub(super) fn sort(keys: &mut Vec<u64>, scratch: &mut Vec<u64>) {
    if keys.len() < MIN_RADIX_LEN {
        keys.sort_unstable();
        return;
    }
    let mut counts = vec![[0_u32; 1 << 11]; DIGITS.len()];
    for key in &*keys {
        for (count, (shift, n_bits)) in counts.iter_mut().zip(DIGITS) {
            count[digit(*key, shift, n_bits)] += 1;
        }
    }
    scratch.resize(keys.len(), 0);
    for (count, (shift, n_bits)) in counts.iter_mut().zip(DIGITS) {
        if count.iter().any(|n| *n as usize == keys.len()) {
            continue;
        }
        let mut start = 0;
        for n in count.iter_mut() {
            start += std::mem::replace(n, start);
        }
        for key in &*keys {
            let next = &mut count[digit(*key, shift, n_bits)];
            scratch[*next as usize] = *key;
            *next += 1;
        }
        std::mem::swap(keys, scratch);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a digit has at most 11 bits")]
fn digit(key: u64, shift: u32, n_bits: u32) -> usize {
    (key >> shift) as usize & ((1 << n_bits) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_like_their_values_with_missing_ones_last() {
        for n in [7, MIN_RADIX_LEN * 3] {
            let values: Vec<f32> = (0_u32..)
                .take(n)
                .map(|i| if i % 97 == 5 { f32::NAN } else { (i * 7919 % 1000) as f32 - 500.0 })
                .collect();
            let mut keys: Vec<u64> = (0..).zip(&values).map(|(place, value)| key(*value, place)).collect();
            sort(&mut keys, &mut Vec::new());
            let mut expected: Vec<usize> = (0..n).collect();
            expected.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
            assert_eq!(keys.iter().map(|key| place(*key)).collect::<Vec<_>>(), expected);
            assert!(keys.iter().all(|key| value(*key).to_bits() == values[place(*key)].to_bits()));
        }
    }
}
