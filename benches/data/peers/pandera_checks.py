"""The suite in pandera on Polars: lazy validation, so that every failure is counted. It counts every
row of a doubled key, the first one too."""

import datetime

import pandera.polars as pa
import polars as pl
import suite

rows_file, users_file, csv = suite.files()
c = pl.col
need = suite.COLUMNS
rows = pl.read_csv(rows_file, columns=need, try_parse_dates=True) if csv else pl.read_parquet(rows_file, columns=need)
users = pl.read_csv(users_file) if csv else pl.read_parquet(users_file)
oldest = datetime.datetime.now() - datetime.timedelta(days=suite.FRESH_DAYS)


def once(name, expression):
    """A check of the whole column: one boolean."""
    return pa.Check(lambda data: data.lazyframe.select(expression(c(data.key))), name=name)


def known(data):
    return data.lazyframe.select(c(data.key).is_in(users["user_id"].implode()))


schema = pa.DataFrameSchema(
    {
        "id": pa.Column(pl.Int64, unique=True),
        "user_id": pa.Column(pl.Int64, pa.Check(known, name="orphans")),
        "age": pa.Column(None, pa.Check.in_range(*suite.AGE)),
        "amount": pa.Column(
            pl.Float64, once("q95", lambda x: x.quantile(0.95, "linear") <= suite.Q95_AT_MOST), nullable=False
        ),
        "score": pa.Column(pl.Float64, once("mean", lambda x: x.mean().is_between(*suite.MEAN_SCORE))),
        "country": pa.Column(str, pa.Check.isin(suite.COUNTRIES)),
        "email": pa.Column(str, pa.Check.str_matches(suite.EMAIL)),
        "signup": pa.Column(None, once("newest", lambda x: x.max() >= oldest)),
    },
    checks=[
        pa.Check(lambda data: data.lazyframe.select(pl.len() >= suite.ROWS_AT_LEAST), name="rows"),
        pa.Check(lambda data: data.lazyframe.select(~((c("amount") < 0) & c("active")).fill_null(False)), name="sql"),
    ],
    unique=["user_id", "day"],
)

found = {}
try:
    schema.validate(rows, lazy=True)
except pa.errors.SchemaErrors as errors:
    for case in errors.schema_errors:
        check = case.check.name if isinstance(case.check, pa.Check) else str(case.check)
        cases = case.failure_cases
        column = getattr(case.schema, "name", None)
        found[f"{column or 'rows'} {check}"] = len(cases) if isinstance(cases, pl.DataFrame) else str(cases)[:80]
suite.show(rows=len(rows), failures=found)
