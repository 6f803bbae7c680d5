"""Small instances of every model, made once."""

from __future__ import annotations

import numpy as np
import pytest

import flatmin

SIZES = {
    "sensing": {"d1": 12, "d2": 9, "rank": 1},
    "bilinear": {"d1": 10, "d2": 12, "rank": 1, "m": 90},
    "completion": {"d1": 30, "d2": 20, "rank": 2, "p": 0.6},
    "rpca": {"d1": 18, "d2": 15, "rank": 1},
    "covariance": {"d1": 9, "rank": 2},
    "phase": {"d1": 9},
    "network": {"d1": 9, "rank": 2},
    "sparse": {"d1": 30, "rank": 2},
    "deep": {"d1": 5, "rank": 1, "m": 22},
}

#: Estimator and arguments of fit, of each model.
ESTIMATORS = {
    "sensing": (flatmin.MatrixSensing, ("A", "y")),
    "bilinear": (flatmin.BilinearSensing, ("a", "b", "y")),
    "completion": (flatmin.MatrixCompletion, None),
    "rpca": (flatmin.RobustPCA, ("Y",)),
    "covariance": (flatmin.CovarianceSketch, ("x", "y")),
    "phase": (flatmin.PhaseRetrieval, ("x", "y")),
    "network": (flatmin.QuadraticNetwork, ("x", "y")),
    "sparse": (flatmin.DeepSparse, ("A", "y")),
    "deep": (flatmin.DeepMatrix, ("A", "y")),
}


def instance(model: str, **options):
    """The arrays of one instance."""
    return flatmin.generate(model, **{**SIZES[model], "random_state": 1, **options})


def fit(model: str, data, **parameters):
    """A fitted estimator."""
    estimator, keys = ESTIMATORS[model]
    made = estimator(**parameters)
    if keys is None:
        places = np.stack([data["rows"], data["cols"]], axis=1)
        made.set_params(shape=tuple(data["shape"]))
        return made.fit(places, data["y"])
    return made.fit(*(data[key] for key in keys))


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


@pytest.fixture(scope="session")
def cluster():
    """Two workers, each a process that is started again when it ends."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        yield cluster


def kill_a_worker(cluster):
    """Ends one as a machine that fails would."""
    next(iter(cluster.workers.values())).process.process._process.kill()


@pytest.fixture(params=list(SIZES))
def model(request):
    """Each model in turn."""
    return request.param
