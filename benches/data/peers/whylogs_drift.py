"""whylogs: a profile of each side, then its drift scores from the profiles."""

import logging
import os

os.environ["WHYLOGS_NO_ANALYTICS"] = "True"
logging.disable(logging.WARNING)

import pandas as pd  # noqa: E402
import suite  # noqa: E402
import whylogs as why  # noqa: E402
from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores  # noqa: E402

reference_file, current_file, _ = suite.files()
views = [why.log(pd.read_parquet(file)).view() for file in (reference_file, current_file)]
scores = calculate_drift_scores(target_view=views[1], reference_view=views[0], with_thresholds=True)
suite.show(**{name: score and {k: score[k] for k in ("algorithm", "pvalue", "statistic") if k in score} for name, score in scores.items()})
