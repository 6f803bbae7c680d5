"""What may be passed, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from conftest import fit, instance

import flatmin


@pytest.fixture(scope="module")
def known():
    """A matrix with gaps."""
    data = instance("completion")
    matrix = np.full(tuple(data["shape"]), np.nan)
    matrix[data["rows"], data["cols"]] = data["y"]
    return matrix


def the_same(one, other):
    assert np.array_equal(one.L_, other.L_) and np.array_equal(one.R_, other.R_)


def completed(x, y=None, **parameters):
    return flatmin.MatrixCompletion(lam=0.1, **parameters).fit(x, y)


def test_orders_and_widths_are_the_same_matrix():
    data = instance("sensing")
    base = fit("sensing", data)
    fortran = {**data, "A": np.asfortranarray(data["A"])}
    the_same(base, fit("sensing", fortran))
    turned = {**data, "A": data["A"][::-1], "y": data["y"][::-1]}
    assert np.allclose(fit("sensing", turned).matrix_, base.matrix_, atol=1e-6)
    single = {key: np.float32(data[key]) for key in ("A", "y")}
    double = {key: np.float64(single[key]) for key in single}
    loose = {"epsilon": 1e-4, "tol": 1e-4}
    the_same(fit("sensing", single, **loose), fit("sensing", double, **loose))
    swapped = {key: data[key].astype(">f8") for key in ("A", "y")}
    the_same(base, fit("sensing", swapped))


@pytest.mark.parametrize("name", ["csr_matrix", "csc_matrix", "coo_matrix", "csr_array", "coo_array", "lil_matrix"])
def test_sparse_matrices_are_their_stored_entries(known, name):
    rows, cols = np.nonzero(~np.isnan(known))
    coo = scipy.sparse.coo_matrix((known[rows, cols], (rows, cols)), shape=known.shape)
    if not hasattr(scipy.sparse, name):
        pytest.skip("this scipy has none")
    the_same(completed(known), completed(getattr(scipy.sparse, name)(coo)))


def test_a_stored_zero_is_known():
    x = scipy.sparse.csr_matrix(([0.0, 1.0, 2.0], ([0, 0, 1], [0, 1, 1])), shape=(2, 2))
    assert completed(x).result_["measurements"] == 3


def test_tables_of_triplets_have_ids():
    table = pd.DataFrame(
        {"userId": ["b", "a", "b", "c", "a"], "movieId": [7, 7, 3, 3, 9], "rating": [1.0, 2.0, 3.0, 4.0, 5.0], "t": 0}
    )
    made = completed(table, center="bias")
    assert made.row_ids_.tolist() == ["b", "a", "c"] and made.column_ids_.tolist() == [7, 3, 9]
    predicted = made.predict(table["userId"], table["movieId"])
    dense = made.matrix_
    assert np.allclose(predicted, [dense[0, 0], dense[1, 0], dense[0, 1], dense[2, 1], dense[1, 2]])
    new = made.predict(["nobody", "a"], [7, 8])
    assert np.allclose(new, [made.mean_ + made.column_bias_[0], made.mean_ + made.row_bias_[1]])
    assert made.score(table) <= 1.0


def test_polars_tables_are_read_like_those_of_pandas():
    polars = pytest.importorskip("polars")
    columns = {"row": ["x", "y", "x"], "column": [1, 1, 2], "value": [1.0, 2.0, 3.0]}
    the_same(completed(pd.DataFrame(columns)), completed(polars.DataFrame(columns)))


def test_a_data_frame_of_numbers_is_a_matrix(known):
    frame = pd.DataFrame(known, columns=[f"c{j}" for j in range(known.shape[1])])
    made = completed(frame)
    the_same(made, completed(known))
    assert made.get_feature_names_out().tolist() == list(frame.columns)
    with pytest.raises(ValueError, match="feature names should match"):
        made.transform(frame[frame.columns[::-1]])


def test_transform_keeps_what_is_known_and_fills_the_rest(known):
    made = completed(known, center="bias")
    filled = made.transform(known)
    seen = ~np.isnan(known)
    assert np.array_equal(filled[seen], known[seen]) and np.isfinite(filled).all()
    # Each row solves its own ridge problem at the optimum: folding it in gives what was fitted.
    assert np.allclose(filled[~seen], made.matrix_[~seen], atol=0.05)
    factor, bias = made.fold_in(scipy.sparse.csr_matrix(np.nan_to_num(known[:3])))
    assert factor.shape == (3, made.R_.shape[1]) and bias.shape == (3,)
    both = np.vstack([known[:2], np.full(known.shape[1], np.nan)])
    assert np.allclose(made.transform(both)[2], made.mean_ + made.column_bias_)


def test_predictions_are_clipped(known):
    made = completed(known, clip=(-0.01, 0.01))
    assert np.abs(made.predict([0, 1], [0, 1])).max() <= 0.01 and np.abs(made.matrix_).max() <= 0.01


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"y": [1.0, 2.0]}, r'key "y": found 2 values, expected \d+ \(as many as "A" has matrices\)'),
        ({"A": np.zeros((3, 4))}, r'key "A": found shape \(3, 4\), expected \(m, d1, d2\)'),
        ({"A": np.full((2, 2, 2), np.nan)}, r'key "A": found NaN at index \(0, 0, 0\), expected finite numbers'),
        ({"A": np.zeros((0, 2, 2))}, r'key "A": found shape \(0, 2, 2\), expected no dimension 0'),
        ({"A": np.zeros((2, 2, 2), complex)}, "complex"),
        ({"A": [["a", "b"]]}, "expected real numbers"),
        ({"A": np.full((2, 2, 2), 1e300)}, "A"),
    ],
)
def test_bad_arrays_are_value_errors_in_the_words_of_the_command(change, words):
    data = {**instance("sensing"), **change}
    with pytest.raises(ValueError, match=words):
        fit("sensing", data)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"tol": -1.0}, '--tol: found "-1.0", expected a number between 0 and 1'),
        ({"lam": "much"}, "expected auto or a positive number"),
        ({"rank": 0}, "expected auto or a positive integer"),
        ({"objective": "sharp"}, "expected auto, flat, nuclear or smoothed:ALPHA"),
        ({"exact": True, "lam": 1.0}, "expected one of them"),
        ({"lam": "auto"}, "--lambda: found auto with sensing, expected a number"),
        ({"threads": 0}, "expected an integer from 1 to 1024"),
        ({"random_state": -3}, "--seed"),
    ],
)
def test_bad_parameters_are_value_errors_in_the_words_of_the_command(parameters, words):
    with pytest.raises(ValueError, match=words.replace("(", r"\(")):
        fit("sensing", instance("sensing"), **parameters)


def test_contradictions_and_strays_among_entries_are_refused(known):
    with pytest.raises(ValueError, match="both give"):
        completed(np.array([[0, 0], [0, 0]]), [1.0, 2.0])
    with pytest.raises(ValueError, match='key "rows": found -1 at index 0'):
        completed(np.array([[-1, 0]]), [1.0])
    with pytest.raises(ValueError, match="found NaN everywhere"):
        completed(np.full((2, 2), np.nan))
    with pytest.raises(ValueError, match=r"found inf at \(0, 0\)"):
        completed(np.full((2, 2), np.inf))
    made = completed(known)
    with pytest.raises(ValueError, match="expected 0 to 29"):
        made.predict([30], [0])
    with pytest.raises(ValueError, match="as many as"):
        made.predict([0, 1], [0])


def test_what_the_command_warns_of_is_a_warning():
    gap = np.array([[1.0, 2.0, np.nan], [2.0, 4.1, np.nan]])
    with pytest.warns(flatmin.FlatminWarning, match="column 2 has no observed entry"):
        flatmin.MatrixCompletion(lam=0.1).fit(gap)


def test_a_budget_is_a_status_and_a_warning():
    with pytest.warns(flatmin.FlatminWarning, match="stopped by its budget"):
        made = fit("sensing", instance("sensing", noise=0.1, m=60), max_iter=1)
    assert made.result_["status"] == "budget" and made.matrix_.shape == (12, 9)
