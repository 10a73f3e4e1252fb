//! Models of what is ordinary: they find rows unlike those they were fitted to.

use serde::{Deserialize, Serialize};

use crate::{Output, Predictions, Svr, TreeEnsemble};

/// A model that tells anomalies from other rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Anomaly {
    /// What scores a row; the lower, the more unlike the training rows.
    pub scorer: AnomalyScorer,
    /// A row with a score below this is an anomaly.
    pub offset: f64,
}

/// What scores a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnomalyScorer {
    /// An isolation forest: `−2^(−splits / typical splits)`, from −1 to 0.
    Isolation {
        /// Trees that predict the mean number of splits until a row is isolated.
        ensemble: TreeEnsemble,
        /// The number of splits that isolates an ordinary row.
        typical_path_length: f64,
    },
    /// A one-class machine: its decision.
    OneClass(Svr),
}

impl Anomaly {
    pub(crate) fn n_features(&self) -> usize {
        match &self.scorer {
            AnomalyScorer::Isolation { ensemble, .. } => ensemble.n_features,
            AnomalyScorer::OneClass(machine) => machine.n_features,
        }
    }

    pub(crate) fn verify(&self) -> Result<(), String> {
        match &self.scorer {
            AnomalyScorer::Isolation { ensemble, .. } if ensemble.n_outputs != 1 => {
                Err("an isolation forest has one output".into())
            }
            AnomalyScorer::Isolation { ensemble, .. } => ensemble.check(),
            AnomalyScorer::OneClass(machine) => machine.verify(),
        }
    }

    /// Predicts rows of a row-major matrix: class 1 is an anomaly, and the score grows with how unlike a row is.
    pub(crate) fn predict(&self, matrix: &[f64], n_rows: usize) -> Predictions {
        let scores: Vec<f64> = match &self.scorer {
            AnomalyScorer::Isolation { ensemble, typical_path_length } => {
                let mut lengths = vec![0.0; n_rows];
                ensemble.predict(matrix, &mut lengths);
                let score = |length: &f64| {
                    // A forest of single rows cannot tell anything; the score is then in the middle.
                    let ratio = if *typical_path_length > 0.0 { length / typical_path_length } else { 1.0 };
                    -(-ratio).exp2()
                };
                lengths.iter().map(score).collect()
            }
            AnomalyScorer::OneClass(machine) => {
                let rows = matrix.chunks_exact(machine.n_features.max(1));
                rows.map(|row| machine.decision(row)).collect()
            }
        };
        let unlike: Vec<f64> = scores.iter().map(|score| self.offset - score).collect();
        let classes = unlike.iter().map(|unlike| usize::from(*unlike > 0.0)).collect();
        Predictions { scores: Some(unlike), ..Predictions::of(Output::Classes(classes)) }
    }
}
