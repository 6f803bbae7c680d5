"""The optimum values of the convex problems, against CVXPY."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import fit, instance, matrices

import flatmin

cp = pytest.importorskip("cvxpy")

SOLVERS = [
    ("CLARABEL", {}, 1e-5),
    ("SCS", {"eps": 1e-7, "max_iters": 50_000}, 1e-4),
]


def root(gram):
    values, vectors = np.linalg.eigh(gram)
    return vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T


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
