#!/usr/bin/env python3
"""Time flatmin against the numpy splitting method, whole processes on one thread.

Each case is solved by both in turn, several times (a b a b …), as separate processes: what is measured is what a
user waits for, start-up and reading of the file included. Peak memory is the kernel's count for the process. Rows,
a note of the machine and a summary go to bench/results/DATE/.

This script uses the standard library only and makes the instances in another process: a child's peak memory counts
that of the process which started it, so this one must stay small.

usage: run.py [--repetitions 5] [--only NAME …] [--flatmin PATH] [--python PATH] [--out DIR]
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
FIELDS = [
    "case", "tool", "repetition", "wall_s", "user_s", "system_s", "peak_mib", "status",
    "value", "lower_bound", "gap", "residual", "relative_error", "rank", "iterations",
]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One instance: how it is made, and whether the peer takes part."""

    name: str
    model: str
    d1: int
    d2: int
    rank: int
    measurements: float
    peer: bool = True
    truth: bool = True
    seed: int = 1


CASES = [
    Case("sensing-50", "sensing", 50, 50, 2, 600),
    Case("sensing-100", "sensing", 100, 100, 2, 2000),
    Case("sensing-60-edge", "sensing", 60, 60, 2, 530),  # close to where recovery begins
    Case("completion-60", "completion", 60, 60, 2, 0.4),
    Case("bilinear-200", "bilinear", 200, 200, 2, 2000, peer=False),
    Case("completion-2000", "completion", 2000, 2000, 5, 100_000, peer=False, truth=False),
]


