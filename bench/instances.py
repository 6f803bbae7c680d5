#!/usr/bin/env python3
"""Make one benchmark instance: a random low-rank matrix of unit Frobenius norm and its measurements.

usage: instances.py MODEL D1 D2 RANK MEASUREMENTS SEED OUT.npz [--no-truth]

For completion MEASUREMENTS below 1 is the chance that an entry is observed, otherwise their exact number.
"""

from __future__ import annotations

import argparse

import numpy as np


def truth_factors(rng: np.random.Generator, d1: int, d2: int, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian factors L, R with ‖L Rᵀ‖_F = 1."""
    left, right = rng.standard_normal((d1, rank)), rng.standard_normal((d2, rank))
    norm = np.sqrt(np.sum((left.T @ left) * (right.T @ right)))
    return left / np.sqrt(norm), right / np.sqrt(norm)


def make(model: str, d1: int, d2: int, rank: int, measurements: float, seed: int) -> dict[str, np.ndarray]:
    """The arrays of an instance in flatmin's layout, `truth` among them."""
    rng = np.random.default_rng(seed)
    left, right = truth_factors(rng, d1, d2, rank)
    if model == "completion":
        if measurements < 1:
            support = np.flatnonzero(rng.random(d1 * d2) < measurements)
        else:
            support = np.sort(rng.choice(d1 * d2, int(measurements), replace=False))
        rows, cols = support // d2, support % d2
        y = np.einsum("ik,ik->i", left[rows], right[cols])
        case = {"rows": rows, "cols": cols, "y": y, "shape": np.array([d1, d2])}
    elif model == "bilinear":
        m = int(measurements)
        a, b = rng.standard_normal((m, d1)), rng.standard_normal((m, d2))
        case = {"a": a, "b": b, "y": np.sum((a @ left) * (b @ right), axis=1)}
    else:
        maps = rng.standard_normal((int(measurements), d1, d2))
        case = {"A": maps, "y": np.tensordot(maps, left @ right.T, axes=2)}
    return case | {"truth": left @ right.T}


def main() -> None:
    """Make the instance and write it uncompressed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=["sensing", "bilinear", "completion"])
    for name in ("d1", "d2", "rank"):
        parser.add_argument(name, type=int)
    parser.add_argument("measurements", type=float)
    parser.add_argument("seed", type=int)
    parser.add_argument("out")
    parser.add_argument("--no-truth", action="store_true", help="leave the d1 × d2 ground truth out of the file")
    options = parser.parse_args()
    case = make(options.model, options.d1, options.d2, options.rank, options.measurements, options.seed)
    if options.no_truth:
        del case["truth"]
    np.savez(options.out, **case)


if __name__ == "__main__":
    main()
