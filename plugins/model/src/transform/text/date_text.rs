//! Reads a date or time from a text.
//!
//! Without a format, the text is in the profile of RFC 3339 (Klyne and Newman 2002, "Date and Time on the
//! Internet: Timestamps") or in the basic form of ISO 8601-1:2019: a date, then possibly `T` or one space and a
//! time, then possibly the offset of its zone. With a format, the text is read as by `strftime`.

use chrono::{
    NaiveDate,
    format::{Item, Parsed, StrftimeItems, parse},
};

use super::error::TextError;

/// A date with the time of its day, as the text has it in its own zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The date.
    pub date: NaiveDate,
    /// The hour from 0 to 23.
    pub hour: u32,
    /// The minute from 0 to 59.
    pub minute: u32,
    /// The second from 0 to 60, where 60 is a leap second.
    pub second: u32,
    /// The nanosecond of the second; further digits are cut off.
    pub nanosecond: u32,
    /// How many seconds the zone of the text is ahead of Coordinated Universal Time.
    pub offset: i32,
}

impl Moment {
    /// The beginning of a date in Coordinated Universal Time.
    fn at_midnight(date: NaiveDate) -> Self {
        Self { date, hour: 0, minute: 0, second: 0, nanosecond: 0, offset: 0 }
    }

    /// Whether each part of the time is within its limits.
    fn is_possible(&self) -> bool {
        self.hour < 24 && self.minute < 60 && self.second <= 60
    }

    /// Reads a text in the form of RFC 3339 or ISO 8601.
    #[must_use]
    pub fn from_standard_text(text: &str) -> Option<Self> {
        let mut reader = Reader { rest: text.as_bytes() };
        let mut moment = Self::at_midnight(reader.date()?);
        if reader.is_finished() {
            return Some(moment);
        }
        reader.accept(b"Tt ")?;
        reader.time(&mut moment)?;
        if !reader.is_finished() {
            moment.offset = reader.offset()?;
        }
        (reader.is_finished() && moment.is_possible()).then_some(moment)
    }
}

/// Reads numbers and marks from the beginning of a text.
struct Reader<'text> {
    /// What is not read yet.
    rest: &'text [u8],
}

impl Reader<'_> {
    /// Whether all is read.
    fn is_finished(&self) -> bool {
        self.rest.is_empty()
    }

    /// Whether the next byte is a digit.
    fn is_at_digit(&self) -> bool {
        self.rest.first().is_some_and(u8::is_ascii_digit)
    }

    /// Reads one byte if it is one of `choices`.
    fn accept(&mut self, choices: &[u8]) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        if !choices.contains(&first) {
            return None;
        }
        self.rest = rest;
        Some(first)
    }

    /// Reads one digit.
    fn digit(&mut self) -> Option<u32> {
        self.accept(b"0123456789").map(|byte| u32::from(byte - b'0'))
    }

    /// Reads a number of exactly `digits` digits.
    fn number(&mut self, digits: usize) -> Option<u32> {
        let mut number = 0;
        for _ in 0..digits {
            number = number * 10 + self.digit()?;
        }
        Some(number)
    }

    /// Reads `YYYY-MM-DD` or `YYYYMMDD`.
    fn date(&mut self) -> Option<NaiveDate> {
        let year = i32::try_from(self.number(4)?).ok()?;
        let is_extended = self.accept(b"-").is_some();
        let month = self.number(2)?;
        if is_extended {
            self.accept(b"-")?;
        }
        let day = self.number(2)?;
        NaiveDate::from_ymd_opt(year, month, day)
    }

    /// Reads `HH`, `HH:MM` or `HH:MM:SS`, with or without the colons, and a fraction of the second.
    fn time(&mut self, moment: &mut Moment) -> Option<()> {
        moment.hour = self.number(2)?;
        let is_extended = self.accept(b":").is_some();
        if !is_extended && !self.is_at_digit() {
            return Some(());
        }
        moment.minute = self.number(2)?;
        let has_second = if is_extended { self.accept(b":").is_some() } else { self.is_at_digit() };
        if has_second {
            moment.second = self.number(2)?;
            if self.accept(b".,").is_some() {
                moment.nanosecond = self.fraction()?;
            }
        }
        Some(())
    }

    /// Reads the digits of a fraction of a second as nanoseconds and cuts off further digits.
    fn fraction(&mut self) -> Option<u32> {
        let mut nanosecond = self.digit()? * 100_000_000;
        let mut unit = 10_000_000;
        while let Some(digit) = self.digit() {
            nanosecond += digit * unit;
            unit /= 10;
        }
        Some(nanosecond)
    }

    /// Reads `Z`, `+HH`, `+HHMM` or `+HH:MM`, possibly after one space, as seconds.
    fn offset(&mut self) -> Option<i32> {
        self.accept(b" ");
        let mark = self.accept(b"Zz+-")?;
        if mark.eq_ignore_ascii_case(&b'z') {
            return Some(0);
        }
        let hours = self.number(2)?;
        let has_minutes = self.accept(b":").is_some() || self.is_at_digit();
        let minutes = if has_minutes { self.number(2)? } else { 0 };
        if hours > 23 || minutes > 59 {
            return None;
        }
        let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
        Some(if mark == b'-' { -seconds } else { seconds })
    }
}

