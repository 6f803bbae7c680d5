#!/usr/bin/env python3
"""Make camera.npz: scikit-image's "camera" photograph at 256 × 256 grey levels.

The photograph ships inside the Python package scikit-image (0.26.0 was used):

    pip install numpy scikit-image==0.26.0
    python make.py

The result has one key, ``X``: 256 × 256, float32, grey levels from 0 to 255. Each is the
mean of a 2 × 2 block of the 512 × 512 original.
"""

from pathlib import Path

import numpy as np
from skimage import data


def main() -> None:
    """Average 2 × 2 blocks and write the result compressed."""
    original = data.camera().astype(np.float32)
    rows, columns = original.shape
    small = original.reshape(rows // 2, 2, columns // 2, 2).mean(axis=(1, 3))
    target = Path(__file__).with_name("camera.npz")
    np.savez_compressed(target, X=small)
    print(f"{target.name}: X {small.shape} {small.dtype}, {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
