"""Writes the tables that benches/data.py measures with: seeded random numbers, nothing of anybody's.

    python3 benches/data/generate.py --out target/bench-data --rows 10_000_000

`rows.parquet` and `rows.csv` have 12 columns; `users.parquet` and `users.csv` hold the ids that they refer to;
`reference.parquet` and `current.parquet` have a million rows of 20 columns each, some of which have drifted. Rows are
made and written a block at a time, so that memory does not grow with them. Needs NumPy and pyarrow.
"""

import argparse
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

BLOCK = 1_000_000
USERS = 1_000_000
COUNTRIES = np.array(["JP", "US", "DE", "FR", "BR", "IN", "NG", "AU"])
SEGMENTS = np.array(["consumer", "business", "education", "public sector"])
DAY = np.timedelta64(1, "D")


def texts(prefix: str, numbers: np.ndarray, suffix: str = "") -> pa.Array:
    """`prefix` + number + `suffix`, without a Python object for each row."""
    return pc.binary_join_element_wise(prefix, pa.array(numbers).cast(pa.string()), suffix, "")


def rows(block: int, count: int, total: int) -> pa.Table:
    """12 columns, clean: every check of the suite holds. Ids are unique, and in no order."""
    draw = np.random.default_rng([20261127, block])
    start = block * BLOCK
    # A permutation of all ids: i * prime mod prime2 keeps them apart, without holding them.
    modulus = 10_000_000_019 if total <= 10_000_000_000 else 0
    ids = ((np.arange(start, start + count, dtype=np.uint64) + 1) * np.uint64(7_000_003) % np.uint64(modulus)).astype(np.int64)
    # (user, day) is unique: the row's own number decides both.
    number = np.arange(start, start + count, dtype=np.int64)
    user = (number * 7919) % USERS
    day = (number // USERS) % 3650
    signup = np.datetime64("2026-01-01T00:00:00", "us") + draw.integers(0, 300 * 86_400, count).astype("timedelta64[s]")
    return pa.table(
        {
            "id": ids,
            "user_id": user,
            "age": pa.array(draw.integers(18, 95, count, dtype=np.int32)),
            "amount": np.round(draw.gamma(2.0, 50.0, count), 2),
            "score": np.round(draw.random(count), 6),
            "country": pa.array(COUNTRIES[draw.integers(0, len(COUNTRIES), count)]),
            "segment": pa.array(SEGMENTS[draw.integers(0, len(SEGMENTS), count)]),
            "email": texts("user", ids, "@example.com"),
            "day": pa.array((np.datetime64("2017-01-01") + day * DAY).astype("datetime64[D]")),
            "signup": pa.array(signup),
            "active": pa.array(draw.random(count) < 0.7),
            "visits": pa.array(draw.poisson(3.0, count).astype(np.int64), mask=draw.random(count) < 0.02),
        }
    )


def drifted(shift: float, seed: int, count: int = 1_000_000) -> pa.Table:
    """12 columns of floats, 4 of ints, 4 of text; with `shift` every third has moved."""
    draw = np.random.default_rng(seed)
    columns = {}
    for i in range(12):
        moved = shift if i % 3 == 0 else 0.0
        columns[f"f{i}"] = draw.normal(moved, 1.0 + 0.1 * i, count)
    for i in range(4):
        columns[f"n{i}"] = draw.poisson(20 + (10 * shift if i % 3 == 0 else 0), count)
    for i in range(4):
        share = np.full(8, 1 / 8)
        if i % 3 == 0:
            share += np.linspace(-0.1, 0.1, 8) * shift
        columns[f"c{i}"] = pa.array(COUNTRIES[draw.choice(8, count, p=share / share.sum())])
    return pa.table(columns)


def write(out: Path, name: str, blocks: list, csv: bool) -> None:
    parquet = sink = None
    for make in blocks:
        table = make()
        if parquet is None:
            parquet = pa.parquet.ParquetWriter(out / f"{name}.parquet", table.schema)
            sink = pa.csv.CSVWriter(out / f"{name}.csv", table.schema, write_options=pa.csv.WriteOptions(quoting_style="needed")) if csv else None
        parquet.write_table(table, row_group_size=BLOCK)
        if sink:
            sink.write_table(table)
    parquet.close()
    if sink:
        sink.close()


def generate(out: Path, count: int, csv: bool = True) -> None:
    out.mkdir(parents=True, exist_ok=True)
    users = pa.table({"user_id": np.random.default_rng(1).permutation(USERS).astype(np.int64)})
    write(out, "users", [lambda: users], csv)
    sizes = [min(BLOCK, count - start) for start in range(0, count, BLOCK)]
    write(out, "rows", [lambda b=b, n=n: rows(b, n, count) for b, n in enumerate(sizes)], csv)


def generate_drift(out: Path, count: int = 1_000_000) -> None:
    out.mkdir(parents=True, exist_ok=True)
    pa.parquet.write_table(drifted(0.0, 1, count), out / "reference.parquet")
    pa.parquet.write_table(drifted(0.3, 2, count), out / "current.parquet")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--out", type=Path, default=Path("target/bench-data"))
    options.add_argument("--rows", type=lambda text: int(text.replace("_", "")), default=10_000_000)
    options.add_argument("--no-csv", action="store_true")
    asked = options.parse_args()
    generate(asked.out, asked.rows, not asked.no_csv)
    generate_drift(asked.out)
