"""Writes the suite for DuckDB's command line: `duckdb -json -f FILE`."""

import duckdb_suite
import suite

print(";\n".join(duckdb_suite.statements(*suite.files())) + ";")
