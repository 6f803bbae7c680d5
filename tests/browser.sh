#!/usr/bin/env bash
# Open small reports in a browser: one of `solve` for every model, one of every experiment.
#
# On a wide and on a narrow screen a report must show its headline and all its figures and need no
# scrolling sideways; it must say nothing on the console, refer to nothing outside itself and ask
# the network for nothing. First a report is broken in each of these ways and must be refused.
# usage: tests/browser.sh BROWSER   (a Chromium; flatmin must be on the PATH)
set -euo pipefail
browser=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

# The possible values of an argument, as the help of a command lists them.
values() {
  flatmin "$1" --help | awk -v argument="<$2>" '
    $1 == argument                 { inside = 1 }
    /^Options:/                    { inside = 0 }
    inside && /^ +- [a-z]+: /      { sub(/^ +- /, ""); sub(/:.*/, ""); print }'
}

# An instance of a model that is solved at once.
instance() {
  case $1 in
    sparse) echo --d1 30 --rank 3 ;;
    deep) echo --d1 6 --rank 1 ;;
    *) echo --d1 10 --rank 1 ;;
  esac
}

# A grid of an experiment that is run at once.
grid() {
  case $1 in
    recovery)
      echo 'models=["sensing","bilinear","completion","network","rpca","sparse"]' trials=2 d=[6,8] \
        m=[10,20,36] p=[0.4,0.7,1.0] rank=1 vector_d=[20,30] nonzeros=2 vector_m=[4,8,12,16] ;;
    trajectories)
      echo trials=1 d=6 rank=1 m=28 network_d=6 network_rank=2 network_m=18 steps=3000 settle=1000 \
        records=8 starts=3 displacements=3 batch=4 ;;
    regularity) echo trials=2 d=[8] m=[5,30,60] p=[0.6,1.0] ;;
    notions) echo trials=2 d=8 shares=[0.5,1.0] ;;
    noise) echo trials=2 d=8 levels=[1e-3,1e-1] ;;
    overparameterization) echo trials=2 d=8 widths=[2,4,8] shares=[0.8,1.2] ;;
    fewest)
      local each='sampling="uniform",conditions=[1.0],ratios=[1.5,3.0],methods=["constrained","convex"]'
      echo trials=2 "grids=[{model=\"completion\",n=30,rank=1,$each},{model=\"sensing\",n=8,rank=1,$each}]" ;;
    depth) echo trials=2 vector_d=20 nonzeros=2 vector_m=[12,20] matrix_d=5 matrix_m=[15,25] ;;
    landscape) echo d=8 rank=1 steps=3 ;;
    *) printf 'tests/browser.sh: no small grid is known of the experiment %s\n' "$1" >&2; return 1 ;;
  esac
}

make_reports() {
  local name small
  for name in $(values solve MODEL); do
    # shellcheck disable=SC2046
    flatmin generate "$name" $(instance "$name") --out "$name.npz" >/dev/null
    flatmin solve "$name" "$name.npz" --quiet --out "solve-$name"
  done
  for name in $(values experiment NAME); do
    small=$(grid "$name")
    # shellcheck disable=SC2086
    flatmin experiment "$name" $(printf -- '--set %s ' $small) --quiet --out "experiment-$name"
  done
}

