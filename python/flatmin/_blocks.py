"""The known entries of a matrix as blocks of rows and blocks of columns on a Dask cluster.

Entries come in parts, wherever they lie; each part is cut by row and by column, and the pieces are put together into
blocks, whose lines follow each other and have about the same number of entries in every block. Nothing of it passes
through this process but the numbers of entries of rows and columns and, where the data have ids, the ids. Everything on
the cluster is the result of a task without side effects: what a lost worker held is computed again from the data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._entries import _numbered, entries, table_columns
from ._words import array, positions

#: Entries of one part that this process cuts from arrays.
_PART = 1 << 20


class Lines(NamedTuple):
    """A block of rows, or of columns: line a of it owns starts[a]..starts[a + 1] of `across` and `values`."""

    starts: NDArray[np.int64]
    across: NDArray[np.uint32]
    values: NDArray[np.float64]
    #: What the solver knows of each line: ρ, W and W⁻¹.
    ridge: NDArray[np.float64]
    weight: NDArray[np.float64]
    inverse: NDArray[np.float64]
    #: Of one call of a kernel.
    threads: int

    def entries(self, values: NDArray[np.float64] | None = None) -> tuple[Any, Any, Any, int]:
        """What the kernels take, with other values where they are given."""
        return (
            aligned(self.starts),
            aligned(self.across),
            aligned(self.values if values is None else values),
            self.threads,
        )


class Triplets(NamedTuple):
    """Entries of one part by position."""

    rows: NDArray[np.uint32]
    cols: NDArray[np.uint32]
    y: NDArray[np.float64]


def aligned(a: NDArray[Any]) -> NDArray[Any]:
    """As the kernels read it: what has come over the wire may begin anywhere."""
    return np.require(a, requirements=["C", "A"])


class Tasks:
    """What is asked of a cluster."""

    def __init__(self, client: Any, threads: int) -> None:
        self.client = client
        #: Of one call of a kernel.
        self.threads = threads
        client.wait_for_workers(1)
        at_once = client.nthreads()
        self._homes = sorted(at_once)
        #: Two blocks for every task at a time.
        self.blocks = 2 * sum(at_once.values())

    def submit(self, function: Callable[..., Any], *arguments: Any, home: int | None = None) -> Any:
        """A task, at the worker that holds block `home` unless it is gone or busy."""
        where: dict[str, Any] = {}
        if home is not None:
            where = {"workers": [self._homes[home % len(self._homes)]], "allow_other_workers": True}
        return self.client.submit(function, *arguments, pure=False, **where)

    def given(self, value: Any) -> Any:
        """A value of this process as a task: the scheduler keeps it, so that no worker's loss loses it."""
        return self.submit(_given, value)

    def gather(self, futures: Any) -> Any:
        """The results."""
        return self.client.gather(futures)

    def total(self, futures: Iterable[Any]) -> Any:
        """The sum of tuples, place by place, a few at a time on the workers."""
        futures = list(futures)
        while len(futures) > 1:
            futures = [self.submit(_total, futures[i : i + 8]) for i in range(0, len(futures), 8)]
        return self.gather(futures[0])


class Parts(NamedTuple):
    """Numbered entries on the cluster."""

    triplets: list[Any]
    shape: tuple[int, int]
    row_ids: NDArray[Any] | None = None
    column_ids: NDArray[Any] | None = None


def numbered_parts(tasks: Tasks, x: Any, y: ArrayLike | None, shape: tuple[int, int] | None) -> Parts:
    """The parts of what ``MatrixCompletion.fit`` is given, ids numbered in the order in which they first appear."""
    parts = _distributed_parts(tasks, x)
    if parts is None:
        found = entries(x, y, shape)
        local, size = _local_triplets(found.data)
        cuts = range(0, len(local.y), _PART)
        triplets = [tasks.given(Triplets(*(a[i : i + _PART] for a in local))) for i in cuts]
        return Parts(triplets, size, found.row_ids, found.column_ids)
    if not parts:
        raise ValueError('key "X": found no part, expected at least one')
    if not tasks.submit(_is_table, parts[0]).result():
        triplets = [tasks.submit(_by_position, part) for part in parts]
        if shape is None:
            extents = tasks.gather([tasks.submit(_extent, part) for part in triplets])
            shape = (max(rows for rows, _ in extents), max(cols for _, cols in extents))
        return Parts(triplets, (int(shape[0]), int(shape[1])))
    firsts = tasks.gather([tasks.submit(_first_ids, part) for part in parts])
    row_ids, column_ids = (_numbered(np.concatenate(ids))[1] for ids in zip(*firsts))
    indices = [tasks.given(_index(ids)) for ids in (row_ids, column_ids)]
    triplets = [tasks.submit(_by_id, part, *indices) for part in parts]
    return Parts(triplets, (len(row_ids), len(column_ids)), row_ids, column_ids)


