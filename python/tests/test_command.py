"""The same numbers as the command line, bit for bit, on the same arrays; and the command itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from conftest import fit, instance

import flatmin

#: What a clock says, or what tells the name of a file.
VOLATILE = ("seconds",)

ROBUST = {"low_rank": "low_rank.npy", "sparse": "sparse.npy"}


def command(*arguments, **options):
    program = [sys.executable, "-m", "flatmin", *map(str, arguments)]
    return subprocess.run(program, capture_output=True, text=True, timeout=120, **options)


def solved(tmp_path, model, data, *options):
    path = tmp_path / "data.npz"
    np.savez(path, **data)
    run = command("solve", model, path, "--json", "--threads", 1, "--out", tmp_path / "out", *options)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_every_model_gives_the_numbers_of_the_command(model, tmp_path):
    data = instance(model)
    data.pop("truth")
    data.pop("radius", None)
    made = fit(model, data, threads=1)
    theirs = solved(tmp_path, model, data)
    for key in VOLATILE:
        theirs.pop(key)
    ours = {key: value for key, value in made.result_.items() if key not in VOLATILE}
    assert ours == theirs
    with np.load(tmp_path / "out" / "factors.npz") as factors:
        for key in factors.files:
            own = {"W": lambda key: made.W_[int(key[1:]) - 1]}.get(key[0], lambda key: getattr(made, key + "_", None))
            value = own(key)
            if value is not None:
                assert np.array_equal(value, factors[key]), key
    if model == "rpca":
        assert np.array_equal(made.low_rank_, np.load(tmp_path / "out" / "low_rank.npy"))
        assert np.array_equal(made.sparse_, np.load(tmp_path / "out" / "sparse.npy"))


@pytest.mark.parametrize(
    ("parameters", "options"),
    [
        (
            {"lam": 0.3, "center": "bias", "objective": "smoothed:0.5"},
            ["--lambda", "0.3", "--center", "bias", "--objective", "smoothed:0.5"],
        ),
        ({"hide": 0.2, "random_state": 7, "rank": 3}, ["--hide", "0.2", "--seed", "7", "--rank", "3"]),
        ({"epsilon": 0.1, "clip": (-1.0, 1.0)}, ["--epsilon", "0.1", "--clip=-1,1"]),
    ],
)
def test_parameters_are_options(parameters, options, tmp_path):
    data = instance("completion", noise=0.01)
    data.pop("truth")
    made = fit("completion", data, threads=1, **parameters)
    theirs = solved(tmp_path, "completion", data, *options)
    for result in (theirs, made.result_):
        result.pop("seconds")
    assert made.result_ == theirs
    with np.load(tmp_path / "out" / "factors.npz") as factors:
        assert np.array_equal(made.L_, factors["L"])
        if "row_bias" in factors:
            assert np.array_equal(made.row_bias_, factors["row_bias"])


def test_audit_is_measure(model, tmp_path):
    data = instance(model)
    data.pop("radius", None)
    made = fit(model, data, threads=1)
    keys = [key for key in ("L", "R", "U1", "U2", "V") if hasattr(made, key + "_")]
    factors = {key: getattr(made, key + "_") for key in keys}
    if model == "deep":
        factors = {f"W{j + 1}": layer for j, layer in enumerate(made.W_)}
    ours = flatmin.audit(model, data, factors, threads=1)
    np.savez(tmp_path / "data.npz", **data)
    np.savez(tmp_path / "factors.npz", **factors)
    run = command("measure", model, tmp_path / "data.npz", tmp_path / "factors.npz", "--json", "--threads", 1)
    assert run.returncode == 0, run.stderr
    theirs = json.loads(run.stdout)
    for result in (ours, theirs):
        result.pop("seconds")
    assert ours == theirs
    assert ours["relative_error"] is not None


def test_generate_is_generate(model, tmp_path):
    path = tmp_path / "data.npz"
    run = command("generate", model, "--d1", 9, "--seed", 4, "--out", path)
    assert run.returncode == 0, run.stderr
    ours = flatmin.generate(model, d1=9, random_state=4)
    with np.load(path) as theirs:
        assert sorted(theirs.files) == sorted(ours)
        for key in theirs.files:
            assert np.array_equal(theirs[key], ours[key]) and theirs[key].dtype == ours[key].dtype


def test_out_is_the_folder_of_the_command(tmp_path):
    data = instance("sensing")
    made = fit("sensing", data, out=str(tmp_path / "out"))
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"result.json", "report.json", "report.html", "factors.npz", "figures"}
    assert json.loads((tmp_path / "out" / "result.json").read_text()) == made.result_
    assert (tmp_path / "out" / "report.html").read_text() == made.report()


def test_the_command_has_its_exit_codes(tmp_path):
    assert command("--version").stdout.strip() == f"flatmin {flatmin.__version__}"
    missing = command("solve", "sensing", tmp_path / "absent.npz")
    assert missing.returncode == 2 and "found nothing there" in missing.stderr
    assert command("solve", "nothing").returncode == 2
    script = os.path.join(os.path.dirname(sys.executable), "flatmin")
    assert subprocess.run([script, "--help"], capture_output=True, timeout=60).returncode == 0


def test_an_experiment_gives_the_rows_of_the_command(tmp_path):
    import csv

    rows = flatmin.experiment.noise(d=6, trials=2, seed=3)
    run = command("experiment", "noise", "--set", "d = 6", "--set", "trials = 2", "--seed", 3, "-q", "--out", tmp_path)
    assert run.returncode == 0, run.stderr
    with open(tmp_path / "rows.csv", newline="") as file:
        theirs = list(csv.DictReader(file))
    assert len(theirs) == len(rows) > 0
    for own, row in zip(rows, theirs):
        for key, text in row.items():
            value = own[key]
            if key == "seconds" or isinstance(value, str):
                continue
            if value is None or isinstance(value, bool):
                assert text == {None: "", True: "true", False: "false"}[value]
            else:
                assert float(text) == value, key


@pytest.mark.skipif(sys.platform == "win32", reason="no signals to others")
def test_ctrl_c_stops_the_command_which_writes_what_it_has(tmp_path):
    data = flatmin.generate("sensing", d1=40, rank=8, m=900, random_state=0)
    np.savez(tmp_path / "data.npz", **data)
    options = ["--tol", "1e-15", "--max-iter", "1000000000", "--threads", "1", "--json", "-v"]
    program = [sys.executable, "-m", "flatmin", "solve", "sensing", str(tmp_path / "data.npz"), *options]
    run = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # By the first line of its log it listens.
    assert run.stderr.readline()
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 3, err
    assert json.loads(out)["status"] == "interrupted"
