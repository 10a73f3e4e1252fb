//! Numbers, times and names as people read them.

use maud::{Markup, html};

/// A duration: `12 ms`, `3.4 s`, `2 m 05 s`, `1 h 02 m`, `3 d 04 h`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a duration is small and positive"
)]
pub(crate) fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match seconds {
        s if s.is_nan() || s <= 0.0 => "0 ms".into(),
        s if s < 0.9995 => format!("{:.0} ms", s * 1000.0),
        s if s < 59.95 => format!("{s:.1} s"),
        _ if whole < 3600 => format!("{} m {:02} s", whole / 60, whole % 60),
        _ if whole < 86_400 => format!("{} h {:02} m", whole / 3600, whole / 60 % 60),
        _ => format!("{} d {:02} h", whole / 86_400, whole / 3600 % 24),
    }
}

/// A size, in units of 1000.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// A metric: whole numbers as such, others with as many digits as tell them apart.
pub(crate) fn number(value: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    let sign = if value < 0.0 { "−" } else { "" };
    let magnitude = value.abs();
    let text = match magnitude {
        m if m.is_infinite() => "∞".into(),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and below 2^53")]
        m if m.fract() == 0.0 && m < 9e15 => count(m as u64),
        m if !(1e-4..1e6).contains(&m) => format!("{m:.3e}"),
        m if m >= 1000.0 => format!("{m:.1}"),
        m if m >= 10.0 => format!("{m:.2}"),
        m => format!("{m:.4}"),
    };
    format!("{sign}{text}")
}

/// A difference, with its sign.
pub(crate) fn signed(value: f64) -> String {
    let text = number(value.abs());
    match value {
        v if v < 0.0 => format!("−{text}"),
        v if v > 0.0 => format!("+{text}"),
        _ => "±0".into(),
    }
}

/// A number of a table's cell with no more digits than one can compare; others as they are.
pub(crate) fn short_cell(text: &str) -> String {
    match text.parse::<f64>() {
        Ok(value) if text.len() > 10 && text.contains('.') && value.is_finite() => {
            let digits = if (1e-4..1e6).contains(&value.abs()) {
                format!("{value:.6}")
            } else {
                format!("{value:.5e}")
            };
            match digits.split_once('e') {
                None => digits.trim_end_matches('0').trim_end_matches('.').to_owned(),
                Some(_) => digits,
            }
        }
        _ => clipped(text, 80),
    }
}

/// A count with its thousands apart: `12,345`.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 task`, `2 tasks`.
pub(crate) fn plural(n: usize, noun: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{} {noun}{s}", count(n as u64))
}

/// Hashes by their beginning, long texts too; others as they are.
pub(crate) fn shortened(value: &str) -> String {
    let is_hash = |word: &str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !value.split(' ').any(is_hash) {
        return clipped(value, 200);
    }
    let words = value
        .split(' ')
        .map(|word| if is_hash(word) { format!("{}…", &word[..12]) } else { word.to_owned() });
    clipped(&words.collect::<Vec<_>>().join(" "), 200)
}

