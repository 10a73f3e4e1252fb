//! Transforms: what the author asks for, fitted on the training rows.

mod combine;
mod encode;
mod follow;
mod impute;
mod params;
mod scale;
mod select;
mod shape;
mod words;

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_model::{FittedTransform, Frame, Texts, apply_all};
use sluicegate_plugin::{Column, Problem, TaskError};

use self::{
    follow::Followed,
    params::{
        BinSettings, ClipSettings, CorrelatedSettings, CountEncodeSettings, DatetimeSettings, GroupSettings,
        HashSettings, ImputeSettings, KBestSettings, Nothing, Of, OneHotSettings, OrdinalSettings,
        PairsSettings, PcaSettings, PolynomialSettings, PowerSettings, QuantileSettings, SvdSettings,
        TargetEncodeSettings, TextSettings, VarianceSettings,
    },
    scale::Scaler,
};
use crate::{columns::Columns, training_set::Target};

/// A transform, fitted on the training rows and stored in the bundle. Each is written with its columns alone,
/// `{ standardize = "*" }` or `{ standardize = ["a", "b"] }`, or with settings,
/// `{ clip = { columns = ["a"], upper = 0.99 } }`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Transform {
    /// Fills missing values; `by` is `"mean"`, `"median"`, `"mode"` or `{ constant = 0 }`.
    Impute(Of<ImputeSettings>),
    /// Subtracts the mean and divides by the standard deviation (population).
    Standardize(Of<Nothing>),
    /// Maps the least value to 0 and the greatest to 1.
    MinMax(Of<Nothing>),
    /// Subtracts the median and divides by the distance between the quartiles.
    Robust(Of<Nothing>),
    /// Divides by the greatest absolute value.
    MaxAbs(Of<Nothing>),
    /// The natural logarithm of one more than the value, which must be above -1.
    Log(Of<Nothing>),
    /// Moves values beyond a bound to it.
    Clip(Of<ClipSettings>),
    /// Makes columns most like a normal distribution, by powers (Yeo and Johnson, or Box and Cox), and standardises
    /// them.
    Power(Of<PowerSettings>),
    /// Puts the share of the training rows below a value in its place.
    Quantile(Of<QuantileSettings>),
    /// Puts the number of the bin that a value falls into in its place.
    Bin(Of<BinSettings>),
    /// Makes a column of zeros and ones for each category of a text column; "*" means all text columns.
    OneHot(Of<OneHotSettings>),
    /// `one_hot` with `unknown = "ignore"`.
    OneHotIgnore(Of<Nothing>),
    /// Numbers the categories of a text column from 0.
    Ordinal(Of<OrdinalSettings>),
    /// Puts the mean of the target in place of a category.
    TargetEncode(Of<TargetEncodeSettings>),
    /// Puts the number of training rows in place of a category.
    CountEncode(Of<CountEncodeSettings>),
    /// Makes a column for each word of the texts, or for each run of characters: how often it stands in a text, the more
    /// the fewer texts have it (TF-IDF), each row with length 1.
    Text(Of<TextSettings>),
    /// Makes a few columns of a text column with any number of categories or words, by their hashes.
    Hash(Of<HashSettings>),
    /// Makes columns of the parts of dates and times.
    Datetime(Of<DatetimeSettings>),
    /// Adds products of columns.
    Polynomial(Of<PolynomialSettings>),
    /// Adds sums, differences, products and ratios of every two columns.
    Pairs(Of<PairsSettings>),
    /// Puts principal components, `pca0`, `pca1`, …, in place of columns.
    Pca(Of<PcaSettings>),
    /// Puts the first singular vectors, `svd0`, `svd1`, …, in place of columns, which are not centred before.
    Svd(Of<SvdSettings>),
    /// Leaves out columns of little variance; of none, by default.
    Variance(Of<VarianceSettings>),
    /// Leaves out columns that are correlated with an earlier one.
    Correlated(Of<CorrelatedSettings>),
    /// Keeps the columns that tell most of the target, each judged alone.
    KBest(Of<KBestSettings>),
    /// Adds statistics of columns among the rows of each category of the text column `by`.
    Group(Of<GroupSettings>),
}

/// The columns that a transform takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    Numbers,
    Texts,
    Any,
}

impl Takes {
    fn fits(self, is_text: bool) -> bool {
        match self {
            Self::Numbers => !is_text,
            Self::Texts => is_text,
            Self::Any => true,
        }
    }
}

