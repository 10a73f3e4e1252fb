"""scikit-learn as a trainer: any of its estimators, judged by the same `evaluate` and `gate` as the built-in ones."""

from typing import Annotated, Any, Literal, Optional

import sluicegate as sg

import joblib
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingClassifier, GradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.utils.multiclass import type_of_target

ESTIMATORS = {
    "logistic_regression": LogisticRegression,
    "random_forest": RandomForestClassifier,
    "gradient_boosting": GradientBoostingClassifier,
    "svc": SVC,
    "ridge": Ridge,
    "random_forest_regressor": RandomForestRegressor,
    "gradient_boosting_regressor": GradientBoostingRegressor,
    "svr": SVR,
}
REGRESSORS = ("ridge", "random_forest_regressor", "gradient_boosting_regressor", "svr")

plugin = sg.Plugin("sklearn", version="0.1.0")


@plugin.kind(
    "sklearn.train",
    version="1",
    inputs={"train": sg.Table("rows to learn from"), "test": sg.Table("rows to predict, which the model has not seen")},
    outputs={
        "predictions": sg.Table("each test row's truth, prediction, and probabilities or score: enough for `evaluate`"),
        "model": sg.File("the fitted pipeline as a joblib file; not a bundle that Sluicegate can serve"),
    },
    errors={
        "missing_column": "A table lacks the target, or the test rows lack a feature.",
        "bad_settings": "The estimator does not know one of the `settings`.",
        "bad_data": "A missing value, or a target that the estimator cannot learn.",
    },
)
def train(
    ctx: sg.Context,
    target: Annotated[str, sg.Param("The column to predict; all others are features.", column_of="train")],
    estimator: Annotated[
        Literal[
            "logistic_regression", "random_forest", "gradient_boosting", "svc",
            "ridge", "random_forest_regressor", "gradient_boosting_regressor", "svr",
        ],
        "Which estimator; the first four are for classes, the others for numbers.",
    ] = "random_forest",
    settings: Annotated[Optional[dict[str, Any]], "Keyword arguments of the estimator, such as `{ n_estimators = 200 }`."] = None,
    seed: Annotated[int, sg.Param("Decides all that is random.", minimum=0)] = 0,
):
    """Trains an estimator of scikit-learn and predicts the test rows.

    Numeric columns are standardized, columns of text are one-hot encoded; both are fitted on the training rows only. Connect `predictions` to
    `evaluate`, and its report to a `gate`: the metrics are those of any other model. The model itself is a joblib file for Python; it is
    no bundle, so it cannot be registered or deployed by the built-in kinds.
    """
    rows, test = ctx.dataframe("train"), ctx.dataframe("test")
    features = [name for name in rows.columns if name != target]
    for name in [*features, target]:
        if name not in test.columns:
            raise sg.TaskError("missing_column", f"the test rows have no column `{name}`")
    for words, frame in (("training", rows), ("test", test)):
        for name in [*features, target]:
            if frame[name].isna().any():
                raise sg.TaskError(
                    "bad_data", f"column `{name}` of the {words} rows has missing values", hints=["clean them with `data.clean`"]
                )
    is_regressor = estimator in REGRESSORS
    if not is_regressor and type_of_target(rows[target]).startswith("continuous"):
        raise sg.TaskError(
            "bad_data", f"`{estimator}` wants classes, but `{target}` holds numbers with fractions",
            hints=["use one of " + ", ".join(f"`{name}`" for name in REGRESSORS)],
        )

    if is_regressor and not pd.api.types.is_numeric_dtype(rows[target]):
        raise sg.TaskError("bad_data", f"`{estimator}` predicts numbers, but `{target}` holds something else", hints=["choose a classifier"])

    pipeline = make_pipeline(_encoder(rows[features]), _estimator(estimator, settings or {}, seed))
    ctx.progress(None, f"fitting {estimator} on {len(rows)} rows")
    pipeline.fit(rows[features], rows[target])
    ctx.check_cancelled()

    score = pipeline.score(rows[features], rows[target])
    ctx.metric("train_r2" if is_regressor else "train_accuracy", score)
    ctx.summary(f"{estimator} fitted on {len(rows)} rows, {len(test)} predicted")
    joblib.dump(pipeline, ctx.output_path("model"))
    return {"predictions": _predictions(pipeline, test[features], test[target])}


@train.columns
def _(check: sg.ColumnCheck, target, estimator):
    check.need("/target", target, of="test")
    rows = check.input("train")
    if rows is not None and estimator in REGRESSORS:
        truth = [column.type for column in rows.columns if column.name == target]
        if truth and truth[0] not in ("number", "integer"):
            check.problem("/target", f"`{estimator}` predicts numbers, but `{target}` holds {truth[0]}", "choose a classifier")
        check.output("predictions", [sg.Column("truth", *truth), sg.Column("prediction", "number")])


def _encoder(features: pd.DataFrame) -> ColumnTransformer:
    numeric = features.select_dtypes(include=["number", "bool"]).columns.tolist()
    texts = [name for name in features.columns if name not in numeric]
    return ColumnTransformer(
        [("standardize", StandardScaler(), numeric), ("one_hot", OneHotEncoder(handle_unknown="ignore"), texts)]
    )


def _estimator(name: str, settings: "dict[str, Any]", seed: int) -> Any:
    made = ESTIMATORS[name]()
    known = made.get_params()
    for key in settings:
        if key not in known:
            raise sg.TaskError("bad_settings", f"`{name}` has no setting `{key}`", hints=["it has " + ", ".join(sorted(known))])
    if "random_state" in known:
        settings = {"random_state": seed, **settings}
    return made.set_params(**settings)


def _predictions(pipeline: Any, features: pd.DataFrame, truth: pd.Series) -> pd.DataFrame:
    found = pd.DataFrame({"truth": truth.to_numpy(), "prediction": pipeline.predict(features)})
    if hasattr(pipeline, "predict_proba"):
        for at, label in enumerate(pipeline.classes_):
            found[f"probability_{label}"] = pipeline.predict_proba(features)[:, at]
    elif hasattr(pipeline, "decision_function") and len(pipeline.classes_) == 2:
        found["score"] = pipeline.decision_function(features)
    return found


if __name__ == "__main__":
    plugin.run()
