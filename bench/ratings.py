#!/usr/bin/env python3
"""Time the completion of ratings: flatmin against cmfrec, LIBMF and Spark MLlib, all told the same rank, λ and sweeps.

What counts is the time to the objective that cmfrec reaches in its sweeps: flatmin writes its course, and the first
step that is as good is looked up in it; for the nuclear norm the peer is soft-impute. The tools run in turn, several
times, as separate processes on two threads. Then each tool's course: fits that end after more and more sweeps, the
objective and the error on the test entries after each. Rows, courses, a summary and a figure for each case go to
bench/results/DATE/; the figure needs matplotlib.

usage: ratings.py [--sizes 1m 10m] [--lambda 0.06] [--nuclear-lambda 12] [--rank 20] [--repetitions 3] [--no-spark]
       [--no-course] [--flatmin PATH] [--python PATH] [--out DIR]
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from run import machine_note, number, run_process

HERE = Path(__file__).resolve().parent
FIELDS = [
    "case", "tool", "repetition", "wall_s", "user_s", "seconds", "to_target_s", "peak_mib", "status", "value",
    "lower_bound", "gap", "test_rmse", "rank", "iterations",
]  # fmt: skip


COURSE_FIELDS = ["case", "tool", "iterations", "seconds", "value", "test_rmse"]
# Sweeps after which a fit ends, and flatmin's steps.
SWEEPS = [1, 2, 3, 5, 8, 15]
STEPS = [1, 2, 3, 5, 8, 15, 30, 60]


def time_to(history: list[dict], target: float) -> float | None:
    """When the objective is first as low as the target."""
    return next((row["seconds"] for row in history if row["value"] is not None and row["value"] <= target), None)


def summarise(rows: list[dict]) -> str:
    """A markdown table of medians."""
    lines = [
        "| case | tool | fit, s | to the first's objective, s | process, s | peak, MiB | objective | gap | test RMSE |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for case, tool in dict.fromkeys((row["case"], row["tool"]) for row in rows):
        own = [row for row in rows if (row["case"], row["tool"]) == (case, tool) and row.get("seconds") is not None]
        if not own:
            lines.append(f"| {case} | {tool} | failed | | | | | | |")
            continue
        reached = [row["to_target_s"] for row in own if row.get("to_target_s") is not None]
        cells = [number(statistics.median(row["seconds"] for row in own))]
        cells.append(number(statistics.median(reached) if reached else None))
        cells.append(number(statistics.median(row["wall_s"] for row in own)))
        cells.append(number(max(row["peak_mib"] for row in own), ".0f"))
        last = own[-1]
        cells += [
            number(last.get("value"), ".7g"),
            number(last.get("gap"), ".1e"),
            number(last.get("test_rmse"), ".4f"),
        ]
        lines.append(f"| {case} | {tool} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def solve(command: list[str], environment: dict[str, str], folder: Path) -> dict:
    """One run of flatmin with its course."""
    row = run_process([*command, "--out", str(folder)], environment)
    course = folder / "report.json"
    row["history"] = json.loads(course.read_text())["history"] if course.exists() else []
    return row


def course_of_peer(command: list[str], environment: dict[str, str]) -> list[dict]:
    """Fits of more and more sweeps in one process."""
    return run_process([*command, "--sweeps", *map(str, SWEEPS)], environment).get("course", [])


def course_of_flatmin(command: list[str], environment: dict[str, str], folder: Path, history: list[dict]) -> list[dict]:
    """Runs of more and more steps. The seconds are the solver's in the whole run with this history, whose steps are the
    same: from the data in memory, as the peers' are."""
    seconds = {row["iteration"]: row["seconds"] for row in history}
    course: list[dict] = []
    for steps in (steps for steps in [*STEPS, max(seconds, default=0)] if steps in seconds):
        row = solve([*command, "--max-iter", str(steps)], environment, folder)
        course.append(row | {"seconds": seconds[steps]})
    return sorted(course, key=lambda row: row["seconds"])


def write_rows(file: Path, fields: list[str], rows: list[dict]) -> None:
    """A table with these columns of the rows."""
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, fields, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def draw(file: Path, courses: list[dict]) -> None:
    """Objective, over the lowest of all, and test error against seconds, a line a tool."""
    try:
        from matplotlib import pyplot, ticker
    except ImportError:
        print(f"{file.name}: not drawn, matplotlib is missing", file=sys.stderr)
        return
    figure, (objective, error) = pyplot.subplots(1, 2, figsize=(9, 4), layout="constrained")
    lowest = min(row["value"] for row in courses)
    for tool, marker in zip(dict.fromkeys(row["tool"] for row in courses), "osvD^", strict=False):
        own = [row for row in courses if row["tool"] == tool]
        seconds = [row["seconds"] for row in own]
        # The lowest point itself has no place on a logarithmic axis.
        objective.plot(seconds, [row["value"] / lowest - 1 or None for row in own], marker=marker, label=tool)
        error.plot(seconds, [row["test_rmse"] for row in own], marker=marker)
    objective.set(xscale="log", yscale="log", xlabel="seconds of the fit", ylabel="objective over the lowest, less 1")
    error.set(xscale="log", xlabel="seconds of the fit", ylabel="root mean square error, test entries")
    figure.legend(*objective.get_legend_handles_labels(), loc="outside lower center", ncols=5)
    for axes in (objective, error):
        axes.grid(alpha=0.3)
        axes.xaxis.set_minor_formatter(ticker.NullFormatter())
    figure.savefig(file)
    pyplot.close(figure)


