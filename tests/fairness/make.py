"""Writes the predictions of tests/fairness and Fairlearn's measures on them.

    python -m venv /tmp/fair && /tmp/fair/bin/pip install fairlearn==0.15.0 scikit-learn numpy
    /tmp/fair/bin/python tests/fairness/make.py

The data are random numbers with a fixed seed: two groups, seven groups, groups in which nothing is predicted positive,
and two groups with weights.
"""

import csv
import json
import pathlib

import fairlearn.metrics as fair
import numpy as np

HERE = pathlib.Path(__file__).parent
RANDOM = np.random.default_rng(20250603)
MEASURES = [f"{rate}_{how}" for rate in ["demographic_parity", "equal_opportunity", "equalized_odds"] for how in ["difference", "ratio"]]


def main():
    cases = []
    for name, groups, rows, weighted, silent in [
        ("two", 2, 300, False, False),
        ("seven", 7, 900, False, False),
        ("silent", 3, 300, False, True),
        ("weighted", 2, 300, True, False),
    ]:
        group = RANDOM.integers(0, groups, rows)
        truth = (RANDOM.random(rows) < 0.3 + 0.05 * group).astype(int)
        said = (RANDOM.random(rows) < 0.2 + 0.5 * truth + 0.03 * group).astype(int)
        if silent:
            said[group == 1] = 0
        weight = RANDOM.gamma(2, size=rows) if weighted else np.ones(rows)
        with open(HERE / f"{name}.csv", "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["y", "predicted", "group", "w"])
            writer.writerows(zip(truth.tolist(), said.tolist(), [f"g{g}" for g in group], weight.tolist()))
        found = {
            measure: float(getattr(fair, measure)(truth, said, sensitive_features=group, sample_weight=weight))
            for measure in MEASURES
        }
        cases.append({"file": f"{name}.csv", "weighted": weighted, "measures": found})
    (HERE / "expected.json").write_text(json.dumps(cases, indent=1) + "\n")


main()
