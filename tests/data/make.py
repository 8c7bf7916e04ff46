"""Makes the Parquet files of this folder: written by pandas and pyarrow, as those that users have.

    pip install pandas==3.1.1 pyarrow==26.0.1 && python tests/data/make.py
"""

import datetime
import decimal
import pathlib

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).parent
ROWS = 100
row = np.arange(ROWS)

people = pd.DataFrame(
    {
        "user_id": row,
        "age": np.where(row % 50 == 0, np.nan, row % 90 + 1),
        "country": pd.Categorical(np.where(row % 2 == 0, "JP", "US")),
        "signup": pd.date_range("2024-01-01", periods=ROWS, freq="min"),
        "tokyo": pd.date_range("2024-01-01", periods=ROWS, freq="min", tz="Asia/Tokyo"),
        "email": [f"u{i}@example.org" for i in row],
        "active": [True, None] * (ROWS // 2),
        "price": [decimal.Decimal("1.50")] * ROWS,
        "day": [datetime.date(2024, 1, 1)] * ROWS,
        "hash": row.astype("uint64") + 2**63,
        "score": row.astype("float32"),
        "level": (row % 7).astype("int8"),
    }
)

people.to_parquet(HERE / "pandas.parquet")
table = pa.Table.from_pandas(people)
pq.write_table(table, HERE / "int96.parquet", version="1.0", use_deprecated_int96_timestamps=True, compression="gzip")
pq.write_table(
    table, HERE / "pages-v2.parquet", data_page_version="2.0", row_group_size=30, use_byte_stream_split=["score"],
    use_dictionary=["country"], compression="zstd",
)
pq.write_table(table.select(["user_id"]), HERE / "brotli.parquet", compression="brotli")
