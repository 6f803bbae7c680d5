"""How flat are somebody else's factors? Those of scikit-learn's NMF, of the same product balanced, and the flattest."""

import flatmin
import numpy as np

try:
    from sklearn.decomposition import NMF
except ImportError:
    raise SystemExit("scikit-learn is missing: skipped") from None

rng = np.random.default_rng(3)
table = rng.random((50, 3)) @ rng.random((3, 30))

nmf = NMF(n_components=3, init="nndsvda", max_iter=2000, tol=1e-8, random_state=0)
theirs = dict(L=nmf.fit_transform(table), R=nmf.components_.T)

# The same product, its singular values shared evenly: the flattest factors of it, every entry being known.
u, s, vt = np.linalg.svd(theirs["L"] @ theirs["R"].T, full_matrices=False)
balanced = dict(L=u[:, :3] * np.sqrt(s[:3]), R=vt[:3].T * np.sqrt(s[:3]))

rows, cols = np.divmod(np.arange(table.size), table.shape[1])
data = dict(rows=rows, cols=cols, y=table.ravel(), shape=np.array(table.shape))
traces = {}
for name, factors in (("NMF", theirs), ("balanced", balanced)):
    audit = flatmin.audit("completion", data, factors)
    traces[name] = audit["scaled_trace"]
    print(
        f"{name:9} scaled trace {audit['scaled_trace']:.4g}, misfit {audit['residual']:.1e} of the data, "
        f"balancedness {audit['balancedness']:.1e}"
    )
assert traces["balanced"] < traces["NMF"]
