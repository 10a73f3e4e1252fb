//! Kernels, in scikit-learn's terms.

/// A kernel with its parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kernel {
    /// `x·y`
    Linear,
    /// `exp(−gamma · ‖x − y‖²)`
    Rbf {
        /// The inverse of the squared reach.
        gamma: f64,
    },
    /// `(gamma · x·y + coef0)^degree`
    Polynomial {
        /// The factor of the inner product.
        gamma: f64,
        /// The constant term.
        coef0: f64,
        /// The degree.
        degree: u32,
    },
    /// `tanh(gamma · x·y + coef0)`
    Sigmoid {
        /// The factor of the inner product.
        gamma: f64,
        /// The constant term.
        coef0: f64,
    },
}

impl Kernel {
    /// A bound of all kernel values between rows whose squared norms are at most `squared_norm`.
    pub(super) fn bound(self, squared_norm: f64) -> f64 {
        match self {
            Self::Linear => squared_norm,
            Self::Polynomial { gamma, coef0, degree } => {
                integer_power([gamma.abs() * squared_norm + coef0.abs()], degree)[0]
            }
            Self::Rbf { .. } | Self::Sigmoid { .. } => 1.0,
        }
    }
}

/// The numbers to a power, by repeated squaring.
#[inline]
pub(super) fn integer_power<const N: usize>(bases: [f64; N], power: u32) -> [f64; N] {
    let (mut products, mut squares, mut rest) = ([1.0; N], bases, power);
    while rest > 0 {
        if rest & 1 == 1 {
            products.iter_mut().zip(&squares).for_each(|(product, square)| *product *= square);
        }
        for square in &mut squares {
            *square *= *square;
        }
        rest >>= 1;
    }
    products
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_products() {
        assert_eq!(integer_power([-3.0, 2.0], 5).map(f64::to_bits), [-243.0, 32.0].map(f64::to_bits));
        assert_eq!(integer_power([0.0], 0).map(f64::to_bits), [1.0].map(f64::to_bits));
    }
}
