"""The optimum values of the convex problems, against CVXPY; traces and predictions against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import fit, instance

import flatmin

cp = pytest.importorskip("cvxpy")

SOLVERS = [
    ("CLARABEL", {}, 1e-5),
    ("SCS", {"eps": 1e-7, "max_iters": 50_000}, 1e-4),
]


def root(gram):
    values, vectors = np.linalg.eigh(gram)
    return vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T


def matrices(model, data):
    """A_1, …, A_m."""
    if model in ("sensing", "deep"):
        return data["A"]
    if model == "bilinear":
        return np.einsum("mi,mj->mij", data["a"], data["b"])
    if model in ("covariance", "phase", "network"):
        return np.einsum("mi,mj->mij", data["x"], data["x"])
    d1, d2 = data["shape"]
    a = np.zeros((len(data["y"]), d1, d2))
    a[np.arange(len(a)), data["rows"], data["cols"]] = 1.0
    return a


def weights(a):
    """D1 and D2."""
    m, d1, d2 = a.shape
    return root(np.einsum("mij,mkj->ik", a, a) / (m * d2)), root(np.einsum("mij,mik->jk", a, a) / (m * d1))


def optimum(problem):
    """The values of both solvers, each with what it may be off."""
    for name, settings, tolerance in SOLVERS:
        problem.solve(solver=name, **settings)
        assert problem.status in ("optimal", "optimal_inaccurate"), (name, problem.status)
        yield problem.value, tolerance


SMALL = {
    "sensing": {"d1": 6, "d2": 5, "rank": 1, "m": 14},
    "bilinear": {"d1": 6, "d2": 5, "rank": 1, "m": 14},
    "completion": {"d1": 8, "d2": 6, "rank": 1, "p": 0.5},
    "covariance": {"d1": 6, "rank": 2, "m": 12},
    "phase": {"d1": 6, "m": 12},
    "network": {"d1": 6, "rank": 2, "m": 12},
}


@pytest.mark.parametrize("objective", ["flat", "nuclear"])
@pytest.mark.parametrize("model_name", list(SMALL))
def test_the_value_is_the_optimum_of_exact_data(model_name, objective):
    data = instance(model_name, **SMALL[model_name])
    found = fit(model_name, data, exact=True, objective=objective).result_
    a = matrices(model_name, data)
    d1, d2 = weights(a) if objective == "flat" else (np.eye(a.shape[1]), np.eye(a.shape[2]))
    kind = {"covariance": {"PSD": True}, "phase": {"PSD": True}, "network": {"symmetric": True}}.get(model_name, {})
    # In the variable Z = D1 X D2, in which both solvers reach the optimum.
    z = cp.Variable(a.shape[1:], **kind)
    rescaled = np.linalg.inv(d1) @ a @ np.linalg.inv(d2)
    fits = rescaled.reshape(len(a), -1) @ cp.vec(z, order="C") == data["y"]
    for value, tolerance in optimum(cp.Problem(cp.Minimize(cp.normNuc(z)), [fits])):
        assert found["value"] == pytest.approx(value, rel=tolerance)
        assert found["lower_bound"] <= value * (1 + tolerance)


@pytest.mark.parametrize("model_name", ["sensing", "bilinear", "network", "covariance"])
def test_the_value_is_the_optimum_of_a_ball(model_name):
    data = instance(model_name, **SMALL[model_name], noise=0.1)
    found = fit(model_name, data, epsilon=0.3).result_
    a = matrices(model_name, data)
    d1, d2 = weights(a)
    kind = {"covariance": {"PSD": True}, "network": {"symmetric": True}}.get(model_name, {})
    x = cp.Variable(a.shape[1:], **kind)
    near = cp.norm(a.reshape(len(a), -1) @ cp.vec(x, order="C") - data["y"]) <= 0.3
    for value, tolerance in optimum(cp.Problem(cp.Minimize(cp.normNuc(d1 @ x @ d2)), [near])):
        assert found["value"] == pytest.approx(value, rel=tolerance)


def test_the_value_is_the_optimum_of_a_penalty():
    data = instance("completion", **SMALL["completion"], noise=0.1)
    lam = 0.2
    found = fit("completion", data, lam=lam, objective="nuclear", tol=1e-8).result_
    a = matrices("completion", data)
    x = cp.Variable(a.shape[1:])
    loss = 0.5 * cp.sum_squares(a.reshape(len(a), -1) @ cp.vec(x, order="C") - data["y"])
    for value, tolerance in optimum(cp.Problem(cp.Minimize(loss + lam * cp.normNuc(x)))):
        assert found["value"] == pytest.approx(value, rel=tolerance)
    flat = fit("completion", data, lam=lam, tol=1e-8)
    # D̃1² and D̃2² are the counts of the rows and the columns.
    rows, cols = (np.sqrt(a.sum(axis=(0, k))) for k in (2, 1))
    weighted = cp.normNuc(np.diag(rows) @ x @ np.diag(cols))
    for value, tolerance in optimum(cp.Problem(cp.Minimize(loss + lam * weighted))):
        assert flat.result_["value"] == pytest.approx(value, rel=tolerance)


def test_the_value_is_the_optimum_of_robust_pca():
    data = instance("rpca", d1=8, d2=6, rank=1)
    found = flatmin.RobustPCA().fit(data["Y"])
    theta = 1 / np.sqrt(8)
    x = cp.Variable((8, 6))
    goal = cp.normNuc(x) + theta * cp.norm1(cp.vec(data["Y"] - x, order="C"))
    for value, tolerance in optimum(cp.Problem(cp.Minimize(goal))):
        assert found.result_["value"] == pytest.approx(value, rel=tolerance)
    assert np.allclose(found.low_rank_ + found.sparse_, data["Y"], atol=1e-6)


def test_the_value_is_the_optimum_of_sparse_vectors():
    data = instance("sparse", d1=20, rank=2)
    found = fit("sparse", data).result_
    x = cp.Variable(20)
    squares = np.square(data["A"]).sum(axis=0)
    problem = cp.Problem(cp.Minimize(squares @ cp.abs(x)), [data["A"] @ x == data["y"]])
    for value, tolerance in optimum(problem):
        assert found["value"] == pytest.approx(value, rel=tolerance)


def loss(model, data, factors):
    """The loss f of factors, by its definition."""
    if model == "sparse":
        return float(np.square(data["A"] @ factors[0].prod(axis=0) - data["y"]).sum())
    if model == "deep":
        x = np.linalg.multi_dot(factors)
    elif model in ("covariance", "phase", "network"):
        x = factors[0] @ factors[0].T - factors[1] @ factors[1].T
    else:
        x = factors[0] @ factors[1].T
    return float(np.square(np.einsum("mij,ij->m", matrices(model, data), x) - data["y"]).sum())


def traces(model, data, factors):
    """The traces of the Hessian over each factor, by second differences along every coordinate."""
    step, centre = 1e-4, loss(model, data, factors)
    found = []
    for factor in factors:
        total = 0.0
        for place in np.ndindex(factor.shape):
            kept = factor[place]
            sides = []
            for sign in (1, -1):
                factor[place] = kept + sign * step
                sides.append(loss(model, data, factors))
            factor[place] = kept
            total += (sum(sides) - 2 * centre) / step**2
        found.append(total)
    return found


@pytest.mark.parametrize("model_name", ["sensing", "bilinear", "completion", "covariance", "network", "sparse", "deep"])
def test_traces_are_those_of_the_hessian(model_name):
    data = instance(model_name)
    made = fit(model_name, data, exact=True) if model_name != "deep" else fit(model_name, data)
    if model_name == "sparse":
        factors = [made.V_.copy()]
    elif model_name == "deep":
        factors = [layer.copy() for layer in made.W_]
    elif hasattr(made, "U1_"):
        factors = [made.U1_.copy(), made.U2_.copy()]
    else:
        factors = [made.L_.copy(), made.R_.copy()]
    parts = traces(model_name, data, factors)
    assert made.result_["trace"] == pytest.approx(sum(parts), rel=1e-4)
    if len(parts) == 2:
        assert made.result_["trace_left"] == pytest.approx(parts[0], rel=1e-4)
        assert made.result_["trace_right"] == pytest.approx(parts[1], rel=1e-4, abs=1e-6)
