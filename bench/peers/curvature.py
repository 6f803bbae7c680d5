#!/usr/bin/env python3
"""The trace of the Hessian of f(L, R) = ‖A(L Rᵀ) − y‖² by PyTorch: estimates of curvlinops, and without chance.

At the factors of a file and at the sharper (10 L, R/10): `hutchinson_trace`, `hutchpp_trace` and `xtrace` with so many
products; `hutchinson_trace` with as many as a relative standard error of 1 % takes; the trace by hand, from products of
the map alone; with --hessian the trace of `torch.func.hessian`; with --spectrum the largest eigenvalue by scipy's
`eigsh`. f is written in the form whose products with the Hessian took least time of those that were tried. Double
precision, one thread, vectors of random signs; what is timed has run before. Prints the rows as JSON.

usage: curvature.py MODEL DATA.npz FACTORS.npz [--vectors N …] [--methods NAME …] [--repeats N] [--seed N]
                    [--hessian] [--spectrum]
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import time
import warnings
from collections.abc import Callable, Iterator

import numpy as np

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of deprecations inside the packages
    import curvlinops
    import torch

ESTIMATORS = {
    "hutchinson": curvlinops.hutchinson_trace,
    "hutch++": curvlinops.hutchpp_trace,
    "xtrace": curvlinops.xtrace,
}
SHARPER = 10.0
WANTED = 0.01

Tensors = dict[str, torch.Tensor]


def load(model: str, path: str) -> Tensors:
    """The arrays of an instance, the dense map as a matrix of one measurement a row."""
    with np.load(path) as archive:
        data = {key: torch.from_numpy(archive[key]) for key in archive.files}
    if model == "sensing":
        data["rows"] = data["A"].flatten(1)
    return data


def predict(model: str, data: Tensors, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """A(L Rᵀ)."""
    if model == "sensing":  # the row from the left: with a column vmap copies A for each vector
        return ((left @ right.T).reshape(1, -1) @ data["rows"].T)[0]
    if model == "bilinear":
        return ((data["a"] @ left) * (data["b"] @ right)).sum(1)
    return (left.index_select(0, data["rows"]) * right.index_select(0, data["cols"])).sum(1)


def by_hand(model: str, data: Tensors, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """2 Σ ‖A_i R‖² + 2 Σ ‖A_iᵀ L‖²."""
    if model == "sensing":
        return 2 * ((data["A"] @ right).square().sum() + (left.T @ data["A"]).square().sum())
    if model == "bilinear":
        a, b = data["a"], data["b"]
        through_right = a.square().sum(1) @ (b @ right).square().sum(1)
        return 2 * (through_right + b.square().sum(1) @ (a @ left).square().sum(1))
    squares = left.square().sum(1)[data["rows"]].sum() + right.square().sum(1)[data["cols"]].sum()
    return 2 * squares


class Model(torch.nn.Module):
    """(L, R) ↦ A(L Rᵀ); its input, the map, is read from `data`."""

    def __init__(self, model: str, data: Tensors, left: torch.Tensor, right: torch.Tensor) -> None:
        super().__init__()
        self.model, self.data = model, data
        self.left, self.right = torch.nn.Parameter(left), torch.nn.Parameter(right)

    def forward(self, _: torch.Tensor) -> torch.Tensor:
        return predict(self.model, self.data, self.left, self.right)


def operator(model: str, data: Tensors, left: torch.Tensor, right: torch.Tensor) -> curvlinops.HessianLinearOperator:
    """The Hessian of f as curvlinops has it."""
    network, loss = Model(model, data, left, right), torch.nn.MSELoss(reduction="sum")
    batches = [(data["y"], data["y"])]  # the measurements are one batch, their inputs unused
    return curvlinops.HessianLinearOperator(
        network, loss, list(network.parameters()), batches, check_deterministic=False
    )


def timed(call: Callable[[], torch.Tensor]) -> dict:
    """What a call gives, and its seconds."""
    begin = time.perf_counter()
    value = float(call())
    return {"seconds": time.perf_counter() - begin, "value": value}


def products_wanted(hessian: curvlinops.HessianLinearOperator, pilot: int) -> int:
    """How many products a relative standard error of 1 % takes, from the spread of `pilot` of them."""
    torch.manual_seed(0)
    signs = torch.randint(0, 2, (hessian.shape[0], pilot)).double() * 2 - 1
    forms = (signs * (hessian @ signs)).sum(0)
    return max(1, math.ceil(float(forms.var() / (WANTED * forms.mean()) ** 2)))


def estimates(options: argparse.Namespace, hessian: curvlinops.HessianLinearOperator, stream: int) -> Iterator[dict]:
    """A row for each estimate; no two streams and seeds share vectors."""
    wanted = products_wanted(hessian, max(options.vectors))
    plans = [(name, count, "") for name in options.methods for count in options.vectors]
    plans += [("hutchinson", wanted, "1%")]
    for repeat in range(options.repeats):
        for name, count, goal in plans:
            if count >= hessian.shape[0]:
                continue  # unit vectors give the trace itself
            torch.manual_seed(1 + stream + 2 * (options.seed * options.repeats + repeat))
            row = timed(lambda name=name, count=count: ESTIMATORS[name](hessian, count))
            yield row | {"tool": "curvlinops", "method": name, "vectors": count, "goal": goal}


def exact(options: argparse.Namespace, data: Tensors, left: torch.Tensor, right: torch.Tensor) -> Iterator[dict]:
    """Rows of what chance has no part in."""
    model = options.model
    for _ in range(3):
        yield timed(lambda: by_hand(model, data, left, right)) | {"tool": "torch", "method": "by hand"}
    if options.spectrum:
        from scipy.sparse.linalg import eigsh

        hessian = operator(model, data, left, right).to_scipy()
        start = np.random.default_rng(1).standard_normal(hessian.shape[0])
        found = timed(lambda: eigsh(hessian, k=1, which="LA", v0=start, tol=1e-8, return_eigenvectors=False)[0])
        yield found | {"tool": "scipy", "method": "eigsh"}
    if options.hessian:

        def trace() -> torch.Tensor:
            loss = lambda *factors: (predict(model, data, *factors) - data["y"]).square().sum()  # noqa: E731
            blocks = torch.func.hessian(loss, argnums=(0, 1))(left, right)
            return sum(blocks[i][i].reshape(x.numel(), -1).trace() for i, x in enumerate((left, right)))

        yield timed(trace) | {"tool": "torch", "method": "hessian"}


def peak() -> float:
    """The largest resident set so far, MiB (Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def main() -> None:
    """Measure both points, print rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=["sensing", "bilinear", "completion"])
    parser.add_argument("data")
    parser.add_argument("factors")
    parser.add_argument("--vectors", type=int, nargs="+", default=[30, 120])
    parser.add_argument("--methods", nargs="+", choices=list(ESTIMATORS), default=list(ESTIMATORS))
    parser.add_argument("--repeats", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0, help="another for each repetition")
    parser.add_argument("--hessian", action="store_true")
    parser.add_argument("--spectrum", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = load(options.model, options.data)
    with np.load(options.factors) as archive:
        left, right = torch.from_numpy(archive["L"]), torch.from_numpy(archive["R"])
    points = {"flat": (left, right), "sharp": (SHARPER * left, right / SHARPER)}
    rows: list[dict] = []
    before = peak()
    with torch.no_grad():
        for stream, (point, factors) in enumerate(points.items()):
            hessian = operator(options.model, data, *factors)
            hessian @ torch.ones(hessian.shape[0], dtype=torch.float64)
            rows += [{"point": point} | row for row in estimates(options, hessian, stream)]
        memory = peak() - before
        for point, factors in points.items():
            by_hand(options.model, data, *factors)
            rows += [{"point": point} | row for row in exact(options, data, *factors)]
    print(json.dumps({"rows": rows, "memory_mib": memory}))


if __name__ == "__main__":
    main()
