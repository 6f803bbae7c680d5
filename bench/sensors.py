#!/usr/bin/env python3
"""Completion of sensor data: flat, smoothed and nuclear weights on passengers of a metro and on delays of a network.

Hangzhou (xinychen/transdim, passengers entering 80 stations, 25 days of 108 intervals): 40 % and 60 % of the entries
are missing at random, by the masks of the published comparison (numpy.random.seed(1000)); the tensor is unfolded to
stations by time, and to days of stations by time of day. PlanetLab (uofa-rzhu3/NetLatency-Data, round-trip times
between 490 hosts): 50 % and 80 % are hidden at random. Zeros are no observations. λ is chosen by flatmin on a tenth of
the entries it is given, never on those that are scored.

usage: sensors.py [--hangzhou TENSOR.npy] [--planetlab MATRIX.npy] [--flatmin PATH] [--time-limit S] [--out DIR]
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from run import machine_note, number

HERE = Path(__file__).resolve().parent
# The last is not convex: its λ weighs little, the number of columns does the work.
METHODS = {
    "flat": ["flat"],
    "smoothed:0.5": ["smoothed:0.5"],
    "nuclear": ["nuclear"],
    "flat, 10 columns": ["flat", "--rank", "10"],
}
CENTERS = ["none", "bias"]
# RMSE on Hangzhou with so much missing at random, from the notebooks of xinychen/transdim.
PUBLISHED = {
    "40%": {"BPMF": 41.8, "BGCP (tensor)": 33.7, "HaLRTC (tensor)": 31.8, "BTMF (knows time)": 30.0},
    "60%": {"BPMF": 46.7, "BGCP (tensor)": 37.7, "HaLRTC (tensor)": 36.2, "BTMF (knows time)": 35.3},
}


def hangzhou(path: Path):
    """Cases of the traffic tensor: name, the observed matrix (NaN elsewhere), the truth, which entries are scored.

    A row is a station, or a day of a station.
    """
    tensor = np.load(path).astype(float)
    for rate in (0.4, 0.6):
        np.random.seed(1000)
        mask = np.round(np.random.rand(*tensor.shape) + 0.5 - rate) > 0
        for rows, count in (("stations", tensor.shape[0]), ("days", tensor.shape[0] * tensor.shape[1])):
            truth, seen = tensor.reshape(count, -1), mask.reshape(count, -1)
            observed = np.where(seen & (truth != 0), truth, np.nan)
            yield f"Hangzhou, {rate:.0%} missing, {rows}", observed, truth, ~seen & (truth != 0)


def planetlab(path: Path):
    """Cases of the matrix of delays likewise."""
    truth = np.load(path).astype(float)
    for rate in (0.5, 0.8):
        mask = np.random.default_rng(1000).random(truth.shape) >= rate
        observed = np.where(mask & (truth > 0), truth, np.nan)
        yield f"PlanetLab, {rate:.0%} hidden", observed, truth, ~mask & (truth > 0)


def complete(
    flatmin: str, observed: np.ndarray, objective: list[str], center: str, limit: float
) -> tuple[np.ndarray, dict]:
    """The matrix that flatmin makes of it, and what it says."""
    with tempfile.TemporaryDirectory() as folder:
        data, out = Path(folder) / "observed.npy", Path(folder) / "out"
        np.save(data, observed)
        command = [flatmin, "solve", "completion", str(data), "--objective", *objective, "--center", center]
        command += ["--tol", "1e-3", "--time-limit", str(limit), "--out", str(out), "--json", "-q"]
        result = json.loads(subprocess.run(command, check=False, capture_output=True, text=True).stdout)
        with np.load(out / "factors.npz") as factors:
            matrix = factors["L"] @ factors["R"].T
            if "mean" in factors:
                matrix += factors["mean"]
            if "row_bias" in factors:
                matrix += factors["row_bias"][:, None] + factors["column_bias"]
    return matrix, result


def score(matrix: np.ndarray, truth: np.ndarray, scored: np.ndarray) -> dict:
    """Errors on the entries that were hidden."""
    error, size = (matrix - truth)[scored], truth[scored]
    return {
        "rmse": float(np.sqrt(np.mean(error**2))),
        "mae": float(np.mean(np.abs(error))),
        "mape": float(np.mean(np.abs(error / size))),
    }


def line(row: dict) -> str:
    """One row of the table."""
    cells = [row["case"], row["method"], number(row["rmse"], ".4g"), number(row.get("mae"), ".4g")]
    cells += [number(row.get("mape"), ".1%"), number(row.get("lambda"), ".3g"), str(row.get("rank", "–"))]
    return "| " + " | ".join([*cells, number(row.get("seconds"), ".1f"), row.get("status", "published")]) + " |"


def summarise(rows: list[dict]) -> str:
    """A markdown table."""
    head = [
        "| case | method | RMSE | MAE | MAPE | λ | rank | seconds | status |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *(line(row) for row in rows)]) + "\n"


def main() -> None:
    """Solve every case in every way, write the table after each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hangzhou", type=Path)
    parser.add_argument("--planetlab", type=Path)
    parser.add_argument("--flatmin", default=str(HERE.parent / "target" / "release" / "flatmin"))
    parser.add_argument("--time-limit", type=float, default=600.0)
    parser.add_argument("--out", type=Path, default=HERE / "results" / datetime.date.today().isoformat())
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    cases = [
        *(hangzhou(options.hangzhou) if options.hangzhou else []),
        *(planetlab(options.planetlab) if options.planetlab else []),
    ]
    rows = []
    if options.hangzhou:
        for rate, figures in PUBLISHED.items():
            rows += [
                {"case": f"Hangzhou, {rate} missing", "method": peer, "rmse": rmse} for peer, rmse in figures.items()
            ]
    for name, observed, truth, scored in cases:
        for center in CENTERS:
            for method, objective in METHODS.items():
                matrix, result = complete(options.flatmin, observed, objective, center, options.time_limit)
                row = {"case": name, "method": f"{method}, center {center}"} | score(matrix, truth, scored)
                rows.append(row | {key: result[key] for key in ("lambda", "rank", "seconds", "status")})
                print(line(rows[-1]), file=sys.stderr)
                note = machine_note(options.flatmin, sys.executable)
                (options.out / "sensors.md").write_text(summarise(rows) + "\n```\n" + note + "```\n")
    print(summarise(rows))


if __name__ == "__main__":
    main()
