"""The commands that are no estimators."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _flatmin
from ._base import CERTIFICATE
from ._words import array, positions, warn, words

_INTEGERS = ("rows", "cols", "shape")


def audit(
    model: str,
    data: Mapping[str, Any],
    factors: Mapping[str, ArrayLike],
    *,
    no_bound: bool = False,
    **options: Any,
) -> dict[str, Any]:
    """How flat given factors are, against the flattest that fit the data as well.

    Parameters
    ----------
    model : str
        "sensing", "bilinear", "completion", "rpca", "covariance", "phase", "network", "sparse" or "deep".
    data : mapping of arrays
        With the keys of the ``.npz`` layout: sensing `A`, `y`; bilinear `a`, `b`, `y`; completion `rows`, `cols`,
        `y`, `shape`, or `X` with NaN, or the single key `data` with anything that ``MatrixCompletion.fit`` takes;
        rpca `Y`; covariance, phase and network `x`, `y`; sparse and deep `A`, `y`. Optionally `truth`.
    factors : mapping of arrays
        `L`, `R`; of the symmetric models `U1`, `U2`; of sparse `V`; of deep `W1`, `W2`, …
    no_bound : bool
        Measure the factors alone, without solving for the flattest.
    **options
        The parameters of the estimators: ``objective``, ``lam``, ``tol``, ``threads``, …

    Returns
    -------
    dict
        What ``flatmin measure --json`` prints: `scaled_trace`, `excess_flatness`, `gap`, …

    Examples
    --------
    >>> import flatmin
    >>> data = flatmin.generate("sensing", d1=8, rank=1, random_state=1)
    >>> model = flatmin.MatrixSensing().fit(data["A"], data["y"])
    >>> found = flatmin.audit("sensing", data, {"L": 10 * model.L_, "R": model.R_ / 10})
    >>> found["excess_flatness"] > 10
    True
    """
    said = words(model, {"no_bound": no_bound, "quiet": not options.get("verbose"), **options})
    measured = {key: array(key, value) for key, value in factors.items()}
    result, _, _, warnings, signal = _flatmin.measure(said, _data(data), measured)
    if signal is not None:
        raise signal
    warn(warnings)
    return json.loads(result)


def certify(model: str, data: Mapping[str, Any], factors: Mapping[str, ArrayLike], **options: Any) -> dict[str, Any]:
    """What is proved of given factors: a lower bound on the convex objective, their gap to it, uniqueness.

    Parameters
    ----------
    model, data, factors, **options
        As of :func:`audit`.

    Returns
    -------
    dict
        The keys of `certificate_`: `value`, `lower_bound`, `gap`, `unique`, …

    Examples
    --------
    >>> import flatmin
    >>> data = flatmin.generate("sensing", d1=8, rank=1, random_state=1)
    >>> model = flatmin.MatrixSensing().fit(data["A"], data["y"])
    >>> flatmin.certify("sensing", data, {"L": model.L_, "R": model.R_})["gap"] < 1e-6
    True
    """
    found = audit(model, data, factors, **options)
    return {key: found.get(key) for key in CERTIFICATE}


def generate(model: str, **options: Any) -> dict[str, NDArray[Any]]:
    """A synthetic instance whose answer is known.

    Parameters
    ----------
    model : str
        As of :func:`audit`.
    **options
        The options of ``flatmin generate``: ``d1``, ``d2``, ``rank``, ``m``, ``noise``, ``condition``,
        ``random_state``; completion also ``p`` and ``ratings``, rpca ``outliers``, network ``negative``.

    Returns
    -------
    dict of arrays
        The data with the keys of the ``.npz`` layout, and `truth`.

    Examples
    --------
    >>> import flatmin
    >>> data = flatmin.generate("completion", d1=20, d2=10, rank=1, p=0.5, random_state=3)
    >>> sorted(data)
    ['cols', 'rows', 'shape', 'truth', 'y']
    """
    return _flatmin.generate(words(model, options))


def _data(data: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    if set(data) <= {"data", "truth"} and "data" in data:
        from ._entries import entries

        known = entries(data["data"]).data
        return known | {key: array(key, data[key]) for key in data if key == "truth"}
    return {key: _member(key, value) for key, value in data.items()}


def _member(key: str, value: Any) -> NDArray[Any]:
    if key == "mask":
        return np.asarray(value, dtype=bool)
    return positions(key, value) if key in _INTEGERS else array(key, value)
