"""The suite in Polars: lazy, one collect, the streaming engine."""

import polars as pl
import suite

rows_file, users_file, csv = suite.files()
scan = (lambda file: pl.scan_csv(file, try_parse_dates=True)) if csv else pl.scan_parquet
rows, users = scan(rows_file), scan(users_file)
c = pl.col

facts = rows.select(
    rows=pl.len(),
    nulls=c("amount").null_count(),
    age=(~c("age").is_between(*suite.AGE)).sum(),
    email=(~c("email").str.contains(suite.EMAIL)).sum(),
    country=(~c("country").is_in(suite.COUNTRIES)).sum(),
    newest=c("signup").max(),
    mean=c("score").mean(),
    q95=c("amount").quantile(0.95, "linear"),
    sql=((c("amount") < 0) & c("active")).sum(),
)
# Grouping streams and is parallel; n_unique() over a struct is neither.
ids = rows.select("id").drop_nulls().group_by("id").len().select(unique=(c("len") - 1).sum())
pairs = rows.group_by("user_id", "day").len().select(duplicates=(c("len") - 1).sum())
orphans = rows.select("user_id").drop_nulls().join(users, on="user_id", how="anti").select(orphans=pl.len())

found = pl.collect_all([facts, ids, pairs, orphans], engine="streaming")
suite.show(**{name: frame[name][0] for frame in found for name in frame.columns})
