"""Does the same work by what a user would pick instead. Prints a line of JSON for each.

Arguments: the work, a folder with `x.f64` (row-major), `y.f64`, `shape` (rows and columns), and the number of threads.
A peer that is not installed is left out. The work `quality` makes data sets of its own, and writes them to the folder.
"""

import json
import os
import sys
import time

work, folder, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(threads)

import numpy as np

if work == "quality":
    import quality

    quality.run(folder, threads)
    sys.exit()

with open(f"{folder}/shape") as file:
    n_rows, n_columns = map(int, file.read().split())
x = np.fromfile(f"{folder}/x.f64", "<f8").reshape(n_rows, n_columns)
y = np.fromfile(f"{folder}/y.f64", "<f8").astype(int)


def boosting():
    from sklearn.ensemble import HistGradientBoostingClassifier

    yield "HistGradientBoosting", lambda: HistGradientBoostingClassifier(early_stopping=False)
    try:
        from lightgbm import LGBMClassifier

        yield "LightGBM", lambda: LGBMClassifier(n_estimators=100, num_leaves=31, n_jobs=threads, verbose=-1)
    except ImportError:
        pass
    try:
        from xgboost import XGBClassifier

        yield "XGBoost hist", lambda: XGBClassifier(
            n_estimators=100, tree_method="hist", grow_policy="lossguide", max_leaves=31, max_depth=0,
            learning_rate=0.1, n_jobs=threads,
        )
    except ImportError:
        pass


def forest():
    from sklearn.ensemble import RandomForestClassifier

    yield "scikit-learn", lambda: RandomForestClassifier(n_jobs=threads, random_state=0)


def svm_rbf():
    from sklearn.svm import SVC

    yield "scikit-learn", lambda: SVC()


def svm_linear():
    from sklearn.svm import SVC

    yield "scikit-learn", lambda: SVC(kernel="linear")


def mlp():
    from sklearn.neural_network import MLPClassifier

    yield "scikit-learn", lambda: MLPClassifier(max_iter=20, n_iter_no_change=1000, random_state=0)


def logistic():
    from sklearn.linear_model import LogisticRegression

    yield "scikit-learn lbfgs", lambda: LogisticRegression()
    yield "scikit-learn newton-cholesky", lambda: LogisticRegression(solver="newton-cholesky")


def one_row():
    """What a call for one row costs in Python, of the same number of trees, without transforms."""
    from lightgbm import LGBMClassifier

    model = LGBMClassifier(n_estimators=500, num_leaves=31, n_jobs=1, verbose=-1).fit(x, y)
    yield "LightGBM", lambda row: model.booster_.predict(row, num_threads=1)
    try:
        import onnxmltools
        import onnxruntime
        from onnxmltools.convert.common.data_types import FloatTensorType

        converted = onnxmltools.convert_lightgbm(model, initial_types=[("x", FloatTensorType([None, n_columns]))])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(converted.SerializeToString(), options)
        yield "ONNX Runtime", lambda row: session.run(None, {"x": row.astype("f4")})
    except ImportError:
        pass
    try:
        import lleaves

        model.booster_.save_model(f"{folder}/model.txt")
        compiled = lleaves.Model(model_file=f"{folder}/model.txt")
        compiled.compile()
        yield "lleaves", lambda row: compiled.predict(row, n_jobs=1)
    except ImportError:
        pass


import warnings

warnings.filterwarnings("ignore")
if work == "one_row":
    for name, predict in one_row():
        times = []
        for at in range(2000):
            row = x[at : at + 1]
            start = time.perf_counter()
            predict(row)
            times.append(time.perf_counter() - start)
        print(json.dumps({"name": name, "micros": sorted(times)[1000] * 1e6}), flush=True)
    sys.exit()
for name, make in globals()[work]():
    make().fit(x[:2000], y[:2000])  # What is loaded late is not counted.
    model = make()
    start = time.perf_counter()
    model.fit(x, y)
    seconds = time.perf_counter() - start
    print(json.dumps({"name": name, "seconds": seconds, "score": model.score(x, y)}), flush=True)
