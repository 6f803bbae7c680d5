"""Ratings: complete a table, score it on entries that were hidden, predict, fit a user who comes later."""

import flatmin
import numpy as np

ratings = flatmin.generate("completion", ratings="300x120x9000", random_state=1)
places, stars = np.stack([ratings["rows"], ratings["cols"]], axis=1), ratings["y"]

# λ is chosen on a tenth of the entries; another tenth is hidden to score on.
model = flatmin.MatrixCompletion(center="bias", rank=8, hide=0.1, clip=(0.5, 5), tol=1e-3, shape=(300, 120))
model.fit(places, stars)
always_the_mean = stars.std()
print(f"error on hidden ratings {model.result_['test_rmse']:.3f}, of the mean alone {always_the_mean:.3f}")
assert model.result_["test_rmse"] < 0.95 * always_the_mean

print("user 7, items 0, 1, 2:", model.predict([7, 7, 7], [0, 1, 2]).round(2))

# Somebody who has rated two items: fitted to the items as they are.
newcomer = np.full((1, 120), np.nan)
newcomer[0, [3, 17]] = 4.5, 1.0
best = np.argsort(-model.transform(newcomer)[0])[:3]
print("for the newcomer: items", best)
