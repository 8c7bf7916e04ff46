"""The checked-in model is what train.py makes, and answers as scikit-learn does."""

import json
from pathlib import Path

import pandas as pd
import pytest

import evaluate
import train
from model import MODEL, Model

HERE = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def test_rows() -> pd.DataFrame:
    return pd.read_parquet(HERE / "data" / "test.parquet")


def test_answers_as_scikit_learn_does(test_rows):
    model = Model.load()
    features = list(model.features)
    rows = pd.read_parquet(HERE / "data" / "train.parquet")
    scaler, classifier = train.fit(rows, features, c=0.3)
    theirs = classifier.predict_proba(scaler.transform(test_rows[features]))[:, 1]
    ours = [model.probability(row) for row in test_rows.to_dict("records")]
    assert ours == pytest.approx(theirs, abs=1e-6)


def test_checked_in_predictions_are_of_the_checked_in_model(test_rows):
    fresh = evaluate.predict(Model.load(), test_rows)
    stored = pd.read_parquet(HERE / "predictions" / "candidate.parquet")
    pd.testing.assert_frame_equal(fresh, stored, rtol=1e-12, check_dtype=False)


def test_extreme_rows_do_not_overflow():
    model = Model.load()
    for sign in (-1e9, 1e9):
        row = {name: f["mean"] + sign * f["scale"] * f["coefficient"] for name, f in model.features.items()}
        assert model.probability(row) == (0.0 if sign < 0 else 1.0)


def test_model_file_is_plain_json():
    document = json.loads(MODEL.read_text(encoding="utf-8"))
    assert len(document["features"]) == 30
    assert all(f["scale"] > 0 for f in document["features"].values())


def test_missed_tumour_costs_ten_false_alarms():
    rows = pd.DataFrame({"malignant": [1, 0, 1, 0], "score": [0.1, 0.9, 0.9, 0.1]})
    assert evaluate.expected_cost(rows, 0.5) == (10 + 1) / 4
