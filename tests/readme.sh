#!/usr/bin/env bash
# Run the commands that the documents show.
#
# A fenced block opened by ```sh test is run by bash, stopping at the first command that fails.
# All blocks of one document share one empty folder and are run in order, so that a later block can
# read what an earlier one wrote. `examples` is there as a link; `cargo run` finds the workspace.
# usage: tests/readme.sh [DOCUMENT…]   (flatmin must be on the PATH)
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
# Where `cargo run` must look for what is already built, from any folder.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target} FLATMIN_ROOT=$root

documents=("$@")
if [ $# -eq 0 ]; then
  mapfile -t documents < <(git ls-files -- '*.md')
fi

# `cargo run …` as in the README, but from the scratch folder.
cargo_in_root='cargo() { command cargo "$1" --manifest-path "$FLATMIN_ROOT/Cargo.toml" "${@:2}"; }'

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
blocks=0
for document in "${documents[@]}"; do
  # One script a document; each block says where it stands when it starts.
  script=$(awk -v name="$document" '
    /^```sh test[ \t]*$/ { inside = 1; printf "echo \"-- %s:%d\"\n", name, NR + 1; next }
    /^```/ && inside     { inside = 0; next }
    inside               { print }' "$document")
  [ -n "$script" ] || continue
  blocks=$((blocks + $(grep -c '^```sh test[[:space:]]*$' "$document")))
  folder=$scratch/${document//\//-}
  mkdir "$folder"
  ln -s "$root/examples" "$folder/examples"
  (cd "$folder" && bash -euo pipefail -c "$cargo_in_root"$'\n'"$script" </dev/null)
done
printf 'documents: %d blocks ran\n' "$blocks"
[ "$blocks" -gt 0 ] || { printf 'no block is marked ```sh test: nothing was checked\n' >&2; exit 1; }
