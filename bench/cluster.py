#!/usr/bin/env python3
"""Run an experiment on clusters of one and two workers of one thread each, and on two of which one is killed midway.

Prints seconds, the speed-up of two workers over one, and whether all rows are the same but for their seconds. Needs
distributed and flatmin, and a machine with two cores that does nothing else.

usage: cluster.py [--experiment recovery] [--preset quick] [--seed 0] [--repetitions 1]
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time


def run(options: argparse.Namespace, workers: int, kill_after: float | None) -> tuple[float, list[dict]]:
    """Seconds and rows, on a cluster of so many processes."""
    import distributed
    import flatmin

    local = distributed.LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None)
    with local as cluster, distributed.Client(cluster) as client:
        client.wait_for_workers(workers)
        if kill_after is not None:
            victim = next(iter(cluster.workers.values())).process.process._process
            threading.Timer(kill_after, victim.kill).start()
        begin = time.perf_counter()
        experiment = getattr(flatmin.experiment, options.experiment)
        rows = experiment(preset=options.preset, seed=options.seed, client=client)
        return time.perf_counter() - begin, rows


def without_clocks(rows: list[dict]) -> list[dict]:
    """What has to be the same."""
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--experiment", default="recovery")
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repetitions", type=int, default=1)
    options = parser.parse_args()
    seconds: dict[int, list[float]] = {1: [], 2: []}
    first: list[dict] = []
    for _ in range(options.repetitions):
        for workers, own in seconds.items():
            took, rows = run(options, workers, None)
            own.append(took)
            first = first or rows
            same = without_clocks(rows) == without_clocks(first)
            print(f"{workers} workers: {took:.1f} s, {len(rows)} rows, same rows: {same}", flush=True)
    one, two = (statistics.median(own) for own in seconds.values())
    print(f"speed-up of two workers over one: {one / two:.2f}", flush=True)
    took, rows = run(options, 2, 0.5 * two)
    same = without_clocks(rows) == without_clocks(first)
    print(f"2 workers, one killed after {0.5 * two:.0f} s: {took:.1f} s, {len(rows)} rows, same rows: {same}")


if __name__ == "__main__":
    main()
