"""What all estimators share: parameters, the call of the solver, what is said of the result.

They follow the conventions of scikit-learn without importing it: what it asks of an estimator is here.
"""

from __future__ import annotations

import inspect
import json
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _flatmin
from ._words import FlatminWarning, array, warn, words

#: Keys of the result that are about the proof.
CERTIFICATE = (
    "status",
    "value",
    "lower_bound",
    "gap",
    "failure_probability",
    "missing_columns",
    "unique",
    "unique_margin",
    "locally_unique",
    "locally_unique_margin",
)
#: Keys of the result that are about the curvature of the loss.
FLATNESS = (
    "scaled_trace",
    "trace",
    "trace_left",
    "trace_right",
    "trace_layers",
    "excess_flatness",
    "lambda_max",
    "balancedness",
    "squared_norm",
    "condition_d1",
    "condition_d2",
)


class NotFittedError(ValueError, AttributeError):
    """An estimator is asked for what only ``fit`` tells."""


class Estimator:
    """Parameters, result and representation of every estimator."""

    _model: ClassVar[str]
    #: Parameters that no option stands for.
    _own: ClassVar[tuple[str, ...]] = ()

    verbose: bool

    #: The numbers of the run: what ``flatmin solve --json`` prints.
    result_: dict[str, Any]
    #: What is proved of the solution.
    certificate_: dict[str, Any]
    #: How sharply the loss bends at the solution.
    flatness_: dict[str, Any]

    # -- parameters, as scikit-learn has them

    @classmethod
    def _names(cls) -> list[str]:
        return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name.

        Parameters
        ----------
        deep : bool
            Without meaning here: no parameter has parameters.

        Returns
        -------
        dict
        """
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self, **params: Any) -> Estimator:
        """Sets parameters by name.

        Returns
        -------
        self
        """
        names = self._names()
        for name, value in params.items():
            if name not in names:
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator {type(self).__name__}, expected one of {names}"
                )
            setattr(self, name, value)
        return self

    def _words(self) -> list[str]:
        options = {name: value for name, value in self.get_params().items() if name not in self._own}
        # What the command would say on standard error comes as warnings.
        return words(self._model, {**options, "quiet": not self.verbose})

    # -- the run

    def _solve(self, data: dict[str, NDArray[Any]]) -> dict[str, Any]:
        """Solves, sets what every estimator has, and gives the arrays of the solution."""
        result, report, arrays, warnings, signal = _flatmin.solve(self._words(), data)
        self._learn(result, report)
        self._take(arrays)
        if signal is not None:
            # What was found until then stays, marked as interrupted.
            raise signal
        warn(warnings + self._doubts())
        return arrays

    def _take(self, arrays: dict[str, Any]) -> None:
        """Sets the attributes of the solution."""
        for key, value in arrays.items():
            setattr(self, key + "_", value)

    def _learn(self, result: str, report: str) -> None:
        self._result_text, self._report_text = result, report
        self.result_ = json.loads(result)
        self.certificate_ = {key: self.result_.get(key) for key in CERTIFICATE}
        self.flatness_ = {key: self.result_.get(key) for key in FLATNESS}
        self.n_iter_ = max(1, int(self.result_["iterations"]))

    def _doubts(self) -> list[str]:
        if self.result_["status"] == "budget":
            return [
                f"stopped by its budget after {self.result_['iterations']} steps, at a gap of {self.result_['gap']}: "
                "the best found is kept; a larger max_iter or time_limit goes on"
            ]
        return []

    def _check_fitted(self) -> None:
        if not hasattr(self, "result_"):
            raise _not_fitted(f"This {type(self).__name__} instance is not fitted yet: call fit first.")

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "result_")

    # -- what is said of it

    def __repr__(self) -> str:
        defaults = {
            name: parameter.default
            for name, parameter in inspect.signature(type(self).__init__).parameters.items()
            if name != "self"
        }
        changed = {name: value for name, value in self.get_params().items() if not _same(value, defaults[name])}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in changed.items())})"

    def _repr_html_(self) -> str:
        """The report of the solution, in a frame; before ``fit`` the parameters alone."""
        import html

        if not hasattr(self, "result_"):
            return f"<pre>{html.escape(repr(self))}</pre>"
        page = html.escape(self.report(), quote=True)
        return (
            f'<iframe srcdoc="{page}" style="width:100%;height:44rem;border:1px solid #8884" '
            f'title="{html.escape(repr(self), quote=True)}"></iframe>'
        )

    def report(self) -> str:
        """The report as a self-contained page: headline, figures, every number with its meaning.

        Returns
        -------
        str
            HTML, the same as ``report.html`` of ``flatmin solve --out``.
        """
        self._check_fitted()
        return _flatmin.report(self._result_text, self._report_text)

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            transformer_tags=None,
            classifier_tags=None,
            regressor_tags=None,
            input_tags=InputTags(),
        )

    # -- names and numbers of features, as scikit-learn has them

    def _note_features(self, x: Any, count: int) -> None:
        self.n_features_in_ = count
        names = _feature_names(x)
        if names is not None:
            self.feature_names_in_ = names
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _check_features(self, x: Any, count: int) -> None:
        names = _feature_names(x)
        known = getattr(self, "feature_names_in_", None)
        if names is not None and known is not None and list(names) != list(known):
            raise ValueError(
                "The feature names should match those that were passed during fit.\n"
                f"found {list(names)}, expected {list(known)}"
            )
        if count != self.n_features_in_:
            raise ValueError(
                f"X has {count} features, but {type(self).__name__} is expecting {self.n_features_in_} "
                "features as input"
            )


class Measured(Estimator):
    """A regressor y = A(X): measurements in, their values out."""

    def _fitted_values(self, a: NDArray[Any]) -> NDArray[np.float64]:
        raise NotImplementedError

    #: The dimensions of an array of measurements.
    _dimensions: ClassVar[int] = 2

    def _measurements(self, key: str, a: ArrayLike) -> NDArray[Any]:
        found = array(key, a)
        if found.ndim != self._dimensions and self._dimensions == 2:
            raise ValueError(
                f"key {key!r}: found shape {found.shape}, expected (m, d). "
                "Reshape your data: Expected 2D array, got "
                f"{found.ndim}D array instead"
            )
        if found.ndim == 2 and 0 in found.shape:
            what = "sample(s)" if found.shape[0] == 0 else "feature(s)"
            raise ValueError(
                f"key {key!r}: found shape {found.shape}, expected no dimension 0: "
                f"0 {what} (shape={found.shape}) while a minimum of 1 is required."
            )
        return found

    def _values(self, y: ArrayLike) -> NDArray[Any]:
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None: "
                'key "y": found None, expected m numbers'
            )
        found = array("y", y)
        if found.ndim == 2 and found.shape[1] == 1:
            import warnings

            warnings.warn(
                "A column-vector y was passed when a 1d array was expected",
                _conversion_warning(),
                stacklevel=3,
            )
            found = found[:, 0]
        return found

    def fit(self, A: ArrayLike, y: ArrayLike) -> Measured:
        """Recovers X from its measurements.

        Parameters
        ----------
        A : array of shape (m, …)
            The measurements, one an entry of the first axis.
        y : array of shape (m,)
            Their values.

        Returns
        -------
        self
        """
        key = self._key
        found = self._measurements(key, A)
        self._note_features(A, found.shape[-1])
        self._solve({key: found, "y": self._values(y)})
        return self

    _key: ClassVar[str] = "A"

    def predict(self, A: ArrayLike) -> NDArray[np.float64]:
        """The values A(X) of other measurements.

        Parameters
        ----------
        A : array of shape (n, …)
            Measurements of the shape that ``fit`` was given.

        Returns
        -------
        array of shape (n,)
        """
        self._check_fitted()
        found = self._measurements(self._key, A)
        if not np.isfinite(found).all():
            raise ValueError(f"key {self._key!r}: found NaN or infinity, expected finite numbers")
        self._check_features(A, found.shape[-1])
        return self._fitted_values(np.asarray(found, dtype=np.float64))

    def score(self, A: ArrayLike, y: ArrayLike) -> float:
        """The coefficient of determination R² of the predictions: 1 is perfect.

        Returns
        -------
        float
        """
        y = np.asarray(self._values(y), dtype=np.float64)
        return _r2(y, self.predict(A))

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import RegressorTags

        tags = super().__sklearn_tags__()
        tags.estimator_type = "regressor"
        # Without an intercept, and most of them without a linear term, they fit few tables of features well.
        tags.regressor_tags = RegressorTags(poor_score=True)
        tags.target_tags.required = True
        tags.input_tags.three_d_array = self._dimensions == 3
        tags.input_tags.two_d_array = self._dimensions == 2
        return tags


def _r2(y: NDArray[Any], predicted: NDArray[Any]) -> float:
    if y.shape != predicted.shape:
        raise ValueError(f'key "y": found shape {y.shape}, expected {predicted.shape}')
    spread = float(((y - y.mean()) ** 2).sum())
    missed = float(((y - predicted) ** 2).sum())
    if spread == 0.0:
        return 1.0 if missed == 0.0 else 0.0
    return 1.0 - missed / spread


def _same(value: Any, default: Any) -> bool:
    if value is default:
        return True
    try:
        return type(value) is type(default) and bool(value == default)
    except (TypeError, ValueError):
        return False


def _feature_names(x: Any) -> NDArray[Any] | None:
    columns = getattr(x, "columns", None)
    if columns is None or not all(isinstance(name, str) for name in columns):
        return None
    return np.asarray(list(columns), dtype=object)


def _not_fitted(message: str) -> Exception:
    """scikit-learn's own error where it is in use, so that who catches that one catches this."""
    import sys

    if "sklearn" in sys.modules:
        from sklearn.exceptions import NotFittedError as Theirs

        return Theirs(message)
    return NotFittedError(message)


def _conversion_warning() -> type[Warning]:
    import sys

    if "sklearn" in sys.modules:
        from sklearn.exceptions import DataConversionWarning

        return DataConversionWarning
    return FlatminWarning
