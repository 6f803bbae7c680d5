#!/usr/bin/env bash
# Draw the figures of the book again, by the commands that its pages show; flat-and-sharp.svg is drawn by figures.py.
#
# Some minutes on two cores, most of them for the experiments.
# usage: docs/figures.sh [NAME…]   (flatmin must be on the PATH; a NAME is a function below)
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
figures=$root/docs/src/figures
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$figures"
cd "$scratch"

# take FOLDER FIGURE NAME: one figure of a run, under the name that the book has for it.
take() { cp "$1/figures/$2.svg" "$figures/$3.svg"; }

# The models, as models.md runs them.
models() {
  flatmin generate sensing --d1 20 --d2 15 --rank 2 --out sensing.npz
  flatmin solve sensing sensing.npz --quiet --out sensing
  take sensing cross-section sensing-cross-section
  flatmin generate completion --d1 40 --rank 2 --p 0.6 --noise 0.001 --out entries.npz
  flatmin solve completion entries.npz --hide 0.1 --quiet --out completion
  take completion observed completion-observed
  take completion recovered completion-recovered
  flatmin generate covariance --d1 12 --rank 2 --m 100 --out covariance.npz
  flatmin solve covariance covariance.npz --quiet --out covariance
  take covariance recovered covariance-recovered
  flatmin generate network --d1 12 --rank 3 --m 150 --out network.npz
  flatmin solve network network.npz --test network.npz --quiet --out network
  take network singular-values network-singular-values
  flatmin generate rpca --d1 60 --rank 3 --outliers 0.05 --out robust.npz
  flatmin solve rpca robust.npz --quiet --out robust
  take robust recovered rpca-low-rank
  take robust sparse rpca-sparse
  flatmin generate sparse --d1 60 --rank 4 --m 30 --out sparse.npz
  for depth in 2 3; do
    flatmin solve sparse sparse.npz --depth $depth --quiet --out "depth$depth"
    take "depth$depth" vector "sparse-depth-$depth"
  done
  flatmin generate deep --d1 8 --rank 1 --m 40 --out deep.npz
  flatmin solve deep deep.npz --depth 3 --quiet --out deep
  take deep layers deep-layers
}

# experiment NAME: its quick preset.
experiment() { flatmin experiment "$1" --quiet --out "$1"; }

landscape() {
  experiment landscape
  take landscape landscape-sensing-lines landscape-lines
  take landscape landscape-sensing-flat landscape-flat
  take landscape landscape-sensing-sharp landscape-sharp
}

recovery() {
  experiment recovery
  take recovery recovery-sensing-flat-grey recovery-sensing
  take recovery frontier-completion frontier-completion
}

regularity() {
  experiment regularity
  take regularity imbalance-bound regularity-imbalance
}

notions() {
  experiment notions
  take notions notions-sharpness-norm-minimal notions-sharpness
}

noise() {
  experiment noise
  take noise noise-sensing noise-sensing
}

overparameterization() {
  experiment overparameterization
  take overparameterization overparameterization-sensing overparameterization
}

fewest() {
  experiment fewest
  take fewest fewest-completion-n300-r3-k10 fewest-completion
}

depth() {
  experiment depth
  take depth depth-vector-recovered depth-vector
  take depth depth-matrix-recovered depth-matrix
}

trajectories() {
  experiment trajectories
  take trajectories trajectories-sensing-scatter trajectories-scatter
}

# What the benchmarks drew.
performance() { cp "$root/bench/results/2026-11-26/ratings-1m.svg" "$figures/ratings-1m.svg"; }

all="models landscape recovery regularity notions noise overparameterization fewest depth trajectories performance"
for name in "${@:-$all}"; do
  for each in $name; do "$each"; done
done
