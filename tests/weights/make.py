"""Writes the weighted predictions of tests/weights and scikit-learn's metrics with `sample_weight` on them.

    python -m venv /tmp/metrics && /tmp/metrics/bin/pip install scikit-learn==1.9.1 numpy==2.4.6
    /tmp/metrics/bin/python tests/weights/make.py

The data are random numbers with a fixed seed: weights of a gamma distribution, whole weights, and weights of which a
third are zero.
"""

import csv
import json
import pathlib

import numpy as np
from sklearn import metrics

HERE = pathlib.Path(__file__).parent
RANDOM = np.random.default_rng(20250602)


def binary(truth, score, weight):
    predicted = (score >= 0.5).astype(int)
    of = lambda metric, said, **more: float(metric(truth, said, sample_weight=weight, **more))  # noqa: E731
    return {
        "accuracy": of(metrics.accuracy_score, predicted),
        "balanced_accuracy": of(metrics.balanced_accuracy_score, predicted),
        "precision": of(metrics.precision_score, predicted),
        "recall": of(metrics.recall_score, predicted),
        "specificity": of(metrics.recall_score, predicted, pos_label=0),
        "f1": of(metrics.f1_score, predicted),
        "matthews_corrcoef": of(metrics.matthews_corrcoef, predicted),
        "roc_auc": of(metrics.roc_auc_score, score),
        "average_precision": of(metrics.average_precision_score, score),
        "log_loss": of(metrics.log_loss, score),
        "brier_score": of(metrics.brier_score_loss, score),
    }


def multiclass(truth, predicted, weight):
    of = lambda metric, **more: float(metric(truth, predicted, sample_weight=weight, **more))  # noqa: E731
    found = {
        "accuracy": of(metrics.accuracy_score),
        "balanced_accuracy": of(metrics.balanced_accuracy_score),
        "matthews_corrcoef": of(metrics.matthews_corrcoef),
    }
    for name in ["precision", "recall", "f1"]:
        for average in ["macro", "micro", "weighted"]:
            found[f"{name}_{average}"] = of(getattr(metrics, f"{name}_score"), average=average)
    return found


def regression(truth, predicted, weight):
    of = lambda metric: float(metric(truth, predicted, sample_weight=weight))  # noqa: E731
    return {
        "mae": of(metrics.mean_absolute_error),
        "mse": of(metrics.mean_squared_error),
        "rmse": of(metrics.root_mean_squared_error),
        "r2": of(metrics.r2_score),
        "mape": of(metrics.mean_absolute_percentage_error),
        "median_absolute_error": of(metrics.median_absolute_error),
    }


def write(name, columns):
    with open(HERE / name, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*(column.tolist() for column in columns.values())))


def main():
    cases = []
    weights = {
        "smooth": lambda n: RANDOM.gamma(1.5, size=n),
        "whole": lambda n: RANDOM.integers(1, 5, n).astype(float),
        "zeros": lambda n: np.where(RANDOM.random(n) < 1 / 3, 0, RANDOM.gamma(2, size=n)),
    }
    for kind, draw in weights.items():
        n = 300
        truth, weight = (RANDOM.random(n) < 0.4).astype(int), draw(n)
        score = 1 / (1 + np.exp(-(RANDOM.normal(size=n) + 1.5 * truth - 0.7)))
        # Of few distinct scores, so that there are ties.
        score = np.round(score, 2) if kind == "whole" else score
        write(f"binary_{kind}.csv", {"y": truth, "p": score, "w": weight})
        cases.append({"file": f"binary_{kind}.csv", "task": "binary", "metrics": binary(truth, score, weight)})
        truth, weight = RANDOM.integers(0, 4, n), draw(n)
        said = np.where(RANDOM.random(n) < 0.6, truth, RANDOM.integers(0, 4, n))
        write(f"multiclass_{kind}.csv", {"y": truth, "predicted": said, "w": weight})
        cases.append({"file": f"multiclass_{kind}.csv", "task": "multiclass", "metrics": multiclass(truth, said, weight)})
        truth, weight = RANDOM.normal(5, 2, n), draw(n)
        said = truth + RANDOM.normal(size=n)
        write(f"regression_{kind}.csv", {"y": truth, "predicted": said, "w": weight})
        cases.append({"file": f"regression_{kind}.csv", "task": "regression", "metrics": regression(truth, said, weight)})
    (HERE / "expected.json").write_text(json.dumps(cases, indent=1) + "\n")


main()
