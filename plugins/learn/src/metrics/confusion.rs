//! The confusion matrix and what is counted from it.

use super::ratio;

/// Counts: rows are true classes, columns predicted ones.
#[derive(Clone, Debug)]
pub(super) struct Confusion {
    pub(super) counts: Vec<Vec<f64>>,
    pub(super) n: f64,
}

impl Confusion {
    pub(super) fn new(truth: &[usize], predicted: &[usize], n_classes: usize) -> Self {
        let mut counts = vec![vec![0.0; n_classes]; n_classes];
        for (t, p) in truth.iter().zip(predicted) {
            counts[*t][*p] += 1.0;
        }
        Self { counts, n: truth.len() as f64 }
    }

    fn classes(&self) -> std::ops::Range<usize> {
        0..self.counts.len()
    }

    pub(super) fn hits(&self, class: usize) -> f64 {
        self.counts[class][class]
    }

    /// Rows that are of the class.
    pub(super) fn actual(&self, class: usize) -> f64 {
        self.counts[class].iter().sum()
    }

    /// Rows that were said to be of the class.
    pub(super) fn said(&self, class: usize) -> f64 {
        self.counts.iter().map(|row| row[class]).sum()
    }

    pub(super) fn correct(&self) -> f64 {
        self.classes().map(|class| self.hits(class)).sum()
    }

    /// TP / (TP + FP)
    pub(super) fn precision(&self, class: usize) -> f64 {
        ratio(self.hits(class), self.said(class))
    }

    /// TP / (TP + FN)
    pub(super) fn recall(&self, class: usize) -> f64 {
        ratio(self.hits(class), self.actual(class))
    }

    /// 2 TP / (2 TP + FN + FP), from counts
    pub(super) fn f1(&self, class: usize) -> f64 {
        ratio(2.0 * self.hits(class), self.actual(class) + self.said(class))
    }

    /// The mean recall of the classes that occur.
    pub(super) fn balanced_accuracy(&self) -> f64 {
        let recalls: Vec<f64> =
            self.classes().filter(|c| self.actual(*c) > 0.0).map(|c| self.recall(c)).collect();
        recalls.iter().sum::<f64>() / recalls.len() as f64
    }

    /// Matthews' correlation for any number of classes (Gorodkin).
    pub(super) fn matthews(&self) -> f64 {
        let sums = |f: &dyn Fn(usize) -> f64| self.classes().map(f).sum::<f64>();
        let covariance = self.correct() * self.n - sums(&|c| self.actual(c) * self.said(c));
        let of_said = self.n * self.n - sums(&|c| self.said(c).powi(2));
        let of_actual = self.n * self.n - sums(&|c| self.actual(c).powi(2));
        ratio(covariance, (of_said * of_actual).sqrt())
    }

    /// Cohen's kappa; absent when chance alone explains everything.
    pub(super) fn kappa(&self) -> Option<f64> {
        let by_chance = self.classes().map(|c| self.actual(c) * self.said(c)).sum::<f64>() / self.n;
        let wrong_by_chance = self.n - by_chance;
        (wrong_by_chance > 0.0).then(|| 1.0 - (self.n - self.correct()) / wrong_by_chance)
    }
}
