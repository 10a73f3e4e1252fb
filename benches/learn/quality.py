"""Eight data sets, and what the defaults of others reach on them by five folds."""

import json
import os

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.metrics import log_loss, root_mean_squared_error
from sklearn.model_selection import KFold, StratifiedKFold


def generated(seed, n_rows, n_classes):
    """Numbers, categories of few and of many values, and values missing more often where they are high."""
    random = np.random.default_rng(seed)
    numbers = random.normal(size=(n_rows, 8))
    few = random.integers(0, 5, n_rows)
    many = random.integers(0, 60, n_rows)
    effects = random.normal(size=60)
    signal = (
        numbers[:, 0] * numbers[:, 1]
        + np.sin(2 * numbers[:, 2])
        + np.where(few == 2, numbers[:, 3], -0.5 * numbers[:, 3])
        + effects[many]
    )
    numbers[random.random((n_rows, 8)) < 0.05 + 0.2 * (numbers > 1)] = np.nan
    x = np.column_stack([numbers, few, many]).astype(float)
    x[random.random(n_rows) < 0.05, 9] = np.nan
    if n_classes == 0:
        return x, signal + random.normal(size=n_rows), [8, 9], "regression"
    noisy = signal + random.logistic(size=n_rows)
    cuts = np.quantile(noisy, np.arange(1, n_classes) / n_classes)
    return x, np.digitize(noisy, cuts), [8, 9], "classification"


def data_sets():
    for name in ("breast_cancer", "wine", "digits"):
        x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        yield name, (x, y, [], "classification")
    x, y = datasets.load_diabetes(return_X_y=True)
    yield "diabetes", (x, y, [], "regression")
    x, y = datasets.make_friedman1(3000, noise=1.0, random_state=4)
    yield "friedman", (x, y, [], "regression")
    yield "mixed_two_classes", generated(1, 6000, 2)
    yield "mixed_four_classes", generated(2, 6000, 4)
    yield "mixed_regression", generated(3, 6000, 0)


def peers(task, categorical, threads):
    kind = "Classifier" if task == "classification" else "Regressor"
    from sklearn import ensemble

    yield "HistGradientBoosting", getattr(ensemble, f"HistGradientBoosting{kind}")(
        categorical_features="from_dtype", random_state=0
    )
    try:
        import lightgbm

        yield "LightGBM", getattr(lightgbm, f"LGBM{kind}")(n_jobs=threads, verbose=-1)
    except ImportError:
        pass
    try:
        import xgboost

        yield "XGBoost", getattr(xgboost, f"XGB{kind}")(n_jobs=threads, enable_categorical=True)
    except ImportError:
        pass
    try:
        import catboost

        yield "CatBoost", getattr(catboost, f"CatBoost{kind}")(
            thread_count=threads, verbose=0, allow_writing_files=False, cat_features=[f"x{at}" for at in categorical]
        )
    except ImportError:
        pass


def run(folder, threads):
    for name, (x, y, categorical, task) in data_sets():
        splitter = KFold if task == "regression" else StratifiedKFold
        folds = np.zeros(len(y), int)
        for fold, (_, test) in enumerate(splitter(5, shuffle=True, random_state=0).split(x, y)):
            folds[test] = fold
        os.makedirs(f"{folder}/{name}")
        np.ascontiguousarray(x, "<f8").tofile(f"{folder}/{name}/x.f64")
        np.asarray(y, "<f8").tofile(f"{folder}/{name}/y.f64")
        with open(f"{folder}/{name}/about.json", "w") as file:
            json.dump({"task": task, "categorical": categorical, "folds": folds.tolist()}, file)
        table = pd.DataFrame(x, columns=[f"x{at}" for at in range(x.shape[1])])
        for peer, model in peers(task, categorical, threads):
            own = table.copy()
            for at in categorical:
                texts = own[f"x{at}"].map(lambda code: "none" if np.isnan(code) else f"c{code:.0f}")
                own[f"x{at}"] = texts if peer == "CatBoost" else texts.where(texts != "none").astype("category")
            losses = []
            for fold in range(5):
                model.fit(own[folds != fold], y[folds != fold])
                if task == "regression":
                    losses.append(root_mean_squared_error(y[folds == fold], model.predict(own[folds == fold])))
                else:
                    losses.append(log_loss(y[folds == fold], model.predict_proba(own[folds == fold])))
            print(json.dumps({"data": name, "name": peer, "loss": float(np.mean(losses))}), flush=True)
