"""The suite in Great Expectations on pandas. Its pandas engine knows neither references nor SQL: both are columns
computed before, as its users do. It counts every row of a doubled key, the first one too."""

import warnings

import great_expectations as gx
import great_expectations.expectations as gxe
import pandas as pd
import suite

warnings.filterwarnings("ignore")
rows_file, users_file, csv = suite.files()
if csv:
    rows = pd.read_csv(rows_file, usecols=suite.COLUMNS, parse_dates=["day", "signup"], engine="pyarrow")
    users = pd.read_csv(users_file)
else:
    rows, users = pd.read_parquet(rows_file, columns=suite.COLUMNS), pd.read_parquet(users_file)
rows["known"] = rows["user_id"].isin(users["user_id"])
rows["future"] = (rows["amount"] < 0) & rows["active"]

context = gx.get_context(mode="ephemeral")
context.variables.progress_bars = {"globally": False}
batch = context.data_sources.add_pandas("bench").add_dataframe_asset("rows").add_batch_definition_whole_dataframe("all")
suite_of = gx.ExpectationSuite(name="twelve")
oldest = pd.Timestamp.now() - pd.Timedelta(days=suite.FRESH_DAYS)
expected = {
    "rows": gxe.ExpectTableRowCountToBeBetween(min_value=suite.ROWS_AT_LEAST),
    "nulls": gxe.ExpectColumnValuesToNotBeNull(column="amount"),
    "unique": gxe.ExpectColumnValuesToBeUnique(column="id"),
    "age": gxe.ExpectColumnValuesToBeBetween(column="age", min_value=suite.AGE[0], max_value=suite.AGE[1]),
    "email": gxe.ExpectColumnValuesToMatchRegex(column="email", regex=suite.EMAIL),
    "country": gxe.ExpectColumnValuesToBeInSet(column="country", value_set=suite.COUNTRIES),
    "newest": gxe.ExpectColumnMaxToBeBetween(column="signup", min_value=oldest),
    "mean": gxe.ExpectColumnMeanToBeBetween(column="score", min_value=suite.MEAN_SCORE[0], max_value=suite.MEAN_SCORE[1]),
    "q95": gxe.ExpectColumnQuantileValuesToBeBetween(
        column="amount", quantile_ranges={"quantiles": [0.95], "value_ranges": [[None, suite.Q95_AT_MOST]]}
    ),
    "duplicates": gxe.ExpectCompoundColumnsToBeUnique(column_list=["user_id", "day"]),
    "orphans": gxe.ExpectColumnValuesToBeInSet(column="known", value_set=[True]),
    "sql": gxe.ExpectColumnValuesToBeInSet(column="future", value_set=[False]),
}
for expectation in expected.values():
    suite_of.add_expectation(expectation)
result = batch.get_batch({"dataframe": rows}).validate(suite_of, result_format="SUMMARY")
found = {}
for one in result.results:  # in an order of its own
    config = one.expectation_config
    column = config.kwargs.get("column")
    (name,) = (n for n, e in expected.items() if e.expectation_type == config.type and getattr(e, "column", None) == column)
    if one.exception_info.get("raised_exception"):
        found[name] = one.exception_info["exception_message"][:80]
    else:
        found[name] = one.result.get("unexpected_count", one.result.get("observed_value"))
suite.show(**found)
