"""What the benches share: one timed run, medians, and a table of ours beside the peers."""

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Run:
    """CPU seconds (user and system, children included), wall seconds, peak MiB of the largest process."""

    cpu: float
    wall: float
    memory: float
    output: str = ""


def once(command: list[str], cwd: Path, allowed: tuple[int, ...] = (0,), keep: bool = False) -> Run | None:
    """One run; None when it ended with a code that is not allowed, of which the last line is told."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
    environment |= {"SODA_CORE_TELEMETRY_ENABLED": "false", "DO_NOT_TRACK": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    sink = subprocess.PIPE if keep else subprocess.DEVNULL
    start = time.monotonic()
    process = subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=sink, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    )
    output = process.stdout.read().decode(errors="replace") if process.stdout else ""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in allowed:
        print(f"{command} ended with {process.returncode}", file=sys.stderr)
        return None
    return Run(used.ru_utime + used.ru_stime, time.monotonic() - start, used.ru_maxrss / 1024, output)


def median(runs: list[Run]) -> Run:
    of = lambda field: statistics.median(getattr(run, field) for run in runs)  # noqa: E731
    return Run(of("cpu"), of("wall"), of("memory"), runs[-1].output)


def table(title: str) -> None:
    print(f"\n### {title}\n\n| | CPU | wall | peak | ours / this, CPU |\n| --- | ---: | ---: | ---: | ---: |", flush=True)


def row(name: str, run: Run, ours: Run | None) -> None:
    ratio = f"{ours.cpu / run.cpu:.2f}" if ours and run.cpu > 0 else ""
    print(f"| {name} | {run.cpu:.3f} s | {run.wall:.3f} s | {run.memory:.0f} MiB | {ratio} |", flush=True)
