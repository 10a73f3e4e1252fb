//! Parts of a file, as clients ask for them (RFC 9110, section 14): one range at a time.

use std::ops::Range;

use axum::http::{HeaderMap, HeaderValue, header};

/// What is wanted of something with a length and a strong tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Nothing: the client has it.
    Known,
    /// All of it.
    All,
    /// These bytes; never none.
    Part(Range<u64>),
    /// Bytes that there are none of.
    Beyond,
}

/// Reads the conditions and the range of a request. Several ranges, and what cannot be read, are answered by the whole, as the
/// standard allows.
pub(super) fn wanted(headers: &HeaderMap, etag: &str, length: u64) -> Wanted {
    let all = |name| headers.get_all(name).iter().filter_map(|value: &HeaderValue| value.to_str().ok());
    let mut tags = all(header::IF_NONE_MATCH).flat_map(|tags| tags.split(',')).map(str::trim);
    if tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag) {
        return Wanted::Known;
    }
    // A part fits only to what the client has the other parts of.
    if all(header::IF_RANGE).any(|tag| tag.trim() != etag) {
        return Wanted::All;
    }
    let mut ranges = all(header::RANGE);
    match (ranges.next(), ranges.next()) {
        (Some(range), None) => part(range, length).unwrap_or(Wanted::All),
        _ => Wanted::All,
    }
}

/// `bytes=FIRST-LAST`, `bytes=FIRST-` or `bytes=-LENGTH`; `None` when it is anything else.
fn part(text: &str, length: u64) -> Option<Wanted> {
    let (unit, range) = text.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    let (first, last) = (first.trim(), last.trim());
    let number = |text: &str| if text.is_empty() { None } else { Some(number(text)) };
    let range = match (number(first), number(last)) {
        (Some(first), Some(last)) => {
            let (first, last) = (first?, last?);
            if last < first {
                return None;
            }
            first..last.saturating_add(1).min(length)
        }
        (Some(first), None) => first?..length,
        (None, Some(n)) => length.saturating_sub(n?)..length,
        (None, None) => return None,
    };
    Some(if range.start < range.end { Wanted::Part(range) } else { Wanted::Beyond })
}

/// A number of digits alone; one that is too large counts as the largest.
fn number(text: &str) -> Option<u64> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(header::HeaderName, &str)]) -> Wanted {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        wanted(&headers, "\"abc\"", 100)
    }

    fn range(text: &str) -> Wanted {
        asked(&[(header::RANGE, text)])
    }

    #[test]
    fn one_range_of_each_form_is_understood() {
        assert_eq!(range("bytes=0-0"), Wanted::Part(0..1));
        assert_eq!(range("bytes=10-19"), Wanted::Part(10..20));
        assert_eq!(range("bytes=90-"), Wanted::Part(90..100));
        assert_eq!(range("Bytes = 90 - 99999999999999999999999"), Wanted::Part(90..100));
        assert_eq!(range("bytes=-5"), Wanted::Part(95..100));
        assert_eq!(range("bytes=-500"), Wanted::Part(0..100));
    }

    #[test]
    fn ranges_behind_the_end_are_refused_and_odd_ones_left_alone() {
        for text in ["bytes=100-", "bytes=200-300", "bytes=-0"] {
            assert_eq!(range(text), Wanted::Beyond, "{text}");
        }
        for text in ["bytes=5-2", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=0-1,5-6", "bytes=+1-2", "bytes"]
        {
            assert_eq!(range(text), Wanted::All, "{text}");
        }
        let twice = [(header::RANGE, "bytes=0-1"), (header::RANGE, "bytes=2-3")];
        assert_eq!(asked(&twice), Wanted::All);
    }

    #[test]
    fn tags_decide_before_the_range() {
        let part = (header::RANGE, "bytes=0-9");
        for known in ["\"abc\"", "\"x\", W/\"abc\"", "*"] {
            assert_eq!(asked(&[(header::IF_NONE_MATCH, known), part.clone()]), Wanted::Known);
        }
        assert_eq!(asked(&[(header::IF_NONE_MATCH, "\"x\"")]), Wanted::All);
        assert_eq!(asked(&[(header::IF_RANGE, "\"abc\""), part.clone()]), Wanted::Part(0..10));
        for other in ["\"x\"", "W/\"abc\"", "Wed, 21 Oct 2026 07:28:00 GMT"] {
            assert_eq!(asked(&[(header::IF_RANGE, other), part.clone()]), Wanted::All);
        }
    }
}
