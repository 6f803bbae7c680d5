"""A matrix of which some entries are known."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _flatmin
from ._base import Estimator, _r2
from ._doc import documented
from ._entries import entries, looked_up
from ._words import warn

#: Pairs predicted at a time: their rows of both factors are held at once.
_BATCH = 1 << 20


@documented
class MatrixCompletion(Estimator):
    """A matrix of low rank from some of its entries: ratings, sensors, anything with gaps.

    Minimises ½ Σ (X[a, b] − y)² over the known entries plus lam times a norm of X that keeps its rank low. With the
    objective "flat" that norm weighs rows and columns by how often they are observed: the factors X = L Rᵀ are then
    the flattest, those at which the loss bends least. The problem is convex, so that there is one answer, and the
    certificate proves how close to it the solution is.

    **What to pass to fit.** A ``scipy.sparse`` matrix or array of any format, whose stored entries are the known ones
    (stored zeros are known zeros); an array (d1, d2) with NaN where nothing is known; a pandas or polars data frame
    of triplets, whose columns are named as those of published tables (``userId, movieId, rating``; ``row, column,
    value``), with ids of any kind; or positions (n, 2) beside values y (n), as cross-validation over entries needs
    them.

    **How to choose lam.** By default ("auto") a tenth of the entries is held out and the best of a grid is taken,
    with ``folds`` by cross-validation. Data without noise want ``exact=True``. A larger number means
    lower rank and stronger shrinkage; it is in the unit of the noise among the entries, and with another objective
    another number is best, as "flat" weighs the norm by the counts.

    **How to choose the rank.** Leave it: the penalty finds it. ``rank=20`` only keeps factors narrow; if the optimum
    has more columns, `certificate_["missing_columns"]` says so and the gap stays open. ``rank="auto"`` with
    lam="auto" keeps as many as were best on the entries held out.

    **What the certificate means.** `value` is the objective at the solution, `lower_bound` a number that no matrix
    whatsoever can go below, proved with rounding included; `gap` = (value − lower_bound)/value. A gap of 1e-4 says:
    no other method can lower this objective by more than 0.01 %%. It says nothing of whether the model fits the
    world; for that see `test_rmse` with ``hide``.

    Parameters
    ----------
    exact : bool
        Meet the entries exactly.
    epsilon : float, optional
        Meet them to within ‖A(X) − y‖₂ ≤ epsilon, in the unit of the entries.
    lam : float or "auto", optional
        The penalty; by default "auto".
    %(objective)s
        "auto" chooses between three of them on the entries held out.
    %(rank)s
    center : {"none", "global", "bias"}, optional
        What to subtract before solving and to add to predictions: nothing, the mean, or the mean and a bias of each
        row and column, fitted together with X. Ratings want "bias".
    folds : int, optional
        Choose lam by so many folds instead of on one tenth of the entries.
    hide : float, optional
        Take this share of the entries away at random before solving and score on them: `result_["test_rmse"]`.
    clip : (float, float), optional
        Smallest and largest value of predictions.
    shape : (int, int), optional
        (d1, d2), where positions are passed to fit; by default as large as they need.
    isometry : bool
        Estimate the restricted isometry constant of the sampling as well (a search of some seconds).
    client : distributed.Client, optional
        A Dask client: the entries lie in blocks on its workers, and nothing needs to fit one machine but the factors.
        It wants a number for lam, and center "none" or "global"; ``threads``, by default 1, are then those of one task.
        ``fit`` also takes a Dask data frame of triplets, a Parquet file or a folder of them, or a list of futures of
        tables or of (rows, cols, y).
    %(run)s

    Attributes
    ----------
    L_, R_ : arrays of shape (d1, k) and (d2, k)
        The factors, without the centre.
    matrix_ : array of shape (d1, d2)
        The completed matrix, centre included. It is formed when asked for; use ``predict`` where it is large.
    mean_, row_bias_, column_bias_ : float, arrays of shape (d1,) and (d2,)
        The centre; zeros where nothing was subtracted.
    row_ids_, column_ids_ : arrays or None
        The ids of a table of entries, in the order of the rows of L_ and of R_.
    %(known)s

    References
    ----------
    %(source)s

    Examples
    --------
    >>> import numpy as np
    >>> import flatmin
    >>> truth = np.outer([1, 2, 1, 2, 1], [1, -1, 2, 1, 1.5])
    >>> known = truth.copy()
    >>> known[[0, 1, 2, 3], [0, 1, 2, 3]] = np.nan
    >>> model = flatmin.MatrixCompletion(exact=True).fit(known)
    >>> bool(abs(model.matrix_ - truth).max() < 1e-5), model.certificate_["unique"]
    (True, True)

    Ratings, with ids of any kind:

    >>> import pandas as pd
    >>> ratings = pd.DataFrame({"user": ["ann", "ann", "bob", "bob", "cy"], "item": list("xyxzy"),
    ...                         "rating": [4.0, 5.0, 2.0, 1.0, 4.5]})
    >>> model = flatmin.MatrixCompletion(lam=0.5, center="global").fit(ratings)
    >>> model.predict(["bob"], ["y"]).shape
    (1,)
    """

    _model = "completion"
    _own = ("shape", "client")

    L_: NDArray[np.float64]
    R_: NDArray[np.float64]
    mean_: float
    row_bias_: NDArray[np.float64]
    column_bias_: NDArray[np.float64]
    row_ids_: NDArray[Any] | None
    column_ids_: NDArray[Any] | None

    def __init__(
        self,
        *,
        exact: bool = False,
        epsilon: float | None = None,
        lam: float | str | None = None,
        objective: str = "flat",
        rank: int | str | None = None,
        center: str | None = None,
        folds: int | None = None,
        hide: float | None = None,
        clip: tuple[float, float] | None = None,
        shape: tuple[int, int] | None = None,
        isometry: bool = False,
        tol: float | None = None,
        max_iter: int = 20_000,
        time_limit: float | None = None,
        threads: int | None = None,
        random_state: int = 0,
        verbose: bool = False,
        out: str | None = None,
        client: Any = None,
    ) -> None:
        self.exact = exact
        self.epsilon = epsilon
        self.lam = lam
        self.objective = objective
        self.rank = rank
        self.center = center
        self.folds = folds
        self.hide = hide
        self.clip = clip
        self.shape = shape
        self.isometry = isometry
        self.tol = tol
        self.max_iter = max_iter
        self.time_limit = time_limit
        self.threads = threads
        self.random_state = random_state
        self.verbose = verbose
        self.out = out
        self.client = client

    def fit(self, X: Any, y: ArrayLike | None = None) -> MatrixCompletion:
        """Completes a matrix.

        Parameters
        ----------
        X : sparse matrix, array with NaN, data frame, or positions of shape (n, 2)
            The known entries; see the class.
        y : array of shape (n,), optional
            The values, where X is positions: integers of shape (n, 2). Beside any other X it is not used.

        Returns
        -------
        self
        """
        if self.client is not None:
            return self._fit_on_cluster(X, y)
        found = entries(X, y, self.shape)
        self.row_ids_, self.column_ids_ = found.row_ids, found.column_ids
        if "X" in found.data:
            matrix = found.data["X"]
            if matrix.ndim != 2 or 0 in matrix.shape:
                what = "sample(s)" if matrix.ndim == 2 and matrix.shape[0] == 0 else "feature(s)"
                raise ValueError(
                    f'key "X": found shape {matrix.shape}, expected a matrix (d1, d2). Reshape your data: '
                    f"0 {what} (shape={matrix.shape}) while a minimum of 1 is required."
                )
            self._note_features(X, matrix.shape[1])
        self._solve(found.data)
        if "X" not in found.data:
            self._note_features(None, self.R_.shape[0])
        return self

    def _fit_on_cluster(self, X: Any, y: ArrayLike | None) -> MatrixCompletion:
        from ._cluster import solve

        found = solve(self.get_params(), X, y)
        self.row_ids_, self.column_ids_ = found["row_ids"], found["column_ids"]
        self._learn(json.dumps(found["result"]), json.dumps(found["report"]))
        self._take(found["arrays"])
        self._note_features(None, self.R_.shape[0])
        if found["signal"] is not None:
            # What was found until then stays, marked as interrupted.
            raise found["signal"]
        warn(self._doubts())
        return self

    def __sklearn_clone__(self) -> MatrixCompletion:
        # A client cannot be copied.
        parameters = self.get_params()
        client = parameters.pop("client")
        return type(self)(**copy.deepcopy(parameters), client=client)

    def __getstate__(self) -> dict[str, Any]:
        # A client belongs to its process.
        return {**self.__dict__, "client": None}

    def _take(self, arrays: dict[str, Any]) -> None:
        self.L_, self.R_ = arrays["L"], arrays["R"]
        self.mean_ = float(arrays.get("mean", 0.0))
        self.row_bias_ = arrays.get("row_bias", np.zeros(len(self.L_)))
        self.column_bias_ = arrays.get("column_bias", np.zeros(len(self.R_)))
        self._bias_ridge = float(arrays["bias_ridge"]) if "bias_ridge" in arrays else None
        self._ridge = (float(arrays["row_ridge"]), float(arrays["ridge_power"]))

    @property
    def matrix_(self) -> NDArray[np.float64]:
        """The completed matrix (d1, d2), formed anew at every call."""
        self._check_fitted()
        return self._clipped(self.L_ @ self.R_.T + self.row_bias_[:, None] + (self.mean_ + self.column_bias_))

    def predict(self, rows: Any, cols: Any = None) -> NDArray[np.float64]:
        """The entries at pairs of a row and a column.

        Parameters
        ----------
        rows, cols : arrays of shape (n,)
            Positions from 0, or ids where the data had ids. An id that is new is predicted by the mean and the bias
            of the other one. Positions (n, 2) may be passed as the only argument.

        Returns
        -------
        array of shape (n,)
        """
        self._check_fitted()
        if cols is None:
            places = np.asarray(rows)
            if places.ndim != 2 or places.shape[1] != 2:
                raise ValueError(f'key "rows": found shape {places.shape}, expected (n, 2), or rows and cols')
            rows, cols = places[:, 0], places[:, 1]
        a = looked_up(rows, self.row_ids_, len(self.L_), "rows")
        b = looked_up(cols, self.column_ids_, len(self.R_), "cols")
        if a.shape != b.shape:
            raise ValueError(f'key "cols": found {len(b)} values, expected {len(a)} (as many as "rows" has)')
        predicted = np.empty(len(a))
        for start in range(0, len(a), _BATCH):
            part = slice(start, start + _BATCH)
            i, j = a[part], b[part]
            dot = np.einsum("nk,nk->n", self.L_[i], self.R_[j])
            dot[(i < 0) | (j < 0)] = 0.0
            bias = np.where(i < 0, 0.0, self.row_bias_[i]) + np.where(j < 0, 0.0, self.column_bias_[j])
            predicted[part] = self.mean_ + bias + dot
        return self._clipped(predicted)

    def fold_in(self, X: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Fits new rows to the columns as they are, without solving again: a small ridge problem a row.

        Parameters
        ----------
        X : sparse matrix (n, d2), array with NaN, or data frame with the ids of known columns
            The known entries of the new rows.

        Returns
        -------
        factor, bias : arrays of shape (n, k) and (n,)
        """
        self._check_fitted()
        return self._fold_in(_Rows(X, self))

    def _fold_in(self, rows: _Rows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        centred = rows.y - (self.mean_ + self.column_bias_[rows.cols])
        return _flatmin.fold_in(
            np.ascontiguousarray(self.R_), self._ridge, self._bias_ridge, rows.starts, rows.cols, centred
        )

    def transform(self, X: Any) -> NDArray[np.float64]:
        """Rows with their gaps filled; what is known stays as it is.

        Parameters
        ----------
        X : sparse matrix (n, d2), array with NaN, or data frame with the ids of known columns
            Rows, new or not: each is fitted by its own entries.

        Returns
        -------
        array of shape (n, d2)
        """
        self._check_fitted()
        rows = _Rows(X, self)
        factor, bias = self._fold_in(rows)
        filled = self._clipped(factor @ self.R_.T + bias[:, None] + (self.mean_ + self.column_bias_))
        filled[np.repeat(np.arange(len(factor)), np.diff(rows.starts)), rows.cols] = rows.y
        return filled

    def fit_transform(self, X: Any, y: ArrayLike | None = None) -> NDArray[np.float64]:
        """``fit``, then ``transform``: the matrix with its gaps filled.

        Returns
        -------
        array of shape (d1, d2)
        """
        return self.fit(X, y).transform(X)

    def score(self, X: Any, y: ArrayLike | None = None) -> float:
        """The coefficient of determination R² of predictions: 1 is perfect.

        Parameters
        ----------
        X : data frame of triplets, or positions of shape (n, 2)
            Entries to predict.
        y : array of shape (n,), optional
            Their values, where X is positions.

        Returns
        -------
        float
        """
        from ._entries import table_columns

        columns = table_columns(X)
        if columns is None:
            if y is None:
                raise ValueError('key "y": found None, expected the values at the positions X')
            return _r2(np.asarray(y, dtype=np.float64), self.predict(X))
        known = np.asarray(X[columns[2]], dtype=np.float64)
        return _r2(known, self.predict(X[columns[0]], X[columns[1]]))

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[Any]:
        """The names of the columns of ``transform``.

        Returns
        -------
        array of str
        """
        self._check_fitted()
        if input_features is not None:
            return np.asarray(input_features, dtype=object)
        names = getattr(self, "feature_names_in_", self.column_ids_)
        if names is None:
            names = [f"x{j}" for j in range(len(self.R_))]
        return np.asarray([str(name) for name in names], dtype=object)

    def _clipped(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return values if self.clip is None else np.clip(values, *self.clip)

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import TransformerTags

        tags = super().__sklearn_tags__()
        tags.transformer_tags = TransformerTags()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        return tags


class _Rows:
    """Entries row after row: those of row i are starts[i] to starts[i + 1] of cols and y."""

    def __init__(self, x: Any, model: MatrixCompletion) -> None:
        found = entries(x)
        size = len(model.R_)
        if "X" in found.data:
            matrix = found.data["X"]
            if matrix.ndim != 2:
                raise ValueError(f'key "X": found shape {matrix.shape}, expected (n, d2). Reshape your data')
            model._check_features(x, matrix.shape[1])
            if np.isinf(matrix).any():
                raise ValueError('key "X": found infinity, expected finite numbers, or NaN for unobserved')
            rows, cols = np.nonzero(~np.isnan(matrix))
            y, count = matrix[rows, cols], matrix.shape[0]
        else:
            rows, cols, y = (found.data[key] for key in ("rows", "cols", "y"))
            count = int(found.data["shape"][0])
            if found.column_ids is None:
                model._check_features(None, int(found.data["shape"][1]))
            else:
                number = looked_up(found.column_ids, model.column_ids_, size, "cols")
                cols = number[cols]
                known = cols >= 0
                rows, cols, y = rows[known], cols[known], y[known]
            order = np.lexsort((cols, rows))
            rows, cols, y = rows[order], cols[order], y[order]
        self.cols = np.ascontiguousarray(cols, dtype=np.uint32)
        self.y = np.ascontiguousarray(y, dtype=np.float64)
        self.starts = np.searchsorted(rows, np.arange(count + 1)).astype(np.int64)
