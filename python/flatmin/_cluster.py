"""Completion over a Dask cluster: from the data to the attributes of the estimator."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _flatmin
from ._alternating import Run
from ._blocks import Tasks, counted, numbered_parts, side
from ._sweep import Point, Sweep

Array = NDArray[np.float64]

#: Relative gap of a penalised fit, as on one machine.
_TOLERANCE = 1e-4
#: Singular values of Z below this share of the largest are zero to what a Gram matrix can tell.
_ZERO = 1e-7


def solve(parameters: dict[str, Any], x: Any, y: ArrayLike | None) -> dict[str, Any]:
    """Solves, and gives result.json, report.json, the arrays, and the ids of rows and columns.

    Parameters
    ----------
    parameters : dict
        Those of ``MatrixCompletion``, ``client`` among them.
    x, y
        As of its ``fit``.

    Returns
    -------
    dict
        With the keys result, report, arrays, row_ids, column_ids, signal: the Ctrl-C that ended the steps, or None.
    """
    import dask

    _check(parameters)
    # What the scheduler is given to keep is counted in the documentation.
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TiB"}):
        return _solve(parameters, x, y)


def _check(parameters: dict[str, Any]) -> None:
    """Refuses what needs all entries in one place."""
    refused = {
        "exact": ("False", not parameters["exact"]),
        "epsilon": ("None", parameters["epsilon"] is None),
        "lam": ("a positive number, chosen on a sample of the data", _is_positive(parameters["lam"])),
        "objective": ('"flat", "nuclear" or "smoothed:ALPHA"', parameters["objective"] != "auto"),
        "rank": ("a number or None", parameters["rank"] != "auto"),
        "center": ('None, "none" or "global"', parameters["center"] in (None, "none", "global")),
        "folds": ("None", parameters["folds"] is None),
        "hide": ("None", parameters["hide"] is None),
        "isometry": ("False", not parameters["isometry"]),
        "out": ("None", parameters["out"] is None),
    }
    for name, (expected, fine) in refused.items():
        if not fine:
            raise ValueError(f"{name}: found {parameters[name]!r}, expected {expected} with a client")
    tol, rank, threads = (parameters[name] for name in ("tol", "rank", "threads"))
    if threads is not None and not threads >= 1:
        raise ValueError(f"threads: found {threads}, expected at least 1")
    if tol is not None and not 0.0 < tol < 1.0:
        raise ValueError(f"tol: found {tol}, expected a number between 0 and 1")
    if rank is not None and not rank >= 1:
        raise ValueError(f"rank: found {rank}, expected at least 1")


def _is_positive(lam: Any) -> bool:
    return not isinstance(lam, (str, bool)) and lam is not None and 0.0 < float(lam) < float("inf")


def _solve(parameters: dict[str, Any], x: Any, y: ArrayLike | None) -> dict[str, Any]:
    begun = time.monotonic()
    tasks = Tasks(parameters["client"], parameters["threads"] or 1)
    objective, center = parameters["objective"], parameters["center"] or "none"
    parts = numbered_parts(tasks, x, y, parameters["shape"])
    rows, cols, total = counted(tasks, parts)
    mean = total / rows.sum() if center == "global" else 0.0
    w1, w2, p1, p2, penalty_scale = _flatmin.completion_weights(rows, cols, objective)
    mu = float(parameters["lam"]) * penalty_scale
    of_rows, of_columns = (mu * w1**2, w1, p1), (mu * w2**2, w2, p2)
    sides = (
        side(tasks, parts, True, mean, rows, of_rows),
        side(tasks, parts, False, mean, cols, of_columns),
    )
    # The blocks hold all that the parts did.
    parts = parts._replace(triplets=[])
    sweep = Sweep(tasks, sides, (w1, w2, p1, p2), mu)
    tol = parameters["tol"] or _TOLERANCE
    run = Run(
        sweep,
        tol=tol,
        limit=min(parts.shape if parameters["rank"] is None else (*parts.shape, int(parameters["rank"]))),
        max_iter=parameters["max_iter"],
        time_limit=parameters["time_limit"],
        verbose=parameters["verbose"],
    )
    found = _Found(sweep, run.point, (rows, cols), objective)
    result = {
        "model": "completion",
        "objective": objective,
        "fit": "lambda",
        "shape": list(parts.shape),
        "measurements": int(rows.sum()),
        **found.result,
        "status": _status(run, found.gap <= tol),
        "lambda": float(parameters["lam"]),
        "center": center,
        "seed": 0,
        "threads": tasks.threads * sum(tasks.client.nthreads().values()),
        "version": _flatmin.__version__,
        "iterations": run.iterations,
        "method": "alternating",
        "seconds": time.monotonic() - begun,
    }
    power = _power(objective)
    known = int(np.argmax(rows > 0))
    arrays = {
        "L": _padded(found.left, parameters["rank"]),
        "R": _padded(found.right, parameters["rank"]),
        "row_ridge": of_rows[0][known] / rows[known] ** power,
        "ridge_power": power,
    }
    if center == "global":
        arrays["mean"] = mean
    return {
        "result": result,
        "report": {
            "history": run.history,
            "singular_values": found.values.tolist() if objective == "flat" else [],
        },
        "arrays": arrays,
        "row_ids": parts.row_ids,
        "column_ids": parts.column_ids,
        "signal": run.signal,
    }


def _status(run: Run, is_closed: bool) -> str:
    if is_closed:
        return "certified"
    if run.signal is not None:
        return "interrupted"
    return "budget" if run.stopped else "converged"


def _power(objective: str) -> float:
    return {"flat": 1.0, "nuclear": 0.0}.get(objective) if ":" not in objective else float(objective.split(":")[1])


def _padded(factor: Array, rank: int | None) -> Array:
    """With columns of zeros up to the rank asked for."""
    missing = 0 if rank is None else max(0, int(rank) - factor.shape[1])
    return np.hstack([factor, np.zeros((len(factor), missing))])


class _Found:
    """Flat factors of a point, with what is proved of them and how flat they are."""

    def __init__(self, sweep: Sweep, point: Point, counts: tuple[Array, Array], objective: str) -> None:
        spectrum = sweep.spectrum(point) if point.columns else None
        values = np.zeros(0) if spectrum is None else spectrum.values
        rank = int((values > _ZERO * values[0]).sum()) if len(values) else 0
        n_outer = len(point.outer)
        n_inner = len(counts[1 if sweep.turned else 0])
        if spectrum is None or rank == 0:
            inner, outer_z = np.zeros((n_inner, 0)), np.zeros((n_outer, 0))
        else:
            inner, outer_z = sweep.turned_inner(point, spectrum.inner_by(rank)), spectrum.outer(rank)
        outer = sweep.outer_inverse[:, None] * outer_z
        #: Singular values of Z.
        self.values = values[:rank]
        self.left, self.right = (outer, inner) if sweep.turned else (inner, outer)
        self.result = self._flatness(counts)
        self.result |= self._proof(sweep, point, counts, objective, (inner, outer_z))
        self.gap = self.result["gap"]

    def _flatness(self, counts: tuple[Array, Array]) -> dict[str, Any]:
        """The traces of the Hessian of ‖A(LRᵀ) − y‖², and how the factors lie to each other."""
        (d1, d2), (rows, cols) = (len(self.left), len(self.right)), counts
        sizes = [np.einsum("nk,nk->n", factor, factor) for factor in (self.left, self.right)]
        left, right = 2.0 * float(cols @ sizes[1]), 2.0 * float(rows @ sizes[0])
        gram_l, gram_r = self.left.T @ self.left, self.right.T @ self.right
        products = np.linalg.eigvals(gram_l @ gram_r).real if len(self.values) else np.zeros(0)
        nuclear = float(np.sqrt(np.maximum(products, 0.0)).sum())
        unobserved = [int((count == 0).sum()) for count in counts]
        condition = [float(np.sqrt(c.max() / c.min())) if c.min() > 0 else None for c in counts]
        return {
            "rank": len(self.values),
            "scaled_trace": left / d1 + right / d2,
            "trace": left + right,
            "trace_left": left,
            "trace_right": right,
            "balancedness": float(np.linalg.norm(gram_l - gram_r)) / nuclear if nuclear > 0 else None,
            "squared_norm": float(sizes[0].sum() + sizes[1].sum()),
            "condition_d1": condition[0],
            "condition_d2": condition[1],
            "unobserved_rows": unobserved[0],
            "unobserved_columns": unobserved[1],
        }

    def _proof(
        self,
        sweep: Sweep,
        point: Point,
        counts: tuple[Array, Array],
        objective: str,
        z: tuple[Array, Array],
    ) -> dict[str, Any]:
        """The value of the convex objective, and a lower bound that is proved, its rounding included."""
        (inner, outer_z), values = z, self.values
        matrix = sweep.dual_matrix(point)
        value = sweep.mu * float(values.sum()) + 0.5 * matrix.square
        m = float(counts[0].sum())
        answer = {
            "value": value,
            "residual": float(np.sqrt(matrix.square / sweep.squares)) if sweep.squares else 0.0,
            "train_rmse": float(np.sqrt(matrix.square / m)),
        }
        if matrix.largest == 0.0:
            return {**answer, "lower_bound": 0.0, "gap": 0.0 if value == 0.0 else 1.0}
        unit = 2.0 ** np.floor(np.log2(matrix.largest))
        matrix.divide(unit)
        root = np.sqrt(values)
        inner_u = sweep.inner_weight[:, None] * inner / root
        near = (outer_z / root, inner_u) if sweep.turned else (inner_u, outer_z / root)
        sums = (matrix.inner_product, matrix.magnitude, matrix.square)
        bound, _, failure, missing = _flatmin.completion_bound(
            matrix.product,
            float(unit),
            matrix.frobenius,
            counts,
            objective,
            sweep.mu,
            sums,
            (np.ascontiguousarray(near[0]), np.ascontiguousarray(near[1])),
        )
        return {
            **answer,
            "lower_bound": bound,
            "gap": (value - bound) / value,
            "failure_probability": failure or None,
            "missing_columns": missing,
        }
