"""Makes the result files of this folder with the real tools, each in an environment of its own:

    pip install evidently 'pandas<3'                                 && python make.py evidently      # 0.7
    pip install evidently==0.4.40 'pandas<2.2' 'numpy<2'             && python make.py evidently-old
    pip install great_expectations 'pandas<3'                        && python make.py gx             # 1.x
    pip install great_expectations==0.18.22 'pandas<2.2' 'numpy<2'   && python make.py gx-old
    pip install 'soda-core-duckdb==3.5.*' 'setuptools<80'            && python make.py soda

What depends on the machine or the day (paths, times, random ids) is cut out of the files.
"""

import json
import re
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
HERE = Path(__file__).resolve().parent
PEOPLE = {"age": [30, 40, None, 150], "city": ["ulm", "kobe", "ulm", "x"], "id": [1, 2, 2, 4]}
CUT = {"exception_traceback", "exception", "sql", "ge_load_time", "run_time", "pandas_data_fingerprint", "location"}


def plain(value):
    """The same without what depends on the machine or the day."""
    if isinstance(value, dict):
        return {re.sub(r"\d{8}T\d{6}\.\d+Z", "TIME", k): None if k in CUT and v else plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, str):
        value = re.sub(r"\d{4}-\d\d-\d\d[T ][\d:.]+(\+00:00)?", "2025-01-01T00:00:00+00:00", value)
        value = re.sub(r"\d{8}T\d{6}\.\d+Z", "TIME", value)
        return re.sub(r"(/[\w.-]+){2,}/", "/", value)
    return value


def write(name: str, value) -> None:
    (HERE / name).write_text(json.dumps(plain(value), indent=1) + "\n")


def two():
    import numpy as np
    import pandas as pd

    draw = np.random.default_rng(1)
    of = {"age": draw.integers(18, 80, 200).astype(float), "fee": draw.normal(10, 2, 200), "city": ["ulm", "kobe"] * 100}
    reference = pd.DataFrame(of)
    current = reference.assign(fee=reference.fee + 5)
    current.loc[3, "age"] = None
    return reference, current


def evidently() -> None:
    from evidently import Report
    from evidently.metrics import CategoryCount, MeanValue, MissingValueCount, RowCount, ValueDrift
    from evidently.tests import eq, gt, gte, lt

    reference, current = two()
    current["empty"] = current["fee"] * float("nan")
    reference["empty"] = reference["fee"]
    metrics = [
        RowCount(tests=[gt(50)]),
        MissingValueCount(column="age", tests=[eq(0)]),
        MissingValueCount(column="fee", tests=[eq(0)]),
        MeanValue(column="fee", tests=[lt(3, is_critical=False)]),
        ValueDrift(column="fee"),
        CategoryCount(column="city", category="ulm", tests=[gte(1)]),
    ]
    snapshot = Report(metrics, include_tests=True).run(current, reference)
    snapshot.save_json(str(HERE / "evidently.json"))
    write("evidently.json", json.loads((HERE / "evidently.json").read_text()))
    snapshot = Report([RowCount()]).run(current, reference)
    write("evidently-metrics.json", json.loads(snapshot.json()))
    snapshot = Report([MeanValue(column="empty", tests=[lt(3)])], include_tests=True).run(current, reference)
    write("evidently-nan.json", json.loads(snapshot.json()))


def evidently_old() -> None:
    from evidently.test_suite import TestSuite
    from evidently.tests import (
        TestColumnDrift,
        TestColumnShareOfMissingValues,
        TestColumnValueMax,
        TestNumberOfRows,
    )

    reference, current = two()
    suite = TestSuite(
        tests=[
            TestNumberOfRows(gt=50),
            TestColumnShareOfMissingValues(column_name="age", eq=0),
            TestColumnShareOfMissingValues(column_name="fee", eq=0),
            TestColumnDrift(column_name="fee"),
            TestColumnValueMax(column_name="absent", lt=3),
            TestColumnValueMax(column_name="fee", lt=3, is_critical=False),
        ]
    )
    suite.run(reference_data=reference, current_data=current)
    write("evidently-old.json", json.loads(suite.json()))


