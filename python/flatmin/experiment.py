"""The experiments: many random instances, one row a trial and objective.

Every function takes the same arguments and returns the rows, one dict a row (``pandas.DataFrame(rows)`` makes a table
of them). The same seed gives the same rows, bit for bit except `seconds`, on any number of threads or machines.

Parameters of all of them
-------------------------
preset : {"quick", "paper", "large"}, optional
    How large; by default "quick", about a minute on two cores.
config : str, optional
    A configuration in TOML; keys that it lacks are those of the preset.
seed : int, optional
    Of all random numbers.
threads : int, optional
    Trials at a time, by default one a core.
time_limit : float, optional
    Most seconds; trials that have begun are finished, and the same call goes on later where ``out`` is given.
out : str, optional
    Folder for config.toml, rows.csv, figures and report.html. The same call goes on where it was stopped.
client : distributed.Client, optional
    A Dask client, over whose workers the trials are spread; a worker that is lost costs the trials it was running.
**settings
    Keys of the configuration, such as ``d=20``.

>>> from flatmin import experiment
>>> rows = experiment.noise(d=6, trials=1, seed=3, threads=1)
>>> len(rows) > 0 and "seconds" in rows[0]
True
"""

from __future__ import annotations

import json
from typing import Any

from . import _flatmin
from ._words import words

__all__ = [
    "depth",
    "fewest",
    "landscape",
    "noise",
    "notions",
    "overparameterization",
    "recovery",
    "regularity",
    "trajectories",
]

Rows = list[dict[str, Any]]


def recovery(**arguments: Any) -> Rows:
    """Which share of random instances is recovered, by size and number of measurements."""
    return _run("recovery", **arguments)


def trajectories(**arguments: Any) -> Rows:
    """How flat and how wrong gradient descent, label noise and others end."""
    return _run("trajectories", **arguments)


def regularity(**arguments: Any) -> Rows:
    """How far flat solutions are from norm-minimal and balanced, beside what theory bounds it by."""
    return _run("regularity", **arguments)


def notions(**arguments: Any) -> Rows:
    """Flat, norm-minimal and balanced: how they part as the measurements get fewer."""
    return _run("notions", **arguments)


def noise(**arguments: Any) -> Rows:
    """Error against noise, of flat and nuclear, under two fits."""
    return _run("noise", **arguments)


def fewest(**arguments: Any) -> Rows:
    """How few measurements suffice where the rank is told."""
    return _run("fewest", **arguments)


def overparameterization(**arguments: Any) -> Rows:
    """The width of the factors, from the rank of the truth up."""
    return _run("overparameterization", **arguments)


def depth(**arguments: Any) -> Rows:
    """More than two factors, of sparse vectors and of matrices of low rank."""
    return _run("depth", **arguments)


def landscape(**arguments: Any) -> Rows:
    """The loss around the flat, the norm-minimal and a sharp solution."""
    return _run("landscape", **arguments)


def _run(
    name: str,
    *,
    preset: str | None = None,
    config: str | None = None,
    seed: int | None = None,
    threads: int | None = None,
    time_limit: float | None = None,
    out: str | None = None,
    client: Any = None,
    **settings: Any,
) -> Rows:
    options = {"preset": preset, "config": config, "seed": seed, "threads": threads, "time_limit": time_limit}
    said = words(name, {**options, "quiet": True})
    said += [f"--set={key} = {_toml(value)}" for key, value in settings.items()]
    here = said if out is None else [*said, f"--out={out}"]
    if client is not None:
        return _spread(client, said, here)
    rows, signal = _flatmin.experiment(here)
    if signal is not None:
        raise signal
    return json.loads(rows)


def _spread(client: Any, said: list[str], here: list[str]) -> Rows:
    """Each missing trial is a task of the cluster, the longest first; the rows are put together here."""
    jobs = sorted(json.loads(_flatmin.experiment_jobs(here)), key=lambda job: -job[2])
    # The trials do not depend on one another, and have no result but their rows: they may run anywhere, and again.
    tasks = [client.submit(_trial, said, cell, trial, pure=False, retries=3) for cell, trial, _ in jobs]
    try:
        rows = [row for rows in client.gather(tasks) for row in json.loads(rows)]
    finally:
        client.cancel(tasks)
    return json.loads(_flatmin.experiment_rows(here, json.dumps(rows)))


def _trial(said: list[str], cell: str, trial: int) -> str:
    return _flatmin.experiment_job(said, cell, trial)


def _toml(value: Any) -> str:
    """A value as TOML writes it, which for numbers, strings and lists is how JSON does."""
    return json.dumps(value.tolist() if hasattr(value, "tolist") else value)
