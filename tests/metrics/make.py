"""Writes the predictions of tests/metrics and scikit-learn's metrics on them, to which a test holds mlgate's.

    python -m venv /tmp/metrics && /tmp/metrics/bin/pip install scikit-learn==1.9.1 numpy==2.4.6 pyarrow==26.0.1
    /tmp/metrics/bin/python tests/metrics/make.py

The data are random numbers with a fixed seed. `null` stands where scikit-learn warns or gives a conventional 0 or 1
for what is undefined, and mlgate therefore gives no value; each such place names its condition below.
"""

import csv
import json
import pathlib

import numpy as np
import pyarrow
import pyarrow.parquet
from sklearn import calibration, metrics

HERE = pathlib.Path(__file__).parent
RANDOM = np.random.default_rng(20250601)


def unless(undefined, value):
    return None if undefined else float(value())


def calibration_error(truth, score, strategy, bins=10):
    """The bins of scikit-learn's calibration_curve, each weighted by its rows (Naeini et al. 2015)."""
    edges = np.linspace(0, 1, bins + 1)
    if strategy == "quantile":
        edges = np.percentile(score, edges * 100)
    rows = np.bincount(np.searchsorted(edges[1:-1], score), minlength=bins)
    gaps = []
    for place in np.unique(np.searchsorted(edges[1:-1], score)):
        inside = np.searchsorted(edges[1:-1], score) == place
        gaps.append(abs(np.mean(truth[inside]) - np.mean(score[inside])))
    if len(set(truth)) == 2:
        observed, stated = calibration.calibration_curve(truth, score, n_bins=bins, strategy=strategy)
        assert np.allclose(np.abs(observed - stated), gaps, atol=1e-6)
    return float((rows[rows > 0] / len(score) * np.array(gaps)).sum()), float(max(gaps))


def binary(truth, score, threshold=0.5):
    predicted = (score >= threshold).astype(int)
    one_class = len(set(truth)) < 2
    nothing = truth.sum() + predicted.sum() == 0
    return {
        "accuracy": float(metrics.accuracy_score(truth, predicted)),
        "balanced_accuracy": unless(one_class, lambda: metrics.balanced_accuracy_score(truth, predicted)),
        "precision": unless(predicted.sum() == 0, lambda: metrics.precision_score(truth, predicted)),
        "recall": unless(truth.sum() == 0, lambda: metrics.recall_score(truth, predicted)),
        "specificity": unless(truth.all(), lambda: metrics.recall_score(truth, predicted, pos_label=0)),
        "f1": unless(nothing, lambda: metrics.f1_score(truth, predicted)),
        "f0.5": unless(nothing, lambda: metrics.fbeta_score(truth, predicted, beta=0.5)),
        "f2": unless(nothing, lambda: metrics.fbeta_score(truth, predicted, beta=2)),
        "jaccard": unless(nothing, lambda: metrics.jaccard_score(truth, predicted)),
        "cohen_kappa": unless(
            one_class and set(truth) == set(predicted), lambda: metrics.cohen_kappa_score(truth, predicted)
        ),
        "ece": calibration_error(truth, score, "uniform")[0],
        "ece_equal_mass": calibration_error(truth, score, "quantile")[0],
        "mce": calibration_error(truth, score, "uniform")[1],
        "matthews_corrcoef": unless(
            one_class or len(set(predicted)) < 2, lambda: metrics.matthews_corrcoef(truth, predicted)
        ),
        "roc_auc": unless(one_class, lambda: metrics.roc_auc_score(truth, score)),
        "average_precision": unless(one_class, lambda: metrics.average_precision_score(truth, score)),
        "log_loss": float(metrics.log_loss(truth, score, labels=[0, 1])),
        "brier_score": float(metrics.brier_score_loss(truth, score, labels=[0, 1], pos_label=1)),
    }


def multiclass(truth, predicted):
    never_predicted = bool(set(truth) - set(predicted))
    never_true = bool(set(predicted) - set(truth))
    one_class = len(set(truth)) < 2
    found = {
        "accuracy": float(metrics.accuracy_score(truth, predicted)),
        "balanced_accuracy": unless(one_class, lambda: metrics.balanced_accuracy_score(truth, predicted)),
        "matthews_corrcoef": unless(
            one_class or len(set(predicted)) < 2, lambda: metrics.matthews_corrcoef(truth, predicted)
        ),
    }
    undefined = {"precision": never_predicted, "recall": never_true, "f1": False}
    for name, score in [
        ("precision", metrics.precision_score),
        ("recall", metrics.recall_score),
        ("f1", metrics.f1_score),
    ]:
        for average in ["macro", "micro", "weighted"]:
            # A class that is never true has no weight; of summed counts nothing is undefined.
            spoils = undefined[name] and average != "micro" and not (name == "recall" and average == "weighted")
            found[f"{name}_{average}"] = unless(spoils, lambda: score(truth, predicted, average=average))
    same = one_class and set(truth) == set(predicted)
    found["cohen_kappa"] = unless(same, lambda: metrics.cohen_kappa_score(truth, predicted))
    for average in ["macro", "weighted"]:
        found[f"jaccard_{average}"] = float(metrics.jaccard_score(truth, predicted, average=average))
    for label in sorted(set(truth) | set(predicted)):
        true, said = label in truth, label in predicted
        for name, score, is_defined in [
            ("precision", metrics.precision_score, said),
            ("recall", metrics.recall_score, true),
            ("f1", metrics.f1_score, True),
            ("jaccard", metrics.jaccard_score, True),
        ]:
            of = lambda: score(truth, predicted, labels=[label], average=None, zero_division=0)[0]
            found[f"{name}({label})"] = unless(not is_defined, of)
    return found


