//! A tree over bins, as it is grown.

/// How a node sends rows to its children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Bins up to this one go left, missing values where it says.
    Threshold {
        /// The last bin on the left.
        bin: u8,
        /// Where missing values go.
        missing_left: bool,
    },
    /// These bins go left.
    Categories {
        /// A bit for each bin.
        left: [u64; 4],
    },
}

impl Rule {
    /// The rule that sends these bins to the left.
    pub(super) fn categories(bins: impl Iterator<Item = u8>) -> Self {
        let mut left = [0; 4];
        for bin in bins {
            left[usize::from(bin / 64)] |= 1_u64 << (bin % 64);
        }
        Self::Categories { left }
    }

    /// Tells for each bin whether it goes left, when the bin of missing values is this one.
    pub(super) fn table(&self, missing: u8) -> [bool; 256] {
        let mut table = [false; 256];
        for (bin, goes_left) in (0..=u8::MAX).zip(&mut table) {
            *goes_left = match self {
                Self::Threshold { missing_left, .. } if bin == missing => *missing_left,
                Self::Threshold { bin: last, .. } => bin <= *last,
                Self::Categories { left } => left[usize::from(bin / 64)] >> (bin % 64) & 1 == 1,
            };
        }
        table
    }
}

/// A node of a tree.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// A leaf's value.
    Leaf(f64),
    /// Two children.
    Split {
        /// The column that decides.
        column: usize,
        /// How it decides.
        rule: Rule,
        /// The left child; the right one is the next node.
        left: usize,
        /// What the split took off twice the loss.
        gain: f64,
    },
}

/// A tree; its first node is the root.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tree {
    /// The nodes.
    pub(crate) nodes: Vec<Node>,
}
