"""Writes the predictions of tests/tasks and what scikit-learn makes of them, to which a test holds mlgate's metrics of
rows with several labels, of probabilities of several classes, of ranked documents, of forecasts and of repeated attempts.

    python -m venv /tmp/tasks && /tmp/tasks/bin/pip install scikit-learn==1.9.1 numpy==2.4.6 pyarrow==26.0.1
    /tmp/tasks/bin/python tests/tasks/make.py

The data are random numbers with a fixed seed. `null` stands where scikit-learn warns or gives a conventional 0 or 1
for what is undefined, and mlgate therefore gives no value; each such place names its condition below. What
scikit-learn does not have is computed here from its definition: of documents with equal scores over every order they
can come in, of attempts over every choice of them.
"""

import csv
import itertools
import json
import math
import pathlib
import statistics
import warnings

import numpy as np
import pyarrow
import pyarrow.parquet
from sklearn import calibration, metrics

HERE = pathlib.Path(__file__).parent
RANDOM = np.random.default_rng(20250602)
CASES = []


def unless(undefined, value):
    return None if undefined else float(value())


def plain(value):
    return value.item() if isinstance(value, np.generic) else value


def write_csv(name, columns):
    with open(HERE / name, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        # repr() of a float is the shortest text that reads back as the same number.
        writer.writerows(zip(*[[v if isinstance(v, str) else repr(plain(v)) for v in c] for c in columns.values()]))


def case(file, keys, found):
    CASES.append({"file": file, "predictions": keys, "metrics": found})


# Several labels


def multilabel(labels, truth, said, score):
    truth, said = np.asarray(truth, int), np.asarray(said, int)
    never_true, never_said = ~truth.any(axis=0), ~said.any(axis=0)
    found = {
        "hamming_loss": metrics.hamming_loss(truth, said),
        "subset_accuracy": metrics.accuracy_score(truth, said),
    }
    undefined = {"precision": never_said, "recall": never_true, "f1": never_true & never_said}
    undefined["jaccard"] = undefined["f1"]
    scores = {
        "precision": metrics.precision_score,
        "recall": metrics.recall_score,
        "f1": metrics.f1_score,
        "jaccard": metrics.jaccard_score,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, of in scores.items():
            at = undefined[name]
            found[f"{name}_macro"] = unless(at.any(), lambda: of(truth, said, average="macro"))
            found[f"{name}_micro"] = unless(at.all(), lambda: of(truth, said, average="micro"))
            # A label that no row has weighs nothing.
            spoils = (at & ~never_true).any() or never_true.all()
            found[f"{name}_weighted"] = unless(spoils, lambda: of(truth, said, average="weighted"))
            found[f"{name}_samples"] = float(of(truth, said, average="samples"))
            each = of(truth, said, average=None)
            for place, label in enumerate(labels):
                found[f"{name}({label})"] = unless(at[place], lambda: each[place])
    if score is not None:
        one_class = never_true | truth.all(axis=0)
        for name, of in [("roc_auc", metrics.roc_auc_score), ("average_precision", metrics.average_precision_score)]:
            found[f"{name}_macro"] = unless(one_class.any(), lambda: of(truth, score, average="macro"))
            for place, label in enumerate(labels):
                found[f"{name}({label})"] = unless(one_class[place], lambda: of(truth[:, place], score[:, place]))
        found["label_ranking_average_precision"] = float(metrics.label_ranking_average_precision_score(truth, score))
    return found


def labels_with(rows, shares, noise, digits=None):
    truth = RANDOM.uniform(size=(rows, len(shares))) < np.array(shares)
    score = 1 / (1 + np.exp(-(2.0 * truth - 1 + RANDOM.normal(0, noise, truth.shape))))
    return truth, score if digits is None else np.round(score, digits)


def as_columns(name, labels, truth, score):
    columns = {f"y_{label}": truth[:, i].astype(int) for i, label in enumerate(labels)}
    columns |= {f"s_{label}": score[:, i] for i, label in enumerate(labels)}
    write_csv(name, columns)
    keys = f"task: multilabel, labels: {json.dumps(labels)}, label: y_*, score: s_*"
    case(name, keys, multilabel(labels, truth, score >= 0.5, score))


def make_multilabel():
    truth, score = labels_with(250, [0.5, 0.3, 0.1, 0.6], 1.2)
    as_columns("labels.csv", ["ant", "bee", "cat", "dog"], truth, score)
    truth, score = labels_with(120, [0.5, 0.3, 0.2], 1.0, digits=1)
    as_columns("labels_ties.csv", ["a", "b", "c"], truth, score)
    truth, score = labels_with(60, [0.5, 0.0, 0.4], 1.0)
    as_columns("labels_never_true.csv", ["a", "b", "c"], truth, score)
    truth, score = labels_with(60, [0.5, 0.3, 0.4], 1.0)
    score[:, 1] *= 0.4
    as_columns("labels_never_said.csv", ["a", "b", "c"], truth, score)
    as_columns("labels_one_row.csv", ["a", "b"], np.array([[True, False]]), np.array([[0.75, 0.25]]))

    # Lists of labels, the order of labels in a row free, and lists of scores.
    labels = ["ant", "bee", "cat"]
    truth, score = labels_with(150, [0.4, 0.3, 0.2], 1.0)
    said = score >= 0.4
    listed = lambda rows: [[labels[i] for i in RANDOM.permutation(3) if row[i]] for row in rows]
    table = {"tags": listed(truth), "said": listed(said), "scores": score.tolist()}
    pyarrow.parquet.write_table(
        pyarrow.table(table), HERE / "lists.parquet", compression="zstd"
    )
    keys = f"task: multilabel, labels: {json.dumps(labels)}, label: tags, prediction: said, score: scores"
    case("lists.parquet", keys, multilabel(labels, truth, said, score))
    with open(HERE / "lists.ndjson", "w") as file:
        for row in range(40):
            file.write(json.dumps({"tags": table["tags"][row], "said": table["said"][row]}) + "\n")
    keys = f"task: multilabel, labels: {json.dumps(labels)}, label: tags, prediction: said"
    case("lists.ndjson", keys, multilabel(labels, truth[:40], said[:40], None))


# Probabilities of several classes


def expected_calibration_error(hits, score, bins, strategy):
    """The bins of scikit-learn's calibration_curve, each weighted by its rows (Naeini et al. 2015)."""
    edges = np.linspace(0, 1, bins + 1)
    if strategy == "quantile":
        edges = np.percentile(score, edges * 100)
    place = np.searchsorted(edges[1:-1], score)
    rows = np.bincount(place, minlength=bins)
    observed, stated = calibration.calibration_curve(hits, score, n_bins=bins, strategy=strategy)
    gaps = np.abs(observed - stated)
    return float((rows[rows > 0] / len(score) * gaps).sum()), float(gaps.max())


def probabilities(classes, truth, score, ks):
    place = np.array([classes.index(t) for t in truth])
    absent = len(set(place)) < len(classes)
    top = np.argmax(score, axis=1)
    found = {
        "log_loss": float(metrics.log_loss(truth, score, labels=classes)),
        "brier_score": float(metrics.brier_score_loss(truth, score, labels=classes)),
        "roc_auc_ovr": unless(
            absent, lambda: metrics.roc_auc_score(place, score, multi_class="ovr", average="macro")
        ),
        "roc_auc_ovr_weighted": unless(
            absent, lambda: metrics.roc_auc_score(place, score, multi_class="ovr", average="weighted")
        ),
    }
    for k in ks:
        found[f"top_k_accuracy@{k}"] = float(
            metrics.top_k_accuracy_score(place, score, k=k, labels=np.arange(len(classes)))
        )
    hits, confidence = (top == place).astype(int), score[np.arange(len(top)), top]
    found["ece"], found["mce"] = expected_calibration_error(hits, confidence, 10, "uniform")
    found["ece_equal_mass"] = expected_calibration_error(hits, confidence, 10, "quantile")[0]
    said = np.array(classes)[top]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, of in [
            ("precision", metrics.precision_score),
            ("recall", metrics.recall_score),
            ("f1", metrics.f1_score),
            ("jaccard", metrics.jaccard_score),
        ]:
            each = of(truth, said, labels=classes, average=None)
            for i, label in enumerate(classes):
                t, s = (np.array(truth) == label).any(), (said == label).any()
                defined = {"precision": s, "recall": t, "f1": t or s, "jaccard": t or s}[name]
                found[f"{name}({label})"] = unless(not defined, lambda: each[i])
    return found


def make_probabilities():
    def of(name, classes, rows, shares, digits=None, ks=(2,)):
        truth = RANDOM.choice(len(classes), rows, p=shares)
        logits = RANDOM.normal(0, 1, (rows, len(classes)))
        logits[np.arange(rows), truth] += 1.2
        score = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        if digits is not None:
            score = np.round(score, digits)
            score[:, -1] = np.round(1 - score[:, :-1].sum(axis=1), digits)
            score = np.abs(score)
            score /= score.sum(axis=1, keepdims=True)
        names = [classes[t] for t in truth]
        write_csv(name, {"y": names} | {f"p_{c}": score[:, i] for i, c in enumerate(classes)})
        keys = f"task: multiclass, label: y, score: p_*, k: {list(ks)}"
        case(name, keys, probabilities(classes, names, score, ks))

    of("probabilities.csv", ["ant", "bee", "cat", "dog"], 240, [0.4, 0.3, 0.2, 0.1], ks=(1, 2, 3))
    of("probabilities_ties.csv", ["ant", "bee", "cat"], 120, [0.5, 0.3, 0.2], digits=1)
    of("probabilities_absent.csv", ["ant", "bee", "cat"], 60, [0.6, 0.4, 0.0])


# Ranked documents


def over_orders(relevant, score, of):
    """The mean of a metric over every order that equal scores leave open."""
    levels = sorted(set(score), reverse=True)
    groups = [[r for r, s in zip(relevant, score) if s == level] for level in levels]
    orders = itertools.product(*[list(itertools.permutations(group)) for group in groups])
    return statistics.fmean(of([r for group in order for r in group]) for order in orders)


def ranked(queries, ks, relevant_from=1):
    def mean(of):
        return statistics.fmean(of(np.array(rel, float), np.array(score)) for rel, score in queries)

    def ndcg(rel, score, k=None):
        if len(rel) == 1:  # scikit-learn refuses a single document
            return float(rel[0] > 0)
        return metrics.ndcg_score([rel], [score], k=k)

    def average_precision(rel, score):
        hits = rel >= relevant_from
        return metrics.average_precision_score(hits, score) if hits.any() else 0.0

    def ordered(of):
        return lambda rel, score: over_orders((rel >= relevant_from).tolist(), score.tolist(), of)

    found = {"ndcg": mean(ndcg), "map": mean(average_precision)}
    found["mrr"] = mean(ordered(lambda hits: 1 / (hits.index(True) + 1) if any(hits) else 0.0))
    for k in ks:
        found[f"ndcg@{k}"] = mean(lambda rel, score: ndcg(rel, score, k))
        found[f"precision@{k}"] = mean(ordered(lambda hits: sum(hits[:k]) / k))
        found[f"recall@{k}"] = mean(ordered(lambda hits: sum(hits[:k]) / sum(hits) if any(hits) else 0.0))
        found[f"hit_rate@{k}"] = mean(ordered(lambda hits: float(any(hits[:k]))))
    return {name: float(value) for name, value in found.items()}


def make_ranked():
    def of(name, queries, ks=(3, 5), relevant=1):
        rows = [(f"q{i}", r, s) for i, (rel, score) in enumerate(queries) for r, s in zip(rel, score)]
        order = RANDOM.permutation(len(rows))
        write_csv(name, {n: [rows[j][i] for j in order] for i, n in enumerate(["query", "relevance", "score"])})
        keys = f"task: ranking, query: query, label: relevance, score: score, k: {list(ks)}"
        keys += f", relevant: {relevant}" if relevant != 1 else ""
        case(name, keys, ranked(queries, ks, relevant))

    def query(documents, tied=False, top=3):
        rel = RANDOM.integers(0, top + 1, documents)
        score = rel + RANDOM.normal(0, 1.5, documents)
        return rel, np.round(score / 3) if tied else score

    of("ranked.csv", [query(RANDOM.integers(2, 12)) for _ in range(60)])
    of("ranked_graded.csv", [query(RANDOM.integers(2, 12), top=5) for _ in range(40)], relevant=3)
    # At most 7 documents, so that every order can be looked at.
    of("ranked_ties.csv", [query(RANDOM.integers(2, 8), tied=True) for _ in range(30)])
    nothing = (np.zeros(4, int), RANDOM.normal(0, 1, 4))
    of("ranked_nothing.csv", [query(6), nothing, query(5), (np.array([2]), np.array([0.1]))], ks=(1, 10))


# Forecasts


def forecast(truth, said, quantiles, naive):
    error = np.abs(truth - said)
    size = np.abs(truth) + np.abs(said)
    found = {
        "mae": metrics.mean_absolute_error(truth, said),
        "rmse": metrics.root_mean_squared_error(truth, said),
        "mape": metrics.mean_absolute_percentage_error(truth, said),
        "smape": np.mean(np.where(size > 0, 2 * error / np.where(size > 0, size, 1), 0)),
        "wape": None if not np.abs(truth).sum() else error.sum() / np.abs(truth).sum(),
    }
    if naive is not None:
        found["mase"] = None if (naive <= 0).any() else np.mean(error / naive)
    levels = sorted(quantiles)
    losses = [metrics.mean_pinball_loss(truth, quantiles[q], alpha=q) for q in levels]
    if levels:
        found["pinball"] = np.mean(losses)
        found |= {f"pinball({q})": loss for q, loss in zip(levels, losses)}
    for q in levels:
        if q < 0.5 and round(1 - q, 10) in quantiles:
            low, high = quantiles[q], quantiles[round(1 - q, 10)]
            share = f"{round(100 * (1 - 2 * q), 8):g}%"
            found[f"coverage({share})"] = np.mean((low <= truth) & (truth <= high))
            found[f"width({share})"] = np.mean(np.maximum(high - low, 0))
    return {name: None if value is None else float(value) for name, value in found.items()}


def make_forecasts():
    def walk(n, start=100.0):
        return start + np.cumsum(RANDOM.normal(0, 2, n))

    # Twelve rows of each of 25 series after a history of 24, with a season of 4; rows in no order.
    names, times, truth, naive, history = [], [], [], [], []
    for i in range(25):
        values = walk(36)
        past = values[:24]
        history += [(f"s{i}", t, v) for t, v in enumerate(past)]
        names += [f"s{i}"] * 12
        times += list(range(24, 36))
        truth += list(values[24:])
        naive += [np.mean(np.abs(past[4:] - past[:-4]))] * 12
    truth, naive = np.array(truth), np.array(naive)
    said = truth + RANDOM.normal(0.5, 3, len(truth))
    quantiles = {0.1: said - 4, 0.5: said, 0.9: said + RANDOM.uniform(2, 5, len(said))}
    order = RANDOM.permutation(len(truth))
    columns = {"series": names, "t": times, "y": truth, "said": said, "naive": naive}
    columns |= {f"p{int(100 * q)}": v for q, v in quantiles.items()}
    write_csv("forecast.csv", {name: [column[j] for j in order] for name, column in columns.items()})
    rows = RANDOM.permutation(len(history))
    write_csv("history.csv", {n: [history[j][i] for j in rows] for i, n in enumerate(["series", "t", "y"])})
    base = "task: forecast, label: y, series: series, time: t"
    levels = "quantiles: {0.1: p10, 0.5: p50, 0.9: p90}"
    full = forecast(truth, said, quantiles, naive)
    case("forecast.csv", f"{base}, prediction: said, naive: naive, {levels}", full)
    case("forecast.csv", f"{base}, history: history.csv, season: 4, {levels}", full)

    truth = np.round(RANDOM.normal(0, 2, 90))
    said = np.where(RANDOM.uniform(size=90) < 0.2, truth, truth + RANDOM.normal(0, 1, 90))
    write_csv("forecast_zeros.csv", {"t": list(range(90)), "y": truth, "said": said})
    case("forecast_zeros.csv", "task: forecast, label: y, time: t, prediction: said", forecast(truth, said, {}, None))
    write_csv("forecast_one.csv", {"y": np.array([0.0]), "said": np.array([1.5]), "naive": np.array([0.0])})
    found = forecast(np.array([0.0]), np.array([1.5]), {}, np.array([0.0]))
    case("forecast_one.csv", "task: forecast, label: y, prediction: said, naive: naive", found)


# Repeated attempts


def repeats(items, passes, least, ks):
    def choices(attempts, k, of):
        return statistics.fmean(of(chosen) for chosen in itertools.combinations(attempts, k))

    passed = [[passes(score) for score in item] for item in items]
    found = {
        "pass_rate": statistics.fmean(sum(item) >= least for item in passed),
        "attempt_pass_rate": statistics.fmean(statistics.fmean(item) for item in passed),
        "mean_score": statistics.fmean(statistics.fmean(item) for item in items),
    }
    for k in ks:
        found[f"pass@{k}"] = statistics.fmean(choices(item, k, any) for item in passed)
        found[f"pass_all@{k}"] = statistics.fmean(choices(item, k, all) for item in passed)
    if min(map(len, items)) > 1:
        found["agreement"] = statistics.fmean(choices(item, 2, lambda pair: pair[0] == pair[1]) for item in passed)
        found["score_variance"] = statistics.fmean(statistics.variance(item) for item in items)
    return {name: float(value) for name, value in found.items()}


def make_repeats():
    def of(name, items, keys, passes, least, ks, column="score"):
        rows = [(f"i{i}", a, v) for i, item in enumerate(items) for a, v in enumerate(item)]
        order = RANDOM.permutation(len(rows))
        write_csv(name, {n: [rows[j][i] for j in order] for i, n in enumerate(["item", "attempt", column])})
        case(name, f"task: repeats, id: item, attempt: attempt, {keys}", repeats(items, passes, least, ks))

    skill = RANDOM.beta(2, 1, 50)
    judged = [np.clip(RANDOM.normal(s, 0.2, 5), 0, 1).tolist() for s in skill]
    keys = "score: score, repeat: 5, pass: 4, threshold: 0.6, k: [1, 3, 5]"
    of("judged.csv", judged, keys, lambda score: score >= 0.6, 4, (1, 3, 5))
    passed = [[int(RANDOM.uniform() < s) for _ in range(4)] for s in skill]
    keys = "passed: passed, repeat: 4, k: [1, 2]"
    of("passed.csv", passed, keys, bool, 4, (1, 2), column="passed")
    single = [[float(RANDOM.integers(1, 6))] for _ in range(30)]
    of("judged_once.csv", single, "score: score, repeat: 1, threshold: 3", lambda score: score >= 3, 1, ())
    same = [[1.0, 1.0]] * 8
    of("judged_alike.csv", same, "score: score, repeat: 2", lambda score: score >= 0.5, 2, ())


def main():
    for make in [make_multilabel, make_probabilities, make_ranked, make_forecasts, make_repeats]:
        make()
    assert all(value is None or math.isfinite(value) for case in CASES for value in case["metrics"].values())
    with open(HERE / "expected.json", "w") as file:
        json.dump(CASES, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
