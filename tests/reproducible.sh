#!/usr/bin/env bash
# Build the release twice, in two folders, and compare the bits.
#
# Takes two release builds from nothing: some ten minutes on two cores. Paths of the folders and of cargo's own are
# replaced, and the rest is the toolchain's, which has to be the same: the last line names it with the digest. That is of
# the program without its symbols: link-time optimisation names those that it moves (`….llvm.NUMBER`) by the folder.
# usage: tests/reproducible.sh [COMMIT]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
commit=${1:-HEAD}
cargo_home=${CARGO_HOME:-$HOME/.cargo}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Cargo names symbols by a digest of the flags that it knows of; what a wrapper adds leaves it alone.
cat >"$scratch/rustc" <<'EOF'
#!/bin/sh
exec "$@" "--remap-path-prefix=$FLATMIN_FOLDER=/flatmin" "--remap-path-prefix=$FLATMIN_CARGO=/cargo"
EOF
chmod +x "$scratch/rustc"

build() {
  mkdir -p "$1"
  git -C "$root" archive "$commit" | tar -x -C "$1"
  (
    cd "$1"
    export CARGO_TARGET_DIR=$1/target RUSTC_WRAPPER=$scratch/rustc FLATMIN_FOLDER=$1 FLATMIN_CARGO=$cargo_home
    cargo build --quiet --locked --release --bin flatmin
  )
  # The build's identity is a digest of all, symbols among it.
  strip --strip-all --remove-section=.note.gnu.build-id -o "$scratch/stripped" "$1/target/release/flatmin"
  sha256sum "$scratch/stripped" | cut -d ' ' -f 1
  rm -rf "$1"
}

first=$(build "$scratch/here")
second=$(build "$scratch/some/where/else")
if [ "$first" != "$second" ]; then
  printf 'the two builds differ: %s and %s\n' "$first" "$second" >&2
  exit 1
fi
printf '%s  flatmin without symbols, twice, by %s\n' "$first" "$(rustc --version)"
