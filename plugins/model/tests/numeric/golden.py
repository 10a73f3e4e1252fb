"""Writes golden.json: columns, held-out values and what scikit-learn makes of both.

Run with: /opt/venv/bin/python tests/golden.py (scikit-learn 1.9.1, NumPy, SciPy). A missing value is null.
"""

import json
import math
import pathlib
import warnings

import numpy as np
from scipy.special import ndtri
from sklearn.preprocessing import KBinsDiscretizer, PowerTransformer, QuantileTransformer

warnings.simplefilter("ignore")
random = np.random.default_rng(20260117)
NAN = math.nan


def with_missing(values, share):
    """Replaces a share of the values by NaN."""
    values = np.array(values, dtype=float)
    values[random.random(values.size) < share] = NAN
    return values


def columns():
    """Returns the named columns; the first group is above zero."""
    normal = random.normal(size=60)
    positive = {
        "lognormal": random.lognormal(size=60),
        "lognormal_narrow": np.exp(random.normal(3.0, 0.3, 60)),
        "gamma": random.gamma(2.0, size=75),
        "gamma_missing": with_missing(random.gamma(1.5, 40.0, size=80), 0.2),
        "exponential_large": random.exponential(1e5, size=50),
        "pareto": random.pareto(2.5, size=120) + 1.0,
        "uniform": random.uniform(0.5, 9.5, 40),
        "beta_tiny": 1e-6 * (random.beta(2.0, 5.0, size=45) + 0.05),
        "counts_positive": random.poisson(4.0, 90) + 1.0,
        "ratings_missing": with_missing(random.integers(1, 6, 70), 0.15),
        "left_skewed": 100.0 - random.gamma(2.0, 8.0, size=65).clip(0, 95),
        "offset_1e6_wide": 1e6 + 1e5 * random.normal(size=60),
        "offset_1e6_skewed": 1e6 + 3e5 * random.gamma(2.0, size=60),
        "offset_1e6_narrow": 1e6 + 1e3 * random.normal(size=60),
        "offset_1e6_unit": 1e6 + random.gamma(1.0, size=60),
        "year_numbers": np.array([2003.0, 1950.0, 1997.0, 2000.0, 2009.0]),
        "two_values": np.array([1.0, 2.0]),
        "two_values_repeated": np.repeat([3.0, 8.0], [12, 5]),
        "three_values": np.array([0.7, 5.0, 1.2]),
        "constant_positive": np.full(9, 5.0),
        "one_value": np.array([3.0]),
        "long": random.weibull(1.4, size=1500) * 7.0 + 0.01,
    }
    other = {
        "normal": normal,
        "normal_missing": with_missing(normal * 3.0 - 1.0, 0.3),
        "student": random.standard_t(2.0, size=90),
        "negative_gamma": -random.gamma(2.0, size=70),
        "negative_offset": -1e6 - 1e5 * random.gamma(2.0, size=60),
        "bimodal": np.concatenate([random.normal(-4, 1, 35), random.normal(5, 0.5, 25)]),
        "zero_inflated": random.poisson(0.7, 80) * random.gamma(2.0, size=80),
        "tiny": 1e-9 * random.normal(size=40),
        "constant_zero": np.zeros(6),
        "constant_negative": np.full(5, -2.5),
        "constant_missing": np.array([4.0, NAN, 4.0, 4.0]),
        "one_value_missing": np.array([NAN, 3.0, NAN]),
        "all_missing": np.full(4, NAN),
    }
    return {**positive, **other}


def held_out(values):
    """Returns values inside and outside the range of a column, ties with it and a missing one."""
    known = values[~np.isnan(values)]
    if known.size == 0:
        return np.array([-1.0, 0.0, 1.0, NAN])
    low, high = known.min(), known.max()
    span = (high - low) or 1.0
    inside = low + span * np.linspace(0.05, 0.95, 7)
    ties = np.quantile(known, [0.0, 0.5, 1.0], method="closest_observation")
    near = [low - 1e-9, low + 5e-8, high - 5e-8, high + 1e-9]
    outside = [low - 0.3 * span, low - span, high + 0.3 * span, high + span]
    return np.concatenate([inside, ties, near, outside, [0.0, 1.0, NAN]])


def plain(value):
    """Turns NumPy values into JSON values, with null for NaN."""
    if isinstance(value, np.ndarray):
        return [plain(item) for item in value.tolist()]
    if isinstance(value, float):
        return None if math.isnan(value) else value
    return value


