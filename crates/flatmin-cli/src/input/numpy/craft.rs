//! Arrays in numpy's format, byte by byte, for the tests of everything that reads them.

/// An array in numpy's format: any header, any bytes after it.
pub(crate) fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    let mut dict = format!("{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}");
    while (10 + dict.len() + 1) % 64 != 0 {
        dict.push(' ');
    }
    dict.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(dict.len()).expect("a short header").to_le_bytes());
    bytes.extend(dict.as_bytes());
    bytes.extend(data);
    bytes
}

/// The bytes of `<f8` numbers.
pub(crate) fn f8(numbers: &[f64]) -> Vec<u8> {
    numbers.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// A C-order `<f8` array.
pub(crate) fn floats(shape: &str, numbers: &[f64]) -> Vec<u8> {
    npy("'<f8'", false, shape, &f8(numbers))
}

/// A one-dimensional `<i8` array.
pub(crate) fn integers(numbers: &[i64]) -> Vec<u8> {
    let data: Vec<u8> = numbers.iter().flat_map(|v| v.to_le_bytes()).collect();
    npy("'<i8'", false, &format!("({},)", numbers.len()), &data)
}
