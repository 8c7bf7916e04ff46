"""Times metrics of predictions beside their peers in the same run and prints a Markdown table.

    pip install numpy polars pyarrow scikit-learn scipy
    cargo build --release && python3 benches/quality.py target/release/mlgate

A million rows of a label, a score, an id and slice columns of 48 and of 3 × 16 values, in Parquet. mlgate always
computes every metric of the task with its interval, writes its record and digests its inputs; a peer only what its
name says. Each round runs every command once, in turn; medians count.
"""

import argparse
import importlib.util
import json
import multiprocessing
import subprocess
import sys
import tempfile
from pathlib import Path

from timing import Run, median, once, row, table

POLARS = """
import polars as pl, sys
y, p = pl.col("label"), pl.col("score")
h = (p >= 0.5).cast(pl.Int64)
eps = 2.220446049250313e-16
q = p.clip(eps, 1 - eps)
rank = p.rank("average")
"""
COUNTS = """
tp, fp = ((y == 1) & (h == 1)).sum().cast(pl.Float64), ((y == 0) & (h == 1)).sum().cast(pl.Float64)
fn, tn = ((y == 1) & (h == 0)).sum().cast(pl.Float64), ((y == 0) & (h == 0)).sum().cast(pl.Float64)
count_metrics = [
    ((tp + tn) / (tp + tn + fp + fn)).alias("accuracy"), (tp / (tp + fp)).alias("precision"),
    (tp / (tp + fn)).alias("recall"), (tn / (tn + fp)).alias("specificity"), (2 * tp / (2 * tp + fp + fn)).alias("f1"),
]
"""
PEERS = {
    "ten": {
        "Polars, ten metrics": (
            "polars",
            POLARS
            + COUNTS
            + """
m, n = (y == 1).sum().cast(pl.Float64), (y == 0).sum().cast(pl.Float64)
out = pl.scan_parquet("p.parquet").select(*count_metrics,
    ((tp / (tp + fn) + tn / (tn + fp)) / 2).alias("balanced_accuracy"),
    ((tp * tn - fp * fn) / ((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)).sqrt()).alias("mcc"),
    (((rank * (y == 1)).sum() - m * (m + 1) / 2) / (m * n)).alias("roc_auc"),
    (-(pl.when(y == 1).then(q).otherwise(1 - q)).log().mean()).alias("log_loss"),
    ((p - y) ** 2).mean().alias("brier_score")).collect()
print(out.row(0))
""",
        ),
        "scikit-learn, ten metrics": (
            "sklearn",
            """
import pyarrow.parquet as pq, sklearn.metrics as m
t = pq.read_table("p.parquet", columns=["label", "score"])
y, p = t["label"].to_numpy(), t["score"].to_numpy()
h = (p >= 0.5).astype(int)
print(m.accuracy_score(y, h), m.balanced_accuracy_score(y, h), m.precision_score(y, h), m.recall_score(y, h),
    m.recall_score(y, h, pos_label=0), m.f1_score(y, h), m.matthews_corrcoef(y, h), m.roc_auc_score(y, p),
    m.log_loss(y, p), m.brier_score_loss(y, p))
""",
        ),
    },
    "f1": {
        "NumPy, F1 on 1,000 multinomial resamples": (
            "numpy",
            """
import numpy as np, pyarrow.parquet as pq
t = pq.read_table("p.parquet", columns=["label", "score"])
y, h = t["label"].to_numpy(), t["score"].to_numpy() >= 0.5
cells = np.bincount(y * 2 + h, minlength=4)
tn, fp, fn, tp = np.random.default_rng(1).multinomial(len(y), cells / len(y), 1000).T
print(np.quantile(2 * tp / (2 * tp + fp + fn), [0.025, 0.975]))
""",
        ),
    },
    "paired": {
        "NumPy, DeLong in pairs": (
            "scipy",
            """
import numpy as np, pyarrow.parquet as pq
from scipy.stats import rankdata
a, b = (pq.read_table(f, columns=["id", "label", "score"]) for f in ("p.parquet", "shuffled.parquet"))
order = np.argsort(b["id"].to_numpy()); place = np.argsort(np.argsort(a["id"].to_numpy()))
y = a["label"].to_numpy() == 1
scores = [a["score"].to_numpy(), b["score"].to_numpy()[order][place]]
m, n = y.sum(), (~y).sum()
v10, v01, auc = [], [], []
for s in scores:
    whole, pos, neg = rankdata(s), rankdata(s[y]), rankdata(s[~y])
    v10.append((whole[y] - pos) / n); v01.append(1 - (whole[~y] - neg) / m)
    auc.append(v10[-1].mean())
s = np.cov(v10) / m + np.cov(v01) / n
print(auc, auc[0] - auc[1], 1.96 * (s[0, 0] + s[1, 1] - 2 * s[0, 1]) ** 0.5)
""",
        ),
    },
    "slices": {
        "Polars, 48 slices × 5 metrics, no intervals": (
            "polars",
            POLARS + COUNTS + 'print(pl.scan_parquet("p.parquet").group_by("segment").agg(count_metrics).collect().shape)',
        ),
        "scikit-learn, 48 slices × 5 metrics, no intervals": (
            "sklearn",
            """
import numpy as np, pyarrow.parquet as pq, sklearn.metrics as m
t = pq.read_table("p.parquet", columns=["label", "score", "segment"])
y, h = t["label"].to_numpy(), (t["score"].to_numpy() >= 0.5).astype(int)
s = t["segment"].to_numpy(zero_copy_only=False)
for v in np.unique(s):
    a, b = y[s == v], h[s == v]
    m.accuracy_score(a, b), m.precision_score(a, b), m.recall_score(a, b), m.recall_score(a, b, pos_label=0), m.f1_score(a, b)
""",
        ),
    },
}
OURS = {
    "ten": ("mlgate, all 18 metrics with intervals", "label: label, score: score", "f1 >= 0.1", None),
    "f1": ("mlgate, all 18 metrics with intervals", "label: label, score: score", "f1 >= 0.1", None),
    "paired": (
        "mlgate, 18 metrics of two files in pairs, the baseline's rows shuffled",
        "label: label, score: score, id: id",
        "roc_auc >= baseline - 5pp",
        "shuffled.parquet",
    ),
    "aligned": (
        "mlgate, 18 metrics of two files in pairs, rows in one order",
        "label: label, score: score, id: id",
        "roc_auc >= baseline - 5pp",
        "baseline.parquet",
    ),
    "slices": (
        "mlgate, 48 slices × 7 metrics of predicted classes with intervals",
        "label: label, prediction: prediction, slices: [segment]",
        "f1[segment] >= 0.1",
        None,
    ),
    "slices3": (
        "mlgate, 3 × 16 slices × 7 metrics of predicted classes with intervals",
        "label: label, prediction: prediction, slices: [a, b, c]",
        "f1[a] >= 0.1",
        None,
    ),
    "scored": (
        "mlgate, 48 slices × 18 metrics with intervals",
        "label: label, score: score, slices: [segment]",
        "f1[segment] >= 0.1",
        None,
    ),
}
TITLES = {
    "ten": "Binary metrics of 1M rows",
    "f1": "95 % interval of F1 of 1M rows",
    "paired": "AUC of two models in pairs, 1M rows each",
    "aligned": None,
    "slices": "48 slices of 1M rows",
    "slices3": None,
    "scored": None,
}


