//! Losses: gradients, hessians, first predictions and how good predictions are.
//!
//! Definitions are scikit-learn's (`sklearn._loss`): the half squared error, the absolute error, the pinball loss, the
//! half Poisson deviance with a log link, and the log loss of two classes and of more.

/// What is minimised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Loss {
    /// Of two classes, with a logit link.
    Binary,
    /// Of so many classes, with a softmax link.
    Classes(usize),
    /// Of numbers.
    Squared,
    /// Of numbers; predicts the median.
    Absolute,
    /// Of numbers; predicts this quantile.
    Quantile(f64),
    /// Of counts, with a log link.
    Poisson,
}

impl Loss {
    /// Numbers that are predicted for each row.
    pub(crate) fn n_outputs(self) -> usize {
        if let Self::Classes(n) = self { n } else { 1 }
    }

    /// The greatest gradient and hessian of a row of weight 1, where they are bounded.
    pub(super) fn bounds(self) -> Option<(f64, f64)> {
        match self {
            Self::Binary | Self::Classes(_) => Some((1.0, 0.25)),
            Self::Absolute | Self::Quantile(_) => Some((1.0, 1.0)),
            Self::Squared | Self::Poisson => None,
        }
    }

    /// The quantile of the residuals that is a leaf's best value; `None` where the second order decides.
    pub(super) fn leaf_quantile(self) -> Option<f64> {
        match self {
            Self::Absolute => Some(0.5),
            Self::Quantile(quantile) => Some(quantile),
            _ => None,
        }
    }

    /// The best constant prediction, for each output, before the link.
    pub(super) fn start(self, target: &[f64], weights: Option<&[f64]>) -> Vec<f64> {
        let mean = |of: &dyn Fn(f64) -> f64| {
            let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
            let total: f64 = (0..target.len()).map(weight).sum();
            target.iter().enumerate().map(|(row, y)| weight(row) * of(*y)).sum::<f64>() / total
        };
        match self {
            Self::Binary => {
                let share = mean(&|y| y).clamp(f64::EPSILON, 1.0 - f64::EPSILON);
                vec![(share / (1.0 - share)).ln()]
            }
            Self::Classes(n) => {
                let share = |class: usize| mean(&|y| f64::from(u8::from(class_of(y) == class)));
                let logs: Vec<f64> =
                    (0..n).map(|class| share(class).clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln()).collect();
                let centre = logs.iter().sum::<f64>() / n as f64;
                logs.into_iter().map(|log| log - centre).collect()
            }
            Self::Squared => vec![mean(&|y| y)],
            Self::Absolute => vec![quantile(&mut pairs(target, weights), 0.5)],
            Self::Quantile(share) => vec![quantile(&mut pairs(target, weights), share)],
            Self::Poisson => vec![mean(&|y| y).max(f64::MIN_POSITIVE).ln()],
        }
    }

    /// A row's gradient and hessian by each output, from its predictions before the link.
    #[inline]
    pub(super) fn gradients(self, y: f64, raw: &[f64], mut put: impl FnMut(usize, f64, f64)) {
        match self {
            Self::Binary => {
                let p = 1.0 / (1.0 + (-raw[0]).exp());
                put(0, p - y, p * (1.0 - p));
            }
            Self::Classes(_) => {
                let highest = raw.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let total: f64 = raw.iter().map(|z| (z - highest).exp()).sum();
                for (class, z) in raw.iter().enumerate() {
                    let p = (z - highest).exp() / total;
                    let is_own = f64::from(u8::from(class == class_of(y)));
                    put(class, p - is_own, p * (1.0 - p));
                }
            }
            Self::Squared => put(0, raw[0] - y, 1.0),
            Self::Absolute => put(0, sign(raw[0] - y), 1.0),
            Self::Quantile(share) => put(0, if raw[0] > y { 1.0 - share } else { -share }, 1.0),
            Self::Poisson => {
                let rate = raw[0].exp();
                put(0, rate - y, rate);
            }
        }
    }

    /// A row's loss.
    pub(super) fn of(self, y: f64, raw: &[f64]) -> f64 {
        match self {
            Self::Binary => {
                let signed = if y > 0.5 { raw[0] } else { -raw[0] };
                if signed > 0.0 { (-signed).exp().ln_1p() } else { -signed + signed.exp().ln_1p() }
            }
            Self::Classes(_) => {
                let highest = raw.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let total: f64 = raw.iter().map(|z| (z - highest).exp()).sum();
                highest + total.ln() - raw[class_of(y)]
            }
            Self::Squared => (raw[0] - y) * (raw[0] - y) / 2.0,
            Self::Absolute => (raw[0] - y).abs(),
            Self::Quantile(share) => {
                if raw[0] > y {
                    (1.0 - share) * (raw[0] - y)
                } else {
                    share * (y - raw[0])
                }
            }
            Self::Poisson => raw[0].exp() - y * raw[0],
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a class is a small whole number"
)]
fn class_of(y: f64) -> usize {
    y as usize
}

fn sign(x: f64) -> f64 {
    if x > 0.0 {
        1.0
    } else if x < 0.0 {
        -1.0
    } else {
        0.0
    }
}

fn pairs(target: &[f64], weights: Option<&[f64]>) -> Vec<(f64, f64)> {
    target.iter().enumerate().map(|(row, y)| (*y, weights.map_or(1.0, |weights| weights[row]))).collect()
}

/// A quantile of numbers with weights: for equal weights by linear interpolation, else the least number up to which the
/// weights reach their share.
pub(super) fn quantile(pairs: &mut [(f64, f64)], share: f64) -> f64 {
    if pairs.is_empty() {
        return 0.0;
    }
    pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let is_even = pairs.iter().all(|(_, weight)| weight.total_cmp(&pairs[0].1).is_eq());
    if is_even {
        let at = share * (pairs.len() - 1) as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is an index")]
        let below = at.floor() as usize;
        let above = (below + 1).min(pairs.len() - 1);
        return pairs[below].0 + (pairs[above].0 - pairs[below].0) * (at - below as f64);
    }
    let total: f64 = pairs.iter().map(|(_, weight)| weight).sum();
    let mut reached = 0.0;
    for (value, weight) in pairs.iter() {
        reached += weight;
        if reached >= share * total {
            return *value;
        }
    }
    pairs[pairs.len() - 1].0
}