impl Transform {
    /// Its name, its columns, and whether they stand in a table with settings.
    fn written(&self) -> (&'static str, &Columns, bool) {
        match self {
            Self::Impute(of) => ("impute", &of.columns, of.is_table),
            Self::Standardize(of) => ("standardize", &of.columns, of.is_table),
            Self::MinMax(of) => ("min_max", &of.columns, of.is_table),
            Self::Robust(of) => ("robust", &of.columns, of.is_table),
            Self::MaxAbs(of) => ("max_abs", &of.columns, of.is_table),
            Self::Log(of) => ("log", &of.columns, of.is_table),
            Self::Clip(of) => ("clip", &of.columns, of.is_table),
            Self::Power(of) => ("power", &of.columns, of.is_table),
            Self::Quantile(of) => ("quantile", &of.columns, of.is_table),
            Self::Bin(of) => ("bin", &of.columns, of.is_table),
            Self::OneHot(of) => ("one_hot", &of.columns, of.is_table),
            Self::OneHotIgnore(of) => ("one_hot_ignore", &of.columns, of.is_table),
            Self::Ordinal(of) => ("ordinal", &of.columns, of.is_table),
            Self::TargetEncode(of) => ("target_encode", &of.columns, of.is_table),
            Self::CountEncode(of) => ("count_encode", &of.columns, of.is_table),
            Self::Text(of) => ("text", &of.columns, of.is_table),
            Self::Hash(of) => ("hash", &of.columns, of.is_table),
            Self::Datetime(of) => ("datetime", &of.columns, of.is_table),
            Self::Polynomial(of) => ("polynomial", &of.columns, of.is_table),
            Self::Pairs(of) => ("pairs", &of.columns, of.is_table),
            Self::Pca(of) => ("pca", &of.columns, of.is_table),
            Self::Svd(of) => ("svd", &of.columns, of.is_table),
            Self::Variance(of) => ("variance", &of.columns, of.is_table),
            Self::Correlated(of) => ("correlated", &of.columns, of.is_table),
            Self::KBest(of) => ("k_best", &of.columns, of.is_table),
            Self::Group(of) => ("group", &of.columns, of.is_table),
        }
    }

    fn key(&self) -> &'static str {
        self.written().0
    }

    fn columns(&self) -> &Columns {
        self.written().1
    }

    fn is_table(&self) -> bool {
        self.written().2
    }

    fn takes(&self) -> Takes {
        match self {
            Self::Impute(of) => match (of.settings.by.takes(false), of.settings.by.takes(true)) {
                (true, true) => Takes::Any,
                (true, false) => Takes::Numbers,
                _ => Takes::Texts,
            },
            Self::OneHot(_)
            | Self::OneHotIgnore(_)
            | Self::Ordinal(_)
            | Self::TargetEncode(_)
            | Self::CountEncode(_)
            | Self::Text(_)
            | Self::Hash(_)
            | Self::Datetime(_) => Takes::Texts,
            _ => Takes::Numbers,
        }
    }

    /// Whether a missing value of a column is a value for it, or gone behind it.
    fn takes_missing(&self, name: &str, is_text: bool) -> bool {
        let may = matches!(
            self,
            Self::Impute(_) | Self::TargetEncode(_) | Self::CountEncode(_) | Self::Text(_) | Self::Hash(_)
        );
        let is_chosen = match self.columns() {
            Columns::All => self.takes().fits(is_text),
            Columns::Named(names) => names.iter().any(|own| own == name),
        };
        may && is_chosen
    }

    fn fit(
        &self,
        frame: &Frame,
        columns: Vec<String>,
        target: &Target,
    ) -> Result<Vec<FittedTransform>, TaskError> {
        let each = |one: &dyn Fn(&Texts, String) -> Result<FittedTransform, TaskError>| {
            let texts = |column: String| frame.texts(&column).map(|texts| one(texts, column));
            columns.clone().into_iter().filter_map(texts).collect()
        };
        let one = match self {
            Self::OneHot(of) => {
                return each(&|texts, column| Ok(encode::one_hot(&of.settings, texts, column)));
            }
            Self::OneHotIgnore(_) => return each(&|texts, column| Ok(encode::one_hot_ignore(texts, column))),
            Self::Ordinal(of) => return each(&|texts, column| encode::ordinal(&of.settings, texts, column)),
            Self::CountEncode(of) => {
                return each(&|texts, column| Ok(encode::count_encode(of.settings, texts, column)));
            }
            Self::Text(of) => return each(&|texts, column| words::text(&of.settings, texts, column)),
            Self::Hash(of) => return each(&|_, column| words::hash(&of.settings, column)),
            Self::Datetime(of) => return each(&|_, column| words::datetime(&of.settings, column)),
            Self::Group(of) => return combine::group(&of.settings, frame, &columns),
            Self::TargetEncode(_) => unreachable!("it is applied while it is fitted"),
            Self::Impute(of) => impute::impute(&of.settings, frame, columns)?,
            Self::Standardize(_) => scale::scale(Scaler::Standardize, frame, columns),
            Self::MinMax(_) => scale::scale(Scaler::MinMax, frame, columns),
            Self::Robust(_) => scale::scale(Scaler::Robust, frame, columns),
            Self::MaxAbs(_) => scale::scale(Scaler::MaxAbs, frame, columns),
            Self::Log(_) => FittedTransform::Log { columns },
            Self::Clip(of) => scale::clip(&of.settings, frame, columns),
            Self::Power(of) => shape::power(of.settings, frame, columns)?,
            Self::Quantile(of) => shape::quantile(of.settings, frame, columns)?,
            Self::Bin(of) => shape::bin(of.settings, frame, columns)?,
            Self::Polynomial(of) => combine::polynomial(of.settings, columns)?,
            Self::Pairs(of) => combine::pairs(&of.settings, columns)?,
            Self::Pca(of) => select::pca(of.settings, frame, columns)?,
            Self::Svd(of) => select::svd(of.settings, frame, columns)?,
            Self::Variance(of) => select::variance(of.settings, frame, &columns)?,
            Self::Correlated(of) => select::uncorrelated(of.settings, frame, &columns)?,
            Self::KBest(of) => select::k_best(of.settings, frame, &columns, target)?,
        };
        Ok(vec![one])
    }
}

