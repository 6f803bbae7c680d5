#!/usr/bin/env python3
"""Principal component pursuit by the inexact augmented Lagrangian method, in plain numpy: a peer to time against.

    min ‖X‖_* + θ‖Y − X‖_1,    θ = 1/√max(d1, d2),

by the method of Lin, Chen and Ma (arXiv 1009.5055): S by soft thresholding, X by singular value shrinkage of a full
decomposition, the multiplier by a step of length mu, and mu grows by half a step. Stops when ‖Y − X − S‖_F falls below
--tol times ‖Y‖_F. The multiplier, divided until it is feasible, gives a lower bound.

CASE is an .npz with the key Y, or Y itself as .npy.

`--package` runs the PyPI package `rpca` instead, which has to be told the rank and is given the true one.

usage: rpca_ialm.py CASE [--tol 1e-7] [--max-iter 1000] [--package RANK]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import time

import numpy as np


def inexact_alm(y: np.ndarray, theta: float, tol: float, max_iter: int) -> dict:
    """X, the value and the bound that the multiplier gives."""
    size, top = np.linalg.norm(y), np.linalg.norm(y, 2)
    multiplier = y / max(top, np.abs(y).max() / theta)
    mu, growth = 1.25 / top, 1.5
    x = np.zeros_like(y)
    iterations, misfit = 0, np.inf
    while misfit > tol and iterations < max_iter:
        rest = y - x + multiplier / mu
        s = np.sign(rest) * np.maximum(np.abs(rest) - theta / mu, 0)
        u, sigma, vt = np.linalg.svd(y - s + multiplier / mu, full_matrices=False)
        rank = int((sigma > 1 / mu).sum())
        x = (u[:, :rank] * (sigma[:rank] - 1 / mu)) @ vt[:rank]
        multiplier += mu * (y - x - s)
        misfit = np.linalg.norm(y - x - s) / size
        mu *= growth
        iterations += 1
    value = np.maximum(sigma - growth / mu, 0).sum() + theta * np.abs(y - x).sum()
    feasible = max(np.linalg.norm(multiplier, 2), np.abs(multiplier).max() / theta, 1.0)
    bound = float((multiplier * y).sum()) / feasible
    return {
        "status": "converged" if misfit <= tol else "budget",
        "value": float(value),
        "lower_bound": bound,
        "gap": (value - bound) / value,
        "iterations": iterations,
        "rank": rank,
        "matrix": x,
    }


def package(y: np.ndarray, rank: int) -> dict:
    """The PyPI package, with its defaults and the rank it asks for."""
    from rpca import RobustPCA  # not needed by the other peer

    with contextlib.redirect_stdout(io.StringIO()):  # it prints whether it has converged
        x = RobustPCA(n_components=rank, verbose=False).fit(y).low_rank_
    return {"status": "converged", "rank": rank, "matrix": np.asarray(x)}


def read(path: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Y and, where it is known, X."""
    file = np.load(path)
    if isinstance(file, np.ndarray):
        return file.astype(float), None
    with file:
        return file["Y"].astype(float), file["truth"] if "truth" in file.files else None


def main() -> None:
    """Read, solve, print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("case")
    parser.add_argument("--tol", type=float, default=1e-7)
    parser.add_argument("--max-iter", type=int, default=1000)
    parser.add_argument("--package", type=int, metavar="RANK", help="run the PyPI package `rpca` with this rank")
    options = parser.parse_args()
    y, truth = read(options.case)
    begin = time.perf_counter()
    if options.package is None:
        result = inexact_alm(y, 1 / np.sqrt(max(y.shape)), options.tol, options.max_iter)
    else:
        result = package(y, options.package)
    result["seconds"] = time.perf_counter() - begin
    matrix = result.pop("matrix")
    if truth is not None:
        result["relative_error"] = float(np.linalg.norm(matrix - truth) / np.linalg.norm(truth))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
