"""Times the data stage beside its peers in the same run and prints Markdown tables.

    cargo build --release && python3 benches/data.py target/release/mlgate --peer-python venv/bin/python

Parts (`--only`): `parquet` and `csv`, the suite of 12 checks on `--rows` rows; `small`, the suite on 1,000 rows;
`drift`, 1,000,000 rows of 20 columns against as many; `memory`, ours on `--rows` and on ten times as many. What is
missing in the cache folder is generated first (benches/data/generate.py). Peers that are not installed for
`--peer-python` (several may be given; the first that has the modules is taken) are named and left out:

    pip install polars duckdb duckdb-cli 'pandera[polars]' soda-duckdb great_expectations scipy 'pandas<3' evidently
    pip install 'whylogs[viz]' 'numpy<2' 'pyarrow<20' 'pandas<3'        # in a venv of its own

Each round runs every command once, in turn; medians count. What each found is printed below its table, so that it
can be seen that all counted the same. With `--no-ours` the peers are measured alone.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "data"))

from timing import Run, median, once, row, table  # noqa: E402

HERE = Path(__file__).resolve().parent / "data"
PEERS = HERE / "peers"
#: name → (script, modules it needs)
CHECKERS = {
    "polars": ("polars_checks.py", ["polars"]),
    "duckdb": ("duckdb_checks.py", ["duckdb"]),
    "duckdb-cli": ("duckdb_cli_checks.py", ["duckdb_cli"]),
    "pandera": ("pandera_checks.py", ["pandera", "polars"]),
    "soda": ("soda_checks.py", ["soda_duckdb"]),
    "great_expectations": ("gx_checks.py", ["great_expectations"]),
}
DRIFTERS = {
    "polars+scipy": ("polars_scipy_drift.py", ["polars", "scipy"]),
    "evidently": ("evidently_drift.py", ["evidently", "scipy"]),
    "whylogs": ("whylogs_drift.py", ["whylogs", "IPython", "pyarrow"]),
}
COMMON_CHECKS = [
    "rows >= 1000",
    "nulls(amount) = 0",
    "unique(id)",
    "age between 0 and 120",
    r"email matches '^[^@\s]+@[^@\s]+$'",
    "country in [JP, US, DE, FR, IN, BR, NG, AU, CA, GB]",
    "freshness(signup) < 3650d",
    "mean(score) between 0.4 and 0.6",
    "quantile(amount, 0.95) <= 500",
    "duplicates(user_id, day) = 0",
    "user_id references users.user_id",
]
SQL_CHECK = '{sql: "select * from rows where amount < 0 and active", name: refunds}'


def suite_yaml(rows: Path, users: Path) -> str:
    checks = "".join(f"      - {json.dumps(check)}\n" for check in COMMON_CHECKS)
    return (
        f"version: 1\nmodel: {{name: bench}}\ndata:\n  rows:\n    source: {rows.name}\n    checks:\n{checks}"
        f"      - {SQL_CHECK}\n  users:\n    source: {users.name}\n"
    )


def drift_yaml() -> str:
    return (
        "version: 1\nmodel: {name: bench}\ndata:\n  a:\n    source: drift_a.parquet\n"
        "  b:\n    source: drift_b.parquet\n    drift: {against: a, max_share: 50%}\n"
    )


class Bench:
    def __init__(self, args: argparse.Namespace):
        self.args = args
        self.pythons = [str(Path(python).absolute()) for python in args.peer_python]
        self.found: dict[str, str | None] = {}

    def python_with(self, modules: list[str]) -> str | None:
        """The first of the pythons that has the modules, without importing them."""
        test = f"import importlib.util as u, sys; sys.exit(any(u.find_spec(m) is None for m in {modules!r}))"
        for python in self.pythons:
            if subprocess.run([python, "-c", test], stderr=subprocess.DEVNULL).returncode == 0:
                return python
        return None

    def commands(self, peers: dict, files: list[str], work: Path) -> dict[str, list[str]]:
        out = {}
        for name, (script, modules) in peers.items():
            if self.args.peers and name not in self.args.peers:
                continue
            python = self.python_with(modules)
            if not python:
                print(f"{name}: not installed")
            elif name == "duckdb-cli":
                sql = work / "suite.sql"
                sql.write_text(subprocess.check_output([python, str(PEERS / script), *files], text=True))
                out[name] = [str(Path(python).parent / "duckdb"), "-json", "-f", str(sql)]
            else:
                out[name] = [python, str(PEERS / script), *files]
        return out

    def compare(self, title: str, yaml: str, data: list[Path], peers: dict, given: list[str], rounds: int) -> None:
        """Runs ours on `yaml`, with `data` linked beside it, and the peers on `given`, and prints the table."""
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder)
            for file in data:
                os.link(file, work / file.name) if same_disk(file, work) else (work / file.name).symlink_to(file)
            (work / "mlops.yaml").write_text(yaml)
            commands = self.commands(peers, given, work)
            if not self.args.no_ours:
                ours = [self.args.mlgate, "run", "data", "--record", "record.json"]
                commands = {"mlgate": ours} | commands
            runs: dict[str, list[Run]] = {name: [] for name in commands}
            for _ in range(rounds):
                for name in list(commands):
                    # The planted defects make ours end with 1: blocked.
                    run = once(commands[name], work, (0, 1) if name == "mlgate" else (0,), keep=True)
                    if run is None:
                        print(f"{name}: did not finish")
                        commands.pop(name)
                        runs.pop(name)
                    else:
                        runs[name].append(run)
            self.report(title, {name: median(of) for name, of in runs.items() if of}, work)

    def report(self, title: str, medians: dict[str, Run], work: Path) -> None:
        table(title)
        ours = medians.get("mlgate")
        for name, run in medians.items():
            row(name, run, None if name == "mlgate" else ours)
        others = [run.cpu for name, run in medians.items() if name != "mlgate"]
        if ours and others:
            print(f"\nOurs takes {ours.cpu / min(others):.2f} of the CPU of the best peer.")
        print("\n```")
        for name, run in medians.items():
            said = ours_found(work / "record.json") if name == "mlgate" else (run.output.strip().splitlines() or [""])[-1]
            print(f"{name}: {said}")
        print("```", flush=True)


def same_disk(file: Path, folder: Path) -> bool:
    return file.stat().st_dev == folder.stat().st_dev


def ours_found(record: Path) -> str:
    """Each check's outcome and what it counted."""
    if not record.exists():
        return "no record"
    checks = json.loads(record.read_text()).get("checks", [])
    return "\n  " + "\n  ".join(f"{check['id']}: {check['outcome']}, {check.get('message', '')}" for check in checks)


