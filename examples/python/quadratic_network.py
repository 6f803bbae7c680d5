"""A network with quadratic units: the flattest one that fits the data predicts without error what it has not seen."""

import flatmin
import numpy as np

rng = np.random.default_rng(2)
d, units = 12, 2
teacher = rng.standard_normal((d, units))


def output(x):
    """Of a teacher with one unit that adds and one that subtracts."""
    return (x @ teacher[:, 0]) ** 2 - (x @ teacher[:, 1]) ** 2


x = rng.standard_normal((90, d))
model = flatmin.QuadraticNetwork().fit(x, output(x))
fresh = rng.standard_normal((1000, d))
error = np.abs(model.predict(fresh) - output(fresh)).max()
print(f"{model.U1_.shape[1]} + {model.U2_.shape[1]} hidden units, largest error on fresh data {error:.1e}")
assert error < 1e-4

# How flat: the trace of the Hessian is proved to be within this share of the smallest possible.
print(f"excess of the trace over its minimum: at most {model.flatness_['excess_flatness']:.1e}")