def regression(truth, predicted):
    size = np.abs(truth) + np.abs(predicted)
    constant = len(truth) < 2 or np.all(truth == truth[0])
    below = (np.minimum(truth, predicted) <= -1).any()
    return {
        "mae": float(metrics.mean_absolute_error(truth, predicted)),
        "mse": float(metrics.mean_squared_error(truth, predicted)),
        "rmse": float(metrics.root_mean_squared_error(truth, predicted)),
        "r2": unless(constant, lambda: metrics.r2_score(truth, predicted)),
        "mape": float(metrics.mean_absolute_percentage_error(truth, predicted)),
        "smape": float(np.mean(2 * np.abs(truth - predicted) / (np.abs(truth) + np.abs(predicted) + (size == 0)))),
        "max_error": float(metrics.max_error(truth, predicted)),
        "explained_variance": unless(constant, lambda: metrics.explained_variance_score(truth, predicted)),
        "d2_absolute_error": unless(constant, lambda: metrics.d2_absolute_error_score(truth, predicted)),
        "msle": unless(below, lambda: metrics.mean_squared_log_error(truth, predicted)),
        "rmsle": unless(below, lambda: metrics.root_mean_squared_log_error(truth, predicted)),
        "median_absolute_error": float(metrics.median_absolute_error(truth, predicted)),
    }


def write_csv(name, columns):
    with open(HERE / name, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        # repr() of a float is the shortest text that reads back as the same number.
        writer.writerows(zip(*[[v if isinstance(v, str) else repr(v.item()) for v in c] for c in columns.values()]))


def binary_case(name, truth, score):
    write_csv(f"{name}.csv", {"y": truth, "p": score})
    return {"file": f"{name}.csv", "task": "binary", "metrics": binary(truth, score)}


def multiclass_case(name, truth, predicted):
    write_csv(f"{name}.csv", {"y": truth, "predicted": predicted})
    return {"file": f"{name}.csv", "task": "multiclass", "metrics": multiclass(list(truth), list(predicted))}


def regression_case(name, truth, predicted):
    write_csv(f"{name}.csv", {"y": truth, "predicted": predicted})
    return {"file": f"{name}.csv", "task": "regression", "metrics": regression(truth, predicted)}


def scores_for(truth, spread):
    return 1 / (1 + np.exp(-(2.0 * truth - 1.0 + RANDOM.normal(0, spread, len(truth)))))


def main():
    cases = []

    truth = RANDOM.binomial(1, 0.3, 300)
    cases.append(binary_case("binary", truth, scores_for(truth, 1.5)))

    truth = RANDOM.binomial(1, 0.5, 200)
    cases.append(binary_case("ties", truth, np.round(scores_for(truth, 1.0), 1)))

    truth = RANDOM.binomial(1, 0.05, 120)
    cases.append(binary_case("nothing_predicted", truth, RANDOM.uniform(0, 0.49, 120)))

    cases.append(binary_case("only_negatives", np.zeros(20, dtype=int), RANDOM.uniform(0, 1, 20)))
    cases.append(binary_case("only_positives", np.ones(20, dtype=int), RANDOM.uniform(0, 1, 20)))
    cases.append(binary_case("constant_score", RANDOM.binomial(1, 0.4, 40), np.full(40, 0.5)))
    cases.append(binary_case("certain_scores", np.array([0, 1, 0, 1, 1]), np.array([0.0, 1.0, 1.0, 0.0, 1.0])))
    cases.append(binary_case("perfect", np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9])))
    cases.append(binary_case("one_row", np.array([1]), np.array([0.75])))

    # Scores of 32 bits, of which 0 and 1 are clipped by their own machine epsilon.
    truth = RANDOM.binomial(1, 0.4, 150)
    score = np.clip(scores_for(truth, 1.0).astype(np.float32) * np.float32(1.2) - np.float32(0.1), 0, 1)
    table = pyarrow.table({"y": truth == 1, "p": score})
    pyarrow.parquet.write_table(table, HERE / "float32.parquet", compression="zstd")
    cases.append({"file": "float32.parquet", "task": "binary", "metrics": binary(truth, score)})

    names = np.array(["ant", "bee", "cat", "dog"])
    truth = names[RANDOM.choice(4, 250, p=[0.5, 0.3, 0.15, 0.05])]
    guess = np.where(RANDOM.uniform(size=250) < 0.7, truth, names[RANDOM.choice(4, 250)])
    cases.append(multiclass_case("multiclass", truth, guess))
    cases.append(multiclass_case("never_predicted", truth, np.where(guess == "dog", "ant", guess)))
    cases.append(multiclass_case("never_true", truth, np.where(guess == "dog", "eel", guess)))
    cases.append(multiclass_case("one_class", np.full(12, "ant"), np.full(12, "ant")))

    truth = RANDOM.normal(50, 12, 200)
    cases.append(regression_case("regression", truth, truth * 0.9 + RANDOM.normal(4, 3, 200)))
    truth = np.round(RANDOM.normal(0, 2, 100))
    cases.append(regression_case("zeros", truth, truth + RANDOM.normal(0, 0.5, 100)))
    cases.append(regression_case("constant_truth", np.full(30, 7.5), RANDOM.normal(7, 1, 30)))
    cases.append(regression_case("far_from_zero", RANDOM.normal(1e9, 1, 100), RANDOM.normal(1e9, 1, 100)))

    with open(HERE / "expected.json", "w") as file:
        json.dump(cases, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
