"""The suite in DuckDB's Python package."""

import duckdb
import duckdb_suite
import suite

connection = duckdb.connect()
for statement in duckdb_suite.statements(*suite.files()):
    result = connection.execute(statement)
names = [column[0] for column in result.description]
suite.show(**dict(zip(names, result.fetchone())))
