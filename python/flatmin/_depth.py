"""Models of K factors instead of two."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._base import Measured
from ._doc import documented


@documented
class DeepSparse(Measured):
    """A sparse vector x from y = A x, as an entrywise product x = v_1 ⊙ … ⊙ v_K of `depth` vectors.

    The flattest such factors minimise Σ_l ‖a_l‖²·abs(x_l)^(2 − 2/K) for the columns a_l of A: at depth 2 that is a
    weighted ℓ1 norm, which finds sparse vectors and is proved to be minimal; deeper products prefer dense vectors.

    Parameters
    ----------
    %(fit)s
    depth : int
        Number K of factors, at least 2.
    %(run)s

    Attributes
    ----------
    coef_ : array of shape (d,)
        x.
    V_ : array of shape (depth, d)
        The factors, one a row.
    %(known)s

    References
    ----------
    %(source)s

    Examples
    --------
    >>> import flatmin
    >>> data = flatmin.generate("sparse", d1=40, rank=2, random_state=1)
    >>> model = flatmin.DeepSparse().fit(data["A"], data["y"])
    >>> model.result_["rank"], bool(abs(model.coef_ - data["truth"]).max() < 1e-6)
    (2, True)
    """

    _model = "sparse"

    V_: NDArray[np.float64]

    def __init__(
        self,
        *,
        exact: bool = False,
        epsilon: float | None = None,
        lam: float | None = None,
        depth: int = 2,
        tol: float | None = None,
        max_iter: int = 20_000,
        time_limit: float | None = None,
        threads: int | None = None,
        random_state: int = 0,
        verbose: bool = False,
        out: str | None = None,
    ) -> None:
        self.exact = exact
        self.epsilon = epsilon
        self.lam = lam
        self.depth = depth
        self.tol = tol
        self.max_iter = max_iter
        self.time_limit = time_limit
        self.threads = threads
        self.random_state = random_state
        self.verbose = verbose
        self.out = out

    @property
    def coef_(self) -> NDArray[np.float64]:
        """x, the product of the factors."""
        self._check_fitted()
        return self.V_.prod(axis=0)

    def _fitted_values(self, a: NDArray[Any]) -> NDArray[np.float64]:
        return a @ self.coef_


@documented
class DeepMatrix(Measured):
    """A matrix from y_i = ⟨A_i, X⟩ as a product X = W_1 ⋯ W_K of `depth` matrices: a linear network.

    The set of all chains that fit the data exactly is searched for the flattest; unlike for two factors nothing is
    proved. `result_["nuclear_law"]` holds the trace against the law of the identity map, a power of the nuclear norm.

    Parameters
    ----------
    depth : int
        Number K of factors, at least 2.
    width : int, optional
        Columns of every hidden layer; by default min(d1, d2), beyond which no chain is flatter.
    starts : int, optional
        Random starting points beside that of the two-factor solution; by default 1.
    %(run)s

    Attributes
    ----------
    W_ : list of arrays
        The layers W_1 (d1, n), W_2 (n, n), …, W_K (n, d2).
    matrix_ : array of shape (d1, d2)
        X, their product.
    %(known)s

    References
    ----------
    %(source)s

    Examples
    --------
    >>> import flatmin
    >>> data = flatmin.generate("deep", d1=5, rank=1, m=22, random_state=1)
    >>> model = flatmin.DeepMatrix(depth=3, tol=1e-6).fit(data["A"], data["y"])
    >>> len(model.W_), model.matrix_.shape
    (3, (5, 5))
    >>> model.result_["residual"] < 1e-6
    True
    """

    _model = "deep"
    _dimensions = 3

    W_: list[NDArray[np.float64]]

    def __init__(
        self,
        *,
        depth: int = 3,
        width: int | None = None,
        starts: int | None = None,
        tol: float | None = None,
        max_iter: int = 20_000,
        time_limit: float | None = None,
        threads: int | None = None,
        random_state: int = 0,
        verbose: bool = False,
        out: str | None = None,
    ) -> None:
        self.depth = depth
        self.width = width
        self.starts = starts
        self.tol = tol
        self.max_iter = max_iter
        self.time_limit = time_limit
        self.threads = threads
        self.random_state = random_state
        self.verbose = verbose
        self.out = out

    def _take(self, arrays: dict[str, Any]) -> None:
        self.W_ = [arrays[f"W{j + 1}"] for j in range(len(arrays))]

    @property
    def matrix_(self) -> NDArray[np.float64]:
        """X = W_1 ⋯ W_K, formed anew at every call."""
        self._check_fitted()
        return np.linalg.multi_dot(self.W_)

    def _fitted_values(self, a: NDArray[Any]) -> NDArray[np.float64]:
        return np.einsum("mij,ij->m", a, self.matrix_)
