"""Evidently's default methods by hand, in Polars and SciPy: normed Wasserstein for numbers of more than five values,
Jensen-Shannon for the rest, above 1,000 rows."""

import numpy as np
import polars as pl
import suite
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

reference_file, current_file, _ = suite.files()
reference, current = pl.read_parquet(reference_file), pl.read_parquet(current_file)
found = {}
for name in reference.columns:
    a, b = reference[name].drop_nulls(), current[name].drop_nulls()
    # Evidently counts all distinct values to know whether they are more than five; a thousand rows mostly tell.
    if a.dtype.is_numeric() and (a.head(1000).n_unique() > 5 or a.n_unique() > 5):
        a, b = np.sort(a.to_numpy()), np.sort(b.to_numpy())  # vectorized, and SciPy's own sorts find sorted runs
        found[name] = wasserstein_distance(a, b) / max(float(np.std(a)), 0.001)
        continue
    counts = a.value_counts().join(b.value_counts(), on=name, how="full", coalesce=True, suffix="_b").fill_null(0)
    found[name] = float(jensenshannon(counts["count"].to_numpy(), counts["count_b"].to_numpy()))
suite.show(**found)
