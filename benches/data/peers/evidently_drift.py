"""Evidently's own drift preset on a sample of 100,000 rows a side; the whole takes it minutes."""

import sys

import pandas as pd
import suite
from evidently import Report
from evidently.presets import DataDriftPreset

reference_file, current_file, _ = suite.files()
reference, current = pd.read_parquet(reference_file), pd.read_parquet(current_file)
if "--all" not in sys.argv:
    reference, current = reference.sample(100_000, random_state=1), current.sample(100_000, random_state=1)
snapshot = Report([DataDriftPreset()]).run(current, reference)
found = {}
for metric in snapshot.dict()["metrics"]:
    value = metric["value"]
    found[metric["config"].get("column", "drifted")] = value if isinstance(value, dict) else float(value)
suite.show(**found)