/// A text of so many characters at most.
pub(crate) fn clipped(text: &str, n: usize) -> String {
    match text.char_indices().nth(n) {
        None => text.to_owned(),
        Some(_) => text.chars().take(n.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// A run's id as lists show it: its random end tells runs apart, its beginning is the time.
pub(crate) fn short_id(id: &str) -> String {
    let n = id.chars().count();
    if n <= 12 { id.to_owned() } else { id.chars().skip(n - 8).collect() }
}

/// Year, month, day, hour, minute, second in UTC of milliseconds since 1970.
fn civil(at: i64) -> (i64, i64, i64, i64, i64, i64) {
    let (days, second) = (at.div_euclid(86_400_000), at.rem_euclid(86_400_000) / 1000);
    // Howard Hinnant's days-to-civil: eras of 400 years that begin in March.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day, second / 3600, second / 60 % 60, second % 60)
}

/// RFC 3339 in UTC, to the second.
pub(crate) fn rfc3339(at: i64) -> String {
    let (year, month, day, hour, minute, second) = civil(at);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// `2026-11-24 12:30:05 UTC`, for those whose browser runs no script.
fn absolute(at: i64) -> String {
    let (year, month, day, hour, minute, second) = civil(at);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// How long ago, or in how much time: `3 m ago`, `in 2 h`. The script says the same in `app.js`.
pub(crate) fn relative(now: i64, at: i64) -> String {
    let seconds = (now - at).unsigned_abs() / 1000;
    let amount = match seconds {
        0..5 => return "now".into(),
        5..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        86_400..2_592_000 => format!("{} d", seconds / 86_400),
        2_592_000..31_536_000 => format!("{} mo", seconds / 2_592_000),
        _ => format!("{} y", seconds / 31_536_000),
    };
    if at <= now { format!("{amount} ago") } else { format!("in {amount}") }
}

/// A point in time: relative, with the absolute on hover; the script shows it in the viewer's zone.
pub(crate) fn when(now: i64, at: i64) -> Markup {
    html! { time datetime=(rfc3339(at)) title=(absolute(at)) { (relative(now, at)) } }
}

/// A point in time, absolute.
pub(crate) fn clock(at: i64) -> Markup {
    html! { time.abs datetime=(rfc3339(at)) title=(absolute(at)) { (absolute(at)) } }
}

/// A point in time to come: absolute, to the minute.
pub(crate) fn clock_minute(at: i64) -> Markup {
    html! { time.abs.minute datetime=(rfc3339(at)) title=(absolute(at)) { (absolute(at)) } }
}

/// Text in which names stand between backticks, as messages have them.
pub(crate) fn prose(text: &str) -> Markup {
    let text = crate::ansi::plain(text);
    // An odd backtick at the end is text.
    let is_odd = text.matches('`').count() % 2 == 1;
    let last = text.matches('`').count();
    html! {
        @for (at, part) in text.split('`').enumerate() {
            @if at % 2 == 1 && !(is_odd && at == last) { code { (part) } }
            @else if is_odd && at == last { "`" (part) }
            @else { (part) }
        }
    }
}

/// Percent-encodes a path's segment or a query's value.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{
        clipped, count, duration, encoded, number, prose, relative, rfc3339, short_cell, shortened, signed,
        size,
    };

    #[test]
    fn numbers_durations_and_sizes_read_well() {
        assert_eq!(duration(0.0123), "12 ms");
        assert_eq!(duration(125.0), "2 m 05 s");
        assert_eq!(duration(3725.0), "1 h 02 m");
        assert_eq!(duration(-1.0), "0 ms");
        assert_eq!(size(1_500), "1.5 kB");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(number(0.971_234_5), "0.9712");
        assert_eq!(number(42.0), "42");
        assert_eq!(number(-64_430.0), "−64,430");
        assert_eq!(number(f64::NAN), "NaN");
        assert_eq!(number(f64::NEG_INFINITY), "−∞");
        assert_eq!(number(-17.064), "−17.06");
        assert_eq!(number(0.000_012_3), "1.230e-5");
        assert_eq!(signed(-0.25), "−0.2500");
        assert_eq!(clipped("grüße an alle", 6), "grüße…");
    }

    #[test]
    fn cells_have_as_many_digits_as_one_can_compare() {
        assert_eq!(short_cell("-0.044641636506989144"), "-0.044642");
        assert_eq!(short_cell("0.500000000000001"), "0.5");
        assert_eq!(short_cell("0.0000061283579"), "6.12836e-6");
        assert_eq!(short_cell("12345678901234"), "12345678901234");
        assert_eq!(short_cell("2026.11.24 12:30"), "2026.11.24 12:30");
    }

    #[test]
    fn hashes_are_told_by_their_beginning_wherever_they_stand() {
        let hash = "ab".repeat(32);
        assert_eq!(shortened(&hash), "abababababab…");
        assert_eq!(shortened(&format!("wine v3 {hash}")), "wine v3 abababababab…");
        assert_eq!(shortened("[{ min = 0.5 }]"), "[{ min = 0.5 }]");
    }

    #[test]
    fn times_are_right_across_leap_days_and_before_the_epoch() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(951_782_400_000), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(1_709_251_199_999), "2024-02-29T23:59:59Z");
        assert_eq!(rfc3339(-1), "1969-12-31T23:59:59Z");
        assert_eq!(relative(1_000_000, 1_000_000), "now");
        assert_eq!(relative(600_000, 0), "10 min ago");
        assert_eq!(relative(0, 7_200_000), "in 2 h");
    }

    #[test]
    fn names_between_backticks_are_code_and_an_odd_one_is_text() {
        assert_eq!(prose("gate `a<b` said `no").into_string(), "gate <code>a&lt;b</code> said `no");
        assert_eq!(prose("plain").into_string(), "plain");
    }

    #[test]
    fn addresses_are_encoded() {
        assert_eq!(encoded("a/b?c=\"<é"), "a%2Fb%3Fc%3D%22%3C%C3%A9");
    }
}
