"""Alternating least squares with quasi-Newton steps and rank growth, over a cluster.

The same method, step for step, as the core's of one machine (``crates/flatmin/src/solve/alternating``), which explains
it: the objective is a function of the outer factor alone, and this process takes its steps.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _flatmin
from ._sweep import Point, Sweep

Array = NDArray[np.float64]

#: Most steps for one set of columns.
_STEPS = 300
#: Relative gain of a step at which the columns are looked at for the first time.
_LOOSE = 1e-3
#: Factor between successive such gains.
_FACTOR = 0.2
#: Smallest gain.
_FINEST = 1e-20
#: Objectives closer than this, relatively, are the same to rounding.
_UNSEEN = 1e-13
#: The last gain where the columns allowed are too few to close the gap, over the tolerance.
_CAPPED = 0.03
#: A gap of this share of the tolerance is closed.
_CLOSED = 0.8
#: Columns to begin with where their number is free; most to begin with, and to add at once.
_FIRST = 8
_MOST_NEW = 64
#: Most rounds of growth and tightening.
_ROUNDS = 100
#: Singular values of Z below this share of the largest belong to dead columns.
_DEAD = 1e-6
#: Random vectors beyond the columns looked for; products with WᵀW for each, at
#: zero for the first time, while a step still gains `_FINE`, and after.
_SPARE = 4
_FIRST_LOOKS = 2
_LOOKS = 6
_FINAL_LOOKS = 12
_FINE = 1e-6
#: Singular values may exceed μ by this share while steps are still loose.
_VIOLATION = 1e-2
#: Pairs that a quasi-Newton method keeps.
_MEMORY = 30


class Run:
    """A minimisation: its point, what stopped it, and its course."""

    def __init__(
        self, sweep: Sweep, *, tol: float, limit: int, max_iter: int, time_limit: float | None, verbose: bool
    ) -> None:
        self._sweep, self._tol, self._limit = sweep, tol, limit
        self._max_iter, self._verbose = max_iter, verbose
        self._begun = time.monotonic()
        self._end = None if time_limit is None else self._begun + time_limit
        shorter = len(sweep.outer_weight)
        self._first = min(limit, _MOST_NEW) if limit < shorter else _FIRST
        self._gain = _LOOSE
        self._bound = 0.0
        self.iterations = 0
        self.history: list[dict[str, Any]] = []
        self.point = Point(sweep, np.zeros((shorter, 0)))
        #: Whether steps or time ran out.
        self.stopped = False
        #: Ctrl-C, which ends the steps; what was found until then is proved, and a second one ends that.
        self.signal: KeyboardInterrupt | None = None
        try:
            self.stopped = self._follow()
        except KeyboardInterrupt as signal:
            self.signal = signal

    def _follow(self) -> bool:
        for _ in range(_ROUNDS):
            if self._out():
                return True
            columns = self.point.columns
            room = min(self._limit - columns, min(max(columns, self._first), _MOST_NEW))
            dual = _Dual(self._sweep, self.point, room, self._gain)
            self._bound = max(self._bound, dual.bound)
            self._record(dual.value, self._bound, dual.misfit)
            if dual.value - dual.bound <= _CLOSED * self._tol * dual.value:
                return False
            found = dual.newcomers(room, self._gain)
            full = room == 0 and dual.asks_for_more(self._gain)
            enough = _CAPPED * self._tol
            if found == 0 and (self._gain <= _FINEST or (full and self._gain <= enough)):
                return False
            if 2 * found <= columns:
                self._gain = max(self._gain * _FACTOR, _FINEST)
            if found > 0:
                wider = np.hstack([self._sweep.outer_in_z(self.point), dual.columns[:, :found]])
                self.point = self._sweep.at(wider)
            if self.point.columns == self._limit:
                self._gain = min(self._gain, enough)
            if self._minimise():
                return True
            self._drop_columns()
        return False

    def _out(self) -> bool:
        late = self._end is not None and time.monotonic() >= self._end
        return late or self.iterations >= self._max_iter

    def _minimise(self) -> bool:
        """Steps until one promises to gain no more than the gain to stop at; whether it had to stop before."""
        memory: list[tuple[Array, Array]] = []
        gradient = self._sweep.gradient(self.point)
        for _ in range(_STEPS):
            if self._out():
                return True
            self.iterations += 1
            direction = self._direction(memory, gradient)
            slope = float(np.vdot(gradient, direction))
            if -0.5 * slope <= self._gain * self.point.objective:
                break
            found = self._search(direction, slope)
            if found is None:
                break
            self.point, length = found
            before, gradient = gradient, self._sweep.gradient(self.point)
            _remember(memory, length * direction, gradient - before)
            self._record(self.point.objective, None, None)
        return False

    def _direction(self, memory: list[tuple[Array, Array]], gradient: Array) -> Array:
        """Limited-memory quasi-Newton (Nocedal and Wright, 2006, Algorithm 7.4) on top of the preconditioner."""
        out, weights = -gradient, []
        for s, z in reversed(memory):
            weights.append(float(np.vdot(s, out) / np.vdot(s, z)))
            out -= weights[-1] * z
        out = self._sweep.precondition(self.point, out)
        for (s, z), weight in zip(memory, reversed(weights)):
            out = out + (weight - float(np.vdot(z, out) / np.vdot(s, z))) * s
        return out

    def _search(self, direction: Array, slope: float) -> tuple[Point, float] | None:
        """The first point along `direction` that goes down enough, and how far along it is."""
        length, here = 1.0, self.point.objective
        for _ in range(20):
            there = Point(self._sweep, self.point.outer + length * direction)
            change = there.objective - here
            small = _UNSEEN * there.objective
            if (-slope <= small and change <= small) or change <= 1e-4 * length * slope:
                return there, length
            shorter = -0.5 * slope * length * length / (change - slope * length)
            length = min(max(shorter, 0.1 * length), 0.5 * length)
        return None

    def _drop_columns(self) -> None:
        """Drops the dead columns, and those beyond the limit."""
        if self.point.columns == 0:
            return
        spectrum = self._sweep.spectrum(self.point)
        alive = int((spectrum.values > _DEAD * spectrum.values[0]).sum())
        if alive < self.point.columns or alive > self._limit:
            self.point = self._sweep.at(spectrum.outer(min(alive, self._limit)))

    def _record(self, value: float, bound: float | None, misfit: float | None) -> None:
        seconds = time.monotonic() - self._begun
        self.history.append(
            {
                "iteration": self.iterations,
                "seconds": seconds,
                "value": value,
                "lower_bound": bound,
                "residual": None if misfit is None else misfit / np.sqrt(self._sweep.squares),
                "rank": self.point.columns,
            }
        )
        if self._verbose:
            said = "" if bound is None else f"  bound {bound:.9g}"
            print(f"{seconds:8.1f} s  step {self.iterations}  value {value:.9g}{said}", file=sys.stderr)


class _Dual:
    """What W says of a point: a bound by ordinary arithmetic, and the columns that are missing."""

    def __init__(self, sweep: Sweep, point: Point, count: int, gain: float) -> None:
        self._mu = mu = sweep.mu
        matrix = sweep.dual_matrix(point)
        basis = np.linalg.qr(sweep.outer_in_z(point))[0]

        def off(y: Array) -> Array:
            for _ in range(2):
                y = y - basis @ (basis.T @ y)
            return y

        width = -(-(count + _SPARE) // 8) * 8
        start = off(_flatmin.gaussian(len(basis), width, 1))
        if basis.shape[1] == 0 and gain >= _LOOSE:
            steps = _FIRST_LOOKS
        elif gain > _FINE:
            steps = _LOOKS
        else:
            steps = _FINAL_LOOKS
        values, vectors = _flatmin.block_krylov(start, steps, width, lambda _, y: off(matrix.gram(y)))
        #: Singular values of W off the spaces of the point, largest first, from below.
        self._off = np.sqrt(np.maximum(values, 0.0))
        below = np.nonzero(self._off <= mu)[0]
        above = min(int(below[0]) if len(below) else len(self._off), count)
        vectors = vectors[:, : min(max(above, _SPARE), vectors.shape[1])]
        gram, curvature = matrix.look(basis, vectors)
        top = max(float(np.sqrt(max(np.linalg.eigvalsh(gram)[-1], 0.0))), mu)
        sizes = np.sqrt((self._off[:above] - mu) / (curvature[:above] / self._off[:above] ** 2))
        #: New columns of the outer factor, in Z.
        self.columns = vectors[:, :above] * sizes
        nuclear = float(sweep.spectrum(point).values.sum()) if point.columns else 0.0
        self.misfit = float(np.sqrt(matrix.square))
        self.value = mu * nuclear + 0.5 * matrix.square
        scale = min(mu / top, matrix.inner_product / max(matrix.square, np.finfo(float).tiny))
        self.bound = scale * (matrix.inner_product - 0.5 * scale * matrix.square)

    def _allowed(self, gain: float) -> float:
        return self._mu * (1.0 + _VIOLATION * min(float(np.sqrt(gain / _LOOSE)), 1.0))

    def newcomers(self, room: int, gain: float) -> int:
        """How many columns to add, at most `room`."""
        return int((self._off[: min(self.columns.shape[1], room)] > self._allowed(gain)).sum())

    def asks_for_more(self, gain: float) -> bool:
        """Whether the optimum has more columns."""
        return len(self._off) > 0 and bool(self._off[0] > self._allowed(gain))


def _remember(memory: list[tuple[Array, Array]], s: Array, z: Array) -> None:
    """Keeps a step and the change of the gradient, if the function curves upwards along it."""
    curvature = float(np.vdot(s, z))
    if curvature > 1e-12 * np.sqrt(float(np.vdot(s, s)) * float(np.vdot(z, z))):
        del memory[: max(0, len(memory) + 1 - _MEMORY)]
        memory.append((s, z))
