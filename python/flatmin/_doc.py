"""Parts of the documentation that the estimators share."""

from __future__ import annotations

from typing import TypeVar

_FIT = """exact : bool
        Meet the data exactly, A(X) = y.
    epsilon : float, optional
        Meet the data to within ‖A(X) − y‖₂ ≤ epsilon, in the unit of y.
    lam : float, optional
        Minimise ½‖A(X) − y‖² + lam·(norm of X) instead: for noisy data."""

_OBJECTIVE = """objective : {"flat", "nuclear", "smoothed:ALPHA"}
        What is minimised: the scaled trace of the Hessian ("flat"), the nuclear norm of X, or weights D^ALPHA
        between the two (ALPHA = 0 is nuclear, 1 is flat)."""

_RANK = """rank : int or "auto", optional
        Most columns of the factors; "auto" with exact data: the fewest that fit. By default as many as the convex
        solution needs."""

_RUN = """tol : float, optional
        Relative gap at which the solution counts as certified; by default 1e-8, with ``lam`` 1e-4.
    max_iter : int
        Most steps of the solver.
    time_limit : float, optional
        Most seconds; then the best found is kept, with the status "budget".
    threads : int, optional
        Threads, by default all cores. The solution does not depend on them.
    random_state : int
        Seed of all random choices.
    verbose : bool
        Log every record of the solver on standard error.
    out : str, optional
        Folder to write result.json, factors.npz and report.html to."""

_KNOWN = """result_ : dict
        Every number of the run, with the keys of ``result.json``: `status` is "certified" when the gap is proved to
        be below ``tol``, "converged" without a proof, "budget" or "interrupted" when it was cut short.
    certificate_ : dict
        What is proved: `value` of the convex objective, a `lower_bound` on the smallest possible one, the relative
        `gap` between them, and whether the solution is `unique` (None: not decided).
    flatness_ : dict
        How sharply the loss bends at the factors: `scaled_trace`, `trace`, `lambda_max`, and `excess_flatness`, by
        which share they are sharper than the flattest possible, at most.
    n_iter_ : int
        Steps of the solver."""

_SOURCE = """Ding, Drusvyatskiy, Fazel and Harchaoui, *Flat minima generalize for low-rank matrix recovery*,
    Information and Inference 13(2), 2024, DOI 10.1093/imaiai/iaae009."""

_PARTS = {"fit": _FIT, "objective": _OBJECTIVE, "rank": _RANK, "run": _RUN, "known": _KNOWN, "source": _SOURCE}

_C = TypeVar("_C", bound=type)


def documented(cls: _C) -> _C:
    """Puts the shared parts where the docstring of a class says ``%(name)s``."""
    cls.__doc__ = (cls.__doc__ or "") % _PARTS
    return cls
