"""Writes tests/drift/expected.json: pairs of samples, and what SciPy and Evidently's definitions give for them.

    python -m venv /tmp/drift && /tmp/drift/bin/pip install evidently==0.7.23 pandas==2.3.3 scipy==1.17.1 numpy==2.4.6
    /tmp/drift/bin/python tests/drift/make.py

The samples are made from splitmix64, which the test makes again, so that none of them has to be kept. Evidently's own
functions are called, not copied. `null` stands where a method is undefined.
"""

import json
import pathlib
import warnings

import numpy as np
import pandas as pd
from evidently.legacy.calculations.stattests import get_stattest
from evidently.legacy.core import ColumnType
from evidently.legacy.metrics.data_drift.embedding_drift_methods import mmd
from scipy import stats

warnings.simplefilter("ignore")
HERE = pathlib.Path(__file__).parent
MASK = (1 << 64) - 1


def uniform(seed: int, n: int) -> np.ndarray:
    """splitmix64, its upper 53 bits as a fraction."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)).astype(float) * 2.0**-53


def numbers(shape: str, seed: int, n: int) -> np.ndarray:
    u = uniform(seed, n)
    return {
        "uniform": lambda: u,
        "shifted": lambda: u + 0.05,
        "squared": lambda: u * u,
        "far": lambda: u + 10.0,
        "rounded": lambda: np.floor(u * 8.0),
        "tenths": lambda: np.floor(u * 100.0) / 10.0,
        "few": lambda: np.floor(u * 3.0),
        "constant": lambda: np.full(n, 4.0),
        "signed": lambda: (u - 0.5) * 1e6,
        "tiny": lambda: u * 1e-9,
    }[shape]()


NUMERIC = [
    ("uniform", "uniform", 50, 60),
    ("uniform", "shifted", 100, 100),
    ("uniform", "squared", 500, 400),
    ("uniform", "far", 40, 30),
    ("uniform", "shifted", 5000, 7000),
    ("uniform", "shifted", 3000, 20000),
    ("uniform", "uniform", 20000, 20000),
    ("uniform", "squared", 12000, 200),
    ("uniform", "shifted", 100, 15000),
    ("uniform", "squared", 30, 11000),
    ("rounded", "rounded", 200, 300),
    ("rounded", "tenths", 900, 1100),
    ("tenths", "tenths", 3000, 3001),
    ("few", "few", 77, 78),
    ("constant", "constant", 10, 12),
    ("constant", "uniform", 10, 12),
    ("uniform", "constant", 33, 12),
    ("uniform", "uniform", 1, 1),
    ("uniform", "uniform", 1, 5),
    ("uniform", "uniform", 2, 3),
    ("signed", "signed", 1500, 1400),
    ("tiny", "tiny", 1500, 1400),
    ("uniform", "shifted", 9000, 9001),
    ("uniform", "uniform", 10000, 10000),
    ("uniform", "uniform", 200000, 300000),
]

CATEGORICAL = [
    ([50, 50], [40, 60]),
    ([50, 50], [100, 100]),
    ([1, 999], [30, 970]),
    ([10, 20, 30], [30, 20, 10]),
    ([10, 20, 30, 5], [31, 19, 15, 0]),
    ([10, 20, 0], [10, 15, 5]),
    ([0, 10], [10, 0]),
    ([100000, 3, 50], [90000, 7, 10046]),
    ([5], [9]),
    ([1, 1, 1, 1, 1], [5, 0, 0, 0, 0]),
]


def score(name: str, reference, current, kind) -> float | None:
    try:
        value = float(get_stattest(reference, current, kind, name).func(reference.copy(), current.copy(), kind, 0.1)[0])
    except (ValueError, ZeroDivisionError, FloatingPointError):
        return None
    return value if np.isfinite(value) else None


def main() -> None:
    out = {"numeric": [], "categorical": [], "mmd": [], "adjusted": []}
    for i, (a, b, n, m) in enumerate(NUMERIC):
        x, y = numbers(a, 2 * i + 1, n), numbers(b, 2 * i + 2, m)
        reference, current = pd.Series(x), pd.Series(y)
        case = {"reference": a, "current": b, "n": n, "m": m, "seed": 2 * i + 1}
        found = stats.ks_2samp(x, y)
        case["ks_statistic"], case["ks"] = float(found.statistic), float(found.pvalue)
        for name in ["wasserstein", "jensenshannon", "psi", "kl_div", "hellinger"]:
            case[name] = score(name, reference, current, ColumnType.Numerical)
        try:
            found = stats.anderson_ksamp([x, y])
            case["anderson_statistic"], case["anderson"] = float(found.statistic), float(found.pvalue)
            if not np.isfinite(found.statistic):
                case["anderson_statistic"] = case["anderson"] = None
        except (ValueError, IndexError):
            case["anderson_statistic"] = case["anderson"] = None
        out["numeric"].append(case)
    for a, b in CATEGORICAL:
        names = [f"c{i}" for i in range(len(a))]
        reference, current = pd.Series(np.repeat(names, a)), pd.Series(np.repeat(names, b))
        case = {"reference": a, "current": b}
        for name in ["chisquare", "g_test", "jensenshannon", "psi", "kl_div", "hellinger"]:
            case[name] = score(name, reference, current, ColumnType.Categorical)
        case["z"] = score("z", reference, current, ColumnType.Categorical) if len(a) <= 2 else None
        case["TVD"] = float(0.5 * np.abs(np.array(a) / sum(a) - np.array(b) / sum(b)).sum())
        out["categorical"].append(case)
    for i, (n, m, columns, shift) in enumerate([(60, 70, 3, 0.0), (200, 150, 8, 0.1), (50, 400, 16, 0.5), (2, 2, 1, 9.0)]):
        seed = 1000 + 2 * i
        x = pd.DataFrame(uniform(seed, n * columns).reshape(n, columns))
        y = pd.DataFrame(uniform(seed + 1, m * columns).reshape(m, columns) + shift)
        case = {"n": n, "m": m, "columns": columns, "shift": shift, "seed": seed, "mmd": float(mmd()(y, x)[0])}
        out["mmd"].append(case)
    p = uniform(99, 12) ** 3
    out["adjusted"] = {"p": p.tolist(), "benjamini_hochberg": stats.false_discovery_control(p).tolist()}
    (HERE / "expected.json").write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
