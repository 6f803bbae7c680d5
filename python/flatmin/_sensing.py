"""Matrices known by linear measurements: dense ones, and of rank one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._base import Estimator, Measured, _r2
from ._doc import documented
from ._words import array


class _General(Estimator):
    """X = L Rᵀ of any shape."""

    L_: NDArray[np.float64]
    R_: NDArray[np.float64]

    def __init__(
        self,
        *,
        exact: bool = False,
        epsilon: float | None = None,
        lam: float | None = None,
        objective: str = "flat",
        rank: int | str | None = None,
        isometry: bool = False,
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
        self.objective = objective
        self.rank = rank
        self.isometry = isometry
        self.tol = tol
        self.max_iter = max_iter
        self.time_limit = time_limit
        self.threads = threads
        self.random_state = random_state
        self.verbose = verbose
        self.out = out

    @property
    def matrix_(self) -> NDArray[np.float64]:
        """X = L Rᵀ, formed anew at every call."""
        self._check_fitted()
        return self.L_ @ self.R_.T


@documented
class MatrixSensing(_General, Measured):
    """A matrix X from measurements y_i = ⟨A_i, X⟩ with known matrices A_i.

    Of all factorisations X = L Rᵀ that fit the data the flattest is found: the one that minimises the scaled trace of
    the Hessian of ‖A(L Rᵀ) − y‖². That problem is convex in X, and the solution comes with a proof of how far from
    the flattest it is at most. For random A_i and a matrix of low rank it is the matrix itself, from a few
    measurements a degree of freedom.

    Parameters
    ----------
    %(fit)s
    %(objective)s
    %(rank)s
    isometry : bool
        Estimate the restricted isometry constant of the measurements as well (a search of some seconds).
    %(run)s

    Attributes
    ----------
    L_, R_ : arrays of shape (d1, k) and (d2, k)
        The factors, balanced in the weights D1, D2.
    matrix_ : array of shape (d1, d2)
        X = L Rᵀ.
    %(known)s

    References
    ----------
    %(source)s

    Examples
    --------
    >>> import flatmin
    >>> data = flatmin.generate("sensing", d1=12, rank=1, random_state=1)
    >>> model = flatmin.MatrixSensing().fit(data["A"], data["y"])
    >>> model.certificate_["status"], model.L_.shape
    ('certified', (12, 1))
    >>> bool(abs(model.matrix_ - data["truth"]).max() < 1e-6)
    True
    """

    _model = "sensing"
    _dimensions = 3

    def _fitted_values(self, a: NDArray[Any]) -> NDArray[np.float64]:
        # ⟨A, L Rᵀ⟩ = Σ (A R) ∘ L: the matrix is not formed.
        return np.einsum("mik,ik->m", a @ self.R_, self.L_)


@documented
class BilinearSensing(_General):
    """A matrix X from measurements y_i = a_iᵀ X b_i with known vectors a_i and b_i.

    The same as :class:`MatrixSensing` for matrices A_i = a_i b_iᵀ of rank one, without ever forming them: m·(d1 + d2)
    numbers are stored instead of m·d1·d2.

    Parameters
    ----------
    %(fit)s
    %(objective)s
    %(rank)s
    isometry : bool
        Estimate the restricted isometry constant of the measurements as well (a search of some seconds).
    %(run)s

    Attributes
    ----------
    L_, R_ : arrays of shape (d1, k) and (d2, k)
        The factors, balanced in the weights D1, D2.
    matrix_ : array of shape (d1, d2)
        X = L Rᵀ.
    %(known)s

    References
    ----------
    %(source)s

    Examples
    --------
    >>> import flatmin
    >>> data = flatmin.generate("bilinear", d1=12, rank=1, m=80, random_state=1)
    >>> model = flatmin.BilinearSensing().fit(data["a"], data["b"], data["y"])
    >>> model.certificate_["status"]
    'certified'
    >>> bool(abs(model.matrix_ - data["truth"]).max() < 1e-6)
    True
    """

    _model = "bilinear"

    def fit(self, a: ArrayLike, b: ArrayLike, y: ArrayLike) -> BilinearSensing:
        """Recovers X.

        Parameters
        ----------
        a : array of shape (m, d1)
            The vectors a_i, one a row.
        b : array of shape (m, d2)
            The vectors b_i, one a row.
        y : array of shape (m,)
            The values.

        Returns
        -------
        self
        """
        self._solve({"a": array("a", a), "b": array("b", b), "y": array("y", y)})
        return self

    def predict(self, a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
        """The values a_iᵀ X b_i of other vectors.

        Returns
        -------
        array of shape (n,)
        """
        self._check_fitted()
        return np.einsum("mk,mk->m", array("a", a) @ self.L_, array("b", b) @ self.R_)

    def score(self, a: ArrayLike, b: ArrayLike, y: ArrayLike) -> float:
        """The coefficient of determination R² of the predictions: 1 is perfect.

        Returns
        -------
        float
        """
        return _r2(np.asarray(array("y", y), dtype=np.float64), self.predict(a, b))
