"""The suite in Soda Core 4 on DuckDB, whose views stand for the files; CSV is parsed once into a table."""

import logging
import os
import tempfile

os.environ["SODA_CORE_TELEMETRY_ENABLED"] = "false"

import duckdb  # noqa: E402
import suite  # noqa: E402
from soda_core.common.yaml import ContractYamlSource  # noqa: E402
from soda_core.contracts.contract_verification import ContractVerificationSession  # noqa: E402
from soda_duckdb.common.data_sources.duckdb_data_source import DuckDBDataSourceImpl  # noqa: E402

CONTRACT = f"""
dataset: bench/main/rows
columns:
  - name: id
    checks: [duplicate: ]
  - name: user_id
    checks:
      - invalid:
          valid_reference_data: {{dataset: bench/main/users, column: user_id}}
  - name: age
    checks:
      - invalid: {{valid_min: {suite.AGE[0]}, valid_max: {suite.AGE[1]}}}
  - name: amount
    checks:
      - missing:
      - metric:
          expression: quantile_cont(amount, 0.95)
          threshold: {{must_be_less_than_or_equal: {suite.Q95_AT_MOST}}}
  - name: score
    checks:
      - aggregate:
          function: avg
          threshold: {{must_be_between: {{greater_than_or_equal: {suite.MEAN_SCORE[0]}, less_than_or_equal: {suite.MEAN_SCORE[1]}}}}}
  - name: country
    checks:
      - invalid: {{valid_values: [{", ".join(f"'{country}'" for country in suite.COUNTRIES)}]}}
  - name: email
    checks:
      - invalid:
          valid_format: {{name: email, regex: '{suite.EMAIL}'}}
checks:
  - row_count:
      threshold: {{must_be_greater_than_or_equal: {suite.ROWS_AT_LEAST}}}
  - freshness:
      column: signup
      threshold: {{unit: day, must_be_less_than: {suite.FRESH_DAYS}}}
  - duplicate:
      columns: [user_id, day]
  - failed_rows:
      expression: {suite.SQL}
"""

rows, users, csv = suite.files()
connection = duckdb.connect()
if csv:
    connection.execute(f"create table rows as select {', '.join(suite.COLUMNS)} from read_csv('{rows}')")
    connection.execute(f"create table users as select * from read_csv('{users}')")
else:
    connection.execute(f"create view rows as select * from '{rows}'")
    connection.execute(f"create view users as select * from '{users}'")
logging.disable(logging.INFO)
source = DuckDBDataSourceImpl.from_existing_cursor(connection, name="bench")
result = ContractVerificationSession.execute(
    contract_yaml_sources=[ContractYamlSource.from_str(CONTRACT)], data_source_impls=[source]
)
found = {}
for one in result.contract_verification_results:
    for check in one.check_results:
        name = f"{check.check.column_name or 'rows'} {check.check.type}"
        found[name] = [check.outcome.name, check.threshold_value]
suite.show(**found)
if len(found) != 12:
    raise SystemExit(f"{len(found)} checks: {result.get_errors_str()}")
