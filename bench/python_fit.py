#!/usr/bin/env python3
"""Time `fit` of the Python package beside the command on the same arrays, and the peak memory of both processes.

Command and package solve in turn, several times, each in a process of its own on one thread. *fit* is of the package
the call, from arrays in memory to the result, and of the command what it says itself (`seconds`), the file read
included. Peaks are of whole processes; the package's holds the arrays of its caller besides. Needs numpy, and flatmin
as a command and as a package.

usage: python_fit.py [--repetitions 5] [--only NAME …] [--flatmin PATH] [--python PATH]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from run import run_process

HERE = Path(__file__).resolve().parent
#: Arguments of instances.py, options of the command, parameters of the package.
CASES = {
    "sensing-100": ("sensing 100 100 2 2000 1", ["--exact"], "MatrixSensing", {}),
    "bilinear-200": ("bilinear 200 200 2 2000 1", ["--exact"], "BilinearSensing", {}),
    "completion-2000": ("completion 2000 2000 5 400000 1", ["--lambda", "1e-4"], "MatrixCompletion", {"lam": 1e-4}),
}
PACKAGE = """
import json, resource, sys, time
import numpy as np
import flatmin

name, parameters, file = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
empty = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with np.load(file) as archive:
    data = {key: archive[key] for key in archive.files}
if name == "MatrixCompletion":
    parameters["shape"] = tuple(int(size) for size in data["shape"])
    arguments = (np.stack([data.pop("rows"), data.pop("cols")], axis=1), data["y"])
else:
    arguments = tuple(data[key] for key in data if key in ("A", "a", "b", "y"))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
model = getattr(flatmin, name)(threads=1, **parameters)
begin = time.perf_counter()
model.fit(*arguments)
took = time.perf_counter() - begin
print(json.dumps(model.result_ | {"fit_s": took, "empty_mib": empty / 1024, "before_mib": before / 1024}))
"""


def main() -> None:
    """Make the data, run both in turn, print medians."""
    import json

    target = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--only", nargs="*", choices=list(CASES), default=list(CASES))
    parser.add_argument("--flatmin", default=str(target / "release" / "flatmin"))
    parser.add_argument("--python", default=sys.executable)
    options = parser.parse_args()
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    print("| case | data, MiB | command's fit, s | package's, s | ratio | command's peak, MiB | package's |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.only:
            made, said, estimator, parameters = CASES[name]
            file = Path(scratch) / f"{name}.npz"
            maker = [options.python, str(HERE / "instances.py"), *made.split(), str(file), "--no-truth"]
            subprocess.run(maker, check=True)
            command = [options.flatmin, "solve", made.split()[0], str(file), *said, "--threads", "1", "--json", "-q"]
            package = [options.python, "-c", PACKAGE, estimator, json.dumps(parameters), str(file)]
            rows: list[tuple[dict, dict]] = []
            for _ in range(options.repetitions):
                rows.append((run_process(command, environment), run_process(package, environment)))
            of = lambda i, key, rows=rows: statistics.median(row[i][key] for row in rows)  # noqa: E731
            ours, theirs = of(0, "seconds"), of(1, "fit_s")
            cells = [name, f"{file.stat().st_size / 2**20:.0f}", f"{ours:.3f}", f"{theirs:.3f}", f"{theirs / ours:.3f}"]
            cells += [f"{of(0, 'peak_mib'):.0f}"]
            cells += [f"{of(1, 'peak_mib'):.0f}, of which {of(1, 'before_mib'):.0f} before the fit"]
            print(f"| {' | '.join(cells)} |", flush=True)
            same = all(a["value"] == b["value"] and a["lower_bound"] == b["lower_bound"] for a, b in rows)
            print(f"{name}: same value and bound: {same}", file=sys.stderr)


if __name__ == "__main__":
    main()
