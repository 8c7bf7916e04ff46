"""Scores the test rows and writes what mlgate reads: out/predictions.parquet and out/metrics.json.

mlgate computes the usual metrics from the predictions itself. metrics.json carries the one number that only this
team knows how to compute: what the model's mistakes cost.
"""

import argparse
import json
from pathlib import Path

import pandas as pd

from model import MODEL, Model

HERE = Path(__file__).parent
# A missed tumour weighs as much as ten unnecessary follow-ups.
COST_OF_MISS = 10.0
COST_OF_FALSE_ALARM = 1.0


def predict(model: Model, rows: pd.DataFrame) -> pd.DataFrame:
    """One row for each of `rows`: id, truth, probability of `malignant`, and the columns to slice by."""
    out = rows[["row_id", "malignant"]].copy()
    out["score"] = [model.probability(row) for row in rows[list(model.features)].to_dict("records")]
    out[["size", "texture"]] = rows[["size", "texture"]]
    return out


def expected_cost(predictions: pd.DataFrame, threshold: float) -> float:
    """Cost of the mistakes per patient, in follow-ups."""
    called = predictions["score"] >= threshold
    truth = predictions["malignant"] == 1
    cost = COST_OF_MISS * (truth & ~called).sum() + COST_OF_FALSE_ALARM * (~truth & called).sum()
    return float(cost / len(predictions))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--data", type=Path, default=HERE / "data" / "test.parquet")
    parser.add_argument("--predictions", type=Path, default=HERE / "out" / "predictions.parquet")
    parser.add_argument("--metrics", type=Path, default=HERE / "out" / "metrics.json")
    args = parser.parse_args()

    model = Model.load(args.model)
    predictions = predict(model, pd.read_parquet(args.data))
    metrics = {"expected_cost": expected_cost(predictions, model.threshold)}
    for path in (args.predictions, args.metrics):
        path.parent.mkdir(parents=True, exist_ok=True)
    predictions.to_parquet(args.predictions, index=False)
    args.metrics.write_text(json.dumps(metrics, indent=1) + "\n", encoding="utf-8")
    print(f"{len(predictions)} rows scored: {args.predictions}, {args.metrics}")


if __name__ == "__main__":
    main()
