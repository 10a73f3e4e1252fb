//! From values to pixels.

/// A linear scale.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    from: (f64, f64),
    to: (f64, f64),
}

impl Scale {
    /// Maps values of a range to pixels of a range; a range without extent is widened.
    pub(super) fn new(least: f64, most: f64, first: f64, last: f64) -> Self {
        let (least, most) = if most > least {
            (least, most)
        } else {
            let around = if least == 0.0 { 1.0 } else { least.abs() * 0.1 };
            (least - around, most + around)
        };
        Self { from: (least, most), to: (first, last) }
    }

    /// The pixel of a value, with a tenth.
    pub(super) fn px(&self, value: f64) -> String {
        let share = (value - self.from.0) / (self.from.1 - self.from.0);
        px(self.to.0 + share * (self.to.1 - self.to.0))
    }
}

/// A length with a tenth of a pixel.
pub(super) fn px(value: f64) -> String {
    format!("{}", (value * 10.0).round() / 10.0)
}

/// The least and the most of finite values.
pub(super) fn extent(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|value| value.is_finite()).fold(None, |known, value| match known {
        None => Some((value, value)),
        Some((least, most)) => Some((least.min(value), most.max(value))),
    })
}