/// Whether a missing value of a feature can come through the transforms to an estimator that takes none.
pub(crate) fn takes_missing(transforms: &[Transform], name: &str, is_text: bool) -> bool {
    transforms.iter().any(|transform| transform.takes_missing(name, is_text))
}

/// Fits transforms one after the other, each on what the earlier ones made, and applies them.
pub(crate) fn fit_all(
    transforms: &[Transform],
    frame: &mut Frame,
    target: &Target,
) -> Result<Vec<FittedTransform>, TaskError> {
    let mut fitted = Vec::new();
    for transform in transforms {
        let chosen = choose(frame, transform)?;
        if let Transform::TargetEncode(of) = transform {
            fitted.extend(encode::target_encode(&of.settings, frame, chosen, target)?);
            continue;
        }
        if transform.takes() != Takes::Texts {
            frame.make_numbers(&chosen);
        }
        let new = transform.fit(frame, chosen, target)?;
        apply(&new, frame)?;
        fitted.extend(new);
    }
    Ok(fitted)
}

fn apply(fitted: &[FittedTransform], frame: &mut Frame) -> Result<(), TaskError> {
    apply_all(fitted, frame).map_err(|error| TaskError::permanent("transform", error.to_string()))
}

/// Refuses missing values that no transform took away, for an estimator that cannot use them.
pub(crate) fn refuse_missing(frame: &Frame) -> Result<(), TaskError> {
    for (name, _) in &frame.columns {
        let Some(row) = frame.numbers(name).and_then(|values| values.iter().position(|value| value.is_nan()))
        else {
            continue;
        };
        let message = format!("feature `{name}` has a missing value in row {} after the transforms", row + 1);
        return Err(TaskError::permanent("missing_value", message)
            .hint(format!("add `{{ impute = [\"{name}\"] }}` to `transforms`")));
    }
    Ok(())
}

/// Turns texts that are left into the codes of their categories, where the estimator takes them, and refuses them where
/// not. Returns for each feature whether it is categorical.
pub(crate) fn encode_texts(
    frame: &mut Frame,
    fitted: &mut Vec<FittedTransform>,
    allowed: bool,
) -> Result<Vec<bool>, TaskError> {
    let is_categorical: Vec<bool> = frame.columns.iter().map(|(_, data)| data.is_text()).collect();
    let mut new = Vec::new();
    for (name, _) in &frame.columns {
        let Some(texts) = frame.texts(name) else { continue };
        if !allowed {
            let message = format!("feature `{name}` is text, which the model cannot use as it is");
            return Err(TaskError::permanent("text_feature", message).hint(format!(
                "add `{{ one_hot = [\"{name}\"] }}` to `transforms`, or leave it out with `features`"
            )));
        }
        new.push(FittedTransform::Codes { column: name.clone(), categories: texts.sorted() });
    }
    apply(&new, frame)?;
    fitted.extend(new);
    Ok(is_categorical)
}

/// The names of the columns that a transform is applied to.
fn choose(frame: &Frame, transform: &Transform) -> Result<Vec<String>, TaskError> {
    let (key, columns, _) = transform.written();
    let takes = transform.takes();
    let Columns::Named(names) = columns else {
        let fitting = frame.columns.iter().filter(|(_, data)| takes.fits(data.is_text()));
        return Ok(fitting.map(|(name, _)| name.clone()).collect());
    };
    for name in names {
        let Some(at) = frame.position(name) else {
            let message = format!("`{key}` names `{name}`, which is not a feature");
            return Err(TaskError::permanent("missing_column", message));
        };
        let is_text = frame.columns[at].1.is_text();
        if !takes.fits(is_text) {
            let held = if is_text { "text" } else { "numbers" };
            let message = format!("`{key}` cannot be applied to `{name}`, which holds {held}");
            return Err(TaskError::permanent("transform", message));
        }
    }
    Ok(names.clone())
}

/// Problems of transforms that name columns which are not there when their turn comes, for `sluice check`.
pub(crate) fn check(transforms: &[Transform], features: &[Column], prefix: &str) -> Vec<Problem> {
    Followed::new(features).through(transforms, prefix)
}