def run_process(command: list[str], environment: dict[str, str]) -> dict:
    """Run a command to its end: wall and processor time, peak memory, and the JSON it printed."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begin = time.perf_counter()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - begin
        code = child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        text, message = out.read().decode(), err.read().decode().strip()
    result = json.loads(text) if text.strip().startswith("{") else {}
    if code not in (0, 3):
        print(f"exit {code}: {' '.join(command)}\n{message}", file=sys.stderr)
        result["status"] = f"exit {code}"
    unit = 2**20 if sys.platform == "darwin" else 2**10  # ru_maxrss: bytes there, KiB here
    measured = {
        "wall_s": wall,
        "user_s": usage.ru_utime,
        "system_s": usage.ru_stime,
        "peak_mib": usage.ru_maxrss / unit,
    }
    return result | measured


def commands(case: Case, file: Path, flatmin: str, python: str) -> dict[str, list[str]]:
    """The command of each tool that takes part in a case."""
    ours = [flatmin, "solve", case.model, str(file), "--exact", "--threads", "1", "--json", "-q"]
    tools = {"flatmin": ours}
    if case.peer:
        tools["numpy"] = [python, str(HERE / "peers" / "splitting.py"), case.model, str(file)]
    return tools


def first_line(command: list[str]) -> str:
    """The first line that a command prints, or that it is missing."""
    try:
        text = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError:
        return "not found"
    return text.strip().splitlines()[0] if text.strip() else "no answer"


def machine_note(flatmin: str, python: str) -> str:
    """Processor, cores, memory and versions; nothing that names the machine."""
    model, memory = platform.processor() or platform.machine(), "unknown"
    for path, key in (("/proc/cpuinfo", "model name"), ("/proc/meminfo", "MemTotal")):
        if Path(path).exists():
            lines = [
                line.split(":", 1)[1].strip() for line in Path(path).read_text().splitlines() if line.startswith(key)
            ]
            if lines and key == "model name":
                model = lines[0]
            elif lines:
                memory = f"{int(lines[0].split()[0]) / 2**20:.1f} GiB"
    numpy = "import numpy as n; c = n.show_config(mode='dicts')['Build Dependencies']['blas']; "
    numpy += "print('numpy', n.__version__, 'with', c['name'], c['version'])"
    rows = {
        "processor": model,
        "cores": str(os.cpu_count()),
        "memory": memory,
        "system": f"{platform.system()} {platform.machine()}",
        "flatmin": first_line([flatmin, "--version"]),
        "compiler": first_line(["rustc", "--version"]),
        "commit": first_line(["git", "-C", str(HERE), "describe", "--always", "--dirty"]),
        "python": first_line([python, "--version"]),
        "numpy": first_line([python, "-c", numpy]),
    }
    return "".join(f"{key:10} {value}\n" for key, value in rows.items())


def number(value: object, digits: str = ".3g") -> str:
    """A number for the table; a dash for what is missing."""
    return format(float(value), digits) if value not in (None, "") else "–"


def failed(row: dict) -> bool:
    """Whether a run ended in an error."""
    return str(row.get("status")).startswith("exit")


def summarise(rows: list[dict]) -> str:
    """A markdown table: medians of the wall time, ratio, peak memory, gap."""
    lines = [
        "| case | flatmin | numpy | numpy / flatmin | memory: flatmin | numpy | gap: flatmin | numpy |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for case in dict.fromkeys(row["case"] for row in rows):
        seconds, memory, gap = {}, {}, {}
        for tool in ("flatmin", "numpy"):
            mine = [row for row in rows if row["case"] == case and row["tool"] == tool]
            if mine:
                seconds[tool] = statistics.median(row["wall_s"] for row in mine)
                memory[tool] = max(row["peak_mib"] for row in mine)
                gap[tool] = mine[-1].get("gap")
                if any(failed(row) for row in mine):
                    seconds[tool] = gap[tool] = None
        both = seconds.get("flatmin") and seconds.get("numpy")
        ratio = seconds["numpy"] / seconds["flatmin"] if both else None
        cells = [case]
        for tool in ("flatmin", "numpy"):
            wall = seconds.get(tool)
            cells.append(f"{number(wall)} s" if wall else "failed" if tool in seconds else "–")
        cells += [number(ratio, ".1f")]
        cells += [f"{number(memory.get(tool), '.0f')} MiB" if tool in memory else "–" for tool in ("flatmin", "numpy")]
        cells += [number(gap.get(tool), ".1e") for tool in ("flatmin", "numpy")]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Make the instances, run everything in turn, write rows, machine note and summary."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target"))
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--only", nargs="*", choices=[case.name for case in CASES], help="these cases only")
    parser.add_argument("--flatmin", default=str(target / "release" / "flatmin"))
    parser.add_argument("--python", default=sys.executable, help="a Python with numpy, for instances and the peer")
    parser.add_argument("--out", type=Path, default=HERE / "results" / today)
    options = parser.parse_args()

    environment = dict(os.environ)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
        environment[name] = "1"
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "machine.txt").write_text(machine_note(options.flatmin, options.python))
    rows: list[dict] = []
    with tempfile.TemporaryDirectory() as scratch, (options.out / "core.csv").open("w", newline="") as raw:
        writer = csv.DictWriter(raw, FIELDS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        for case in CASES:
            if options.only and case.name not in options.only:
                continue
            file = Path(scratch) / f"{case.name}.npz"
            make = [options.python, str(HERE / "instances.py"), case.model]
            make += [str(part) for part in (case.d1, case.d2, case.rank, case.measurements, case.seed, file)]
            subprocess.run(make + ([] if case.truth else ["--no-truth"]), check=True)
            for repetition in range(options.repetitions):
                for tool, command in commands(case, file, options.flatmin, options.python).items():
                    row = run_process(command, environment)
                    row |= {"case": case.name, "tool": tool, "repetition": repetition}
                    for key in ("wall_s", "user_s", "system_s"):
                        row[key] = round(row[key], 4)
                    row["peak_mib"] = round(row["peak_mib"], 1)
                    rows.append(row)
                    writer.writerow(row)
                    raw.flush()
                    figures = f"{row['wall_s']:8.3f} s {row['peak_mib']:8.0f} MiB"
                    print(f"{case.name:16} {tool:8} {figures}  {row.get('status')}", flush=True)
            file.unlink()
    summary = summarise(rows)
    (options.out / "summary.md").write_text(summary)
    print("\n" + summary)
    if any(failed(row) for row in rows):
        raise SystemExit("a run failed: see above")


if __name__ == "__main__":
    main()
