"""Parameters as words of the command line, and arrays as its keys."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Parameters whose option has another name.
_RENAMED = {"lam": "lambda", "random_state": "seed"}


def words(model: str, parameters: Mapping[str, Any]) -> list[str]:
    """The model and its options, as one would type them after ``flatmin solve``."""
    said = [model]
    for name, value in parameters.items():
        option = "--" + _RENAMED.get(name, name).replace("_", "-")
        if name == "random_state":
            value = _seed(value)
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or value is False:
            continue
        if value is True:
            said.append(option)
        elif isinstance(value, (tuple, list)):
            said.append(option + "=" + ",".join(repr(float(part)) for part in value))
        else:
            said.append(f"{option}={value}")
    return said


def _seed(random_state: Any) -> Any:
    """A seed of its own for every call, where a generator of numpy is given."""
    # numpy imports its generators when they are first named, which takes 20 ms.
    if random_state is None or isinstance(random_state, int):
        return random_state
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31 - 1))
    return random_state


def array(key: str, value: ArrayLike) -> NDArray[Any]:
    """`value` as an array that is borrowed as it lies, if its numbers are those of the core."""
    if hasattr(value, "todense"):
        raise TypeError(
            f"key {key!r}: found a sparse matrix, expected a dense one; "
            "use .toarray(), as its zeros are numbers like others here"
        )
    if hasattr(value, "to_numpy"):
        value = value.to_numpy()
    found = np.asarray(value)
    if found.dtype.kind == "c":
        raise ValueError(
            f"key {key!r}: found dtype {found.dtype.str!r} (complex numbers), "
            "expected real numbers (f8, f4 or integers). Complex data not supported"
        )
    if found.dtype.kind not in "fiub":
        try:
            found = found.astype(np.float64)
        except (TypeError, ValueError) as error:
            # numpy's own kind of error: a TypeError for what is no number at all.
            raise type(error)(
                f"key {key!r}: found dtype {found.dtype}, expected real numbers (f8, f4 or integers): {error}"
            ) from error
    native = found.dtype.isnative and found.flags.aligned
    if native and found.dtype.str[1:] in ("f8", "f4"):
        return found
    return found.astype(np.float64)


def positions(key: str, value: ArrayLike) -> NDArray[Any]:
    """`value` as integers that are borrowed as they lie, where they are such."""
    found = np.asarray(value)
    if found.dtype.kind not in "iu":
        whole = found.dtype.kind == "f" and np.array_equal(found, np.trunc(found))
        if not whole:
            raise ValueError(f"key {key!r}: found dtype {found.dtype}, expected integers")
    native = found.dtype.isnative and found.flags.aligned
    if native and found.dtype.str[1:] in ("i8", "i4"):
        return found
    return found.astype(np.int64)


def warn(messages: list[str]) -> None:
    """Says as warnings what the command would say on standard error."""
    for message in messages:
        warnings.warn(message, FlatminWarning, stacklevel=4)


class FlatminWarning(UserWarning):
    """Something about the data or the solution that one should know of."""
