"""Experiments over a Dask cluster: the same rows, also where a worker is lost."""

from __future__ import annotations

import threading
import time

import pytest
from conftest import kill_a_worker

import flatmin.experiment

distributed = pytest.importorskip("distributed")

SETTINGS = {"d": 6, "trials": 3, "seed": 3}


def without_clocks(rows):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def test_rows_are_the_same_over_a_cluster(cluster, tmp_path):
    here = flatmin.experiment.noise(**SETTINGS)
    with distributed.Client(cluster) as client:
        there = flatmin.experiment.noise(client=client, out=str(tmp_path), **SETTINGS)
        # Nothing is missing now: the rows are read.
        again = flatmin.experiment.noise(client=client, out=str(tmp_path), **SETTINGS)
    assert without_clocks(there) == without_clocks(here)
    assert again == there
    assert (tmp_path / "report.html").exists()


def test_a_worker_may_be_lost(cluster):
    here = flatmin.experiment.noise(d=8, trials=12, seed=4)

    def lose_one():
        time.sleep(0.3)
        kill_a_worker(cluster)

    with distributed.Client(cluster) as client:
        threading.Thread(target=lose_one).start()
        there = flatmin.experiment.noise(d=8, trials=12, seed=4, client=client)
    assert without_clocks(there) == without_clocks(here)
