"""The half-steps of alternating least squares over a Dask cluster, and the matrix of the dual problem.

The side with more lines is the *inner* one: its factor stays on the workers, block by block. The *outer* factor is that
of this process. With the outer factor given, every block of the inner side is one call of the core's kernel; the blocks
of the outer side then need all of the inner factor, which the workers send to each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _flatmin
from ._blocks import Lines, Side, Tasks, aligned

Array = NDArray[np.float64]

#: From so many columns on, the systems of the outer factor are not formed to precondition with.
_MANY = 64


class Point:
    """An outer factor in X (n × k), the inner one that is best for it, and the objective."""

    def __init__(self, sweep: Sweep, outer: Array) -> None:
        self.outer = outer
        self.outer_there = sweep.tasks.given(outer)
        #: (rows of the inner factor, fall of ½‖y‖²), a block each.
        self.inner = sweep.on_inner(_regress, self.outer_there)
        falls = sweep.tasks.gather([sweep.tasks.submit(_second, part) for part in self.inner])
        self.objective = sweep.energy + sweep.outer_penalty(outer) - float(sum(falls))

    @property
    def columns(self) -> int:
        """k."""
        return self.outer.shape[1]


class Sweep:
    """Both sides of a problem, and what is computed with them."""

    def __init__(
        self, tasks: Tasks, sides: tuple[Side, Side], weights: tuple[Array, Array, Array, Array], mu: float
    ) -> None:
        self.tasks, self.mu = tasks, mu
        #: Whether the inner factor is R.
        self.turned = len(weights[0]) < len(weights[1])
        rows, columns = sides
        self.inner, self.outer = (columns, rows) if self.turned else (rows, columns)
        inner, outer = (1, 0) if self.turned else (0, 1)
        self.inner_weight = weights[inner]
        self.outer_weight, self.outer_inverse = weights[outer], weights[2 + outer]
        self._inverses = [tasks.given(weights[2 + inner]), tasks.given(weights[2 + outer])]
        self._outer_ridge = mu * weights[outer] ** 2
        self.squares = float(sum(tasks.gather(self.on_inner(_squares))))
        self.energy = 0.5 * self.squares

    def on_inner(self, function: Callable[..., Any], *arguments: Any, each: tuple[list[Any], ...] = ()) -> list[Any]:
        """A task for each block of the inner side; of `each` a block gets its own."""
        return self._on(self.inner, function, arguments, each)

    def on_outer(self, function: Callable[..., Any], *arguments: Any, each: tuple[list[Any], ...] = ()) -> list[Any]:
        """Likewise of the outer side."""
        return self._on(self.outer, function, arguments, each)

    def _on(
        self, side: Side, function: Callable[..., Any], arguments: tuple[Any, ...], each: tuple[list[Any], ...]
    ) -> list[Any]:
        own = zip(*each) if each else [()] * len(side.blocks)
        return [
            self.tasks.submit(function, block, *arguments, *parts, home=i)
            for i, (block, parts) in enumerate(zip(side.blocks, own))
        ]

    def _together(self, futures: list[Any]) -> Array:
        return np.concatenate(self.tasks.gather(futures))

    def outer_penalty(self, outer: Array) -> float:
        """½Σ ρ‖row‖²."""
        return 0.5 * float(self._outer_ridge @ np.einsum("nk,nk->n", outer, outer))

    def gradient(self, point: Point) -> Array:
        """Of the objective in the outer factor, the inner one being the best for it."""
        spans = self.outer.spans()
        return self._together(self.on_outer(_gradient, point.inner, point.outer_there, each=(spans,)))

    def precondition(self, point: Point, v: Array) -> Array:
        """The inverse Hessian in the outer factor, the inner one fixed, times v; about that of many columns."""
        if point.columns < _MANY:
            parts = [v[start:end] for start, end in self.outer.spans()]
            return self._together(self.on_outer(_precondition, point.inner, each=(parts,)))
        gram, total = self.tasks.total(self.on_inner(_mean_gram, each=(point.inner,)))
        values, basis = np.linalg.eigh(gram / total)
        counts = self._together(self.on_outer(_counts))
        curvature = counts[:, None] * np.maximum(values, 0.0) + self._outer_ridge[:, None]
        safe = np.where(curvature > 0.0, curvature, np.inf)
        return (v @ basis / safe) @ basis.T

    def outer_in_z(self, point: Point) -> Array:
        """W·outer."""
        return self.outer_weight[:, None] * point.outer

    def at(self, outer_in_z: Array) -> Point:
        """The point of an outer factor in Z."""
        return Point(self, np.ascontiguousarray(self.outer_inverse[:, None] * outer_in_z))

    def spectrum(self, point: Point) -> Spectrum:
        """The singular value decomposition of Z, from the Gram matrix of the inner factor."""
        gram = np.zeros((point.columns, point.columns))
        for part in self.tasks.gather(self.on_inner(_gram, each=(point.inner,))):
            gram = gram + part
        return Spectrum(self.outer_in_z(point), gram)

    def turned_inner(self, point: Point, matrix: Array) -> Array:
        """The inner factor times a k × j matrix."""
        there = self.tasks.given(matrix)
        return self._together([self.tasks.submit(_turned, part, there) for part in point.inner])

    def dual_matrix(self, point: Point) -> DualMatrix:
        """W = W1⁻¹ A*(λ) W2⁻¹ for λ = y − A(X)."""
        return DualMatrix(self, point)

    def _residuals(self, point: Point) -> tuple[list[Any], list[Any]]:
        inner_inverse, outer_inverse = self._inverses
        inner = self.on_inner(_inner_residual, point.outer_there, outer_inverse, not self.turned, each=(point.inner,))
        spans = self.outer.spans()
        outer = self.on_outer(
            _outer_residual, point.inner, point.outer_there, inner_inverse, self.turned, each=(spans,)
        )
        return inner, outer


class Spectrum:
    """Z = (inner)(outer)ᵀ = U Σ Vᵀ, without U: singular values below 1e-8 of the largest are lost in rounding."""

    def __init__(self, outer: Array, gram: Array) -> None:
        self._basis, self._triangle = np.linalg.qr(outer)
        squares, vectors = np.linalg.eigh(self._triangle @ gram @ self._triangle.T)
        #: Largest first.
        self.values = np.sqrt(np.maximum(squares[::-1], 0.0))
        self._vectors = vectors[:, ::-1]

    def outer(self, count: int) -> Array:
        """V√Σ, so many columns."""
        return self._basis @ (self._vectors[:, :count] * np.sqrt(self.values[:count]))

    def right(self, count: int) -> Array:
        """V."""
        return self._basis @ self._vectors[:, :count]

    def inner_by(self, count: int) -> Array:
        """What the inner factor is multiplied by to be U√Σ (in X, W⁻¹U√Σ)."""
        return self._triangle.T @ (self._vectors[:, :count] / np.sqrt(self.values[:count]))


class DualMatrix:
    """W in blocks on both sides, the same bits in both."""

    def __init__(self, sweep: Sweep, point: Point) -> None:
        self._sweep = sweep
        inner, outer = sweep._residuals(point)
        # The inner blocks hold (values of W, sums over λ).
        tasks = sweep.tasks
        sums = tasks.gather([tasks.submit(_second, part) for part in inner])
        #: ⟨λ, y⟩, Σ|λ_i y_i|, ‖λ‖².
        self.inner_product, self.magnitude, self.square = (float(sum(s[i] for s in sums)) for i in range(3))
        self.largest = max(float(s[3]) for s in sums)
        self._inner = [tasks.submit(_first, part) for part in inner]
        self._outer = outer
        self.frobenius = float("nan")

    def divide(self, unit: float) -> None:
        """Divides all entries by a power of two, and learns ‖W‖_F."""
        tasks = self._sweep.tasks
        self._inner = [tasks.submit(_divided, part, unit) for part in self._inner]
        self._outer = [tasks.submit(_divided, part, unit) for part in self._outer]
        squares = tasks.gather([tasks.submit(_square_sum, part) for part in self._inner])
        self.frobenius = float(np.sqrt(sum(squares)))

    def to_inner(self, x: Array) -> list[Any]:
        """Its product with vectors of the outer side, left on the workers."""
        return self._sweep.on_inner(_times, self._sweep.tasks.given(x), each=(self._inner,))

    def to_outer(self, x: Any) -> Array:
        """Its product with vectors of the inner side."""
        pieces = x if isinstance(x, list) else [self._sweep.tasks.given(x)]
        return self._sweep._together(self._sweep.on_outer(_outer_times, pieces, each=(self._outer,)))

    def gram(self, x: Array) -> Array:
        """The outer side to the inner one and back."""
        return self.to_outer(self.to_inner(x))

    def look(self, basis: Array, vectors: Array) -> tuple[Array, Array]:
        """Of the images of both: their Gram matrix; and ‖B(u_j v_jᵀ)‖² for the images u_j of the vectors v_j."""
        sweep = self._sweep
        both = sweep.tasks.given(np.hstack([basis, vectors]))
        squares = sweep.tasks.given((sweep.outer_inverse[:, None] * vectors) ** 2)
        answers = sweep.on_inner(_look, both, squares, vectors.shape[1], each=(self._inner,))
        return sweep.tasks.total(answers)

    def product(self, which: str, x: Array) -> Array:
        """As the certificate asks for it: W is d1 × d2 there."""
        if which == "formed_gram":
            width = len(self._sweep.outer_weight)
            return self._sweep.tasks.total(self._sweep.on_inner(_outer_gram, width, each=(self._inner,)))[0]
        if which in ("left_gram", "right_gram"):
            return self.gram(x)
        if (which == "times") != self._sweep.turned:
            return self._sweep._together(self.to_inner(x))
        return self.to_outer(x)


# -- tasks


def _first(part: tuple[Any, ...]) -> Any:
    return part[0]


def _second(part: tuple[Any, ...]) -> Any:
    return part[1]


def _squares(block: Lines) -> float:
    return float(block.values @ block.values)


def _counts(block: Lines) -> Array:
    return np.diff(block.starts).astype(np.float64)


def _pieces(inner: list[tuple[Array, float]]) -> list[Array]:
    return [aligned(part[0]) for part in inner]


def _regress(block: Lines, outer: Array) -> tuple[Array, float]:
    return _flatmin.block_regress(block.entries(), [aligned(outer)], aligned(block.ridge))


def _gradient(block: Lines, inner: list[tuple[Array, float]], outer: Array, span: tuple[int, int]) -> Array:
    own = aligned(outer[span[0] : span[1]])
    return _flatmin.block_gradient(block.entries(), _pieces(inner), aligned(block.ridge), own)


def _precondition(block: Lines, inner: list[tuple[Array, float]], v: Array) -> Array:
    return _flatmin.block_precondition(block.entries(), _pieces(inner), aligned(block.ridge), aligned(v))


def _mean_gram(block: Lines, part: tuple[Array, float]) -> tuple[Array, float]:
    counts = _counts(block)
    return part[0].T @ (counts[:, None] * part[0]), float(counts.sum())


def _gram(block: Lines, part: tuple[Array, float]) -> Array:
    scaled = block.weight[:, None] * part[0]
    return scaled.T @ scaled


def _turned(part: tuple[Array, float], matrix: Array) -> Array:
    return part[0] @ matrix


def _scaled(block: Lines, residual: Array, across: Array, of_rows: bool) -> Array:
    """λ times the inverse weights, that of the row first on both sides: so the bits are the same."""
    own, other = np.repeat(block.inverse, np.diff(block.starts)), across[block.across]
    return residual * own * other if of_rows else residual * other * own


def _inner_residual(
    block: Lines, outer: Array, across: Array, of_rows: bool, part: tuple[Array, float]
) -> tuple[Array, tuple[float, float, float, float]]:
    residual = _flatmin.block_residual(block.entries(), [aligned(outer)], aligned(part[0]))
    scaled = _scaled(block, residual, across, of_rows)
    products = residual * block.values
    largest = float(np.abs(scaled).max(initial=0.0))
    sums = (float(products.sum()), float(np.abs(products).sum()), float(residual @ residual), largest)
    return scaled, sums


def _outer_residual(
    block: Lines,
    inner: list[tuple[Array, float]],
    outer: Array,
    across: Array,
    of_rows: bool,
    span: tuple[int, int],
) -> Array:
    own = aligned(outer[span[0] : span[1]])
    residual = _flatmin.block_residual(block.entries(), _pieces(inner), own)
    return _scaled(block, residual, across, of_rows)


def _divided(values: Array, unit: float) -> Array:
    return values / unit


def _square_sum(values: Array) -> float:
    return float(values @ values)


def _times(block: Lines, x: Array, values: Array) -> Array:
    return _flatmin.block_times(block.entries(values), [aligned(x)])


def _outer_times(block: Lines, pieces: list[Array], values: Array) -> Array:
    return _flatmin.block_times(block.entries(values), [aligned(piece) for piece in pieces])


def _outer_gram(block: Lines, width: int, values: Array) -> tuple[Array]:
    return (_flatmin.block_gram(block.entries(values), width),)


def _look(block: Lines, both: Array, squares: Array, count: int, values: Array) -> tuple[Array, Array]:
    images = _times(block, both, values)
    u = (block.inverse[:, None] * images[:, images.shape[1] - count :]) ** 2
    sums = _times(block, squares, np.ones_like(values))
    return images.T @ images, (u * sums).sum(axis=0)