def counted(tasks: Tasks, parts: Parts) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """The numbers of entries of rows and of columns, and the sum of all values."""
    counts = [tasks.submit(_counts, part, parts.shape) for part in parts.triplets]
    rows, cols, total = tasks.total(counts)
    if rows.sum() == 0:
        raise ValueError('key "rows": found no entry, expected at least one')
    return rows.astype(np.float64), cols.astype(np.float64), float(total)


class Side(NamedTuple):
    """All rows, or all columns: block i holds the lines cuts[i]..cuts[i + 1]."""

    cuts: NDArray[np.int64]
    blocks: list[Any]

    def spans(self) -> list[tuple[int, int]]:
        """First line of each block, and the one after its last."""
        return [(int(a), int(b)) for a, b in zip(self.cuts[:-1], self.cuts[1:])]


def side(
    tasks: Tasks,
    parts: Parts,
    of_rows: bool,
    mean: float,
    counts: NDArray[np.float64],
    of_lines: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
) -> Side:
    """The blocks of one side; `of_lines` are ρ, W and W⁻¹ of its lines."""
    cuts = balanced_cuts(counts, tasks.blocks)
    pieces = [tasks.submit(_cut, part, of_rows, cuts) for part in parts.triplets]
    blocks = []
    for i, (start, end) in enumerate(zip(cuts[:-1], cuts[1:])):
        own = [tasks.submit(_piece, cut, i) for cut in pieces]
        what = (*(a[start:end] for a in of_lines), tasks.threads)
        blocks.append(tasks.submit(_block, own, of_rows, (int(start), int(end)), mean, what, home=i))
    # Errors in the data show here; the pieces go when they are no longer named.
    tasks.gather([tasks.submit(len, block) for block in blocks])
    return Side(cuts, blocks)


def balanced_cuts(counts: NDArray[np.float64], blocks: int) -> NDArray[np.int64]:
    """Where to cut lines with so many entries into at most so many blocks of about equal work."""
    ends = np.cumsum(counts + 1.0)
    inner = np.searchsorted(ends, ends[-1] * np.arange(1, blocks) / blocks) + 1
    return np.unique(np.concatenate([[0], np.minimum(inner, len(counts)), [len(counts)]])).astype(np.int64)


# -- where the parts come from


def _distributed_parts(tasks: Tasks, x: Any) -> list[Any] | None:
    """Futures of tables or of (rows, cols, y); None for what this process holds."""
    if hasattr(x, "to_delayed"):
        columns = table_columns(x)
        if columns is None:
            raise ValueError(
                f'key "X": found the columns {list(x.columns)}, expected one each of row ids, column ids and values'
            )
        return list(tasks.client.compute(list(x[list(columns)].to_delayed())))
    if isinstance(x, (str, Path)):
        files = sorted(Path(x).glob("*.parquet")) if Path(x).is_dir() else [Path(x)]
        return [tasks.submit(_read, str(file)) for file in files]
    if isinstance(x, (list, tuple)) and len(x) > 0:
        if all(isinstance(part, (str, Path)) for part in x):
            return [tasks.submit(_read, str(file)) for file in x]
        if all(hasattr(part, "key") and hasattr(part, "add_done_callback") for part in x):
            return list(x)
        if all(hasattr(part, "key") and hasattr(part, "dask") for part in x):
            return list(tasks.client.compute(list(x)))
    return None


def _local_triplets(data: dict[str, NDArray[Any]]) -> tuple[Triplets, tuple[int, int]]:
    if "X" in data:
        matrix = data["X"]
        if matrix.ndim != 2:
            raise ValueError(f'key "X": found shape {matrix.shape}, expected a matrix (d1, d2)')
        rows, cols = np.nonzero(~np.isnan(matrix))
        return _triplets(rows, cols, matrix[rows, cols]), matrix.shape
    shape = (int(data["shape"][0]), int(data["shape"][1]))
    return _triplets(data["rows"], data["cols"], data["y"]), shape


# -- tasks


def _given(value: Any) -> Any:
    return value


