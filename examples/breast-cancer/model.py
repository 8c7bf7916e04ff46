"""The model as it is checked in: a logistic regression on standardised features, as JSON.

JSON, because a reviewer can read the change of a coefficient in the diff, loading it runs no code (a pickle
would), and serving it needs no scikit-learn. test_model.py holds it to scikit-learn's own answers.
"""

import json
import math
from pathlib import Path

MODEL = Path(__file__).parent / "model" / "model.json"


class Model:
    """`features`, and for each its `mean`, `scale` and `coefficient`; one `intercept`."""

    def __init__(self, document: dict) -> None:
        self.name = document["name"]
        self.threshold = document["threshold"]
        self.intercept = document["intercept"]
        self.features = document["features"]

    @classmethod
    def load(cls, path: Path = MODEL) -> "Model":
        return cls(json.loads(path.read_text(encoding="utf-8")))

    def probability(self, row: dict) -> float:
        """The probability that the tumour is malignant. KeyError where `row` lacks a feature."""
        logit = self.intercept
        for name, f in self.features.items():
            logit += f["coefficient"] * (row[name] - f["mean"]) / f["scale"]
        # Each branch keeps exp() from overflowing.
        if logit >= 0:
            return 1 / (1 + math.exp(-logit))
        return math.exp(logit) / (1 + math.exp(logit))
