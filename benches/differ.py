"""Renders random kustomizations with mlgate and with kubectl kustomize and compares the two, byte for byte.

    cargo build && python3 benches/differ.py target/debug/mlgate --count 300 --seed 1 --keep /tmp/differ

A tree of each seed is made anew, so that a difference can be looked at again by its number. Where one of the two
refuses a tree and the other renders it, that is a difference too; where both refuse, the tree counts as equal.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from differ_objects import Source
from differ_trees import Tree


FINE = ("equal", "both refuse", "theirs crashes")


def run(command: list[str], cwd: Path) -> tuple[bool, str, str]:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, errors="replace")
    return done.returncode == 0, done.stdout, done.stderr.strip()


def one(seed: int, mlgate: str, folder: Path, features: set[str]) -> tuple[str, str]:
    tree = folder / f"{seed:06}"
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    Tree(Source(seed), tree, features).write()
    ours = run([mlgate, "render", "top"], tree)
    theirs = run(["kubectl", "kustomize", "top"], tree)
    if ours[0] and theirs[0]:
        if ours[1] == theirs[1]:
            return "equal", ""
        (tree / "ours.yaml").write_text(ours[1])
        (tree / "theirs.yaml").write_text(theirs[1])
        diff = subprocess.run(["diff", "-u", "theirs.yaml", "ours.yaml"], cwd=tree, capture_output=True, text=True)
        return "differs", diff.stdout
    if theirs[2].startswith(("panic:", "# Warning")) and "panic: runtime" in theirs[2]:
        return "theirs crashes", ""
    if ours[0] == theirs[0]:
        return "both refuse", f"ours: {ours[2]}\ntheirs: {theirs[2]}"
    return ("only ours refuses", ours[2]) if theirs[0] else ("only theirs refuses", theirs[2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mlgate")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1, help="the first of the seeds")
    parser.add_argument("--keep", type=Path, help="where the trees stay; a temporary folder otherwise")
    parser.add_argument("--only", default="", help="features, separated by commas; all otherwise")
    parser.add_argument("--show", type=int, default=5, help="how many differences to print")
    parser.add_argument("--refusals", action="store_true", help="print what both refuse, too")
    args = parser.parse_args()
    if not shutil.which("kubectl"):
        sys.exit("kubectl is not installed")
    mlgate = str(Path(args.mlgate).resolve())
    features = {name for name in args.only.split(",") if name}
    counts: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as temporary, ThreadPoolExecutor(2) as pool:
        folder = args.keep or Path(temporary)
        seeds = range(args.seed, args.seed + args.count)
        for seed, (outcome, what) in zip(seeds, pool.map(lambda s: one(s, mlgate, folder, features), seeds)):
            counts[outcome] = counts.get(outcome, 0) + 1
            expected = outcome in FINE
            bad = sum(n for name, n in counts.items() if name not in FINE)
            if (not expected and bad <= args.show) or (outcome == "both refuse" and args.refusals):
                print(f"--- seed {seed}: {outcome}\n{what[:3000]}\n", flush=True)
    print(", ".join(f"{n} {name}" for name, n in sorted(counts.items())))
    sys.exit(any(name not in FINE for name in counts))


if __name__ == "__main__":
    main()
