#!/usr/bin/env python3
"""Flat solutions by Douglas-Rachford splitting, in plain numpy: what flatmin is timed against.

Written from the mathematics, with the care a practitioner would take and no more. It solves

    minimise ‖Z‖_*  subject to  B vec(Z) = y,      B vec(Z) = A(D1⁻¹ Z D2⁻¹),

where D1² = Σ A_i A_iᵀ / (m d2) and D2² = Σ A_iᵀ A_i / (m d1). The rows of B are made orthonormal once (QR; they
already are orthogonal for completion). With that each step is one singular value decomposition and two products:

    X = prox of t‖·‖_* at V,    Y = projection of 2X − V onto {B vec = y},    V ← V + Y − X.

At the fixed point (V − X)/t is a dual solution W = B*(λ) with ‖W‖ ≤ 1; divided by max(1, ‖W‖) it gives the
lower bound ⟨λ, y⟩. Stops when ‖Y − X‖ falls below --tol times the norm of the starting point.

usage: splitting.py {sensing,bilinear,completion} CASE.npz [--tol 1e-9] [--max-iter 100000]
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass

import numpy as np


def roots(gram: np.ndarray) -> np.ndarray:
    """The inverse symmetric square root of a positive definite matrix."""
    values, vectors = np.linalg.eigh(gram)
    if values[0] <= 1e-12 * values[-1]:
        raise SystemExit("D1 or D2 is singular: too few measurements for the flat objective")
    return (vectors / np.sqrt(values)) @ vectors.T


@dataclass
class Constraint:
    """{z : Qᵀ z = b} with orthonormal columns, in the rescaled variables, and the way back to X."""

    columns: np.ndarray | None  # Q, (d1·d2) × m; None: the coordinates `support`
    support: np.ndarray | None  # indices of the observed coordinates of vec(Z)
    target: np.ndarray  # b
    shape: tuple[int, int]
    left: np.ndarray  # D1⁻¹
    right: np.ndarray  # D2⁻¹

    def apply(self, z: np.ndarray) -> np.ndarray:
        """Qᵀ z."""
        return z[self.support] if self.columns is None else self.columns.T @ z

    def adjoint(self, multiplier: np.ndarray) -> np.ndarray:
        """Q λ."""
        if self.columns is None:
            out = np.zeros(self.shape[0] * self.shape[1])
            out[self.support] = multiplier
            return out
        return self.columns @ multiplier


def dense_constraint(maps: np.ndarray, left_gram: np.ndarray, right_gram: np.ndarray, y: np.ndarray) -> Constraint:
    """The constraint of m dense measurement matrices (m × d1 × d2)."""
    m, d1, d2 = maps.shape
    left, right = roots(left_gram / (m * d2)), roots(right_gram / (m * d1))
    rows = np.matmul(np.matmul(left, maps), right).reshape(m, d1 * d2)
    columns, triangle = np.linalg.qr(rows.T)
    return Constraint(columns, None, np.linalg.solve(triangle.T, y), (d1, d2), left, right)


def load(model: str, path: str) -> tuple[Constraint, np.ndarray | None]:
    """The constraint that a file describes, and the ground truth if it holds one."""
    with np.load(path) as file:
        case = {key: file[key] for key in file.files}
    y = case["y"].astype(float)
    if model == "sensing":
        maps = case["A"].astype(float)
        m, d1, d2 = maps.shape
        wide = maps.transpose(1, 0, 2).reshape(d1, m * d2)
        tall = maps.reshape(m * d1, d2)
        constraint = dense_constraint(maps, wide @ wide.T, tall.T @ tall, y)
    elif model == "bilinear":
        a, b = case["a"].astype(float), case["b"].astype(float)
        left_gram = (a * np.sum(b**2, axis=1)[:, None]).T @ a
        right_gram = (b * np.sum(a**2, axis=1)[:, None]).T @ b
        constraint = dense_constraint(a[:, :, None] * b[:, None, :], left_gram, right_gram, y)
    else:
        d1, d2 = (int(d) for d in case["shape"])
        rows, cols = case["rows"].astype(int), case["cols"].astype(int)
        m = len(y)
        row_counts, col_counts = np.bincount(rows, minlength=d1), np.bincount(cols, minlength=d2)
        if row_counts.min() == 0 or col_counts.min() == 0:
            raise SystemExit("a row or column is not observed: D1 or D2 is singular")
        scale_row, scale_col = np.sqrt(m * d2 / row_counts), np.sqrt(m * d1 / col_counts)
        support = rows * d2 + cols
        target = y / (scale_row[rows] * scale_col[cols])
        constraint = Constraint(None, support, target, (d1, d2), np.diag(scale_row), np.diag(scale_col))
    return constraint, case.get("truth")


def solve(constraint: Constraint, tol: float, max_iter: int) -> dict:
    """Run the splitting; X in the original variables, the value and the proved lower bound."""
    shape, target = constraint.shape, constraint.target
    start = constraint.adjoint(target)  # the feasible point of smallest Frobenius norm
    scale = np.linalg.norm(start)
    step = scale / 10
    v = start.copy()
    iterations, change = 0, np.inf
    while change > tol and iterations < max_iter:
        u, s, wt = np.linalg.svd(v.reshape(shape), full_matrices=False)
        x = ((u * np.maximum(s - step, 0)) @ wt).ravel()
        reflected = 2 * x - v
        feasible = reflected - constraint.adjoint(constraint.apply(reflected) - target)
        multiplier = constraint.apply(v - x) / step
        v += feasible - x
        change = np.linalg.norm(feasible - x) / scale
        iterations += 1
    norm = np.linalg.norm(constraint.adjoint(multiplier).reshape(shape), 2)
    z = feasible.reshape(shape)
    value = np.linalg.svd(z, compute_uv=False).sum()
    bound = float(multiplier @ target) / max(norm, 1.0)
    return {
        "status": "converged" if change <= tol else "budget",
        "value": float(value),
        "lower_bound": bound,
        "gap": (value - bound) / value,
        "iterations": iterations,
        "matrix": constraint.left @ z @ constraint.right,
    }


def main() -> None:
    """Read, solve, print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=["sensing", "bilinear", "completion"])
    parser.add_argument("case")
    parser.add_argument("--tol", type=float, default=1e-9)
    parser.add_argument("--max-iter", type=int, default=100_000)
    options = parser.parse_args()
    begin = time.perf_counter()
    constraint, truth = load(options.model, options.case)
    result = solve(constraint, options.tol, options.max_iter)
    matrix = result.pop("matrix")
    if truth is not None:
        result["relative_error"] = float(np.linalg.norm(matrix - truth) / np.linalg.norm(truth))
    result["seconds"] = time.perf_counter() - begin
    print(json.dumps(result))


if __name__ == "__main__":
    main()
