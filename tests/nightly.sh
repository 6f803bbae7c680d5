#!/usr/bin/env bash
# The long form of what ./check does in short: attacks on the certificates, damaged files, kills.
#
# usage: tests/nightly.sh [FACTOR]   (1 takes about ten minutes on two cores)
#
# Where there is a nightly toolchain and cargo-fuzz, each target runs for FACTOR minutes as well, from the files of earlier
# nights, which are kept in fuzz/corpus.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
factor=${1:-1}

export FLATMIN_ATTACKS=$((1000 * factor)) FLATMIN_DAMAGE=$((20000 * factor))
export FLATMIN_FAULTS=$((200 * factor)) FLATMIN_KILLS=$((300 * factor))
cargo test --locked --release -p flatmin --test exact_attacks
cargo test --locked --release -p flatmin-cli --lib -- damage
cargo test --locked --release -p flatmin-cli --test corrupt --test faults

if ! cargo +nightly fuzz --version >/dev/null 2>&1; then
  printf 'there is no nightly toolchain with cargo-fuzz: no target ran\n'
  exit
fi
for target in tables matrix_market arrays archives images; do
  cargo +nightly fuzz run "$target" -- -max_total_time=$((60 * factor)) -rss_limit_mb=2048 -print_final_stats=1
done
