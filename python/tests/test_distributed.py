"""Completion over a Dask cluster: the answer of one machine, wherever the entries lie, also where a worker is lost."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading

import numpy as np
import pytest
from conftest import kill_a_worker

import flatmin
from flatmin import _sweep

distributed = pytest.importorskip("distributed")

#: Enough entries that one machine takes the same method.
RATINGS = "300x120x8000"


@pytest.fixture(scope="module")
def ratings():
    return flatmin.generate("completion", ratings=RATINGS, random_state=3)


@pytest.fixture
def client(cluster):
    with distributed.Client(cluster) as client:
        client.wait_for_workers(2)
        yield client


def places(data, turned=False):
    rows, cols = (data["cols"], data["rows"]) if turned else (data["rows"], data["cols"])
    return np.stack([rows, cols], axis=1)


def fitted(data, *, turned=False, **parameters):
    shape = tuple(int(size) for size in data["shape"])
    parameters = {"lam": 0.2, "tol": 1e-3, "center": "global", **parameters}
    model = flatmin.MatrixCompletion(shape=shape[::-1] if turned else shape, **parameters)
    return model.fit(places(data, turned), data["y"])


@pytest.mark.parametrize(
    ("turned", "parameters"),
    [
        (False, {}),
        (True, {"objective": "smoothed:0.5"}),
        (False, {"rank": 3, "center": "none", "max_iter": 12}),
        (True, {"objective": "nuclear", "lam": 1.0, "max_iter": 16}),
    ],
)
def test_the_answer_is_that_of_one_machine(client, ratings, turned, parameters):
    here = fitted(ratings, turned=turned, **parameters)
    there = fitted(ratings, turned=turned, client=client, **parameters)
    for key in ("value", "scaled_trace", "trace_left", "squared_norm", "train_rmse", "residual", "condition_d1"):
        assert there.result_[key] == pytest.approx(here.result_[key], rel=1e-6), key
    for key in ("rank", "iterations", "status", "shape", "measurements", "lambda", "center"):
        assert there.result_[key] == here.result_[key], key
    assert there.result_["failure_probability"] is None
    assert there.result_["lower_bound"] == pytest.approx(here.result_["lower_bound"], rel=1e-5)
    assert there.result_["lower_bound"] <= here.result_["value"]
    assert np.abs(there.matrix_ - here.matrix_).max() < 1e-5
    assert np.abs(there.predict([1, 2], [3, 4]) - here.predict([1, 2], [3, 4])).max() < 1e-5
    new = np.where(np.arange(there.R_.shape[0]) % 9 == 0, 1.0, np.nan)[None, :]
    assert np.abs(there.transform(new) - here.transform(new)).max() < 1e-5
    assert there.result_["rank"] >= 3 and "<html" in there.report()


def test_many_columns_have_another_preconditioner(client, ratings, monkeypatch):
    expected = fitted(ratings)
    monkeypatch.setattr(_sweep, "_MANY", 3)
    found = fitted(ratings, client=client)
    assert found.result_["status"] == "certified"
    assert found.result_["value"] == pytest.approx(expected.result_["value"], rel=2e-3)


def processes(client):
    return set(client.run(os.getpid).values())


def test_a_worker_may_be_lost(client, cluster, ratings):
    fine = {"client": client, "tol": 1e-4}
    expected = fitted(ratings, **fine)
    before = processes(client)
    threading.Timer(0.5 * expected.result_["seconds"], kill_a_worker, [cluster]).start()
    found = fitted(ratings, **fine)
    client.wait_for_workers(2)
    assert len(before - processes(client)) == 1
    # Every block is computed again as it was.
    assert np.array_equal(found.L_, expected.L_) and np.array_equal(found.R_, expected.R_)
    assert found.result_["lower_bound"] == expected.result_["lower_bound"]


@pytest.mark.skipif(sys.platform == "win32", reason="no signals to itself")
def test_ctrl_c_keeps_what_was_found(client, ratings, monkeypatch):
    gradient, calls = _sweep.Sweep.gradient, []

    def interrupted(sweep, point):
        calls.append(point)
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return gradient(sweep, point)

    monkeypatch.setattr(_sweep.Sweep, "gradient", interrupted)
    shape = tuple(int(size) for size in ratings["shape"])
    model = flatmin.MatrixCompletion(shape=shape, lam=0.2, tol=1e-6, client=client)
    with pytest.raises(KeyboardInterrupt):
        model.fit(places(ratings), ratings["y"])
    assert len(calls) == 3
    assert model.result_["status"] == "interrupted" and model.matrix_.shape == shape
    assert 1e-6 < model.result_["gap"] < 1.0


def tables(data):
    import pandas

    frame = pandas.DataFrame(
        {"user": data["rows"] + 1000, "item": [f"i{b}" for b in data["cols"]], "rating": data["y"]}
    )
    return frame, [frame.iloc[i : i + 3000] for i in range(0, len(frame), 3000)]


def test_tables_come_from_anywhere(client, ratings, tmp_path):
    polars = pytest.importorskip("polars")
    frame, parts = tables(ratings)
    parameters = {"lam": 0.3, "max_iter": 1, "client": client}
    expected = flatmin.MatrixCompletion(**parameters).fit(frame)
    for i, part in enumerate(parts):
        polars.DataFrame({name: part[name].tolist() for name in part}).write_parquet(tmp_path / f"{i}.parquet")
    files = sorted(tmp_path.glob("*.parquet"))
    for given in (tmp_path, files, [client.submit(tables_part, part) for part in parts]):
        found = flatmin.MatrixCompletion(**parameters).fit(given)
        assert np.array_equal(found.row_ids_, expected.row_ids_)
        assert np.array_equal(found.column_ids_, expected.column_ids_)
        assert np.allclose(found.matrix_, expected.matrix_, atol=1e-9)
    assert found.predict([frame["user"][0]], [frame["item"][0]]).shape == (1,)


def tables_part(part):
    return part


def test_dask_data_frames(client, ratings):
    frames = pytest.importorskip("dask.dataframe")
    frame, _ = tables(ratings)
    parameters = {"lam": 0.3, "max_iter": 1, "client": client}
    expected = flatmin.MatrixCompletion(**parameters).fit(frame)
    found = flatmin.MatrixCompletion(**parameters).fit(frames.from_pandas(frame, npartitions=3))
    assert np.array_equal(found.row_ids_, expected.row_ids_)
    assert np.allclose(found.matrix_, expected.matrix_, atol=1e-9)


def test_positions_come_in_futures(client, ratings):
    cuts = [slice(0, 5000), slice(5000, None)]
    parts = [client.submit(tuple, [ratings[key][cut] for key in ("rows", "cols", "y")]) for cut in cuts]
    parameters = {"lam": 0.3, "max_iter": 1, "client": client}
    found = flatmin.MatrixCompletion(**parameters).fit(parts)
    expected = flatmin.MatrixCompletion(shape=tuple(ratings["shape"]), **parameters)
    expected.fit(places(ratings), ratings["y"])
    shape = found.matrix_.shape
    assert np.allclose(found.matrix_, expected.matrix_[: shape[0], : shape[1]], atol=1e-9)


def test_clones_share_a_client_and_copies_in_files_have_none(client):
    base = pytest.importorskip("sklearn.base")
    model = flatmin.MatrixCompletion(lam=1.0, client=client)
    assert base.clone(model).client is client
    assert pickle.loads(pickle.dumps(model)).client is None


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"lam": None}, "lam: found None, expected a positive number"),
        ({"lam": "auto"}, "lam: found 'auto', expected a positive number"),
        ({"center": "bias"}, "center: found 'bias'"),
        ({"exact": True}, "exact: found True"),
        ({"folds": 3}, "folds: found 3"),
        ({"objective": "sharp"}, 'objective: found "sharp"'),
        ({"rank": 0}, "rank: found 0, expected at least 1"),
        ({"tol": 2.0}, "tol: found 2.0"),
    ],
)
def test_what_a_cluster_cannot_do_is_said(client, ratings, parameters, words):
    with pytest.raises(ValueError, match=words):
        fitted(ratings, client=client, **parameters)


def test_what_is_wrong_with_entries_is_said(client, ratings):
    def fit(**changed):
        return fitted({**ratings, **changed}, client=client)

    with pytest.raises(ValueError, match=r"entry \(0, 5\) is observed twice, as 1.0 and as 2.0"):
        fit(rows=np.array([0, 3, 0]), cols=np.array([5, 1, 5]), y=np.array([1.0, 0.0, 2.0]), shape=[9, 9])
    with pytest.raises(ValueError, match=r'key "y", element 4: found nan, expected a finite number'):
        fit(y=np.where(np.arange(len(ratings["y"])) == 4, np.nan, ratings["y"]))
    with pytest.raises(ValueError, match=r"row: found index 299, expected one below 10"):
        fit(shape=[10, 120])
