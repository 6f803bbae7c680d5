//! Flat minima of low-rank matrix recovery: recover, certify, measure.
