"""Completion and an experiment over a Dask cluster: two processes here; a real one is named by its address."""

import flatmin
import numpy as np

try:
    from distributed import Client, LocalCluster
except ImportError:
    raise SystemExit("distributed is missing: skipped") from None


def part(seed):
    """Some of the ratings, made where they are needed. Real ones are read: fit also takes a folder of Parquet files."""
    rng = np.random.default_rng(seed)
    rows, cols = np.unravel_index(rng.choice(150 * 100, 2500, replace=False), (150, 100))
    rows = 4 * rows + seed
    return rows, cols, np.sin(rows) * np.cos(cols) + 0.1 * rng.standard_normal(len(rows))


if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        parts = client.map(part, range(4))
        model = flatmin.MatrixCompletion(lam=0.02, tol=1e-3, shape=(600, 100), client=client).fit(parts)
        print(
            f"{model.result_['measurements']} entries, rank {model.result_['rank']}, "
            f"error {model.result_['train_rmse']:.3f}, gap {model.certificate_['gap']:.1e}"
        )
        assert model.result_["status"] == "certified"
        rows = flatmin.experiment.noise(d=6, trials=1, seed=3, client=client)
        print(len(rows), "rows of an experiment")
