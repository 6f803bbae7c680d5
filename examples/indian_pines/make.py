#!/usr/bin/env python3
"""Make pines.npz: a 48 × 48 pixel crop of the Indian Pines hyperspectral cube.

The cube ships inside the Python package tensorly (0.10.0 was used), so this
needs no download of its own:

    pip install numpy tensorly==0.10.0
    python make.py

The result has one key, ``X``: 2304 pixels (rows of the crop one after another)
× 200 spectral bands, float32, the published numbers unchanged.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

TOP, LEFT, SIDE = 64, 32, 48  # the crop: rows TOP.., columns LEFT.. of the 145 × 145 scene


def published_cube() -> np.ndarray:
    """The 145 × 145 × 200 cube of unsigned 16-bit integers as tensorly ships it."""
    package = find_spec("tensorly")
    if package is None or package.origin is None:
        raise SystemExit("tensorly is not installed: pip install tensorly==0.10.0")
    return np.load(Path(package.origin).parent / "datasets" / "data" / "Indian_pines_corrected.npy")


def main() -> None:
    """Cut the crop, flatten its pixels in row-major order, write it compressed."""
    cube = published_cube()
    crop = cube[TOP : TOP + SIDE, LEFT : LEFT + SIDE]
    pixels = crop.reshape(SIDE * SIDE, cube.shape[2]).astype(np.float32)
    target = Path(__file__).with_name("pines.npz")
    np.savez_compressed(target, X=pixels)
    print(f"{target.name}: X {pixels.shape} {pixels.dtype}, {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
