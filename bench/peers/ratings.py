#!/usr/bin/env python3
"""Complete ratings with another package, told the same rank, λ and number of sweeps; print one line of JSON.

    ½Σ (l_a·r_b − y_ab)² + λ/2·(Σ_a n_a‖l_a‖² + Σ_b n_b‖r_b‖²)

is the objective of all of them: cmfrec (scale_lam, no biases, no centring), Spark MLlib's ALS. The seconds are
those of the package's own fit, data in memory. Several numbers of sweeps are several fits, each from the start, after one
of a single sweep that warms up; the line then has a list of them.

usage: ratings.py {cmfrec,cmfrec-float,spark} TRAIN.npz TEST.npz --rank K --lambda V [--sweeps 15 …] [--threads 2]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

# Seconds, L, R.
Fit = tuple[float, np.ndarray, np.ndarray]


def objective(data: dict, left: np.ndarray, right: np.ndarray, weight: float) -> float:
    """As above."""
    left, right = left.astype(float), right.astype(float)
    misfit = residual(data, left, right)
    counts = [np.bincount(data[key], minlength=size) for key, size in zip(("rows", "cols"), data["shape"], strict=True)]
    sizes = [counts[0] @ (left**2).sum(axis=1), counts[1] @ (right**2).sum(axis=1)]
    return float(misfit @ misfit / 2 + weight / 2 * sum(sizes))


def residual(data: dict, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """y − L Rᵀ at the entries."""
    out = data["y"].copy()
    for start in range(0, out.size, 1 << 20):
        part = slice(start, start + (1 << 20))
        out[part] -= np.einsum("ik,ik->i", left[data["rows"][part]], right[data["cols"][part]])
    return out


def cmfrec(data: dict, options: argparse.Namespace, single: bool) -> Iterator[Fit]:
    """Conjugate gradients within alternating least squares, the package's default."""
    import scipy.sparse
    from cmfrec import CMF

    places = (data["rows"].astype(np.int32), data["cols"].astype(np.int32))
    matrix = scipy.sparse.coo_array((data["y"], places), shape=tuple(data["shape"]))
    for sweeps in fits(options.sweeps):
        model = CMF(
            k=options.rank, lambda_=options.weight, scale_lam=True, niter=sweeps, nthreads=options.threads,
            user_bias=False, item_bias=False, center=False, verbose=False, use_float=single,
        )  # fmt: skip
        begin = time.perf_counter()
        model.fit(matrix)
        yield time.perf_counter() - begin, model.A_, model.B_


def mllib(data: dict, options: argparse.Namespace) -> Iterator[Fit]:
    """MLlib's ALS on this machine alone, its table cached beforehand."""
    from pyspark.ml.recommendation import ALS
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(f"local[{options.threads}]").config("spark.driver.memory", "8g")
    spark = builder.config("spark.ui.enabled", "false").config("spark.log.level", "ERROR").getOrCreate()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ratings.csv"
        np.savetxt(file, np.column_stack([data["rows"], data["cols"], data["y"]]), fmt=["%d", "%d", "%.6f"], delimiter=",")
        table = spark.read.csv(str(file), schema="user int, item int, rating float").cache()
        table.count()
        for sweeps in fits(options.sweeps):
            als = ALS(rank=options.rank, maxIter=sweeps, regParam=options.weight, seed=1)
            begin = time.perf_counter()
            model = als.fit(table)
            left, right = collected(model.userFactors, data, 0), collected(model.itemFactors, data, 1)
            yield time.perf_counter() - begin, left, right
        spark.stop()


def collected(frame, data: dict, axis: int) -> np.ndarray:
    """A factor of Spark's as a matrix."""
    rows = frame.collect()
    factor = np.zeros((data["shape"][axis], len(rows[0]["features"])))
    for row in rows:
        factor[row["id"]] = row["features"]
    return factor


def fits(sweeps: list[int]) -> list[int]:
    """The sweeps of each fit, where there are several after one to warm up."""
    return sweeps if len(sweeps) == 1 else [1, *sweeps]


def main() -> None:
    """Read, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tool", choices=["cmfrec", "cmfrec-float", "spark"])
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("--rank", type=int, required=True)
    parser.add_argument("--lambda", type=float, required=True, dest="weight")
    parser.add_argument("--sweeps", type=int, nargs="+", default=[15])
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    data, test = (dict(np.load(file)) for file in (options.train, options.test))
    run = mllib(data, options) if options.tool == "spark" else cmfrec(data, options, options.tool == "cmfrec-float")
    course = []
    for seconds, left, right in run:
        error = residual(test, left, right)
        value = objective(data, left, right, options.weight)
        course.append({"seconds": seconds, "value": value, "test_rmse": float(np.sqrt(np.mean(error**2)))})
    course = [{"iterations": n} | fit for n, fit in zip(options.sweeps, course[-len(options.sweeps) :], strict=True)]
    print(json.dumps({"status": "converged", "rank": options.rank, "course": course} | course[-1]))


if __name__ == "__main__":
    main()