def main() -> None:
    parts = ["parquet", "csv", "small", "drift", "memory"]
    commas = lambda text: text.split(",")  # noqa: E731
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("mlgate", nargs="?", default="target/release/mlgate")
    parse.add_argument("--rows", type=int, default=10_000_000)
    parse.add_argument("--only", type=commas, default=["parquet", "csv", "small", "drift"], help=", ".join(parts))
    parse.add_argument("--peers", type=commas, default=None, help=", ".join([*CHECKERS, *DRIFTERS]))
    parse.add_argument("--peer-python", action="append", default=[], help="python that has peers; default: this one")
    parse.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "mlgate-bench")
    parse.add_argument("--rounds", type=int, default=3)
    parse.add_argument("--no-ours", action="store_true")
    args = parse.parse_args()
    if unknown := set(args.only) - set(parts):
        parse.error(f"no such part: {', '.join(unknown)}")
    if unknown := set(args.peers or []) - {*CHECKERS, *DRIFTERS}:
        parse.error(f"no such peer: {', '.join(unknown)}")
    args.peer_python = args.peer_python or [sys.executable]
    args.mlgate = str(Path(args.mlgate).resolve())
    bench = Bench(args)
    cache = args.cache.resolve()

    def ensure(total: int, csv: bool) -> str:
        name = lambda n: f"{n // 1_000_000}m" if n % 1_000_000 == 0 else f"{n // 1000}k" if n % 1000 == 0 else str(n)  # noqa: E731
        stem = f"rows{name(total)}"
        need = [stem + ".parquet", "users.parquet", "users.csv", "drift_a.parquet", "drift_b.parquet"]
        if csv:
            need.append(stem + ".csv")
        if total <= 100_000:
            need += [f"users_of_{stem}.parquet", f"users_of_{stem}.csv"]
        if any(not (cache / file).exists() for file in need):
            python = bench.python_with(["numpy", "pyarrow"])
            if not python:
                sys.exit("the data is made by NumPy and pyarrow: pip install numpy pyarrow")
            command = [python, str(HERE / "generate.py"), "--rows", str(total), "--out", str(cache)]
            subprocess.run(command + ([] if csv else ["--no-csv"]), check=True)
        return stem

    print(f"{os.cpu_count()} cores, medians of {args.rounds} rounds, load {os.getloadavg()[0]:.1f} at the start")

    def suite(stem: str, end: str, title: str, rounds: int, peers: dict = CHECKERS) -> None:
        rows, users = cache / f"{stem}.{end}", cache / f"users_of_{stem}.{end}"
        users = users if users.exists() else cache / f"users.{end}"
        bench.compare(title, suite_yaml(rows, users), [rows, users], peers, [str(rows), str(users)], rounds)

    for end in ("parquet", "csv"):
        if end in args.only:
            suite(ensure(args.rows, csv=end == "csv"), end, f"12 checks, {args.rows:,} rows, {end}", args.rounds)
    if "small" in args.only:
        stem = ensure(1_000, csv=True)
        for end in ("csv", "parquet"):
            suite(stem, end, f"12 checks, 1,000 rows, {end}", args.rounds)
    if "drift" in args.only:
        ensure(1_000, csv=True)
        sides = [cache / "drift_a.parquet", cache / "drift_b.parquet"]
        title = "drift, 1,000,000 × 20 against 1,000,000 × 20"
        bench.compare(title, drift_yaml(), sides, DRIFTERS, [str(side) for side in sides], args.rounds)
    if "memory" in args.only:
        for total in (args.rows, args.rows * 10):
            suite(ensure(total, csv=False), "parquet", f"memory, {total:,} rows, parquet", 1, {})


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
