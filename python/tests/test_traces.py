"""The traces of the Hessian of every model, against differences of the loss along each coordinate."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import fit, instance, matrices

import flatmin

SMALL = {
    "sensing": {"d1": 6, "d2": 5, "rank": 1, "m": 14},
    "bilinear": {"d1": 6, "d2": 5, "rank": 1, "m": 14},
    "completion": {"d1": 8, "d2": 6, "rank": 1, "p": 0.5},
    "rpca": {"d1": 8, "d2": 6, "rank": 1},
    "covariance": {"d1": 6, "rank": 2, "m": 12},
    "phase": {"d1": 6, "m": 12},
    "network": {"d1": 6, "rank": 2, "m": 12},
    "sparse": {"d1": 12, "rank": 2},
    "deep": {"d1": 4, "rank": 1, "m": 14},
}

#: Factors that fit nothing, of unlike sizes and widths. Depth three for the chains and the products.
SHAPES = {
    "sensing": {"L": (6, 3), "R": (5, 3)},
    "bilinear": {"L": (6, 3), "R": (5, 3)},
    "completion": {"L": (8, 3), "R": (6, 3)},
    "rpca": {"L": (8, 3), "R": (6, 3)},
    "covariance": {"U1": (6, 3), "U2": (6, 0)},
    "phase": {"U1": (6, 2), "U2": (6, 0)},
    "network": {"U1": (6, 3), "U2": (6, 1)},
    "sparse": {"V": (3, 12)},
    "deep": {"W1": (4, 3), "W2": (3, 5), "W3": (5, 4)},
}


def loss(model, data):
    """The loss f of factors, by its definition; of robust PCA with outliers that stay as they are."""
    if model == "sparse":
        return lambda v: np.square(data["A"] @ v.prod(axis=0) - data["y"]).sum()
    if model == "rpca":
        return lambda left, right: np.square(left @ right.T - data["Y"]).sum()
    a = matrices(model, data).reshape(len(data["y"]), -1)

    def value(*factors):
        if model == "deep":
            x = np.linalg.multi_dot(factors)
        elif model in ("covariance", "phase", "network"):
            x = factors[0] @ factors[0].T - factors[1] @ factors[1].T
        else:
            x = factors[0] @ factors[1].T
        return np.square(a @ x.ravel() - data["y"]).sum()

    return value


def traces(model, data, factors, step):
    """The trace of each factor's block: five-point differences, without error for polynomials of degree five.

    In one coordinate the losses are polynomials of degree two, of the symmetric models four.
    """
    f = loss(model, data)
    stencil = {-2: -1 / 12, -1: 4 / 3, 0: -5 / 2, 1: 4 / 3, 2: -1 / 12}
    found = []
    for factor in factors:
        total = 0.0
        for place in np.ndindex(factor.shape):
            kept = factor[place]
            for side, weight in stencil.items():
                factor[place] = kept + side * step
                total += weight * f(*factors) / step**2
            factor[place] = kept
        found.append(total)
    return found


def assert_agree(result, parts):
    """The traces of a result against those of the factors' blocks."""
    assert result["trace"] == pytest.approx(sum(parts), rel=1e-9)
    if len(parts) == 2:
        assert result["trace_left"] == pytest.approx(parts[0], rel=1e-9)
        assert result["trace_right"] == pytest.approx(parts[1], rel=1e-9, abs=1e-9 * sum(parts))


def solution(made):
    """The factors that were found, copies."""
    names = next(names for names in (("V_",), ("W_",), ("U1_", "U2_"), ("L_", "R_")) if hasattr(made, names[0]))
    found = made.W_ if names == ("W_",) else [getattr(made, name) for name in names]
    return [np.array(factor) for factor in found]


def test_traces_of_solutions_are_those_of_the_hessian(model):
    data = instance(model, **SMALL[model])
    made = fit(model, data)
    assert_agree(made.result_, traces(model, data, solution(made), step=0.25))


def test_traces_of_any_factors_are_those_of_the_hessian(model):
    data = instance(model, **SMALL[model])
    rng = np.random.default_rng(2)
    factors = {
        key: (3.0 + place) * rng.standard_normal(shape) for place, (key, shape) in enumerate(SHAPES[model].items())
    }
    found = flatmin.audit(model, data, factors, no_bound=True)
    assert found["residual"] > 0.1
    assert_agree(found, traces(model, data, list(factors.values()), step=1.0))
