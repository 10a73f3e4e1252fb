//! Parts of dates against pandas and Python's standard library.

use serde_json::Value;
use sluicegate_model::text::date_text::{DateFormat, Moment};
use sluicegate_model::text::datetime::{DateCycle, DatePart, DateSettings};
use sluicegate_model::text::error::TextError;

use crate::{assert_close, golden, hard_texts, texts};

/// The settings for all parts in a format.
fn in_format(format: Option<&str>) -> DateSettings {
    DateSettings { format: format.map(str::to_owned), ..DateSettings::default() }
}

/// One part of one text.
fn part(format: Option<&str>, text: &str, name: &str) -> f64 {
    let columns = in_format(format).apply("x", &[Some(text)]).unwrap();
    columns.iter().find(|(column, _)| *column == format!("x:{name}")).unwrap().1[0]
}

/// Each part and cyclic pair of each golden date agrees.
#[test]
fn parts_are_those_of_pandas() {
    for case in golden("datetime").as_array().unwrap() {
        let texts = texts(&case["texts"]);
        let columns = in_format(case["format"].as_str()).apply("time", &texts).unwrap();
        let expected = case["columns"].as_object().unwrap();
        assert_eq!(columns.len(), expected.len());
        for (name, values) in &columns {
            let expected = &expected[name.strip_prefix("time:").unwrap()];
            for ((&actual, expected), text) in values.iter().zip(expected.as_array().unwrap()).zip(&texts) {
                assert_close(actual, expected.as_f64().unwrap(), &format!("{name} of {text:?}"));
            }
        }
    }
}

/// A missing text is NaN everywhere and leaves other rows alone.
#[test]
fn missing_text_has_nan_in_all_columns() {
    let columns = DateSettings::default().apply("x", &[None, Some("2026-11-29"), None]).unwrap();
    assert_eq!(columns.len(), DatePart::ALL.len() + 2 * DateCycle::ALL.len());
    for (name, values) in columns {
        let missing: Vec<bool> = values.iter().map(|value| value.is_nan()).collect();
        assert_eq!(missing, [true, false, true], "{name}");
    }
}

/// The error has the row and the text, which is cut when it is long.
#[test]
fn text_that_is_no_date_is_named() {
    let error = DateSettings::default().apply("x", &[None, Some("2026-11-29"), Some("soon")]).unwrap_err();
    assert_eq!(error, TextError::NotADate { row: 2, text: "soon".into() });
    assert_eq!(error.to_string(), "row 3 is not a date: \"soon\"");
    let long = "é".repeat(500_000);
    let Err(TextError::NotADate { text, .. }) = DateSettings::default().apply("x", &[Some(&long)]) else {
        panic!("a long text is a date");
    };
    assert_eq!(text.chars().count(), 121);
}

/// Dates that do not exist and forms outside the two standards are refused.
#[test]
fn impossible_texts_are_no_dates() {
    let wrong = [
        "",
        " ",
        "2026",
        "2026-11",
        "2026-1-2",
        "2026-13-01",
        "2026-02-29",
        "2023-02-29",
        "1900-02-29",
        "2026-11-31",
        "20261301",
        "202611",
        "2026-1129",
        "202611-29",
        "26-11-29",
        "+2026-11-29",
        "-2026-11-29",
        "2026/11/29",
        "2026-11-29T",
        "2026-11-29 ",
        " 2026-11-29",
        "2026-11-29T24:00",
        "2026-11-29T14:60",
        "2026-11-29T14:05:61",
        "2026-11-29T14:",
        "2026-11-29T14:5",
        "2026-11-29T14:05:",
        "2026-11-29T14:05:06.",
        "2026-11-29T14:05.5",
        "2026-11-29T14:05:06+24:00",
        "2026-11-29T14:05:06+01:60",
        "2026-11-29T14:05:06+1",
        "2026-11-29Z",
        "2026-11-29T14:05:06Zx",
        "2026-11-29T14:05:06ZZ",
        "2026-11-29X14:05",
        "2026-11-29  14:05",
        "２０２６-11-29",
        "2026-11-29T14:05:06 ",
        "2026-11-29T14:05:06+",
        "2026-11-29🦊",
        "🦊",
        "NaN",
        "null",
    ];
    for text in wrong {
        assert_eq!(Moment::from_standard_text(text), None, "{text:?}");
    }
}

