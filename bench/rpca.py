#!/usr/bin/env python3
"""Time robust PCA: flatmin against the inexact augmented Lagrangian method in numpy and the PyPI package `rpca`.

Each case is solved by all in turn, several times, as separate processes on one thread, as run.py does it. The package
has to be told the rank and is given the true one. Rows and a summary go to bench/results/DATE/.

A recording of one's own, pixels by frames, is a case more: `--film FILE.npy`, solved to a gap of 1e-4. Its rank nobody
knows, and the package stays out of it.

usage: rpca.py [--repetitions 3] [--only NAME …] [--film FILE] [--threads 1] [--flatmin PATH] [--python PATH]
       [--out DIR]
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
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from run import machine_note, number, run_process

HERE = Path(__file__).resolve().parent
PEER = str(HERE / "peers" / "rpca_ialm.py")
CASES = [("rpca-100", 100, 5, 0.05), ("rpca-400", 400, 20, 0.1), ("rpca-1000", 1000, 50, 0.05)]
FIELDS = ["case", "tool", "repetition", "wall_s", "seconds", "peak_mib", "status", "gap", "relative_error", "rank"]


def summarise(rows: list[dict]) -> str:
    """A markdown table of medians."""
    lines = [
        "| case | tool | process, s | solve, s | memory | relative error | rank | gap |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for case, tool in dict.fromkeys((row["case"], row["tool"]) for row in rows):
        own = [row for row in rows if (row["case"], row["tool"]) == (case, tool)]
        middle = {key: statistics.median(row[key] for row in own) for key in ("wall_s", "seconds")}
        last = own[-1]
        cells = [number(middle["wall_s"]), number(middle["seconds"])]
        cells += [f"{max(row['peak_mib'] for row in own):.0f} MiB", number(last.get("relative_error"), ".1e")]
        lines.append(
            f"| {case} | {tool} | {' | '.join(cells)} | {last.get('rank')} | {number(last.get('gap'), '.1e')} |"
        )
    return "\n".join(lines) + "\n"


def synthetic(options: argparse.Namespace, folder: Path) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """The cases whose answer is known, made when their turn comes: a name, and the command of each tool."""
    for name, size, rank, share in CASES:
        if options.only is not None and name not in options.only:
            continue
        file = str(folder / f"{name}.npz")
        make = [options.flatmin, "generate", "rpca", "--d1", str(size), "--rank", str(rank)]
        subprocess.run([*make, "--outliers", str(share), "--seed", "1", "--out", file], check=True)
        peer = [options.python, PEER, file]
        yield name, ours(options, file) | {"numpy": peer, "rpca (PyPI)": [*peer, "--package", str(rank)]}


def recorded(options: argparse.Namespace) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """The film."""
    if options.film is not None:
        tools = ours(options, options.film, "--tol", "1e-4")
        yield Path(options.film).stem, tools | {"numpy": [options.python, PEER, options.film]}


def ours(options: argparse.Namespace, file: str, *more: str) -> dict[str, list[str]]:
    """flatmin's command."""
    threads = str(options.threads)
    return {"flatmin": [options.flatmin, "solve", "rpca", file, "--threads", threads, "--json", "-q", *more]}


def main() -> None:
    """Make the instances, run all tools in turn, write rows and summary."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--only", nargs="*", metavar="NAME", help="of the synthetic cases, these; none without a name")
    parser.add_argument("--film", metavar="FILE", help="a recording, pixels by frames: .npy, or .npz with the key Y")
    parser.add_argument("--threads", type=int, default=1, help="of every tool")
    parser.add_argument("--flatmin", default=str(HERE.parent / "target" / "release" / "flatmin"))
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--out", type=Path, default=HERE / "results" / datetime.date.today().isoformat())
    options = parser.parse_args()
    names = ("OMP", "OPENBLAS", "MKL", "RAYON")
    environment = os.environ | {f"{name}_NUM_THREADS": str(options.threads) for name in names}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, tools in chain(synthetic(options, Path(folder)), recorded(options)):
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
