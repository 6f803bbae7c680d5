#!/usr/bin/env python3
"""Time flatmin's exact trace of the Hessian against estimates from random vectors, and against exact ones by PyTorch.

f(L, R) = ‖A(L Rᵀ) − y‖², at the flattest factors that flatmin finds and at the sharper (10 L, R/10). flatmin's time is
of a whole call of `flatmin.audit(…, no_bound=True)`, which checks the data and says of a point much besides its trace.
The peers (peers/curvature.py) are curvlinops' estimators on its operator of the Hessian, and where that is small
`torch.func.hessian`. Both sides run in turn, several times, each in a process of its own on one thread; first calls are
not timed.

Ends with an error where an exact trace differs from flatmin's, or estimates do not bracket it.
Needs flatmin as a command and as a package, torch, curvlinops-for-pytorch and scipy.

usage: traces.py [--repetitions 3] [--only NAME …] [--flatmin PATH] [--python PATH] [--out DIR]
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
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from run import failed, first_line, machine_note, number, run_process

HERE = Path(__file__).resolve().parent
FIELDS = [
    "case", "parameters", "point", "tool", "method", "vectors", "goal", "repetition", "seconds", "value", "memory_mib",
]  # fmt: skip
#: flatmin's side: the audits of both points.
AUDIT = """
import json, resource, sys, time
import numpy as np
import flatmin

model, file, factors = sys.argv[1:]
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
with np.load(file) as archive:
    data = {key: archive[key] for key in archive.files}
with np.load(factors) as archive:
    left, right = archive["L"], archive["R"]
rows, before = [], peak()
for point, scale in (("flat", 1.0), ("sharp", 10.0)):
    for call in range(4):
        begin = time.perf_counter()
        found = flatmin.audit(model, data, {"L": scale * left, "R": right / scale}, no_bound=True, threads=1)
        row = {"point": point, "tool": "flatmin", "seconds": time.perf_counter() - begin}
        if call > 0:
            rows.append(row | {"method": "audit", "value": found["trace"], "lambda_max": found["lambda_max"]})
print(json.dumps({"rows": rows, "memory_mib": peak() - before, "parameters": left.size + right.size}))
"""


@dataclass(frozen=True)
class Case:
    """An instance (arguments of instances.py), and what the peers do with it (options of peers/curvature.py)."""

    name: str
    made: str
    peers: str


CASES = [
    Case("sensing-40", "sensing 40 40 2 400 1", "--vectors 30 120 --hessian --spectrum"),
    Case("sensing-100", "sensing 100 100 2 2000 1", "--vectors 30 --repeats 2 --hessian"),
    Case("bilinear-100", "bilinear 100 100 2 1500 1", "--vectors 30 120 --hessian --spectrum"),
    Case("completion-200", "completion 200 200 2 8000 1", "--vectors 30 120 --repeats 3 --hessian --spectrum"),
    Case("completion-1000", "completion 1000 1000 5 100000 1", "--vectors 12 --repeats 2"),
    Case("completion-5000", "completion 5000 5000 5 1000000 1", "--vectors 2 --repeats 2 --methods hutchinson"),
]


def check(command: list[str], environment: dict[str, str]) -> dict:
    """A process that must end well."""
    result = run_process(command, environment)
    if failed(result):
        raise SystemExit("a run failed: see above")
    return result


def measure(case: Case, options: argparse.Namespace, environment: dict[str, str], scratch: Path) -> list[dict]:
    """All rows of a case."""
    model, file = case.made.split()[0], scratch / f"{case.name}.npz"
    maker = [options.python, str(HERE / "instances.py"), *case.made.split(), str(file), "--no-truth"]
    subprocess.run(maker, check=True)
    solve = [options.flatmin, "solve", model, str(file), "--exact", "--threads", "1", "--json", "-q"]
    check([*solve, "--out", str(scratch / case.name)], environment)
    factors = str(scratch / case.name / "factors.npz")
    peer = [options.python, str(HERE / "peers" / "curvature.py"), model, str(file), factors, *case.peers.split()]
    rows: list[dict] = []
    for repetition in range(options.repetitions):
        ours = check([options.python, "-c", AUDIT, model, str(file), factors], environment)
        theirs = check([*peer, "--seed", str(repetition)], environment)
        shared = {"case": case.name, "parameters": ours["parameters"], "repetition": repetition}
        for side in (ours, theirs):
            memory = {"memory_mib": round(side["memory_mib"], 1)}
            rows += [shared | memory | row for row in side["rows"]]
        print(f"{case.name:16} {ours['wall_s']:6.1f} s {theirs['wall_s']:6.1f} s", file=sys.stderr, flush=True)
    file.unlink()
    return rows


def of(rows: list[dict], **wanted: object) -> list[dict]:
    """The rows that agree with all that is wanted."""
    return [row for row in rows if all(row.get(key) == value for key, value in wanted.items())]


def median(rows: list[dict], key: str = "seconds") -> float | None:
    """The median of a column; nothing of no rows."""
    return statistics.median(row[key] for row in rows) if rows else None


def spread(rows: list[dict], trace: float) -> float:
    """The standard deviation of a single estimate, relative to the trace."""
    return statistics.stdev(row["value"] for row in rows) / trace


def distance(rows: list[dict], trace: float) -> float:
    """|mean of the estimates − trace| in standard errors of the mean."""
    values = [row["value"] for row in rows]
    return abs(statistics.fmean(values) - trace) / (statistics.stdev(values) / len(values) ** 0.5)


def limit(runs: int) -> float:
    """What `distance` stays below as surely as a normal variable below 4: Student's distribution, Cornish-Fisher."""
    z, freedom = 4.0, runs - 1
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)


