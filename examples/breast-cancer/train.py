"""Trains one version of the model on data/train.parquet and writes it as JSON.

    python train.py                                                    # the candidate: model/model.json
    python train.py --without error --out out/production.json          # the version in production
    python train.py --only mean_texture mean_smoothness --out out/small.json
"""

import argparse
import json
from pathlib import Path

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).parent
NOT_FEATURES = ["row_id", "malignant", "size", "texture"]


def fit(rows: pd.DataFrame, features: list[str], c: float) -> tuple[StandardScaler, LogisticRegression]:
    scaler = StandardScaler().fit(rows[features])
    classifier = LogisticRegression(C=c, max_iter=5000).fit(scaler.transform(rows[features]), rows["malignant"])
    return scaler, classifier


def as_document(name: str, features: list[str], scaler: StandardScaler, classifier: LogisticRegression) -> dict:
    columns = zip(features, scaler.mean_, scaler.scale_, classifier.coef_[0], strict=True)
    return {
        "name": name,
        "threshold": 0.5,
        "intercept": float(classifier.intercept_[0]),
        "features": {f: {"mean": float(m), "scale": float(s), "coefficient": float(w)} for f, m, s, w in columns},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=HERE / "data" / "train.parquet")
    parser.add_argument("--only", nargs="+", metavar="FEATURE", help="train on these features alone")
    parser.add_argument("--without", metavar="WORD", help="leave out the features whose names hold WORD")
    parser.add_argument("--c", type=float, default=0.3, help="inverse regularisation strength (0.3)")
    parser.add_argument("--out", type=Path, default=HERE / "model" / "model.json")
    args = parser.parse_args()

    rows = pd.read_parquet(args.data)
    features = args.only or [c for c in rows.columns if c not in NOT_FEATURES]
    if args.without:
        features = [f for f in features if args.without not in f]
    scaler, classifier = fit(rows, features, args.c)
    document = as_document(f"logistic-regression-{len(features)}", features, scaler, classifier)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"{document['name']} from {len(rows)} rows: {args.out}")


if __name__ == "__main__":
    main()
