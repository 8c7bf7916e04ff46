"""Writes metrics.expected.json: scikit-learn's metrics of the checked-in predictions, overall and by slice.

mlgate's own numbers are held to this table, to 1e-9. A metric that scikit-learn leaves undefined is null.
"""

import json
import math
import warnings
from pathlib import Path

import pandas as pd
import sklearn
from sklearn import metrics

HERE = Path(__file__).parent
THRESHOLD = 0.5
SLICES = ["size", "texture"]
FROM_CLASSES = {
    "f1": metrics.f1_score,
    "precision": metrics.precision_score,
    "recall": metrics.recall_score,
    "accuracy": metrics.accuracy_score,
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "matthews_corrcoef": metrics.matthews_corrcoef,
}
FROM_SCORES = {
    "roc_auc": metrics.roc_auc_score,
    "average_precision": metrics.average_precision_score,
    "log_loss": metrics.log_loss,
    "brier_score": metrics.brier_score_loss,
}


def measure(rows: pd.DataFrame) -> dict:
    """Every metric of `rows` by name."""
    truth, score = rows["malignant"], rows["score"]
    called = (score >= THRESHOLD).astype(int)
    values = {name: metric(truth, called) for name, metric in FROM_CLASSES.items()}
    values |= {name: metric(truth, score) for name, metric in FROM_SCORES.items()}
    return {name: float(v) if math.isfinite(v) else None for name, v in values.items()}


def table(rows: pd.DataFrame) -> dict:
    slices = {column: {value: measure(part) for value, part in rows.groupby(column)} for column in SLICES}
    counts = {column: rows[column].value_counts().sort_index().to_dict() for column in SLICES}
    return {"n": len(rows), "overall": measure(rows), "slice_n": counts, "slices": slices}


def main() -> None:
    # An undefined metric must be seen here, not written as the 0 that scikit-learn puts in its place.
    warnings.simplefilter("error")
    versions = ["candidate", "production"]
    document = {"made_by": "python make_expected.py", "scikit_learn": sklearn.__version__}
    document |= {name: table(pd.read_parquet(HERE / "predictions" / f"{name}.parquet")) for name in versions}
    path = HERE / "metrics.expected.json"
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(path)


if __name__ == "__main__":
    main()
