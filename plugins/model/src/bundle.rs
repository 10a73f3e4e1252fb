//! The bundle's file: a magic line, the format's version, the content's BLAKE3, and the content as JSON.
//!
//! Equal bundles have equal bytes: no time, no random order.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Estimator, FittedTransform, Label, ModelError, Signature};

/// The first bytes of the file.
const MAGIC: &str = "SLUICE-MODEL";

/// The version of the format. Raise it with every change that an older program would misread.
///
/// 1: linear, logistic, support vector machines. 2: trees, values that may be missing, codes of categories.
const FORMAT: u32 = 2;

/// What a model predicts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelTask {
    /// One of these classes, sorted.
    Classification {
        /// The classes.
        classes: Vec<Label>,
    },
    /// A number.
    Regression,
}

/// Where a bundle comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The kind that trained it, with its version.
    pub kind: String,
    /// The number of training rows.
    pub n_rows: usize,
    /// BLAKE3 of the training table.
    pub rows: String,
}

/// A model: everything that prediction needs, in one file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bundle {
    /// The target column.
    pub target: String,
    /// What it predicts.
    pub task: ModelTask,
    /// The feature columns it wants.
    pub signature: Signature,
    /// What happens to them first, in order.
    pub transforms: Vec<FittedTransform>,
    /// What predicts from the result.
    pub estimator: Estimator,
    /// Where it comes from.
    pub provenance: Provenance,
}

impl Bundle {
    /// The bundle as the bytes of its file.
    ///
    /// # Panics
    /// Never: a bundle has nothing that JSON cannot hold.
    pub fn to_bytes(&self) -> Vec<u8> {
        let content = serde_json::to_vec(self).expect("a bundle has string keys and finite numbers");
        let hash = blake3::hash(&content).to_hex();
        let mut bytes = format!("{MAGIC} {FORMAT} {hash}\n").into_bytes();
        bytes.extend(content);
        bytes
    }

    /// The bundle from the bytes of its file. A flipped byte and a newer format are refused.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let end = bytes.iter().take(200).position(|byte| *byte == b'\n').ok_or(ModelError::NotABundle)?;
        let head = std::str::from_utf8(&bytes[..end]).map_err(|_| ModelError::NotABundle)?;
        let mut words = head.split(' ');
        if words.next() != Some(MAGIC) {
            return Err(ModelError::NotABundle);
        }
        let found = words.next().and_then(|word| word.parse().ok()).ok_or(ModelError::NotABundle)?;
        if found > FORMAT {
            return Err(ModelError::Newer { found, known: FORMAT });
        }
        let content = &bytes[end + 1..];
        if words.next() != Some(blake3::hash(content).to_hex().as_str()) {
            return Err(ModelError::Damaged("its checksum is wrong".into()));
        }
        let bundle: Self =
            serde_json::from_slice(content).map_err(|error| ModelError::Damaged(error.to_string()))?;
        bundle.estimator.verify().map_err(ModelError::Damaged)?;
        Ok(bundle)
    }

    /// Reads a bundle.
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        let bytes = std::fs::read(path)
            .map_err(|source| ModelError::Read { path: path.display().to_string(), source })?;
        Self::from_bytes(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{InputColumn, InputType};

    fn bundle() -> Bundle {
        let input = |name: &str, input_type| InputColumn { name: name.into(), input_type, nullable: false };
        Bundle {
            target: "y".into(),
            task: ModelTask::Regression,
            signature: Signature { inputs: vec![input("a", InputType::Number), input("b", InputType::Text)] },
            transforms: vec![FittedTransform::OneHot {
                column: "b".into(),
                categories: vec!["no".into(), "yes".into()],
                unknown: crate::UnknownCategory::Error,
                rare: Vec::new(),
            }],
            estimator: Estimator::Linear { coefficients: vec![2.0, 10.0, 20.0], intercept: 0.1 },
            provenance: Provenance { kind: "train.linear 1".into(), n_rows: 2, rows: String::new() },
        }
    }

    #[test]
    fn a_bundle_survives_its_file_and_a_flipped_byte_does_not() {
        let bytes = bundle().to_bytes();
        assert_eq!(Bundle::from_bytes(&bytes).unwrap(), bundle());
        let mut flipped = bytes.clone();
        *flipped.last_mut().unwrap() ^= 1;
        assert!(matches!(Bundle::from_bytes(&flipped), Err(ModelError::Damaged(_))));
        let newer = String::from_utf8(bytes).unwrap().replacen("MODEL 2", "MODEL 7", 1);
        assert!(matches!(
            Bundle::from_bytes(newer.as_bytes()),
            Err(ModelError::Newer { found: 7, known: 2 })
        ));
    }

    #[test]
    fn rows_are_predicted_and_every_problem_is_named() {
        let rows = |value: serde_json::Value| vec![value.as_object().unwrap().clone()];
        let predicted = bundle().predict_rows(&rows(json!({ "a": 3, "b": "yes" }))).unwrap();
        assert_eq!(predicted.to_json_rows(), [json!({ "prediction": 26.1 })]);
        let problems = bundle().predict_rows(&rows(json!({ "a": "3", "bb": "yes" }))).unwrap_err();
        let messages: Vec<_> = problems.iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "`a` must be a number, found the text \"3\"",
                "`b` is missing",
                "`bb` is not a column of the model",
            ]
        );
        let problems = bundle().predict_rows(&rows(json!({ "a": 1, "b": "maybe" }))).unwrap_err();
        assert!(problems[0].message.contains("unknown category `maybe`"));
    }
}