def write(folder: Path, rows: int) -> None:
    import numpy as np
    import pyarrow
    import pyarrow.parquet as pq

    luck = np.random.default_rng(20250601)
    label = (luck.random(rows) < 0.3).astype(np.int64)
    hidden = luck.normal(size=rows) + 1.2 * label - 0.6
    score = lambda noise: 1 / (1 + np.exp(-(hidden + noise * luck.normal(size=rows))))  # noqa: E731
    ids = luck.permutation(rows) + 10_000_000
    ours, theirs = score(0.3), score(0.4)
    texts = lambda k: pyarrow.array([f"value {i}" for i in range(k)]).take(pyarrow.array(luck.integers(0, k, rows)))  # noqa: E731
    columns = {"id": ids, "label": label, "score": ours, "prediction": (ours >= 0.5).astype(np.int64)}
    columns |= {"segment": texts(48), "a": texts(16), "b": texts(16), "c": texts(16)}
    pq.write_table(pyarrow.table(columns), folder / "p.parquet")
    other = pyarrow.table({"id": ids, "label": label, "score": theirs})
    pq.write_table(other, folder / "baseline.parquet")
    pq.write_table(other.take(pyarrow.array(luck.permutation(rows))), folder / "shuffled.parquet")
    (folder / "model.txt").write_text("model")
    for case, (_, columns, gate, baseline) in OURS.items():
        baseline = f"\n  baseline: {baseline}" if baseline else ""
        text = "version: 1\nmodel: {name: bench, files: [model.txt]}\nquality:\n"
        text += f"  predictions: {{file: p.parquet, task: binary, {columns}}}{baseline}\n  gates: ['{gate}']\n"
        (folder / f"{case}.yaml").write_text(text)
    # As in a project: data are no code, which every run digests.
    (folder / ".gitignore").write_text("*.parquet\n*.json\n")
    git = ["git", "-C", str(folder), "-c", "user.name=bench", "-c", "user.email=bench@localhost"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "bench"]):
        subprocess.run([*git, *command], check=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("mlgate", nargs="?", default="target/release/mlgate")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--ours", action="store_true", help="leave the peers out")
    parser.add_argument("--keep", type=Path, help="a folder to leave the data in")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = options.keep or Path(folder)
        folder.mkdir(exist_ok=True)
        # In a process of its own: what a parent holds counts as its children's peak.
        writer = multiprocessing.get_context("spawn").Process(target=write, args=(folder, options.rows))
        writer.start()
        writer.join()
        commands: dict[tuple[str, str], list[str]] = {}
        for case, (name, *_) in OURS.items():
            mlgate = [str(Path(options.mlgate).resolve()), "--config", f"{case}.yaml"]
            commands[case, name] = [*mlgate, "run", "quality", "--record", f"{case}.json"]
            for peer, (module, code) in ({} if options.ours else PEERS.get(case, {})).items():
                if importlib.util.find_spec(module) is None:
                    print(f"{peer}: not installed, left out", file=sys.stderr)
                    continue
                commands[case, peer] = [sys.executable, "-c", code]
        runs: dict[tuple[str, str], list[Run]] = {key: [] for key in commands}
        for _ in range(options.rounds + 1):  # the first warms the file cache
            for key, command in commands.items():
                run = once(command, folder, allowed=(0, 3), keep=True)
                if run is None:
                    sys.exit(1)
                runs[key].append(run)
        for case, title in TITLES.items():
            if title:
                table(title)
            ours = median(runs[case, OURS[case][0]][1:])
            for (of, name), found in runs.items():
                if of == case:
                    row(name, median(found[1:]), ours if name != OURS[case][0] else None)
        for case in OURS:
            record = json.loads((folder / f"{case}.json").read_text())
            print(f"{case}: {len(record['measurements'])} measurements, {record['verdicts'][0]['outcome']}")


if __name__ == "__main__":
    main()