def gx() -> None:
    import great_expectations as gx
    import great_expectations.expectations as gxe
    import pandas as pd

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("frames").add_dataframe_asset("people")
    batch = asset.add_batch_definition_whole_dataframe("all")
    suite = context.suites.add(gx.ExpectationSuite(name="people"))
    for expectation in [
        gxe.ExpectTableRowCountToBeBetween(min_value=1),
        gxe.ExpectColumnValuesToNotBeNull(column="age"),
        gxe.ExpectColumnValuesToBeBetween(column="age", min_value=0, max_value=120, severity="warning"),
        gxe.ExpectColumnValuesToBeInSet(column="city", value_set=["ulm", "kobe"], mostly=0.5),
        gxe.ExpectColumnValuesToNotBeNull(column="absent"),
        gxe.ExpectColumnMeanToBeBetween(column="id", min_value=0, max_value=10),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["id", "city"]),
        gxe.ExpectColumnValuesToBeUnique(column="id"),
    ]:
        suite.add_expectation(expectation)
    people = pd.DataFrame(PEOPLE)
    write("gx.json", batch.get_batch({"dataframe": people}).validate(suite).to_json_dict())
    # No rows, and nothing but nulls: Great Expectations calls most of these successful.
    suite = gx.ExpectationSuite(name="nothing")
    suite.add_expectation(gxe.ExpectColumnValuesToBeBetween(column="age", min_value=0, max_value=120))
    suite.add_expectation(gxe.ExpectColumnValuesToBeInSet(column="city", value_set=["ulm"]))
    none = people.iloc[:0]
    write("gx-no-rows.json", batch.get_batch({"dataframe": none}).validate(suite).to_json_dict())
    nulls = people.assign(age=float("nan"), city=None)
    write("gx-nulls.json", batch.get_batch({"dataframe": nulls}).validate(suite).to_json_dict())
    suite = context.suites.get("people")
    definition = context.validation_definitions.add(gx.ValidationDefinition(name="people", data=batch, suite=suite))
    checkpoint = context.checkpoints.add(gx.Checkpoint(name="all", validation_definitions=[definition]))
    result = checkpoint.run(batch_parameters={"dataframe": people})
    write("gx-checkpoint.json", result.describe_dict())


def gx_old() -> None:
    import great_expectations as gx
    import pandas as pd

    context = gx.get_context(mode="ephemeral")
    asset = context.sources.add_pandas("frames").add_dataframe_asset("people")
    request = asset.build_batch_request(dataframe=pd.DataFrame(PEOPLE))
    context.add_or_update_expectation_suite("people")
    validator = context.get_validator(batch_request=request, expectation_suite_name="people")
    validator.expect_table_row_count_to_be_between(min_value=1)
    validator.expect_column_values_to_not_be_null("age")
    validator.expect_column_values_to_be_in_set("city", ["ulm", "kobe"], mostly=0.5)
    validator.expect_column_mean_to_be_between("id", 0, 10)
    validator.expect_column_values_to_not_be_null("absent", catch_exceptions=True)
    validator.save_expectation_suite(discard_failed_expectations=False)
    result = context.add_or_update_checkpoint(name="all", validator=validator).run()
    write("gx-old.json", result.to_json_dict())


SODA = """
checks for people:
  - row_count > 0
  - missing_count(age) = 0
  - duplicate_count(id) = 0:
      name: ids are unique
  - invalid_percent(age):
      valid min: 0
      valid max: 120
      warn: when > 1
      fail: when > 50
  - avg(age) between 10 and 90
  - schema:
      fail:
        when required column missing: [age, zip]
"""
BROKEN = """
checks for people:
  - missing_count(absent) = 0
"""
NOTHING = """
checks for people:
  - avg(age) > 10
filter people [none]:
  where: id < 0
checks for people [none]:
  - avg(age) > 10
"""


def soda() -> None:
    import duckdb

    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        database = duckdb.connect(str(work / "people.duckdb"))
        database.execute("create table people (age integer, city text, id integer)")
        for row in zip(*PEOPLE.values()):
            database.execute("insert into people values (?, ?, ?)", row)
        database.close()
        (work / "soda.yml").write_text("data_source people_db:\n  type: duckdb\n  path: people.duckdb\n")
        program = str(Path(sys.executable).parent / "soda")
        for name, checks in [("soda", SODA), ("soda-broken", BROKEN), ("soda-nothing", NOTHING)]:
            (work / "checks.yml").write_text(checks)
            command = [program, "scan", "-d", "people_db", "-c", "soda.yml", "-srf", "out.json", "checks.yml"]
            subprocess.run(command, cwd=work, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            result = json.loads((work / "out.json").read_text())
            write(f"{name}.json", {k: v for k, v in result.items() if k not in ("metrics", "queries")})


if __name__ == "__main__":
    {"evidently": evidently, "evidently-old": evidently_old, "gx": gx, "gx-old": gx_old, "soda": soda}[sys.argv[1]]()
