#!/usr/bin/env python3
"""Make synthetic ratings in the shape of the MovieLens data sets and of Netflix's (100m).

Few rows and columns have most of the entries. Ratings are half stars of a matrix of rank 10 with row and column effects
and noise of 0.8, less their mean; a tenth of them, drawn at random, goes into TEST.npz. Both files are as `flatmin
solve completion` reads them.

usage: ratings_data.py {100k,1m,10m,20m,100m} SEED TRAIN.npz TEST.npz
"""

from __future__ import annotations

import argparse

import numpy as np

SHAPES = {
    "100k": (943, 1682, 100_000),
    "1m": (6040, 3706, 1_000_209),
    "10m": (69_878, 10_677, 10_000_054),
    "20m": (138_493, 26_744, 20_000_263),
    "100m": (480_189, 17_770, 100_480_507),
}


def places(rng: np.random.Generator, d1: int, d2: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """That many different entries: popularity falls as a power of the place among rows, and faster among columns."""
    rows = (np.arange(d1) + 10.0) ** -0.7
    columns = (np.arange(d2) + 20.0) ** -0.5 * np.exp(-5.0 * (np.arange(d2) / d2) ** 2)
    ends = [np.cumsum(rng.permutation(p / p.sum())) for p in (rows, columns)]
    keys = np.empty(0, np.int64)
    while keys.size < count:
        draws = int((count - keys.size) * 1.3) + 1000
        a, b = (np.minimum(np.searchsorted(end, rng.random(draws)), end.size - 1) for end in ends)
        keys = np.unique(np.concatenate([keys, a * d2 + b]))
    keys = rng.permutation(keys)[:count]
    return keys // d2, keys % d2


def ratings(rng: np.random.Generator, rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Half stars from ½ to 5, less their mean."""
    strengths = np.linspace(1, 0.3, 10)
    left = rng.standard_normal((shape[0], 10)) * (0.63 * strengths / np.linalg.norm(strengths))
    right = rng.standard_normal((shape[1], 10))
    y = 0.2 * rng.standard_normal(shape[0])[rows] + 0.3 * rng.standard_normal(shape[1])[columns]
    y += 0.8 * rng.standard_normal(rows.size)
    for start in range(0, rows.size, 1 << 20):
        part = slice(start, start + (1 << 20))
        y[part] += np.einsum("ik,ik->i", left[rows[part]], right[columns[part]])
    y = np.clip(np.round(2 * (3.5 + y)) / 2, 0.5, 5)
    return y - y.mean()


def main() -> None:
    """Make and write both parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("size", choices=list(SHAPES))
    parser.add_argument("seed", type=int)
    parser.add_argument("train")
    parser.add_argument("test")
    options = parser.parse_args()
    d1, d2, count = SHAPES[options.size]
    rng = np.random.default_rng(options.seed)
    rows, columns = places(rng, d1, d2, count)
    y = ratings(rng, rows, columns, (d1, d2))
    held_out = rng.random(count) < 0.1
    for path, part in ((options.train, ~held_out), (options.test, held_out)):
        np.savez(path, rows=rows[part], cols=columns[part], y=y[part], shape=np.array([d1, d2]))


if __name__ == "__main__":
    main()
