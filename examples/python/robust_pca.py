"""A low-rank matrix with a few entries far off: both parts, and which entries are outliers."""

import flatmin
import numpy as np

rng = np.random.default_rng(0)
low_rank = rng.standard_normal((60, 2)) @ rng.standard_normal((2, 40))
outliers = np.where(rng.random((60, 40)) < 0.05, rng.choice([-5.0, 5.0], (60, 40)), 0.0)

model = flatmin.RobustPCA().fit(low_rank + outliers)
off = np.linalg.norm(model.low_rank_ - low_rank) / np.linalg.norm(low_rank)
print(f"low-rank part off by {off:.1e}, gap {model.certificate_['gap']:.1e}")
assert off < 1e-6

found = np.abs(model.sparse_) > 1e-6
print(f"{found.sum()} entries found, {(outliers != 0).sum()} were put in")
assert (found == (outliers != 0)).all()
