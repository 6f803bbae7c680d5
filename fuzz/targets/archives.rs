#![no_main]

use std::io::{Cursor, Write as _};

/// The archives that a reader knows, and the keys that they may have.
const KINDS: [(&str, &[&str]); 10] = [
    ("entries.npz", &["rows", "cols", "y", "shape", "truth"]),
    ("gaps.npz", &["X", "truth"]),
    ("matrix.npz", &["Y", "mask", "truth"]),
    ("sensing.npz", &["A", "y", "truth"]),
    ("bilinear.npz", &["a", "b", "y", "truth"]),
    ("symmetric.npz", &["x", "y", "truth"]),
    ("sparse.npz", &["A", "y", "truth"]),
    ("vectors.npz", &["V"]),
    ("layers.npz", &["W1", "W2", "W3"]),
    ("factors.npz", &["L", "R", "U1", "U2", "row_ridge", "column_ridge", "ridge_power"]),
];

/// One bit of the first byte: the archive itself, or members with right checksums, of which each has its length before it.
fn archive(data: &[u8], keys: &[&str]) -> zip::result::ZipResult<Vec<u8>> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let mut rest = data;
    for key in keys {
        let Some((length, after)) = rest.split_first_chunk::<2>() else {
            break;
        };
        let (member, after) = after.split_at(usize::from(u16::from_le_bytes(*length)).min(after.len()));
        rest = after;
        let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        zip.start_file(format!("{key}.npy"), options)?;
        zip.write_all(member)?;
    }
    Ok(zip.finish()?.into_inner())
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let (name, keys) = KINDS[usize::from(first >> 1) % KINDS.len()];
    if first & 1 == 0 {
        flatmin_fuzz::read(name, rest);
    } else if let Ok(bytes) = archive(rest, keys) {
        flatmin_fuzz::read(name, &bytes);
    }
});
