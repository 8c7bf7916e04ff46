"""Times text metrics beside their peers in the same run and prints a Markdown table.

    pip install sacrebleu rouge_score jiwer pyarrow
    cargo build --release && python3 benches/text.py target/release/mlgate

20,000 pairs of sentences of 10 to 40 words. mlgate computes all ten metrics of `task: text` with intervals, and once
more in pairs with a baseline; each peer its own without. Peers that are not installed are named and left out. Each
round runs every command once, in turn; medians count. What each found is printed below the table.
"""

import argparse
import importlib.util
import json
import random
import sys
import tempfile
from pathlib import Path

from timing import Run, median, once, row, table

PEERS = {
    "sacreBLEU, BLEU": (
        "sacrebleu",
        "from sacrebleu.metrics import BLEU; print(BLEU().corpus_score(outputs, [references]).score)",
    ),
    "sacreBLEU, chrF": (
        "sacrebleu",
        "from sacrebleu.metrics import CHRF; print(CHRF().corpus_score(outputs, [references]).score)",
    ),
    "rouge_score, ROUGE-1, 2 and L": (
        "rouge_score",
        "from rouge_score.rouge_scorer import RougeScorer\n"
        "scorer = RougeScorer(['rouge1', 'rouge2', 'rougeL'])\n"
        "rows = [scorer.score(r, o) for r, o in zip(references, outputs)]\n"
        "print(*(sum(row[m].fmeasure for row in rows) / len(rows) for m in ['rouge1', 'rouge2', 'rougeL']))",
    ),
    "jiwer, WER": ("jiwer", "import jiwer; print(jiwer.wer(references, outputs))"),
}
READ = """
import pyarrow.parquet as pq
table = pq.read_table("out.parquet")
references, outputs = table["reference"].to_pylist(), table["output"].to_pylist()
"""
CONFIG = """
version: 1
model: {name: text, files: [out.parquet]}
quality:
  predictions: {file: out.parquet, task: text, label: reference, prediction: output, id: id}
  gates: [bleu >= 1]
"""


def write(folder: Path, rows: int) -> None:
    import pyarrow
    import pyarrow.parquet

    luck = random.Random(20250601)
    letters = "etaoinshrdlucmfwypvbgk"
    words = ["".join(luck.choice(letters) for _ in range(luck.randint(1, 9))) for _ in range(20_000)]
    word = lambda: words[int(len(words) * luck.random() ** 3)] + luck.choice(["", "", "", "", "", "", ",", "."])  # noqa: E731
    references = [[word() for _ in range(luck.randint(10, 40))] for _ in range(rows)]
    for name, share in [("out", 0.3), ("old", 0.32)]:
        outputs = [[word() if luck.random() < share else w for w in reference] for reference in references]
        columns = {"id": list(range(rows)), "reference": [" ".join(r) for r in references]}
        columns["output"] = [" ".join(o) for o in outputs]
        pyarrow.parquet.write_table(pyarrow.table(columns), folder / f"{name}.parquet")
    (folder / "mlops.yaml").write_text(CONFIG)
    (folder / "paired.yaml").write_text(CONFIG + "  baseline: old.parquet\n")


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("mlgate", nargs="?", default="target/release/mlgate")
    arguments.add_argument("--rows", type=int, default=20_000)
    arguments.add_argument("--rounds", type=int, default=5)
    asked = arguments.parse_args()
    mlgate = str(Path(asked.mlgate).resolve())
    commands = {
        "mlgate, ten metrics with intervals": [mlgate, "run", "quality"],
        "mlgate, in pairs with a baseline": [mlgate, "--config", "paired.yaml", "run", "quality"],
    }
    for name, (module, script) in PEERS.items():
        if importlib.util.find_spec(module) is None:
            print(f"{name}: {module} is not installed")
        else:
            commands[name] = [sys.executable, "-c", READ + script]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        write(work, asked.rows)
        runs: dict[str, list[Run]] = {name: [] for name in commands}
        for _ in range(asked.rounds + 1):  # the first warms the file cache
            for name, command in commands.items():
                done = once(command, work, keep=True)
                if done is None:
                    sys.exit(1)
                runs[name].append(done)
        found = {m["id"]: m["value"] for m in json.loads((work / ".mlgate/record.json").read_text())["measurements"]}
    medians = {name: median(of[1:]) for name, of in runs.items()}
    table(f"{asked.rows:,} pairs of texts, medians of {asked.rounds} runs")
    ours = next(iter(medians.values()))
    for name, run in medians.items():
        row(name, run, None if name.startswith("mlgate") else ours)
    print("\nmlgate:", ", ".join(f"{id.removeprefix('quality.')} {value:.6g}" for id, value in found.items()))
    for name, run in medians.items():
        if not name.startswith("mlgate"):
            print(f"{name}: {run.output.strip()}")


if __name__ == "__main__":
    main()