def points(rows: list[dict]) -> Iterator[tuple[str, str, list[dict]]]:
    """Case, point and rows, in their order."""
    for case, point in dict.fromkeys((row["case"], row["point"]) for row in rows):
        yield case, point, of(rows, case=case, point=point)


def estimates(rows: list[dict]) -> Iterator[tuple[str, int, list[dict]]]:
    """What was estimated how, from how many vectors, and the runs."""
    keys = ("method", "vectors", "goal")
    for kind in dict.fromkeys(tuple(row[key] for key in keys) for row in of(rows, tool="curvlinops")):
        method, vectors, goal = kind
        yield method + (f", for {goal}" if goal else ""), vectors, of(rows, **dict(zip(keys, kind, strict=True)))


def table(head: str, lines: Iterable[list[str]]) -> str:
    """A markdown table; the names of its columns with bars between them."""
    rule = "|".join(["---"] * (head.count("|") + 1))
    return "\n".join([f"| {head} |", f"|{rule}|", *("| " + " | ".join(line) + " |" for line in lines)]) + "\n"


def exact_lines(rows: list[dict]) -> Iterator[list[str]]:
    """Of each point the exact trace, the seconds of all that give it, and what 1 % takes."""
    for case, point, mine in points(rows):
        audits, one = of(mine, method="audit"), of(mine, goal="1%")
        seconds = [number(median(of(mine, method=method))) for method in ("audit", "by hand", "hessian", "eigsh")]
        cells = [case, number(audits[0]["parameters"], ".0f"), point, number(audits[0]["value"], ".10g"), *seconds[:3]]
        cells += [number(one[0]["vectors"] if one else None, ".0f"), number(median(one))]
        yield [*cells, number(audits[0]["lambda_max"], ".6g"), seconds[3]]


def estimate_lines(rows: list[dict]) -> Iterator[list[str]]:
    """Of each estimator how far off it is, and how long it takes."""
    for case, point, mine in points(rows):
        audits = of(mine, method="audit")
        trace = audits[0]["value"]
        for method, vectors, runs in estimates(mine):
            off = statistics.fmean(row["value"] for row in runs) / trace - 1
            cells = [case, point, method, str(vectors), str(len(runs)), f"{off:+.2%}", f"{spread(runs, trace):.2%}"]
            ratio = median(runs) / median(audits)
            yield [*cells, f"{distance(runs, trace):.1f}", number(median(runs)), number(ratio)]


