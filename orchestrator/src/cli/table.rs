//! Columns of text, as wide as they must be.

use super::out::{Out, Style};

/// A table for people: a header and rows of cells.
pub(super) struct TextTable {
    header: Vec<&'static str>,
    rows: Vec<Vec<(Style, String)>>,
}

impl TextTable {
    pub(super) fn new(header: &[&'static str]) -> Self {
        Self { header: header.to_vec(), rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: Vec<(Style, String)>) {
        self.rows.push(cells);
    }

    /// Prints the table; the last column is never padded.
    pub(super) fn print(&self, out: &mut Out) {
        let n_columns = self.header.len();
        let mut widths: Vec<usize> = self.header.iter().map(|title| title.chars().count()).collect();
        for row in &self.rows {
            for (width, (_, cell)) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let header: Vec<_> = self.header.iter().map(|title| (Style::Dim, (*title).to_owned())).collect();
        for row in std::iter::once(&header).chain(&self.rows) {
            let mut line = String::new();
            for (idx, (style, cell)) in row.iter().enumerate() {
                line.push_str(&out.paint(*style, cell));
                if idx + 1 < n_columns {
                    line.extend(std::iter::repeat_n(' ', widths[idx] - cell.chars().count() + 2));
                }
            }
            out.line(line.trim_end());
        }
    }
}

/// A duration for people: `12 ms`, `3.4 s`, `2 m 05 s`, `1 h 02 m`.
pub(super) fn duration(seconds: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a duration is small and positive"
    )]
    let whole = seconds.max(0.0).round() as u64;
    match seconds {
        s if s < 0.9995 => format!("{:.0} ms", s * 1000.0),
        s if s < 59.95 => format!("{s:.1} s"),
        _ if whole < 3600 => format!("{} m {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} m", whole / 3600, whole / 60 % 60),
    }
}

/// A size for people, in units of 1000.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// A point in time as RFC 3339 in UTC, to the millisecond.
pub(super) fn rfc3339(at: crate::run::Timestamp) -> String {
    chrono::DateTime::from_timestamp_millis(at.0)
        .map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
        .unwrap_or_default()
}

/// A point in time in the caller's zone, for people.
pub(super) fn local(at: crate::run::Timestamp) -> String {
    chrono::DateTime::from_timestamp_millis(at.0)
        .map(|time| time.with_timezone(&chrono::Local).format("%Y-%m-%d %H:%M:%S").to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{duration, size};

    #[test]
    fn durations_and_sizes_read_well() {
        assert_eq!(duration(0.0123), "12 ms");
        assert_eq!(duration(3.44), "3.4 s");
        assert_eq!(duration(125.0), "2 m 05 s");
        assert_eq!(duration(3725.0), "1 h 02 m");
        assert_eq!(size(999), "999 B");
        assert_eq!(size(1_500), "1.5 kB");
    }
}
