"""The known entries of a matrix, from whatever people hold them in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._words import array, positions

#: Names under which published tables hold row id, column id and value: those the command knows.
_NAMES = (
    {"row", "rows", "rowid", "user", "userid", "i"},
    {"col", "cols", "column", "columnid", "colid", "item", "itemid", "movie", "movieid", "j"},
    {"value", "values", "val", "rating", "ratings", "score", "y"},
)


@dataclass
class Entries:
    """Arrays by key, and the ids that the rows and columns stand for."""

    data: dict[str, NDArray[Any]]
    row_ids: NDArray[Any] | None = None
    column_ids: NDArray[Any] | None = None


def entries(x: Any, y: ArrayLike | None = None, shape: tuple[int, int] | None = None) -> Entries:
    """Reads a sparse matrix, a table of entries, a matrix with NaN, or positions beside values."""
    if hasattr(x, "tocoo"):
        return Entries(_sparse(x))
    columns = table_columns(x)
    if columns is not None:
        rows, row_ids = _numbered(x[columns[0]])
        cols, column_ids = _numbered(x[columns[1]])
        size = (len(row_ids), len(column_ids))
        data = _keys(rows, cols, array("y", x[columns[2]]), size)
        return Entries(data, row_ids, column_ids)
    if y is not None and _are_positions(x):
        places = positions("X", x)
        rows, cols = places[:, 0], places[:, 1]
        if shape is None:
            if len(rows) == 0:
                raise ValueError('key "rows": found no entry, expected at least one')
            shape = (max(int(rows.max()) + 1, 1), max(int(cols.max()) + 1, 1))
        return Entries(_keys(rows, cols, array("y", y), shape))
    return Entries({"X": array("X", x)})


def table_columns(x: Any) -> tuple[str, str, str] | None:
    """The columns of row id, column id and value of a data frame that is a table of entries, by their names."""
    names = getattr(x, "columns", None)
    if names is None:
        return None
    found: list[list[str]] = [[], [], []]
    for name in names:
        plain = str(name).strip().lower().replace("_", "")
        for role, known in zip(found, _NAMES):
            if plain in known:
                role.append(name)
    if [len(role) for role in found] != [1, 1, 1]:
        return None
    return found[0][0], found[1][0], found[2][0]


def _are_positions(x: Any) -> bool:
    """Whether these are pairs of integers. Beside anything else y is what scikit-learn passes to all: a target."""
    found = np.asarray(x)
    return found.dtype.kind in "iu" and found.ndim == 2 and found.shape[1] == 2


def _sparse(x: Any) -> dict[str, NDArray[Any]]:
    # What is stored is observed, zeros among it; what is not stored is unknown.
    found = x.tocoo()
    return _keys(found.row, found.col, array("y", found.data), found.shape)


def _keys(rows: Any, cols: Any, y: NDArray[Any], shape: Any) -> dict[str, NDArray[Any]]:
    return {
        "rows": positions("rows", rows),
        "cols": positions("cols", cols),
        "y": y,
        "shape": np.asarray([int(size) for size in shape], dtype=np.int64),
    }


def _numbered(ids: Any) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Ids numbered in the order in which they first appear, as the command does."""
    values = np.asarray(ids.to_numpy() if hasattr(ids, "to_numpy") else ids)
    unique, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    number = np.empty(len(unique), dtype=np.int64)
    number[order] = np.arange(len(unique))
    return number[inverse.reshape(-1)], unique[order]


def looked_up(ids: Any, known: NDArray[Any] | None, size: int, what: str) -> NDArray[np.int64]:
    """Where ids stand among the known ones, −1 for a new one; without ids, positions below `size`."""
    if known is not None:
        index = {name: i for i, name in enumerate(known.tolist())}
        values = np.asarray(ids).reshape(-1).tolist()
        return np.asarray([index.get(name, -1) for name in values], dtype=np.int64)
    found = positions(what, ids).reshape(-1).astype(np.int64, copy=False)
    outside = (found < 0) | (found >= size)
    if outside.any():
        i = int(np.argmax(outside))
        raise ValueError(f"key {what!r}: found {found[i]} at index {i}, expected 0 to {size - 1}")
    return found
