//! Arrays in memory by key, in the layout of the `.npz` files: what a program hands over instead of a file.
//!
//! They are borrowed as they stand, in C or Fortran order, and copied at most once: into the form that the solvers keep.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Result, anyhow, ensure};
use ndarray::{ArrayD, ArrayViewD};

use super::numpy::shown_shape;

/// One array, borrowed.
#[derive(Clone, Debug)]
pub enum Array<'a> {
    /// Numbers.
    F64(ArrayViewD<'a, f64>),
    /// Numbers of half the width: every one of them is an f64.
    F32(ArrayViewD<'a, f32>),
    /// Positions.
    I64(ArrayViewD<'a, i64>),
    /// Positions of half the width.
    I32(ArrayViewD<'a, i32>),
    /// Truth values.
    Boolean(ArrayViewD<'a, bool>),
}

/// Arrays by key.
#[derive(Clone, Debug, Default)]
pub struct Arrays<'a>(BTreeMap<String, Array<'a>>);

impl<'a> FromIterator<(String, Array<'a>)> for Arrays<'a> {
    fn from_iter<I: IntoIterator<Item = (String, Array<'a>)>>(members: I) -> Self {
        Arrays(members.into_iter().collect())
    }
}

/// Arrays that are read by key. That views of arrays cannot be taken for shorter-lived ones is nothing their readers should
/// know: to them any lifetime is the same.
pub(crate) trait ByKey: fmt::Debug + Sync {
    fn has(&self, key: &str) -> bool;

    fn keys(&self) -> Vec<&str>;

    /// Real numbers, copied in C order.
    fn numbers(&self, key: &str) -> Result<ArrayD<f64>>;

    /// The shape and the numbers of an array of f64 in C order, where they lie; `None` of all else.
    fn in_place(&self, key: &str) -> Option<(&[usize], &[f64])>;

    /// Integers of one dimension.
    fn integers(&self, key: &str) -> Result<Vec<i64>>;

    /// The shape, and truth values in C order.
    fn booleans(&self, key: &str) -> Result<(Vec<usize>, Vec<bool>)>;
}

impl ByKey for Arrays<'_> {
    fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    fn numbers(&self, key: &str) -> Result<ArrayD<f64>> {
        Ok(match self.get(key)? {
            Array::F64(array) => array.as_standard_layout().into_owned(),
            Array::F32(array) => array.as_standard_layout().mapv(f64::from),
            Array::I64(array) => array.as_standard_layout().mapv(|v| v as f64),
            Array::I32(array) => array.as_standard_layout().mapv(f64::from),
            Array::Boolean(_) => return Err(wrong("booleans", "real numbers")),
        })
    }

    fn in_place(&self, key: &str) -> Option<(&[usize], &[f64])> {
        match self.0.get(key)? {
            Array::F64(array) => Some((array.shape(), array.to_slice()?)),
            _ => None,
        }
    }

    fn integers(&self, key: &str) -> Result<Vec<i64>> {
        let array = self.get(key)?;
        let shape = array.shape();
        ensure!(
            shape.len() == 1,
            "found shape {}, expected one dimension",
            shown_shape(shape)
        );
        match array {
            Array::I64(array) => Ok(array.iter().copied().collect()),
            Array::I32(array) => Ok(array.iter().map(|v| i64::from(*v)).collect()),
            Array::F64(_) | Array::F32(_) => Err(wrong("floats", "integers")),
            Array::Boolean(_) => Err(wrong("booleans", "integers")),
        }
    }

    fn booleans(&self, key: &str) -> Result<(Vec<usize>, Vec<bool>)> {
        match self.get(key)? {
            Array::Boolean(array) => Ok((array.shape().to_vec(), array.iter().copied().collect())),
            _ => Err(wrong("numbers", "truth values (booleans)")),
        }
    }
}

impl<'a> Arrays<'a> {
    fn get(&self, key: &str) -> Result<&Array<'a>> {
        self.0.get(key).ok_or_else(|| anyhow!("found nothing"))
    }
}