class Case(NamedTuple):
    """An objective on data of one size. The first tool sets the objective that the time is taken to."""

    name: str
    objective: str
    weight: float
    tools: list[str]


def cases(size: str, options: argparse.Namespace) -> list[Case]:
    """Flat weights against the libraries that have them, the nuclear norm against soft-impute."""
    spark = [] if options.no_spark else ["spark"]
    return [
        Case(size, "flat", options.weight, ["cmfrec", "cmfrec-float", "libmf", "flatmin", *spark]),
        Case(f"{size}-nuclear", "nuclear", options.nuclear_weight, ["soft-impute", "flatmin"]),
    ]


def commands(case: Case, files: tuple[str, str], options: argparse.Namespace) -> dict[str, list[str]]:
    """The command of each tool, all told the same."""
    told = [*files, "--rank", str(options.rank), "--lambda", str(case.weight), "--threads", "2"]
    peer = [options.python, str(HERE / "peers" / "ratings.py")]
    found = {tool: [*peer, tool, *told] for tool in case.tools}
    ours = [options.flatmin, "solve", "completion", files[0], "--test", *told[1:]]
    return found | {"flatmin": [*ours, "--objective", case.objective, "--center", "none", "--json", "-q"]}


def timed(
    case: Case, files: tuple[str, str], options: argparse.Namespace, environment: dict, scratch: Path
) -> list[dict]:
    """All tools in turn, several times."""
    rows: list[dict] = []
    run = commands(case, files, options)
    for repetition in range(options.repetitions):
        target = None
        for tool in case.tools:
            if tool == "flatmin":
                row = solve(run[tool], environment, scratch / f"{case.name}-{repetition}")
                row["to_target_s"] = None if target is None else time_to(row["history"], target)
            else:
                row = run_process(run[tool], environment)
            target = row.get("value") if tool == case.tools[0] else target
            rows.append(row | {"case": case.name, "tool": tool, "repetition": repetition})
            print(case.name, tool, number(row.get("seconds")), row.get("status"), file=sys.stderr, flush=True)
    return rows


def coursed(
    case: Case, files: tuple[str, str], options: argparse.Namespace, environment: dict, scratch: Path, rows: list[dict]
) -> list[dict]:
    """The course of each tool."""
    courses: list[dict] = []
    run = commands(case, files, options)
    for tool in case.tools:
        if tool == "flatmin":
            history = next(row["history"] for row in reversed(rows) if row["tool"] == tool)
            course = course_of_flatmin(run[tool], environment, scratch / f"{case.name}-course", history)
        else:
            course = course_of_peer(run[tool], environment)
        courses += [row | {"case": case.name, "tool": tool} for row in course]
        print(case.name, tool, len(course), "points of its course", file=sys.stderr, flush=True)
    return courses


def main() -> None:
    """Make the data, run all tools in turn, write rows and summary."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="*", default=["1m"], choices=["100k", "1m", "10m", "20m"])
    parser.add_argument("--lambda", type=float, default=0.06, dest="weight")
    parser.add_argument("--nuclear-lambda", type=float, default=12.0, dest="nuclear_weight")
    parser.add_argument("--rank", type=int, default=20)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--no-spark", action="store_true")
    parser.add_argument("--no-course", action="store_true")
    parser.add_argument("--flatmin", default=str(target / "release" / "flatmin"))
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--out", type=Path, default=HERE / "results" / datetime.date.today().isoformat())
    options = parser.parse_args()
    environment = os.environ | {f"{name}_NUM_THREADS": "2" for name in ("OMP", "OPENBLAS", "MKL", "RAYON")}
    rows, courses = [], []
    with tempfile.TemporaryDirectory() as scratch:
        for size in options.sizes:
            train, test = (str(Path(scratch) / f"{name}-{size}.npz") for name in ("train", "test"))
            subprocess.run([options.python, str(HERE / "ratings_data.py"), size, "1", train, test], check=True)
            for case in cases(size, options):
                own = timed(case, (train, test), options, environment, Path(scratch))
                rows += own
                if not options.no_course:
                    courses += coursed(case, (train, test), options, environment, Path(scratch), own)
    options.out.mkdir(parents=True, exist_ok=True)
    write_rows(options.out / "ratings.csv", FIELDS, rows)
    for case in dict.fromkeys(row["case"] for row in courses):
        draw(options.out / f"ratings-{case}.svg", [row for row in courses if row["case"] == case])
    if courses:
        write_rows(options.out / "ratings-courses.csv", COURSE_FIELDS, courses)
    note = machine_note(options.flatmin, options.python)
    (options.out / "ratings.md").write_text(f"{summarise(rows)}\n```\n{note}```\n")
    print(summarise(rows))


if __name__ == "__main__":
    main()
