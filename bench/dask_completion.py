#!/usr/bin/env python3
"""Complete synthetic ratings over a Dask cluster of 1, 2, … workers on this machine, and compare with one process.

For each number of workers: the objective against that of one process, seconds of a step, bytes that workers sent, to
each other and to the client, and the largest resident set of a worker; beside them what the model of
docs/src/scaling-out.md says. Linux only: the resident sets are read from /proc. The
data are made once, as Parquet, in a folder that is removed. Needs distributed, polars and flatmin; one thread a worker.

With --kernels it only prints the processor time that one step's calls of the core take for an entry, for some ranks.

usage: dask_completion.py [--size {100k,1m,10m,20m}] [--workers 1 2] [--lambda 0.06] [--rank 20] [--tol 1e-4]
       [--max-iter N] [--kill] [--kernels]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from ratings_data import SHAPES, places, ratings

PARTS = 32


def write_parts(folder: Path, size: str) -> tuple[int, int, int]:
    """Ratings of that size in Parquet files; gives d1, d2 and the number of entries."""
    import polars

    d1, d2, count = SHAPES[size]
    rng = np.random.default_rng(1)
    rows, columns = places(rng, d1, d2, count)
    y = ratings(rng, rows, columns, (d1, d2))
    for i, part in enumerate(np.array_split(np.arange(count), PARTS)):
        table = {"row": rows[part].astype(np.uint32), "column": columns[part].astype(np.uint32), "value": y[part]}
        polars.DataFrame(table).write_parquet(folder / f"{i:03}.parquet")
    return d1, d2, count


def here(folder: Path, options: argparse.Namespace, threads: int) -> dict:
    """One process, without a cluster."""
    import flatmin
    import polars

    table = polars.read_parquet(folder / "*.parquet")
    begin = time.perf_counter()
    model = flatmin.MatrixCompletion(**parameters(options), threads=threads).fit(table)
    return model.result_ | {"wall_s": time.perf_counter() - begin, "steps": steps(model)}


def parameters(options: argparse.Namespace) -> dict:
    """Of both."""
    return {"lam": options.weight, "rank": options.rank, "tol": options.tol, "max_iter": options.max_iter}


def steps(model) -> dict[str, float]:
    """Seconds of a step at the full number of columns, and of everything before the first look at the columns."""
    history = json.loads(model._report_text)["history"]
    widest = [row for row in history if row["rank"] == history[-1]["rank"] and row["lower_bound"] is None]
    gaps = np.diff([row["seconds"] for row in widest])
    return {"step_s": float(np.median(gaps)) if len(gaps) else float("nan"), "solver_s": history[-1]["seconds"]}


def sent(client) -> float:
    """Bytes that workers have sent."""
    return sum(client.run(lambda dask_worker: dask_worker.transfer_outgoing_bytes_total).values())


def largest(client) -> float:
    """MiB of the largest resident set of a worker so far. Not `ru_maxrss`, which begins with that of its parent."""

    def peak() -> int:
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0])

    return max(client.run(peak).values()) / 2**10


def there(folder: Path, options: argparse.Namespace, workers: int, kill: bool) -> dict:
    """A cluster of so many processes of one thread."""
    import distributed
    import flatmin
    from flatmin import _alternating

    local = distributed.LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None, memory_limit=0)
    with local as cluster, distributed.Client(cluster) as client:
        client.wait_for_workers(workers)
        if kill:
            victim = next(iter(cluster.workers.values())).process.process._process
            threading.Timer(options.kill_after, victim.kill).start()
        tally = {"bytes": 0.0, "steps": 0}
        minimise = _alternating.Run._minimise

        def counted(run: _alternating.Run) -> bool:
            """The steps alone: without reading, looking for columns and the proof."""
            bytes_before, steps_before = sent(client), run.iterations
            out = minimise(run)
            tally["bytes"] += sent(client) - bytes_before
            tally["steps"] += run.iterations - steps_before
            return out

        _alternating.Run._minimise = counted
        begin = time.perf_counter()
        try:
            model = flatmin.MatrixCompletion(client=client, **parameters(options)).fit(folder)
        finally:
            _alternating.Run._minimise = minimise
        wall = time.perf_counter() - begin
        return model.result_ | {
            "wall_s": wall,
            "steps": steps(model),
            "sent_mib": sent(client) / 2**20,
            "step_mib": tally["bytes"] / max(tally["steps"], 1) / 2**20,
            "peak_mib": largest(client),
        }


def predicted(shape: tuple[int, int, int], rank: int, workers: int) -> dict[str, float]:
    """MiB that workers send in a step, each other and the client, and MiB that a worker holds."""
    d1, d2, count = shape
    both, shorter = (8 * rank * d / 2**20 for d in (d1 + d2, min(d1, d2)))
    held = 24 * count / workers / 2**20 + 2 * (both - shorter)
    return {"step_mib": (workers - 1) * both + 2 * shorter, "held_mib": held}


def kernels(size: str) -> None:
    """Nanoseconds of processor time an entry in a step: best rows, the gradient in the columns, its preconditioner."""
    from flatmin import _flatmin

    d1, d2, count = SHAPES[size]
    rng = np.random.default_rng(1)
    rows, columns = places(rng, d1, d2, count)
    y = rng.standard_normal(count)

    def lines(own: np.ndarray, across: np.ndarray, n: int) -> tuple:
        order = np.lexsort((across, own))
        starts = np.searchsorted(own[order], np.arange(n + 1)).astype(np.int64)
        return starts, across[order].astype(np.uint32), y[order], 1

    by_row, by_column = lines(rows, columns, d1), lines(columns, rows, d2)
    for rank in (20, 32, 64):
        left, right = rng.standard_normal((d1, rank)), rng.standard_normal((d2, rank))
        calls = (
            lambda right=right: _flatmin.block_regress(by_row, [right], np.ones(d1)),
            lambda left=left, right=right: _flatmin.block_gradient(by_column, [left], np.ones(d2), right),
            lambda left=left, right=right: _flatmin.block_precondition(by_column, [left], np.ones(d2), right),
        )
        took = []
        for call in calls:
            begin = time.process_time()
            for _ in range(3):
                call()
            took.append((time.process_time() - begin) / 3 / count * 1e9)
        said = ", ".join(
            f"{name} {ns:.0f}" for name, ns in zip(("rows", "gradient", "preconditioner"), took, strict=True)
        )
        print(f"rank {rank}: {sum(took):.0f} ns an entry ({said})", flush=True)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=list(SHAPES), default="1m")
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--lambda", type=float, default=0.06, dest="weight")
    parser.add_argument("--rank", type=int, default=20)
    parser.add_argument("--tol", type=float, default=1e-4)
    parser.add_argument("--max-iter", type=int, default=20_000)
    parser.add_argument("--kill", action="store_true", help="also with two workers, one killed midway")
    parser.add_argument("--kill-after", type=float, default=20.0, help="seconds after which it is killed")
    parser.add_argument("--kernels", action="store_true")
    options = parser.parse_args()
    if options.kernels:
        kernels(options.size)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        shape = write_parts(folder, options.size)
        print(f"{shape[0]} x {shape[1]}, {shape[2]} entries, rank {options.rank}, λ {options.weight}", flush=True)
        base = here(folder, options, os.cpu_count() or 1)
        say("one process", base, base)
        runs = [(workers, False) for workers in options.workers] + ([(2, True)] if options.kill else [])
        for workers, kill in runs:
            row = there(folder, options, workers, kill)
            name = f"{workers} workers" + (", one killed" if kill else "")
            say(name, row, base)
            model = predicted(shape, options.rank, workers)
            print(
                f"    sent by workers {row['sent_mib']:.0f} MiB, {row['step_mib']:.1f} a step "
                f"(model {model['step_mib']:.1f}); a worker's peak {row['peak_mib']:.0f} MiB (model "
                f"{model['held_mib']:.0f} and what Python takes)",
                flush=True,
            )


def say(name: str, row: dict, base: dict) -> None:
    """One line."""
    off, seconds = row["value"] / base["value"] - 1, row["steps"]
    print(
        f"{name}: value {row['value']:.9g} ({off:+.1e} of one process), gap {row['gap']:.2e}, {row['iterations']} steps"
    )
    print(
        f"    {seconds['step_s']:.2f} s a step, solver {seconds['solver_s']:.1f} s, whole {row['wall_s']:.1f} s",
        flush=True,
    )


if __name__ == "__main__":
    main()
