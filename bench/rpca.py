#!/usr/bin/env python3
"""Time robust PCA: flatmin against the inexact augmented Lagrangian method in numpy and the PyPI package `rpca`.

Each case is solved by all in turn, several times, as separate processes on one thread, as run.py does it. The package
has to be told the rank and is given the true one. Rows and a summary go to bench/results/DATE/.

usage: rpca.py [--repetitions 3] [--only NAME …] [--flatmin PATH] [--python PATH] [--out DIR]
"""

from __future__ import annotations

import argparse
import csv
import datetime
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from run import machine_note, number, run_process

HERE = Path(__file__).resolve().parent
CASES = [("rpca-100", 100, 5, 0.05), ("rpca-400", 400, 20, 0.1), ("rpca-1000", 1000, 50, 0.05)]
FIELDS = ["case", "tool", "repetition", "wall_s", "seconds", "peak_mib", "status", "gap", "relative_error", "rank"]


def summarise(rows: list[dict]) -> str:
    """A markdown table of medians."""
    lines = ["| case | tool | process, s | solve, s | relative error | rank | gap |", "|---|---|---|---|---|---|---|"]
    for case, tool in dict.fromkeys((row["case"], row["tool"]) for row in rows):
        own = [row for row in rows if (row["case"], row["tool"]) == (case, tool)]
        middle = {key: statistics.median(row[key] for row in own) for key in ("wall_s", "seconds")}
        last = own[-1]
        cells = [number(middle["wall_s"]), number(middle["seconds"]), number(last.get("relative_error"), ".1e")]
        lines.append(
            f"| {case} | {tool} | {' | '.join(cells)} | {last.get('rank')} | {number(last.get('gap'), '.1e')} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Make the instances, run all tools in turn, write rows and summary."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--only", nargs="*", metavar="NAME")
    parser.add_argument("--flatmin", default=str(HERE.parent / "target" / "release" / "flatmin"))
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--out", type=Path, default=HERE / "results" / datetime.date.today().isoformat())
    options = parser.parse_args()
    names = ("OMP", "OPENBLAS", "MKL", "RAYON")
    environment = os.environ | {f"{name}_NUM_THREADS": "1" for name in names}
    peer, rows = str(HERE / "peers" / "rpca_ialm.py"), []
    with tempfile.TemporaryDirectory() as folder:
        for name, size, rank, share in CASES:
            if options.only and name not in options.only:
                continue
            file = str(Path(folder) / f"{name}.npz")
            make = [options.flatmin, "generate", "rpca", "--d1", str(size), "--rank", str(rank)]
            subprocess.run([*make, "--outliers", str(share), "--seed", "1", "--out", file], check=True)
            tools = {
                "flatmin": [options.flatmin, "solve", "rpca", file, "--threads", "1", "--json", "-q"],
                "numpy": [options.python, peer, file],
                "rpca (PyPI)": [options.python, peer, file, "--package", str(rank)],
            }
            for repetition in range(options.repetitions):
                for tool, command in tools.items():
                    row = {"case": name, "tool": tool, "repetition": repetition}
                    rows.append(row | run_process(command, environment))
                    print(name, tool, f"{rows[-1]['wall_s']:.2f} s", rows[-1].get("status"), file=sys.stderr)
    options.out.mkdir(parents=True, exist_ok=True)
    with (options.out / "rpca.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    (options.out / "rpca.md").write_text(
        summarise(rows) + "\n```\n" + machine_note(options.flatmin, options.python) + "```\n"
    )
    print(summarise(rows))


if __name__ == "__main__":
    main()
