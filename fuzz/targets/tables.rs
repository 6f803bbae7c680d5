#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| flatmin_fuzz::read_one_of(&["entries.csv", "entries.tsv", "entries.dat", "places.csv", "matrix.csv", "entries.csv.gz"], data));
