"""Symmetric matrices known by quadratic measurements y_i = x_iᵀ M x_i."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._base import Measured
from ._doc import documented


class _Quadratic(Measured):
    """M = U1 U1ᵀ − U2 U2ᵀ."""

    _key = "x"

    U1_: NDArray[np.float64]
    U2_: NDArray[np.float64]

    def __init__(
        self,
        *,
        exact: bool = False,
        epsilon: float | None = None,
        lam: float | None = None,
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
        self.exact = exact
        self.epsilon = epsilon
        self.lam = lam
        self.objective = objective
        self.rank = rank
        self.tol = tol
        self.max_iter = max_iter
        self.time_limit = time_limit
        self.threads = threads
        self.random_state = random_state
        self.verbose = verbose
        self.out = out

    @property
    def matrix_(self) -> NDArray[np.float64]:
        """M = U1 U1ᵀ − U2 U2ᵀ, formed anew at every call."""
        self._check_fitted()
        return self.U1_ @ self.U1_.T - self.U2_ @ self.U2_.T

    def _fitted_values(self, a: NDArray[Any]) -> NDArray[np.float64]:
        return np.square(a @ self.U1_).sum(axis=1) - np.square(a @ self.U2_).sum(axis=1)


@documented
class CovarianceSketch(_Quadratic):
    """A covariance matrix M ⪰ 0 from quadratic sketches y_i = x_iᵀ M x_i with known vectors x_i.

    Each y_i may be the energy of a stream of data along x_i: no sample of the stream is kept. M = U1 U1ᵀ is the one
    whose factor is flattest, proved to be so; of low rank, it is found from a few sketches a degree of freedom.

    Parameters
    ----------
    %(fit)s
    %(objective)s
    %(rank)s
    %(run)s

    Attributes
    ----------
    U1_, U2_ : arrays of shape (d, k1) and (d, k2)
        The factors; U2 has no column.
    matrix_ : array of shape (d, d)
        M = U1 U1ᵀ − U2 U2ᵀ.
    %(known)s

    References
    ----------
    %(source)s

    Examples
    --------
    >>> import flatmin
    >>> data = flatmin.generate("covariance", d1=10, rank=1, random_state=1)
    >>> model = flatmin.CovarianceSketch().fit(data["x"], data["y"])
    >>> model.certificate_["status"]
    'certified'
    >>> bool(abs(model.matrix_ - data["truth"]).max() < 1e-6)
    True
    """

    _model = "covariance"


@documented
class PhaseRetrieval(_Quadratic):
    """A vector u, up to its sign, from the squares y_i = (x_iᵀ u)² of its products with known vectors x_i.

    M = u uᵀ is sought among all M ⪰ 0, where the flattest is proved to be so: where its rank comes out as 1,
    `vector_` is the vector.

    Parameters
    ----------
    %(fit)s
    %(objective)s
    %(rank)s
    %(run)s

    Attributes
    ----------
    U1_, U2_ : arrays of shape (d, k1) and (d, k2)
        The factors; U2 has no column.
    vector_ : array of shape (d,)
        The first column of U1, turned so that its largest entry is positive.
    matrix_ : array of shape (d, d)
        M = U1 U1ᵀ − U2 U2ᵀ.
    %(known)s

    References
    ----------
    %(source)s

    Examples
    --------
    >>> import flatmin
    >>> import numpy as np
    >>> data = flatmin.generate("phase", d1=10, random_state=1)
    >>> model = flatmin.PhaseRetrieval().fit(data["x"], data["y"])
    >>> bool(np.allclose(np.square(data["x"] @ model.vector_), data["y"], atol=1e-6))
    True
    """

    _model = "phase"

    @property
    def vector_(self) -> NDArray[np.float64]:
        """u, of the sign that makes its largest entry positive."""
        self._check_fitted()
        u = self.U1_[:, 0]
        return u if u[np.argmax(np.abs(u))] >= 0 else -u


@documented
class QuadraticNetwork(_Quadratic):
    """A network with one hidden layer of squares, y = Σ_j ±(u_jᵀ x)² = xᵀ M x, as a regressor.

    M = U1 U1ᵀ − U2 U2ᵀ is any symmetric matrix; the units of U1 have the output weight +1, those of U2 −1. The
    flattest network that fits is found by a convex problem, whatever its width, with a proof; flat networks
    generalise from few samples where M has low rank.

    Parameters
    ----------
    %(fit)s
    %(objective)s
    %(rank)s
    positive, negative : int, optional
        Most units with output weight +1 and −1; by default as many as the convex solution needs. ``negative=0`` seeks
        M among the positive semidefinite matrices.
    %(run)s

    Attributes
    ----------
    U1_, U2_ : arrays of shape (d, k1) and (d, k2)
        The factors; their columns are the hidden units of either sign.
    matrix_ : array of shape (d, d)
        M = U1 U1ᵀ − U2 U2ᵀ.
    %(known)s

    References
    ----------
    %(source)s

    Notes
    -----
    By default the data are met exactly: more samples than d·(d + 1)/2 with noise cannot be. Give ``lam`` or
    ``epsilon`` for noisy data. There is no intercept and no linear term; a constant feature brings both in.

    Examples
    --------
    >>> import flatmin
    >>> data = flatmin.generate("network", d1=10, rank=2, random_state=1)
    >>> x, y = data["x"], data["y"]
    >>> model = flatmin.QuadraticNetwork().fit(x[:-10], y[:-10])
    >>> model.U1_.shape, model.U2_.shape
    ((10, 1), (10, 1))
    >>> model.score(x[-10:], y[-10:]) > 0.999999
    True
    """

    _model = "network"

    def __init__(
        self,
        *,
        exact: bool = False,
        epsilon: float | None = None,
        lam: float | None = None,
        objective: str = "flat",
        rank: int | str | None = None,
        positive: int | None = None,
        negative: int | None = None,
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
        self.positive = positive
        self.negative = negative
        self.tol = tol
        self.max_iter = max_iter
        self.time_limit = time_limit
        self.threads = threads
        self.random_state = random_state
        self.verbose = verbose
        self.out = out
