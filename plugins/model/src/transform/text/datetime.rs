//! Parts of a date or time in a text, and their cyclic pairs.
//!
//! A cyclic pair places a part on a circle, so that the last hour of a day is as near to the first as any other
//! two hours that follow each other (Fisher 1993, "Statistical Analysis of Circular Data", Cambridge University
//! Press). Weeks are those of ISO 8601-1:2019: week 1 has the first Thursday of the year.

use std::f64::consts::TAU;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use super::{
    NamedColumns,
    date_text::{DateFormat, Moment},
    error::TextError,
};

/// The days from the first day of year 1 to the first of 1970, counted with both.
const DAYS_BEFORE_1970: i32 = 719_163;

/// A part of a date or time, in the zone of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatePart {
    /// The year.
    Year,
    /// The quarter from 1 to 4.
    Quarter,
    /// The month from 1 to 12.
    Month,
    /// The day of the month from 1 to 31.
    Day,
    /// The ISO week from 1 to 53.
    Week,
    /// The day of the week from 0, a Monday, to 6.
    Weekday,
    /// The day of the year from 1 to 366.
    DayOfYear,
    /// The hour from 0 to 23.
    Hour,
    /// The minute from 0 to 59.
    Minute,
    /// The whole second from 0 to 60, where 60 is a leap second.
    Second,
    /// 1 on a Saturday or Sunday, otherwise 0.
    IsWeekend,
    /// 1 on the first day of a month, otherwise 0.
    IsMonthStart,
    /// 1 on the last day of a month, otherwise 0.
    IsMonthEnd,
    /// The seconds since 1970 in Coordinated Universal Time, with their fraction.
    Epoch,
}

impl DatePart {
    /// All parts.
    pub const ALL: [Self; 14] = [
        Self::Year,
        Self::Quarter,
        Self::Month,
        Self::Day,
        Self::Week,
        Self::Weekday,
        Self::DayOfYear,
        Self::Hour,
        Self::Minute,
        Self::Second,
        Self::IsWeekend,
        Self::IsMonthStart,
        Self::IsMonthEnd,
        Self::Epoch,
    ];

    /// The name of the part in the name of its column.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Year => "year",
            Self::Quarter => "quarter",
            Self::Month => "month",
            Self::Day => "day",
            Self::Week => "week",
            Self::Weekday => "weekday",
            Self::DayOfYear => "day_of_year",
            Self::Hour => "hour",
            Self::Minute => "minute",
            Self::Second => "second",
            Self::IsWeekend => "is_weekend",
            Self::IsMonthStart => "is_month_start",
            Self::IsMonthEnd => "is_month_end",
            Self::Epoch => "epoch",
        }
    }

    /// The part of a moment.
    #[must_use]
    pub fn value(self, moment: &Moment) -> f64 {
        let date = moment.date;
        match self {
            Self::Year => f64::from(date.year()),
            Self::Quarter => f64::from(date.month0() / 3 + 1),
            Self::Month => f64::from(date.month()),
            Self::Day => f64::from(date.day()),
            Self::Week => f64::from(date.iso_week().week()),
            Self::Weekday => f64::from(date.weekday().num_days_from_monday()),
            Self::DayOfYear => f64::from(date.ordinal()),
            Self::Hour => f64::from(moment.hour),
            Self::Minute => f64::from(moment.minute),
            Self::Second => f64::from(moment.second),
            Self::IsWeekend => f64::from(date.weekday().num_days_from_monday() >= 5),
            Self::IsMonthStart => f64::from(date.day() == 1),
            Self::IsMonthEnd => f64::from(is_month_end(date)),
            Self::Epoch => epoch(moment),
        }
    }
}

/// A part of a date or time that returns to its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateCycle {
    /// The month of the year.
    Month,
    /// The day of the week.
    Weekday,
    /// The day of the year.
    DayOfYear,
    /// The hour of the day.
    Hour,
    /// The minute of the hour.
    Minute,
}

impl DateCycle {
    /// All cycles.
    pub const ALL: [Self; 5] = [Self::Month, Self::Weekday, Self::DayOfYear, Self::Hour, Self::Minute];

