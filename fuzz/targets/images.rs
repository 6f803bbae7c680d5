#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| flatmin_fuzz::read_one_of(&["frame.png", "frame.pgm", "frame.jpg"], data));
