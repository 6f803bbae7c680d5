"""Flat minima of low-rank matrix recovery: recover, certify, measure.

Many factorisations X = L Rᵀ fit the same measurements y = A(X). flatmin finds the flattest, the one with the smallest
scaled trace of the Hessian of ‖A(L Rᵀ) − y‖², by solving a convex problem, and proves how far from the flattest it is
at most.

=================================  ==========================================================
estimator                          the data
=================================  ==========================================================
:class:`MatrixSensing`             y_i = ⟨A_i, X⟩ for known matrices A_i
:class:`BilinearSensing`           y_i = a_iᵀ X b_i for known vectors a_i, b_i
:class:`MatrixCompletion`          some of the entries of X: ratings, gaps in tables
:class:`RobustPCA`                 Y = X + S, a few entries far off
:class:`CovarianceSketch`          y_i = x_iᵀ M x_i, M a covariance
:class:`PhaseRetrieval`            y_i = (x_iᵀ u)²
:class:`QuadraticNetwork`          y_i = Σ_j ±(u_jᵀ x_i)²: a regressor
:class:`DeepSparse`                y = A x, x an entrywise product of K vectors
:class:`DeepMatrix`                y_i = ⟨A_i, X⟩, X a product of K matrices
=================================  ==========================================================

:func:`audit` and :func:`certify` measure anyone's factors, :func:`generate` makes instances with a known answer, and
:mod:`flatmin.experiment` runs the experiments. Arrays are numpy's, of 64 or 32 bits, in C or Fortran order; what is
wrong with them is a ``ValueError`` that says what was found and what was expected. Ctrl-C stops at the solver's next
step.

>>> import flatmin
>>> data = flatmin.generate("sensing", d1=10, rank=1, random_state=1)
>>> flatmin.MatrixSensing().fit(data["A"], data["y"]).certificate_["status"]
'certified'
"""

from . import experiment
from ._base import NotFittedError
from ._completion import MatrixCompletion
from ._depth import DeepMatrix, DeepSparse
from ._flatmin import __version__
from ._functions import audit, certify, generate
from ._robust import RobustPCA
from ._sensing import BilinearSensing, MatrixSensing
from ._symmetric import CovarianceSketch, PhaseRetrieval, QuadraticNetwork
from ._words import FlatminWarning

__all__ = [
    "BilinearSensing",
    "CovarianceSketch",
    "DeepMatrix",
    "DeepSparse",
    "FlatminWarning",
    "MatrixCompletion",
    "MatrixSensing",
    "NotFittedError",
    "PhaseRetrieval",
    "QuadraticNetwork",
    "RobustPCA",
    "__version__",
    "audit",
    "certify",
    "experiment",
    "generate",
]