    /// The name of the cycle in the names of its columns.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Month => "month",
            Self::Weekday => "weekday",
            Self::DayOfYear => "day_of_year",
            Self::Hour => "hour",
            Self::Minute => "minute",
        }
    }

    /// After how many steps the cycle begins again.
    #[must_use]
    pub fn period(self) -> f64 {
        match self {
            Self::Month => 12.0,
            Self::Weekday => 7.0,
            Self::DayOfYear => 365.25,
            Self::Hour => 24.0,
            Self::Minute => 60.0,
        }
    }

    /// The angle of a moment in the cycle, where the first step is at zero.
    #[must_use]
    pub fn angle(self, moment: &Moment) -> f64 {
        let step = match self {
            Self::Month => moment.date.month0(),
            Self::Weekday => moment.date.weekday().num_days_from_monday(),
            Self::DayOfYear => moment.date.ordinal0(),
            Self::Hour => moment.hour,
            Self::Minute => moment.minute,
        };
        TAU * f64::from(step) / self.period()
    }
}

/// Which parts of dates are taken, and in which form the dates are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DateSettings {
    /// The `strftime` format of the texts, as [`DateFormat`] reads it; without one, RFC 3339 or ISO 8601.
    pub format: Option<String>,
    /// The parts, each with one column.
    pub parts: Vec<DatePart>,
    /// The cycles, each with a column for its sine and one for its cosine.
    pub cycles: Vec<DateCycle>,
}

impl Default for DateSettings {
    /// All parts and cycles of dates in the form of RFC 3339 or ISO 8601.
    fn default() -> Self {
        Self { format: None, parts: DatePart::ALL.to_vec(), cycles: DateCycle::ALL.to_vec() }
    }
}

impl DateSettings {
    /// Checks the format.
    ///
    /// # Errors
    ///
    /// [`TextError::Setting`] when it is not a format.
    pub fn validate(&self) -> Result<(), TextError> {
        self.format.as_deref().map_or(Ok(()), |format| DateFormat::new(format).map(|_| ()))
    }

    /// The parts and cycles of the dates in `texts`, in columns such as `NAME:year` and `NAME:hour_sin`.
    ///
    /// A missing text has NaN in all columns.
    ///
    /// # Errors
    ///
    /// [`TextError::Setting`] when the format is none, and [`TextError::NotADate`] for the first text that is not
    /// a date.
    pub fn apply(&self, name: &str, texts: &[Option<&str>]) -> Result<NamedColumns, TextError> {
        let moments = self.read_all(texts)?;
        let column = |part: &str, value: &dyn Fn(&Moment) -> f64| {
            let values = moments.iter().map(|moment| moment.as_ref().map_or(f64::NAN, value)).collect();
            (format!("{name}:{part}"), values)
        };
        let mut columns = NamedColumns::with_capacity(self.parts.len() + 2 * self.cycles.len());
        for part in &self.parts {
            columns.push(column(part.name(), &|moment| part.value(moment)));
        }
        for cycle in &self.cycles {
            columns.push(column(&format!("{}_sin", cycle.name()), &|moment| cycle.angle(moment).sin()));
            columns.push(column(&format!("{}_cos", cycle.name()), &|moment| cycle.angle(moment).cos()));
        }
        Ok(columns)
    }

    /// Reads each text, where a missing one stays missing.
    fn read_all(&self, texts: &[Option<&str>]) -> Result<Vec<Option<Moment>>, TextError> {
        let format = self.format.as_deref().map(DateFormat::new).transpose()?;
        let read = |text: &str| match &format {
            Some(format) => format.read(text),
            None => Moment::from_standard_text(text),
        };
        let mut moments = Vec::with_capacity(texts.len());
        for (row, text) in texts.iter().enumerate() {
            moments.push(match text {
                Some(text) => Some(read(text).ok_or_else(|| TextError::not_a_date(row, text))?),
                None => None,
            });
        }
        Ok(moments)
    }
}

/// Whether the next day is in another month.
fn is_month_end(date: NaiveDate) -> bool {
    date.succ_opt().is_none_or(|next| next.month() != date.month())
}

/// The seconds since 1970 in Coordinated Universal Time.
fn epoch(moment: &Moment) -> f64 {
    let days = f64::from(moment.date.num_days_from_ce() - DAYS_BEFORE_1970);
    let minutes = f64::from(moment.hour) * 60.0 + f64::from(moment.minute);
    let seconds = minutes * 60.0 + f64::from(moment.second);
    let fraction = f64::from(moment.nanosecond) / 1e9;
    days * 86_400.0 + seconds - f64::from(moment.offset) + fraction
}
