#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| flatmin_fuzz::read_one_of(&["entries.mtx", "matrix.mtx"], data));