def summarise(rows: list[dict]) -> str:
    """The tables: exact traces and what 1 % takes, all estimates, memory."""
    head = "case | unknowns | point | trace | audit, s | by hand, s | `torch.func.hessian`, s | vectors for 1 % | s"
    text = "`bench/traces.py`, medians, one thread. The exact trace, and Hutchinson's estimate to 1 %:\n\n"
    text += table(head + " | λ_max | `eigsh`, s", exact_lines(rows))
    head = "case | point | estimator | vectors | runs | mean off | standard error of one | of the mean, times off"
    text += "\nThe estimates:\n\n" + table(head + " | s | times the audit", estimate_lines(rows))
    text += "\nHow far the peak of the process rose after the data were read, MiB:\n\n"
    return text + table("case | audit | estimates", memory(rows))


def memory(rows: list[dict]) -> list[list[str]]:
    """How far the peaks of the processes rose after the data were read."""
    lines = []
    for case in dict.fromkeys(row["case"] for row in rows):
        sides = (of(rows, case=case, tool=tool) for tool in ("flatmin", "curvlinops"))
        lines.append([case, *(number(max(row["memory_mib"] for row in side), ".0f") for side in sides)])
    return lines


def disagreements(rows: list[dict]) -> Iterator[str]:
    """Where something contradicts the exact trace or the largest eigenvalue."""
    for case, point, mine in points(rows):
        audit = of(mine, method="audit")[0]
        trace, largest = audit["value"], audit["lambda_max"]
        for method, value, tolerance in (
            ("by hand", trace, 1e-10),
            ("hessian", trace, 1e-10),
            ("eigsh", largest, 1e-6),
        ):
            for row in of(mine, method=method):
                if value is not None and abs(row["value"] / value - 1) > tolerance:
                    yield f"{case}, {point}: {method} gives {row['value']!r}, flatmin {value!r}"
        for method, vectors, runs in estimates(mine):
            off = distance(runs, trace)
            if off > limit(len(runs)):
                yield f"{case}, {point}: {method} from {vectors} vectors is {off:.1f} standard errors off"


def versions(python: str) -> str:
    """Lines of the peers' versions."""
    code = "import importlib.metadata as m; print(m.version('{}'))"
    names = {"torch": "torch", "curvlinops": "curvlinops-for-pytorch", "scipy": "scipy"}
    return "".join(f"{key:10} {first_line([python, '-c', code.format(name)])}\n" for key, name in names.items())


def main() -> None:
    """Measure every case, write rows, tables and the machine, then say what disagrees."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target"))
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=3, help="at least 2")
    parser.add_argument("--only", nargs="*", choices=[case.name for case in CASES], help="these cases only")
    parser.add_argument("--flatmin", default=str(target / "release" / "flatmin"))
    parser.add_argument("--python", default=sys.executable, help="a Python with flatmin and the peers")
    parser.add_argument("--out", type=Path, default=HERE / "results" / today)
    options = parser.parse_args()
    names = ("OMP", "OPENBLAS", "MKL", "RAYON")
    environment = os.environ | {f"{name}_NUM_THREADS": "1" for name in names}
    rows: list[dict] = []
    with tempfile.TemporaryDirectory() as scratch:
        for case in CASES:
            if not options.only or case.name in options.only:
                rows += measure(case, options, environment, Path(scratch))
    options.out.mkdir(parents=True, exist_ok=True)
    note = machine_note(options.flatmin, options.python) + versions(options.python)
    (options.out / "machine.txt").write_text(note)
    with (options.out / "traces.csv").open("w", newline="") as raw:
        writer = csv.DictWriter(raw, FIELDS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(row | {"seconds": round(row["seconds"], 6)} for row in rows)
    (options.out / "traces.md").write_text(summarise(rows))
    print(summarise(rows))
    if found := list(disagreements(rows)):
        raise SystemExit("\n".join(found))


if __name__ == "__main__":
    main()
