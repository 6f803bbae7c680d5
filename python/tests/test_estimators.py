"""The conventions of scikit-learn, and of Python."""

from __future__ import annotations

import copy
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from conftest import ESTIMATORS, fit, instance

import flatmin

sklearn = pytest.importorskip("sklearn")

from sklearn.base import clone, is_regressor  # noqa: E402
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import check_estimator, estimator_checks_generator  # noqa: E402


class Filling(flatmin.MatrixCompletion):
    """Completion as a transformer alone: its predict and score take places in the matrix, and no rows of features."""

    predict = score = property()


#: Estimators of tables of features, with parameters that the noise of the checks needs.
CHECKED = [
    flatmin.QuadraticNetwork(lam=1.0),
    flatmin.CovarianceSketch(lam=1.0),
    flatmin.PhaseRetrieval(lam=1.0),
    flatmin.DeepSparse(lam=1.0),
    flatmin.RobustPCA(max_iter=300, tol=1e-3),
    Filling(lam=1.0),
]

ONE = "one measurement leaves D1 singular: that is what the error says"
#: Checks that an estimator cannot pass, and why.
EXCEPTIONS = {
    "QuadraticNetwork": {"check_fit2d_1sample": ONE},
    "CovarianceSketch": {"check_fit2d_1sample": ONE},
    "PhaseRetrieval": {"check_fit2d_1sample": ONE},
}


def exceptions(estimator):
    return EXCEPTIONS.get(type(estimator).__name__, {})


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("estimator", CHECKED, ids=lambda estimator: type(estimator).__name__)
def test_scikit_learn_finds_an_estimator(estimator):
    check_estimator(estimator, expected_failed_checks=exceptions(estimator))


def test_exceptions_are_checks_that_exist():
    known = set()
    for estimator in CHECKED:
        for _, check in estimator_checks_generator(estimator):
            known.add(getattr(check, "func", check).__name__)
    for checks in EXCEPTIONS.values():
        assert set(checks) <= known


def test_parameters_are_read_set_and_cloned(model):
    estimator, _ = ESTIMATORS[model]
    made = estimator(tol=1e-6, threads=1)
    assert made.get_params()["tol"] == 1e-6 and made.set_params(tol=1e-5) is made
    assert clone(made).get_params() == made.get_params()
    assert repr(made) == f"{estimator.__name__}(tol=1e-05, threads=1)"
    with pytest.raises(ValueError, match="Invalid parameter 'tolerance'"):
        made.set_params(tolerance=1)
    with pytest.raises(TypeError):
        estimator(tolerance=1)


def test_pickles_and_copies_are_the_same(model):
    data = instance(model)
    made = fit(model, data)
    for other in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):
        assert other.result_ == made.result_ and other.report() == made.report()
        assert other.get_params() == made.get_params()
        if hasattr(made, "matrix_"):
            assert np.array_equal(other.matrix_, made.matrix_)


def test_what_is_not_fitted_says_so(model):
    estimator, _ = ESTIMATORS[model]
    with pytest.raises(sklearn.exceptions.NotFittedError):
        estimator().report()
    assert "<pre>" in estimator()._repr_html_()


def test_the_result_is_shown_as_its_report(model):
    made = fit(model, instance(model))
    shown = made._repr_html_()
    assert shown.startswith("<iframe srcdoc=") and "&lt;svg" in shown
    assert set(made.certificate_) >= {"value", "lower_bound", "gap", "unique", "status"}
    assert made.flatness_["trace"] == made.result_["trace"]


@pytest.mark.parametrize("model_name", ["sensing", "covariance", "phase", "network", "sparse", "deep"])
def test_measurements_are_predicted(model_name):
    data = instance(model_name)
    made = fit(model_name, data)
    key = "x" if "x" in data else "A"
    assert is_regressor(made)
    assert np.allclose(made.predict(data[key]), data["y"], atol=1e-5)
    assert made.score(data[key], data["y"]) > 0.999999


def test_bilinear_measurements_are_predicted():
    data = instance("bilinear")
    made = fit("bilinear", data)
    assert np.allclose(made.predict(data["a"], data["b"]), data["y"], atol=1e-6)
    assert made.score(data["a"], data["b"], data["y"]) > 0.999999


def test_grids_are_searched_over_samples_and_over_entries():
    data = instance("network", noise=0.02)
    search = GridSearchCV(flatmin.QuadraticNetwork(threads=1), {"lam": [1e-3, 100.0]}, cv=3)
    assert search.fit(data["x"], data["y"]).best_params_ == {"lam": 1e-3}
    data = instance("sensing", noise=0.01)
    search = GridSearchCV(flatmin.MatrixSensing(threads=1), {"lam": [1e-2, 10.0]}, cv=3)
    assert search.fit(data["A"], data["y"]).best_params_ == {"lam": 1e-2}
    data = instance("completion", noise=0.01)
    places = np.stack([data["rows"], data["cols"]], axis=1)
    completion = flatmin.MatrixCompletion(shape=tuple(data["shape"]), threads=1)
    folds = KFold(3, shuffle=True, random_state=0)
    search = GridSearchCV(completion, {"lam": [1e-4, 10.0]}, cv=folds).fit(places, data["y"])
    assert search.best_params_ == {"lam": 1e-4}
    assert search.best_score_ > 0.5


def test_pipelines_take_them():
    data = instance("network", noise=0.02)
    pipeline = make_pipeline(StandardScaler(), flatmin.QuadraticNetwork(lam=1e-2))
    assert len(cross_val_score(pipeline, data["x"], data["y"], cv=3)) == 3
    known = np.array([[1.0, 2.0, np.nan], [2.0, 4.0, 6.0], [3.0, np.nan, 9.0], [1.0, 2.0, 3.0]])
    filled = make_pipeline(flatmin.MatrixCompletion(lam=1e-3), StandardScaler()).fit_transform(known)
    assert np.isfinite(filled).all()


def long_run():
    """An estimator and what it is fitted to: noise that is to be met exactly, which takes most of a minute."""
    data = flatmin.generate("completion", d1=300, rank=8, p=0.5, noise=0.02, random_state=0)
    places = np.stack([data["rows"], data["cols"]], axis=1)
    return flatmin.MatrixCompletion(exact=True, tol=1e-12, threads=1), places, data["y"]


@pytest.mark.skipif(sys.platform == "win32", reason="no signals to itself")
def test_ctrl_c_stops_at_the_next_step_and_keeps_what_was_found():
    model, places, values = long_run()
    timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    started = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            model.fit(places, values)
    finally:
        timer.cancel()
    assert time.monotonic() - started < 20
    assert model.result_["status"] == "interrupted" and model.matrix_.shape == (300, 300)


def test_the_interpreter_is_free_while_it_solves():
    model, places, values = long_run()
    model.set_params(time_limit=1.0)
    ticks = 0
    worker = threading.Thread(target=lambda: model.fit(places, values))
    worker.start()
    while worker.is_alive():
        ticks += 1
        time.sleep(0.01)
    assert ticks > 20 and model.result_["status"] == "budget"


def test_neither_scikit_learn_nor_scipy_is_imported():
    code = "import sys, flatmin; print({'sklearn', 'scipy', 'pandas'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert run.stdout.strip() == "set()", run.stderr
