#!/usr/bin/env python3
"""Complete ratings with another package, told the same rank, λ and number of sweeps; print one line of JSON.

    ½Σ (l_a·r_b − y_ab)² + λ/2·(Σ_a n_a‖l_a‖² + Σ_b n_b‖r_b‖²)

is the objective of all of them: cmfrec (scale_lam, no biases, no centring), Spark MLlib's ALS, LIBMF (stochastic
gradients, whose decay strikes at each entry; its sweeps are its passes over the data). The seconds are
those of the package's own fit, data in memory. soft-impute minimises with the nuclear norm instead,

    ½Σ (x_ab − y_ab)² + λ‖X‖_*,   rank X ≤ K.

Several numbers of sweeps are several fits, each from the start, after one
of a single sweep that warms up; the line then has a list of them.

usage: ratings.py {cmfrec,cmfrec-float,libmf,spark,soft-impute} TRAIN.npz TEST.npz --rank K --lambda V
       [--sweeps 15 …] [--threads 2]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

# Seconds, L, R.
Fit = tuple[float, np.ndarray, np.ndarray]


def objective(data: dict, left: np.ndarray, right: np.ndarray, weight: float, nuclear: bool) -> float:
    """As above."""
    left, right = left.astype(float), right.astype(float)
    misfit = residual(data, left, right)
    if nuclear:
        return float(misfit @ misfit / 2 + weight * nuclear_norm(left, right))
    counts = [np.bincount(data[key], minlength=size) for key, size in zip(("rows", "cols"), data["shape"], strict=True)]
    sizes = [counts[0] @ (left**2).sum(axis=1), counts[1] @ (right**2).sum(axis=1)]
    return float(misfit @ misfit / 2 + weight / 2 * sum(sizes))


def nuclear_norm(left: np.ndarray, right: np.ndarray) -> float:
    """Of L Rᵀ."""
    inner = np.linalg.qr(left, mode="r") @ np.linalg.qr(right, mode="r").T
    return float(np.linalg.svd(inner, compute_uv=False).sum())


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


def libmf(data: dict, options: argparse.Namespace) -> Iterator[Fit]:
    """Stochastic gradients on blocks without common rows or columns, in single precision."""
    with contextlib.redirect_stdout(io.StringIO()):  # the package says where it lies
        from libmf.mf import MF

    triplets = np.column_stack([data["rows"], data["cols"], data["y"]]).astype(np.float32)
    for sweeps in fits(options.sweeps):
        model = MF(
            k=options.rank, lambda_p1=0.0, lambda_q1=0.0, lambda_p2=options.weight, lambda_q2=options.weight,
            nr_iters=sweeps, nr_threads=options.threads, quiet=True,
        )  # fmt: skip
        begin = time.perf_counter()
        model.fit(triplets)
        seconds = time.perf_counter() - begin
        factors = (model.p_factors(), model.q_factors())
        # The last rows may have no entry, and rows without one are not numbers.
        left, right = (np.zeros((size, options.rank)) for size in data["shape"])
        for whole, part in zip((left, right), factors, strict=True):
            whole[: len(part)] = np.nan_to_num(part)
        yield seconds, left, right


def mllib(data: dict, options: argparse.Namespace) -> Iterator[Fit]:
    """MLlib's ALS on this machine alone, its table cached beforehand."""
    from pyspark.ml.recommendation import ALS
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(f"local[{options.threads}]").config("spark.driver.memory", "8g")
    spark = builder.config("spark.ui.enabled", "false").config("spark.log.level", "ERROR").getOrCreate()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ratings.csv"
        np.savetxt(
            file, np.column_stack([data["rows"], data["cols"], data["y"]]), fmt=["%d", "%d", "%.6f"], delimiter=","
        )
        table = spark.read.csv(str(file), schema="user int, item int, rating float").cache()
        table.count()
        for sweeps in fits(options.sweeps):
            als = ALS(rank=options.rank, maxIter=sweeps, regParam=options.weight, seed=1)
            begin = time.perf_counter()
            model = als.fit(table)
            left, right = collected(model.userFactors, data, 0), collected(model.itemFactors, data, 1)
            yield time.perf_counter() - begin, left, right
        spark.stop()


def soft_impute(data: dict, options: argparse.Namespace) -> Iterator[Fit]:
    """Soft-impute by alternating least squares (Hastie, Mazumder, Lee, Zadeh, JMLR 16, 2015, algorithm 3.1) in numpy: a
    ridge regression of the matrix whose holes are filled, residual plus product, on one factor, then on the other."""
    import scipy.sparse

    shape = tuple(data["shape"])
    sparse = scipy.sparse.csr_array((data["y"], (data["rows"], data["cols"])), shape=shape)
    # In the order of the rows, so that the residual can be written into the matrix.
    order = np.lexsort((data["cols"], data["rows"]))
    data = data | {key: data[key][order] for key in ("rows", "cols", "y")}
    for sweeps in fits(options.sweeps):
        begin = time.perf_counter()
        left = np.linalg.qr(np.random.default_rng(1).standard_normal((shape[0], options.rank)))[0]
        right, scale = np.zeros((shape[1], options.rank)), np.ones(options.rank)
        for _ in range(sweeps):
            sparse.data = residual(data, left * scale, right * scale)
            right, scale, turn = ridge(sparse.T @ left, right, scale, options.weight)
            left = left @ turn
            sparse.data = residual(data, left * scale, right * scale)
            left, scale, turn = ridge(sparse @ right, left, scale, options.weight)
            right = right @ turn
        yield time.perf_counter() - begin, left * scale, right * scale


def ridge(
    product: np.ndarray, factor: np.ndarray, scale: np.ndarray, weight: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The regression on a factor U D, from the residual times U.

    Returns the other factor's orthonormal columns, their scale, and the rotation that U takes.
    """
    square = scale**2
    coefficients = (product * scale + factor * scale * square) / (square + weight)
    columns, sizes, rotation = np.linalg.svd(coefficients * scale, full_matrices=False)
    return columns, np.sqrt(sizes), rotation.T


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
    parser.add_argument("tool", choices=["cmfrec", "cmfrec-float", "libmf", "spark", "soft-impute"])
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("--rank", type=int, required=True)
    parser.add_argument("--lambda", type=float, required=True, dest="weight")
    parser.add_argument("--sweeps", type=int, nargs="+", default=[15])
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    data, test = (dict(np.load(file)) for file in (options.train, options.test))
    peers = {
        "cmfrec": lambda: cmfrec(data, options, single=False),
        "cmfrec-float": lambda: cmfrec(data, options, single=True),
        "libmf": lambda: libmf(data, options),
        "soft-impute": lambda: soft_impute(data, options),
        "spark": lambda: mllib(data, options),
    }
    run = peers[options.tool]()
    course = []
    for seconds, left, right in run:
        error = residual(test, left, right)
        value = objective(data, left, right, options.weight, options.tool == "soft-impute")
        course.append({"seconds": seconds, "value": value, "test_rmse": float(np.sqrt(np.mean(error**2)))})
    course = [{"iterations": n} | fit for n, fit in zip(options.sweeps, course[-len(options.sweeps) :], strict=True)]
    print(json.dumps({"status": "converged", "rank": options.rank, "course": course} | course[-1]))


if __name__ == "__main__":
    main()