/// A checked `strftime` format.
///
/// The specifiers are those of chrono's `strftime`, with Python's meaning where the two differ: `.%f` is a
/// fraction of the second, and `%z` takes `Z`, `+01:00`, `+0100` and `+01`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateFormat {
    /// The format in chrono's specifiers.
    translated: String,
}

impl DateFormat {
    /// Checks a format.
    ///
    /// # Errors
    ///
    /// [`TextError::Setting`] for a specifier that is unknown or would be misread: `%f` without a point before
    /// it, and `%Z`, whose name of a zone gives no offset.
    pub fn new(format: &str) -> Result<Self, TextError> {
        let translated = translate(format)?;
        if StrftimeItems::new(&translated).any(|item| item == Item::Error) {
            return Err(TextError::setting("format", format!("is not a date format: {format:?}")));
        }
        Ok(Self { translated })
    }

    /// Reads a text in this format.
    ///
    /// The format must give a date. A month or day that it does not have is the first, and a time that it does
    /// not have is zero; an hour from 1 to 12 without `%p` is before noon.
    #[must_use]
    pub fn read(&self, text: &str) -> Option<Moment> {
        let mut parsed = Parsed::new();
        parse(&mut parsed, text, StrftimeItems::new(&self.translated)).ok()?;
        let offset = match parsed.offset() {
            Some(_) => parsed.to_fixed_offset().ok()?.local_minus_utc(),
            None => 0,
        };
        if parsed.timestamp().is_none() {
            complete_date(&mut parsed)?;
            complete_time(&mut parsed)?;
        }
        let local = parsed.to_naive_datetime_with_offset(offset).ok()?;
        Some(Moment::from_local(local, offset))
    }
}

impl Moment {
    /// A moment of chrono, which counts a leap second in nanoseconds above a billion.
    fn from_local(local: chrono::NaiveDateTime, offset: i32) -> Self {
        use chrono::Timelike;
        let leap = local.nanosecond() / 1_000_000_000;
        Self {
            date: local.date(),
            hour: local.hour(),
            minute: local.minute(),
            second: local.second() + leap,
            nanosecond: local.nanosecond() % 1_000_000_000,
            offset,
        }
    }
}

/// Gives the specifiers that chrono reads otherwise than Python their meaning in Python.
fn translate(format: &str) -> Result<String, TextError> {
    let mut translated = String::with_capacity(format.len());
    let mut characters = format.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            translated.push(character);
            continue;
        }
        match characters.next() {
            Some('f') if translated.ends_with('.') => {
                translated.pop();
                translated.push_str("%.f");
            }
            Some('f') => {
                return Err(TextError::setting("format", "must have a point before %f, or %3f to %9f"));
            }
            Some('Z') => {
                return Err(TextError::setting("format", "must not have %Z, which gives no offset"));
            }
            Some('z') => translated.push_str("%#z"),
            other => {
                translated.push('%');
                translated.extend(other);
            }
        }
    }
    Ok(translated)
}

/// Sets a month or day that the format does not have to the first, unless a week or ordinal gives the date.
fn complete_date(parsed: &mut Parsed) -> Option<()> {
    let by_week =
        parsed.week_from_sun().is_some() || parsed.week_from_mon().is_some() || parsed.isoweek().is_some();
    let has_year = parsed.year().is_some() || parsed.year_mod_100().is_some();
    if by_week || parsed.ordinal().is_some() || !has_year {
        return Some(());
    }
    if parsed.month().is_none() {
        let first = parsed.quarter().map_or(1, |quarter| i64::from(quarter) * 3 - 2);
        parsed.set_month(first).ok()?;
    }
    if parsed.day().is_none() {
        parsed.set_day(1).ok()?;
    }
    Some(())
}

/// Sets the parts of a time that the format does not have to zero.
fn complete_time(parsed: &mut Parsed) -> Option<()> {
    match (parsed.hour_div_12(), parsed.hour_mod_12()) {
        (Some(_), Some(_)) => {}
        (_, Some(hour)) => parsed.set_hour(i64::from(hour)).ok()?,
        (_, None) => parsed.set_hour(0).ok()?,
    }
    if parsed.minute().is_none() {
        parsed.set_minute(0).ok()?;
    }
    if parsed.second().is_none() {
        parsed.set_second(0).ok()?;
    }
    Some(())
}
