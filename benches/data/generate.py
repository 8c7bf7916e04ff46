"""Makes the data sets of the benches, the same bytes for the same arguments and versions of NumPy and pyarrow.

    python3 benches/data/generate.py --rows 10_000_000 --out cache

writes rows10m.parquet and rows10m.csv (12 columns), users.parquet and users.csv (the 1,000,000 ids that `user_id`
refers to), and drift_a.parquet and drift_b.parquet (1,000,000 rows, 20 columns; `drift_b` has drifted in six).
Rows are made in chunks of a million, so that memory stays the same for any number of rows; each row depends on its
number alone, so that nothing is sorted and no chunk knows of another. Parquet as pandas, Polars and Spark write it
unless told otherwise: snappy, dictionaries, row groups of a million rows.

Defects are planted for each check, one row in 200,000 each, so that the counts of all tools can be compared.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

CHUNK = 1_000_000
USERS = 1_000_000
DRIFT_ROWS = 1_000_000
#: Up to so many rows, the users that they refer to are written apart as well: a small case has no million users.
SMALL = 100_000
SEED = 20_250_630
NEWEST = np.datetime64("2025-06-30T12:00:00", "s")
DEFECT_EVERY = 200_000

COUNTRIES = ["JP", "US", "DE", "FR", "IN", "BR", "NG", "AU", "CA", "GB"]
COUNTRY_SHARES = [0.24, 0.22, 0.12, 0.1, 0.09, 0.08, 0.05, 0.04, 0.03, 0.03]
SEGMENTS = ["consumer", "business", "enterprise", "education"]
SEGMENT_SHARES = [0.7, 0.2, 0.07, 0.03]
FIRST = ["ana", "bo", "chen", "dara", "emeka", "fatima", "goro", "hana", "ivan", "jun", "kofi", "lena", "mai", "nils"]
LAST = ["abe", "berg", "costa", "diaz", "endo", "fischer", "gupta", "hall", "ito", "jones", "kim", "lopez", "mori"]
HOSTS = ["example.com", "example.org", "mail.example.net", "corp.example.co.jp"]


def scatter(numbers: np.ndarray, bits: int, salt: int) -> np.ndarray:
    """A bijection of [0, 2^bits) with no visible order: a Feistel network of four rounds; `bits` is even."""
    half = np.uint64(bits // 2)
    mask = np.uint64((1 << (bits // 2)) - 1)
    left, right = numbers.astype(np.uint64) >> half, numbers.astype(np.uint64) & mask
    with np.errstate(over="ignore"):
        for turn in range(4):
            mixed = (right + np.uint64(salt * 4 + turn + 1)) * np.uint64(0x9E3779B97F4A7C15)
            mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
            left, right = right, left ^ ((mixed >> np.uint64(32)) & mask)
    return ((left << half) | right).astype(np.int64)


def shuffled(numbers: np.ndarray, size: int, salt: int) -> np.ndarray:
    """A permutation of [0, size): what falls outside is scattered again until it falls inside."""
    bits = max(2, int(size - 1).bit_length())
    bits += bits % 2
    out = scatter(numbers, bits, salt)
    while (outside := out >= size).any():
        out[outside] = scatter(out[outside], bits, salt)
    return out


def pick(draw: np.random.Generator, names: list[str], shares: list[float] | None, n: int) -> pa.Array:
    indices = draw.choice(len(names), n, p=shares).astype(np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(indices), pa.array(names)).cast(pa.string())


def rows(start: int, n: int, total: int) -> pa.Table:
    """Rows `start` to `start + n` of `total`."""
    draw = np.random.default_rng([SEED, start])
    at = np.arange(start, start + n, dtype=np.int64)
    defect = lambda kind: at % DEFECT_EVERY == 10_007 * kind  # noqa: E731

    # A planted double takes the number of another row: of one at most 200,000 earlier.
    ids = scatter(np.where(defect(1), at - 1, at), 40, 1)

    # Every pair of user and day occurs once: each user gets a day in each of `turns` spans.
    place = shuffled(np.where(defect(2), at - 1, at), total, 2)
    user, turn = place % USERS, place // USERS
    turns = -(-total // USERS)
    span = max(1, 1_400 // turns)
    day = turn * span + user * 7919 % span
    day = NEWEST.astype("datetime64[D]") - (turns * span - day)
    user_id = shuffled(user, USERS, 3)
    user_id[defect(3)] += USERS

    age = np.clip(draw.gamma(6.0, 7.0, n), 0, 99).astype(np.int32)
    age[defect(4)] = 130
    amount = np.round(draw.lognormal(3.6, 1.25, n), 2)
    amount[defect(5)] = -1.0
    active = draw.random(n) < 0.8
    active[defect(5)] = True
    score = np.round(draw.beta(2.0, 2.0, n), 6)
    country = pick(draw, COUNTRIES, COUNTRY_SHARES, n)
    country = pc.if_else(pa.array(defect(6)), "XX", country)
    sign = pc.if_else(pa.array(defect(7)), " at ", "@")
    who = pa.array(scatter(at, 40, 4)).cast(pa.string())
    first, last, host = (pick(draw, names, None, n) for names in (FIRST, LAST, HOSTS))
    email = pc.binary_join_element_wise(first, ".", last, who, sign, host, "")
    signup = NEWEST - draw.integers(0, 4 * 365 * 86_400, n)
    code = pc.binary_join_element_wise("P", pa.array(draw.integers(10_000, 20_000, n)).cast(pa.string()), "-")
    return pa.table({
        "id": ids,
        "user_id": user_id,
        "age": age,
        "amount": pa.array(amount, mask=defect(8)),
        "score": score,
        "country": country,
        "segment": pick(draw, SEGMENTS, SEGMENT_SHARES, n),
        "email": email,
        "day": pa.array(day, pa.date32()),
        "signup": pa.array(signup.astype("datetime64[us]"), pa.timestamp("us")),
        "active": active,
        "code": code,
    })


def drift(start: int, n: int, drifted: bool) -> pa.Table:
    """12 float columns, 4 int, 4 string; f1, f4, f7, n1, c1 and c3 drift."""
    draw = np.random.default_rng([SEED + 1 + drifted, start])
    moved = 1.0 if drifted else 0.0
    columns: dict[str, pa.Array] = {}
    for i in range(12):
        shift = moved * 0.4 if i in (1, 4, 7) else 0.0
        values = [
            lambda: draw.normal(i, 1.0 + i / 4, n) + shift * (1.0 + i / 4),
            lambda: draw.lognormal(1.0 + shift, 0.8, n),
            lambda: draw.random(n) + shift,
            lambda: np.where(draw.random(n) < 0.3 + shift, draw.normal(-2, 1, n), draw.normal(3, 0.5, n)),
        ][i % 4]()
        missing = draw.random(n) < 0.01 if i in (3, 7) else None
        columns[f"f{i}"] = pa.array(np.round(values, 4) if i % 3 == 2 else values, mask=missing)
    columns["n0"] = pa.array(draw.poisson(20, n))
    columns["n1"] = pa.array(draw.poisson(20 + 5 * moved, n))
    columns["n2"] = pa.array(draw.integers(1, 6, n))
    columns["n3"] = pa.array(draw.integers(0, 100_000, n))
    few = np.array(COUNTRY_SHARES)
    columns["c0"] = pick(draw, COUNTRIES, few, n)
    columns["c1"] = pick(draw, COUNTRIES, few[::-1] if drifted else few, n)
    many = [f"P{i:05}" for i in range(1_000)]
    weights = 1.0 / np.arange(1, 1_001)
    columns["c2"] = pick(draw, many, weights / weights.sum(), n)
    skew = np.array([0.5, 0.3, 0.15, 0.05]) if drifted else np.array(SEGMENT_SHARES)
    columns["c3"] = pick(draw, SEGMENTS, skew, n)
    return pa.table(columns)


def write(path: Path, total: int, make, csv: bool) -> None:
    """Streams `make(start, n)` to PATH.parquet and, if asked, PATH.csv; a file is there whole or not at all."""
    parquet = text = None
    began = time.monotonic()
    parts = [path.with_suffix(f"{end}.part") for end in (".parquet", ".csv")]
    quoting = pacsv.WriteOptions(quoting_style="none", quoting_header="none")
    for start in range(0, total, CHUNK):
        table = make(start, min(CHUNK, total - start))
        parquet = parquet or pq.ParquetWriter(parts[0], table.schema, compression="snappy")
        parquet.write_table(table, row_group_size=CHUNK)
        if csv:
            for i, field in enumerate(table.schema):
                if pa.types.is_timestamp(field.type):
                    table = table.set_column(i, field.name, table[i].cast(pa.timestamp("s")))
            text = text or pacsv.CSVWriter(parts[1], table.schema, write_options=quoting)
            text.write_table(table)
    for writer, part, end in ((parquet, parts[0], ".parquet"), (text, parts[1], ".csv")):
        if writer:
            writer.close()
            part.rename(path.with_suffix(end))
    print(f"{path.name}: {total:,} rows in {time.monotonic() - began:.1f} s", flush=True)


def short(n: int) -> str:
    for size, letter in ((1_000_000, "m"), (1_000, "k")):
        if n >= size and n % size == 0:
            return f"{n // size}{letter}"
    return str(n)


def ensure(out: Path, total: int, csv: bool = True, drifts: bool = True) -> str:
    """Makes what is not there yet; returns the stem of the rows, such as rows10m."""
    out.mkdir(parents=True, exist_ok=True)
    stem = f"rows{short(total)}"
    missing = lambda name, ends: any(not (out / f"{name}.{end}").exists() for end in ends)  # noqa: E731
    ends = ["parquet", "csv"] if csv else ["parquet"]
    if missing("users", ["parquet", "csv"]):
        users = lambda start, n: pa.table({"user_id": shuffled(np.arange(start, start + n), USERS, 5)})  # noqa: E731
        write(out / "users", USERS, users, csv=True)
    if missing(stem, ends):
        write(out / stem, total, lambda start, n: rows(start, n, total), csv)
    if total <= SMALL and missing(f"users_of_{stem}", ["parquet", "csv"]):
        known = rows(0, total, total)["user_id"].unique()
        write(out / f"users_of_{stem}", len(known), lambda start, n: pa.table({"user_id": known[start : start + n]}), csv=True)
    for name, drifted in (("drift_a", False), ("drift_b", True)):
        if drifts and missing(name, ["parquet"]):
            write(out / name, DRIFT_ROWS, lambda start, n: drift(start, n, drifted), csv=False)
    return stem


def main() -> None:
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("--rows", type=int, default=10_000_000)
    parse.add_argument("--out", type=Path, required=True)
    parse.add_argument("--no-csv", action="store_true", help="Parquet alone, for the largest")
    args = parse.parse_args()
    ensure(args.out, args.rows, csv=not args.no_csv)


if __name__ == "__main__":
    main()
