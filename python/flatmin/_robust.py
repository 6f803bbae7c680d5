"""Robust principal component analysis: a low-rank matrix and a few outliers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._base import Estimator
from ._doc import documented
from ._words import array


@documented
class RobustPCA(Estimator):
    """A matrix Y as X + S: X of low rank, S with few entries, any of which may be large.

    Minimises ‖X‖_* + theta·‖Y − X‖_1, which separates the two exactly where X is not sparse itself and S is not of
    low rank; how close to the minimum the solution is, is proved. Frames of a film as columns: X is the background, S
    moves.

    Parameters
    ----------
    theta : float, optional
        What an outlier costs against rank; by default 1/√max(d1, d2).
    radius : float, optional
        Minimise ‖X‖_* under ‖Y − X‖_1 ≤ radius instead.
    %(objective)s
        Where every entry is observed all of them are the nuclear norm.
    %(rank)s
    %(run)s

    Attributes
    ----------
    low_rank_, sparse_ : arrays of shape (d1, d2)
        X and S; S is zero where nothing was observed.
    L_, R_ : arrays of shape (d1, k) and (d2, k)
        Factors of X = L Rᵀ.
    matrix_ : array of shape (d1, d2)
        X.
    %(known)s

    References
    ----------
    Candès, Li, Ma and Wright, *Robust principal component analysis?*, J. ACM 58(3), 2011, DOI
    10.1145/1970392.1970395.
    %(source)s

    Examples
    --------
    >>> import flatmin
    >>> data = flatmin.generate("rpca", d1=20, rank=1, random_state=1)
    >>> model = flatmin.RobustPCA().fit(data["Y"])
    >>> model.result_["rank"], bool(abs(model.low_rank_ - data["truth"]).max() < 1e-5)
    (1, True)
    """

    _model = "rpca"

    low_rank_: NDArray[np.float64]
    sparse_: NDArray[np.float64]
    L_: NDArray[np.float64]
    R_: NDArray[np.float64]

    def __init__(
        self,
        *,
        theta: float | None = None,
        radius: float | None = None,
        objective: str = "flat",
        rank: int | str | None = None,
        tol: float | None = None,
        max_iter: int = 20_000,
        time_limit: float | None = None,
        threads: int | None = None,
        random_state: int = 0,
        verbose: bool = False,
        out: str | None = None,
    ) -> None:
        self.theta = theta
        self.radius = radius
        self.objective = objective
        self.rank = rank
        self.tol = tol
        self.max_iter = max_iter
        self.time_limit = time_limit
        self.threads = threads
        self.random_state = random_state
        self.verbose = verbose
        self.out = out

    def fit(self, Y: ArrayLike, y: None = None, *, mask: ArrayLike | None = None) -> RobustPCA:
        """Separates Y.

        Parameters
        ----------
        Y : array of shape (d1, d2)
            The matrix; NaN where nothing was observed.
        y : None
            Not used; there for scikit-learn.
        mask : array of booleans of shape (d1, d2), optional
            True where Y was observed.

        Returns
        -------
        self
        """
        found = array("Y", Y)
        data = {"Y": found}
        if mask is not None:
            data["mask"] = np.asarray(mask, dtype=bool)
        if found.ndim != 2 or 0 in found.shape:
            raise ValueError(
                f'key "Y": found shape {found.shape}, expected a matrix (d1, d2). Reshape your data: '
                f"0 feature(s) (shape={found.shape}) while a minimum of 1 is required."
                if 0 in found.shape
                else f'key "Y": found shape {found.shape}, expected a matrix (d1, d2). Reshape your data'
            )
        self._note_features(Y, found.shape[1])
        self._solve(data)
        return self

    @property
    def matrix_(self) -> NDArray[np.float64]:
        """X, the same array as `low_rank_`."""
        self._check_fitted()
        return self.low_rank_

    def __sklearn_tags__(self):  # type: ignore[no-untyped-def]
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