impl Array<'_> {
    fn shape(&self) -> &[usize] {
        match self {
            Array::F64(array) => array.shape(),
            Array::F32(array) => array.shape(),
            Array::I64(array) => array.shape(),
            Array::I32(array) => array.shape(),
            Array::Boolean(array) => array.shape(),
        }
    }
}

fn wrong(found: &str, expected: &str) -> anyhow::Error {
    anyhow!("found {found}, expected {expected}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{self, Source};
    use ndarray::{ShapeBuilder as _, arr1, arr2};

    fn two<'a>(a: ArrayViewD<'a, f64>, y: ArrayViewD<'a, f64>) -> Arrays<'a> {
        [("A".to_owned(), Array::F64(a)), ("y".to_owned(), Array::F64(y))]
            .into_iter()
            .collect()
    }

    #[test]
    fn either_order_reads_as_the_same_matrix() {
        let y = arr1(&[1., 2.]);
        let c = arr2(&[[1., 2., 3.], [4., 5., 6.]]);
        let f = ndarray::Array2::from_shape_vec((2, 3).f(), vec![1., 4., 2., 5., 3., 6.]).unwrap();
        for a in [&c, &f] {
            let arrays = two(a.view().into_dyn(), y.view().into_dyn());
            let read = input::read_sparse(Source::Arrays(&arrays)).unwrap();
            assert_eq!(read.a, c);
            assert!(read.a.is_standard_layout());
        }
        let single = c.mapv(|v| v as f32);
        let arrays: Arrays<'_> = [
            ("A".to_owned(), Array::F32(single.view().into_dyn())),
            ("y".to_owned(), Array::F64(y.view().into_dyn())),
        ]
        .into_iter()
        .collect();
        assert_eq!(input::read_sparse(Source::Arrays(&arrays)).unwrap().a, c);
    }

    #[test]
    fn large_arrays_stay_where_they_are() {
        let y = arr1(&[1., 2.]);
        let c = ndarray::Array3::from_shape_fn((2, 3, 4), |(i, j, k)| (12 * i + 4 * j + k) as f64);
        let f = ndarray::Array3::from_shape_fn((2, 3, 4).f(), |at| c[at]);
        for (a, is_copied) in [(&c, false), (&f, true)] {
            let arrays = two(a.view().into_dyn(), y.view().into_dyn());
            let read = input::read_sensing(Source::Arrays(&arrays)).unwrap();
            assert_eq!((read.a.as_ref(), read.shape), (c.as_slice().unwrap(), (3, 4)));
            assert_eq!(read.a.as_ptr() != a.as_ptr(), is_copied);
        }
        let short = c.index_axis(ndarray::Axis(2), 0);
        let arrays = two(short.into_dyn(), y.view().into_dyn());
        let error = input::read_sensing(Source::Arrays(&arrays)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "key \"A\": found shape (2, 3), expected (m, d1, d2)"
        );
    }

    #[test]
    fn what_is_wrong_is_said_as_of_a_file_but_for_its_name() {
        let (a, y) = (arr2(&[[1., 2.]]), arr1(&[1., f64::NAN]));
        let arrays = two(a.view().into_dyn(), y.view().into_dyn());
        assert_eq!(
            input::read_sparse(Source::Arrays(&arrays))
                .unwrap_err()
                .to_string(),
            "key \"y\": found NaN at index (1,), expected finite numbers"
        );
        let y = arr1(&[1., 2.]);
        let arrays = two(a.view().into_dyn(), y.view().into_dyn());
        assert_eq!(
            input::read_sparse(Source::Arrays(&arrays))
                .unwrap_err()
                .to_string(),
            "key \"y\": found 2 values, expected 1 (as many as \"A\" has rows)"
        );
        assert_eq!(
            input::read_bilinear(Source::Arrays(&arrays))
                .unwrap_err()
                .to_string(),
            "found the keys \"A\", \"y\", expected \"a\", \"b\", \"y\" and optionally \"truth\""
        );
    }
}