def outcome(fit, values, new, **keys):
    """Returns the parameters and both transformed columns, or the error of scikit-learn.

    `held_out` is null if scikit-learn refuses the held-out values because their transforms overflow.
    """
    try:
        parameters, apply = fit()
        result = {"parameters": plain(parameters), "fitted": plain(apply(values))}
    except (ValueError, RuntimeError) as error:
        return {**keys, "error": f"{type(error).__name__}: {error}"[:100]}
    try:
        result["held_out"] = plain(apply(new))
    except ValueError:
        result["held_out"] = None
    return {**keys, **result}


def power(values, new, method):
    """Fits PowerTransformer; Box-Cox sees only held-out values above zero."""
    if method == "box-cox":
        new = new[~(new <= 0.0)]

    def fit():
        transformer = PowerTransformer(method=method).fit(values[:, None])
        scaler = transformer._scaler
        parameters = np.array([transformer.lambdas_[0], scaler.mean_[0], scaler.scale_[0]])
        return parameters, lambda column: transformer.transform(column[:, None])[:, 0]

    return {**outcome(fit, values, new, method=method), "new": plain(new)}


def quantile(values, new, n_quantiles, output):
    """Fits QuantileTransformer without a subsample."""

    def fit():
        transformer = QuantileTransformer(
            n_quantiles=n_quantiles, output_distribution=output, subsample=None
        ).fit(values[:, None])
        return transformer.quantiles_[:, 0], lambda column: transformer.transform(column[:, None].copy())[:, 0]

    return {**outcome(fit, values, new, n_quantiles=n_quantiles, output=output), "new": plain(new)}


def bins(values, new, n_bins, strategy):
    """Fits KBinsDiscretizer to the known values, since it refuses NaN, and leaves NaN as it is."""
    known = values[~np.isnan(values)]

    def fit():
        transformer = KBinsDiscretizer(
            n_bins=n_bins, encode="ordinal", strategy=strategy, quantile_method="linear", subsample=None
        ).fit(known[:, None])

        def apply(column):
            result = column.copy()
            mask = ~np.isnan(column)
            result[mask] = transformer.transform(column[mask][:, None])[:, 0]
            return result

        edges = transformer.bin_edges_[0]
        return (edges if np.isfinite(edges).all() else np.array([known[0], known[0]])), apply

    result = {**outcome(fit, values, new, n_bins=n_bins, strategy=strategy), "new": plain(new)}
    if strategy == "kmeans" and "error" not in result:
        result["alternatives"] = alternatives(known, n_bins, result["parameters"])
    return result


def alternatives(known, n_bins, edges):
    """Returns the other k-means edges that scikit-learn gives for the same rows in another order.

    There are some where several values are equally far from their centres and only some of them move to empty
    clusters: NumPy's argpartition chooses, by the order of the rows and the kind of the processor.
    """
    shuffled = np.random.default_rng(1)
    found = []
    for rows in [known[::-1]] + [shuffled.permutation(known) for _ in range(20)]:
        transformer = KBinsDiscretizer(n_bins=n_bins, encode="ordinal", strategy="kmeans", subsample=None)
        other = transformer.fit(rows[:, None]).bin_edges_[0]
        known_edges = [edges, *found]
        if np.isfinite(other).all() and not any(
            len(other) == len(one) and np.allclose(other, one, rtol=1e-12, atol=1e-12) for one in known_edges
        ):
            found.append(plain(other))
    return found


def cases():
    """Returns every column with the outcomes of the three transforms."""
    for name, values in columns().items():
        new = held_out(values)
        yield {
            "name": name,
            "values": plain(values),
            "power": [power(values, new, method) for method in ("yeo-johnson", "box-cox")],
            "quantile": [
                quantile(values, new, n_quantiles, output)
                for n_quantiles in (1000, 10, 1)
                for output in ("uniform", "normal")
                if n_quantiles == 1000 or values.size < 200
            ],
            "bins": [
                bins(values, new, n_bins, strategy)
                for n_bins in (2, 5, 9)
                for strategy in ("uniform", "quantile", "kmeans")
            ],
        }


probabilities = np.concatenate([[1e-300, 1e-30, 1e-12, 1e-7], np.linspace(0.001, 0.999, 101), [1 - 1e-7, 1 - 1e-12]])
golden = {
    "normal_quantile": [plain(probabilities), plain(ndtri(probabilities))],
    "columns": list(cases()),
}
path = pathlib.Path(__file__).with_name("golden.json")
path.write_text(json.dumps(golden, indent=None, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")