# A page that looks at another one, REPORT, on two screens.
probe() {
  cat <<HTML
<!DOCTYPE html><meta charset="utf-8"><title>probe</title>
<iframe src="file://$1" width="900" height="900"></iframe><iframe src="file://$1" width="360" height="700"></iframe>
<pre id="seen"></pre>
<script>
function shown(part) {
  const box = part.getBoundingClientRect();
  return box.width > 0 || box.height > 0;
}
onload = () => {
  const faults = [];
  for (const frame of document.querySelectorAll("iframe")) {
    const page = frame.contentDocument, fault = (text) => faults.push("fault: " + frame.width + " px: " + text);
    const headline = page.querySelector("h1"), figures = page.querySelectorAll("figure");
    if (!headline || !headline.innerText.trim() || !shown(headline)) fault("no headline");
    if (figures.length === 0) fault("no figure");
    for (const figure of figures) {
      const drawing = figure.querySelector("svg"), box = drawing?.getBoundingClientRect();
      const parts = drawing ? [...drawing.querySelectorAll("path, rect, line, circle, polyline, polygon")] : [];
      if (!(box?.width > 100 && box?.height > 50 && parts.some(shown))) fault("nothing drawn: " + figure.id);
    }
    const width = page.documentElement.scrollWidth;
    if (width > page.documentElement.clientWidth) fault("wider than the screen: " + width + " px");
  }
  document.getElementById("seen").textContent = ["", "looked", ...faults, ""].join("\n");
};
</script>
HTML
}

# What is wrong with a page, one line each; nothing where all is well.
faults() {
  local page=$1 folder=$2
  mkdir -p "$folder"
  probe "$page" >"$folder/probe.html"
  timeout 60 "$browser" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync --allow-file-access-from-files \
    --user-data-dir="$folder/profile" --host-resolver-rules="MAP * ~NOTFOUND" --virtual-time-budget=2000 \
    --enable-logging=stderr --v=0 --log-net-log="$folder/net.json" --window-size=1400,1000 \
    --dump-dom "file://$folder/probe.html" >"$folder/dom.html" 2>"$folder/log" ||
    { echo "the browser failed"; tail -3 "$folder/log"; return; }
  grep -qx looked "$folder/dom.html" || echo "not loaded"
  sed -n 's/^fault: //p' "$folder/dom.html"
  grep -o ':CONSOLE[:(].*' "$folder/log" || true
  # The browser's own requests are isolated under other keys than those that a page makes.
  grep -F '"network_isolation_key":"file://' "$folder/net.json" | grep -o '"url":"[^"]*"' | sort -u || true
  grep -oE '(src|href|srcset|poster|action)="[^"]*"|@import[^;]*|url\([^)]*\)' "$page" |
    grep -vE '="(#|data:)|^url\((#|"?data:)' || true
}

# A page broken on purpose, and some of the faults that must be found.
broken() {
  local page=$1 expected found
  shift
  found=$(faults "$page" "$scratch/browser/$(basename "$page" .html)")
  for expected in "$@"; do
    grep -qF -- "$expected" <<<"$found" || {
      printf 'browser: a broken page should be refused for: %s\nfound:\n%s\n' "$expected" "$found" >&2
      return 1
    }
  done
}

refuse_broken_pages() {
  local good=$scratch/solve-sensing/report.html
  sed 's|</main>|<img src="https://example.com/a.png"/><p style="width: 950px">wide</p><script>console.warn("hm")</script></main>|' \
    "$good" >"$scratch/loud.html"
  sed 's|<h1>.*</h1>||; s|<svg |<div |g; s|href="#|href="glyphs.svg#|g' "$good" >"$scratch/empty.html"
  printf '' >"$scratch/blank.html"
  broken "$scratch/loud.html" '900 px: wider than the screen' '"hm"' '"url":"https://example.com/a.png"' 'src="https:'
  broken "$scratch/empty.html" '360 px: no headline' '900 px: nothing drawn'
  broken "$scratch/blank.html" '900 px: no headline' '360 px: no figure'
}

check_reports() {
  local report name bad=0 count=0
  for report in */report.html; do
    name=$(dirname "$report")
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
    faults "$scratch/$report" "$scratch/browser/$name" >"$name/faults" &
    count=$((count + 1))
  done
  wait
  for report in */report.html; do
    name=$(dirname "$report")
    [ -s "$name/faults" ] || continue
    sed "s|^|$name: |" "$name/faults" >&2
    bad=$((bad + 1))
  done
  printf 'browser: %d reports, %d with faults\n' "$count" "$bad"
  [ "$bad" -eq 0 ] && [ "$count" -gt 0 ]
}

make_reports
refuse_broken_pages
check_reports
