//! The Prometheus text format (and what `OpenMetrics` adds to it): samples with labels.
//!
//! Source: <https://prometheus.io/docs/instrumenting/exposition_formats/>, version 0.0.4. Comments (`HELP`, `TYPE`, `EOF`),
//! time stamps and exemplars are read over.

use std::fmt;

/// One sample: a series and its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    /// The series.
    pub(crate) series: Series,
    /// Its value; may be NaN or infinite.
    pub(crate) value: f64,
}

/// A series: a metric's name and labels. As a selector it stands for every series that has at least these labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Series {
    /// The metric's name.
    pub(crate) name: String,
    /// Labels, in the order they were written.
    pub(crate) labels: Vec<(String, String)>,
}

impl Series {
    /// Reads `name` or `name{label="value"}`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut cursor = Cursor(text.trim());
        let series = cursor.series()?;
        if cursor.0.is_empty() { Ok(series) } else { Err(format!("unexpected `{}`", cursor.shown())) }
    }

    /// Tells whether `self`, as a selector, stands for a series.
    pub(crate) fn selects(&self, series: &Self) -> bool {
        self.name == series.name && self.labels.iter().all(|label| series.labels.contains(label))
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if !self.labels.is_empty() {
            let labels: Vec<_> =
                self.labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
            write!(f, "{{{}}}", labels.join(","))?;
        }
        Ok(())
    }
}

/// Reads a page of metrics. The error names the line, from 1.
pub(crate) fn parse(text: &str) -> Result<Vec<Sample>, String> {
    let mut samples = Vec::new();
    for (line_idx, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        samples.push(sample(line).map_err(|error| format!("line {}: {error}", line_idx + 1))?);
    }
    Ok(samples)
}

fn sample(line: &str) -> Result<Sample, String> {
    let mut cursor = Cursor(line);
    let series = cursor.series()?;
    let value = cursor.0.split_ascii_whitespace().next().ok_or("the value is missing")?;
    Ok(Sample { series, value: number(value).ok_or_else(|| format!("`{value}` is not a number"))? })
}

/// Go's floating-point syntax, which the format uses, as far as programs write it.
fn number(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "+Inf" | "Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        _ if text.contains(|c: char| c.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    }
}

struct Cursor<'a>(&'a str);

impl Cursor<'_> {
    fn series(&mut self) -> Result<Series, String> {
        let name = self.word(|c| c == ':').ok_or_else(|| format!("`{}` is no metric name", self.shown()))?;
        self.skip_space();
        let labels = if self.take('{') { self.labels()? } else { Vec::new() };
        self.skip_space();
        Ok(Series { name, labels })
    }

    fn labels(&mut self) -> Result<Vec<(String, String)>, String> {
        let mut labels = Vec::new();
        loop {
            self.skip_space();
            if self.take('}') {
                return Ok(labels);
            }
            let name = self.word(|_| false).ok_or_else(|| format!("`{}` is no label name", self.shown()))?;
            self.skip_space();
            if !self.take('=') {
                return Err(format!("label `{name}` lacks its `=`"));
            }
            self.skip_space();
            let value = self.quoted().ok_or_else(|| format!("the value of label `{name}` is not quoted"))?;
            labels.push((name, value));
            self.skip_space();
            if !self.take(',') && !self.0.starts_with('}') {
                return Err(format!(
                    "the labels are not closed after `{}`",
                    labels.last().map_or("", |(name, _)| name)
                ));
            }
        }
    }

    /// A name: a letter or `_`, then letters, digits, `_` and what `also` allows.
    fn word(&mut self, also: impl Fn(char) -> bool) -> Option<String> {
        let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || also(c);
        let end = self.0.find(|c| !good(c)).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        if word.is_empty() || word.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        self.0 = rest;
        Some(word.to_owned())
    }

    /// A text in quotes with the escapes `\\`, `\"` and `\n`.
    fn quoted(&mut self) -> Option<String> {
        let mut value = String::new();
        let mut chars = self.0.strip_prefix('"')?.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.0 = &self.0[at + 2..];
                    return Some(value);
                }
                '\\' => match chars.next()?.1 {
                    'n' => value.push('\n'),
                    other => value.push(other),
                },
                _ => value.push(c),
            }
        }
        None
    }

    fn take(&mut self, c: char) -> bool {
        let rest = self.0.strip_prefix(c);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn skip_space(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }

    fn shown(&self) -> String {
        self.0.chars().take(40).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"
# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400",}    3 1395066363000
# Escaping in label values:
msdos_file_access_time_seconds{path="C:\\DIR\\FILE.TXT",error="Cannot find file:\n\"FILE.TXT\""} 1.458255915e9
metric_without_timestamp_and_labels 12.47
something_weird{problem="division by zero"} +Inf -3982045
nothing NaN
http_request_duration_seconds_bucket{le="0.05"} 24054 # {trace_id="x}y"} 0.04
# EOF
"#;

    fn value(selector: &str) -> Vec<f64> {
        let selector = Series::parse(selector).unwrap();
        let samples = parse(PAGE).unwrap();
        samples.iter().filter(|s| selector.selects(&s.series)).map(|s| s.value).collect()
    }

    #[test]
    fn samples_are_read_with_labels_escapes_time_stamps_and_exemplars() {
        assert_eq!(value("http_requests_total"), [1027.0, 3.0]);
        assert_eq!(value(r#"http_requests_total{code="400"}"#), [3.0]);
        assert_eq!(value(r#"msdos_file_access_time_seconds{path="C:\\DIR\\FILE.TXT"}"#), [1.458_255_915e9]);
        assert_eq!(value("something_weird"), [f64::INFINITY]);
        assert!(value("nothing")[0].is_nan());
        assert_eq!(value(r#"http_request_duration_seconds_bucket { le = "0.05" }"#), [24054.0]);
        assert_eq!(value(r#"http_requests_total{code="500"}"#), [0.0; 0]);
    }

    #[test]
    fn a_line_that_is_no_sample_is_named() {
        assert_eq!(parse("a 1\n<html>\n").unwrap_err(), "line 2: `<html>` is no metric name");
        assert_eq!(parse("a{b=\"c\" 1").unwrap_err(), "line 1: the labels are not closed after `b`");
        assert_eq!(parse("a{b=c} 1").unwrap_err(), "line 1: the value of label `b` is not quoted");
        assert_eq!(parse("a{b} 1").unwrap_err(), "line 1: label `b` lacks its `=`");
        assert_eq!(parse("a").unwrap_err(), "line 1: the value is missing");
        assert_eq!(parse("a infinity").unwrap_err(), "line 1: `infinity` is not a number");
        assert_eq!(Series::parse("a b").unwrap_err(), "unexpected `b`");
    }

    #[test]
    fn a_series_is_written_as_it_is_read() {
        let text = r#"a{b="c\"d",e="f"}"#;
        assert_eq!(Series::parse(text).unwrap().to_string(), text);
    }
}