/// Leap seconds, short times, long fractions and extreme years are read.
#[test]
fn unusual_but_possible_texts_are_dates() {
    assert_close(part(None, "2016-12-31T23:59:60Z", "second"), 60.0, "leap second");
    assert_close(part(None, "2016-12-31T23:59:60Z", "epoch"), 1_483_228_800.0, "leap second");
    assert_close(part(Some("%Y-%m-%d %H:%M:%S"), "2016-12-31 23:59:60", "second"), 60.0, "leap second");
    assert_close(part(None, "2026-11-29t14", "hour"), 14.0, "hour alone");
    assert_close(part(None, "1970-01-01 00:00:01,25 +00", "epoch"), 1.25, "comma and space");
    assert_close(part(None, "1970-01-01T00:00:00.1234567899999", "epoch"), 0.123_456_789, "long fraction");
    assert_close(part(None, "0000-01-01", "year"), 0.0, "year 0");
    assert_close(part(Some("%s"), "86461", "minute"), 1.0, "seconds");
    assert_close(part(Some("%Y"), "+262142", "is_month_start"), 1.0, "last year of chrono");
    assert_close(part(Some("%Y-%m-%d"), "+262142-12-31", "is_month_end"), 1.0, "last day of chrono");
    assert_close(part(Some("%Y-%m-%d"), "-262143-01-01", "year"), -262_143.0, "first day of chrono");
}

/// A format is checked before any text is read.
#[test]
fn formats_that_would_be_misread_are_errors() {
    for format in ["%Y-%m-%d %H:%M:%S%f", "%Y %Z", "%", "%Y-%", "%!", "%Y %🦊", "%é"] {
        let error = in_format(Some(format)).validate().unwrap_err();
        assert!(matches!(error, TextError::Setting { name: "format", .. }), "{format}: {error}");
    }
    assert!(DateFormat::new("%Y-%m-%d %%f").is_ok());
}

/// A format must give a date, and an offset must be below a day.
#[test]
fn format_without_a_date_reads_none() {
    for (format, text) in [("%H:%M", "14:05"), ("", ""), ("day", "day"), ("%Y-%m-%d%z", "2026-11-29+99:00")] {
        assert_eq!(DateFormat::new(format).unwrap().read(text), None, "{format}");
    }
}

/// Each specifier takes each hard text, and hard texts are taken as formats.
#[test]
fn hard_texts_and_formats_do_not_panic() {
    let formats = [
        "%Y-%m-%d",
        "%c",
        "%x %X",
        "%D %T",
        "%+",
        "%s",
        "%Y%m%d",
        "%y%j",
        "%G%V%a",
        "%U %W %u",
        "%p%I",
        "%B",
        "%A%b",
        "%Y-%m-%d%.f",
        "%3f%6f%9f",
        "%:z%::z",
        "%#z",
        "%n%t%%",
        "%e%k%l",
        "%C%g",
        "%q",
        "%F %R",
        "%v",
        "%r",
        "%h",
    ];
    let mut texts = hard_texts();
    texts.extend(
        ["9223372036854775807", "-9223372036854775808", "8210266876799", "éé", "am", "Ｓun", "+é"]
            .map(String::from),
    );
    texts.extend(
        ["99999999999999999999", "+99:99", "-00:00", "12é", "Mon", "Sep🦊", "2026-11-29é"].map(String::from),
    );
    for text in &texts {
        let _ = Moment::from_standard_text(text);
        for format in formats {
            if let Some(moment) = DateFormat::new(format).unwrap().read(text) {
                assert!(DatePart::ALL.iter().all(|part| part.value(&moment).is_finite()));
            }
        }
    }
    for text in texts {
        let _ = DateFormat::new(&text).map(|format| format.read("2026-11-29"));
    }
}

/// Settings are the same after they are written and read.
#[test]
fn settings_survive_json() {
    let settings = in_format(Some("%d.%m.%Y"));
    let written = serde_json::to_string(&settings).unwrap();
    assert!(written.contains("\"day_of_year\""));
    assert_eq!(serde_json::from_str::<DateSettings>(&written).unwrap(), settings);
}

/// A part has one name for columns and settings.
#[test]
fn names_of_parts_are_those_in_json() {
    for part in DatePart::ALL {
        assert_eq!(serde_json::to_value(part).unwrap(), Value::from(part.name()));
    }
    for cycle in DateCycle::ALL {
        assert_eq!(serde_json::to_value(cycle).unwrap(), Value::from(cycle.name()));
    }
}
