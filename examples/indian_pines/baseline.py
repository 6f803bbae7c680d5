#!/usr/bin/env python3
"""What to expect of pines.npz: a plain numpy alternating least squares.

Nine values in ten are hidden at random; the rest are fitted by L Rᵀ with a ridge
term that counts observations (the penalised flat objective in factored form):

    minimise  ½ Σ_observed (X_ij − l_i·r_j)² + (λ/2) (Σ_i n_i ‖l_i‖² + Σ_j n_j ‖r_j‖²)

where n_i, n_j are the numbers of observed values in row i and column j. Printed is
‖hidden − predicted‖ / ‖hidden‖ over the hidden values. Needs numpy; takes a minute.
"""

from pathlib import Path

import numpy as np


def ridge_rows(values: np.ndarray, seen: np.ndarray, other: np.ndarray, penalty: float) -> np.ndarray:
    """For each row i the minimiser of ½Σ_j seen_ij (values_ij − l·other_j)² + (λ/2) n_i ‖l‖²."""
    rank = other.shape[1]
    products = (other[:, :, None] * other[:, None, :]).reshape(len(other), rank * rank)
    gram = (seen @ products).reshape(-1, rank, rank)
    gram += penalty * np.maximum(seen.sum(1), 1)[:, None, None] * np.eye(rank)
    return np.linalg.solve(gram, (values @ other)[:, :, None])[:, :, 0]


def complete(values: np.ndarray, seen: np.ndarray, rank: int, penalty: float, sweeps: int = 40) -> np.ndarray:
    """L Rᵀ after alternating ridge regressions from the scaled singular vectors of the data."""
    u, s, vt = np.linalg.svd(values / seen.mean(), full_matrices=False)
    left, right = u[:, :rank] * np.sqrt(s[:rank]), vt[:rank].T * np.sqrt(s[:rank])
    for _ in range(sweeps):
        left = ridge_rows(values, seen, right, penalty)
        right = ridge_rows(values.T, seen.T, left, penalty)
    return left @ right.T


def offsets(pixels: np.ndarray, seen: np.ndarray, center: str) -> np.ndarray:
    """What is subtracted before the fit: nothing, the mean, or mean + row + column offsets."""
    if center == "none":
        return np.zeros_like(pixels)
    mean = pixels[seen > 0].mean()
    row, column = np.zeros((len(pixels), 1)), np.zeros((1, pixels.shape[1]))
    if center == "bias":
        for _ in range(20):
            column = (seen * (pixels - mean - row)).sum(0, keepdims=True) / seen.sum(0, keepdims=True)
            row = (seen * (pixels - mean - column)).sum(1, keepdims=True) / seen.sum(1, keepdims=True)
    return mean + row + column + np.zeros_like(pixels)


def main() -> None:
    """Print the table of errors."""
    pixels = np.load(Path(__file__).with_name("pines.npz"))["X"].astype(float)
    seen = (np.random.default_rng(1).random(pixels.shape) < 0.1).astype(float)
    hidden = seen == 0
    penalties = (3.0, 5.0, 10.0, 15.0, 30.0)
    print(f"{int(seen.sum())} of {pixels.size} values kept; a row keeps at least {int(seen.sum(1).min())}")
    print("center  rank  " + "  ".join(f"λ={p:<6g}" for p in penalties))
    for center in ("none", "global", "bias"):
        base = offsets(pixels, seen, center)
        for rank in (2, 4, 8):
            row = []
            for penalty in penalties:
                fit = base + complete(seen * (pixels - base), seen, rank, penalty)
                error = np.linalg.norm((fit - pixels)[hidden]) / np.linalg.norm(pixels[hidden])
                row.append(f"{100 * error:5.2f} % ")
            print(f"{center:6}  {rank:4}  " + "  ".join(row), flush=True)


if __name__ == "__main__":
    main()