def _total(tuples: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    return tuple(sum(parts[1:], start=parts[0]) for parts in zip(*tuples))


def _read(file: str) -> Any:
    """A table from a Parquet file, by what the worker has."""
    try:
        import pandas

        return pandas.read_parquet(file)
    except ImportError:
        import polars

        return polars.read_parquet(file)


def _is_table(part: Any) -> bool:
    return table_columns(part) is not None


def _columns(part: Any) -> tuple[Any, Any, Any]:
    columns = table_columns(part)
    if columns is None:
        raise ValueError('key "X": found a part without one column each of row ids, column ids and values')
    return part[columns[0]], part[columns[1]], part[columns[2]]


def _first_ids(part: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    rows, cols, _ = _columns(part)
    return _numbered(rows)[1], _numbered(cols)[1]


def _index(ids: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Ids in order, and the number of each."""
    order = np.argsort(ids, kind="stable")
    return ids[order], order


def _by_id(part: Any, *indices: tuple[NDArray[Any], NDArray[np.int64]]) -> Triplets:
    rows, cols, y = _columns(part)
    numbers = []
    for ids, (known, number) in zip((rows, cols), indices):
        values = np.asarray(ids.to_numpy() if hasattr(ids, "to_numpy") else ids)
        numbers.append(number[np.searchsorted(known, values)])
    return _triplets(*numbers, y)


def _by_position(part: Any) -> Triplets:
    if isinstance(part, dict):
        part = (part["rows"], part["cols"], part["y"])
    if not isinstance(part, (list, tuple)) or len(part) != 3:
        raise ValueError(f'key "X": found a part of type {type(part).__name__}, expected a table or (rows, cols, y)')
    return _triplets(*part)


def _triplets(rows: Any, cols: Any, y: Any) -> Triplets:
    values = np.ascontiguousarray(array("y", y), dtype=np.float64)
    lost = ~np.isfinite(values)
    if lost.any():
        i = int(np.argmax(lost))
        raise ValueError(f'key "y", element {i}: found {values[i]}, expected a finite number')
    numbers = []
    for key, given in (("rows", rows), ("cols", cols)):
        found = positions(key, given)
        if len(found) != len(values):
            raise ValueError(f"key {key!r}: found {len(found)} values, expected {len(values)} (as many as y has)")
        if len(found) and (found.min() < 0 or found.max() >= 2**32):
            raise ValueError(f"key {key!r}: found {found.min()} to {found.max()}, expected 0 to 2^32 − 1")
        numbers.append(np.ascontiguousarray(found, dtype=np.uint32))
    return Triplets(*numbers, values)


def _extent(part: Triplets) -> tuple[int, int]:
    return (int(part.rows.max()) + 1, int(part.cols.max()) + 1) if len(part.y) else (0, 0)


def _counts(part: Triplets, shape: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64], float]:
    counts = []
    for what, found, size in (("row", part.rows, shape[0]), ("column", part.cols, shape[1])):
        if len(found) and int(found.max()) >= size:
            raise ValueError(f"{what}: found index {found.max()}, expected one below {size}")
        counts.append(np.bincount(found, minlength=size))
    return counts[0], counts[1], float(part.y.sum())


def _cut(part: Triplets, of_rows: bool, cuts: NDArray[np.int64]) -> list[Triplets]:
    """A part by the blocks of one side."""
    block = np.searchsorted(cuts, part.rows if of_rows else part.cols, side="right") - 1
    order = np.argsort(block, kind="stable")
    ends = np.searchsorted(block[order], np.arange(len(cuts)))
    sorted_part = [a[order] for a in part]
    return [Triplets(*(a[i:j].copy() for a in sorted_part)) for i, j in zip(ends[:-1], ends[1:])]


def _piece(cut: list[Triplets], i: int) -> Triplets:
    return cut[i]


def _block(
    pieces: list[Triplets], of_rows: bool, span: tuple[int, int], mean: float, of_lines: tuple[Any, ...]
) -> Lines:
    """The lines of a block, the entries of each in the order of their places across."""
    rows, cols, y = (np.concatenate(parts) for parts in zip(*pieces))
    own, across = (rows, cols) if of_rows else (cols, rows)
    key = (own.astype(np.int64) - span[0]) << 32 | across
    order = np.argsort(key, kind="stable")
    key, across, y = key[order], across[order], y[order]
    twice = np.nonzero(key[1:] == key[:-1])[0]
    if len(twice):
        i = int(twice[0])
        place = (int(rows[order[i]]), int(cols[order[i]]))
        raise ValueError(f"entry {place} is observed twice, as {y[i]} and as {y[i + 1]}; expected once")
    starts = np.searchsorted(key, np.arange(span[1] - span[0] + 1) << 32).astype(np.int64)
    return Lines(starts, across, y - mean, *of_lines)
