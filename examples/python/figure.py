"""An experiment with its figures: how flat, norm-minimal and balanced solutions part as measurements get fewer."""

import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import flatmin

out = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
# The preset "quick" takes a minute; d and the number of trials make it seconds.
rows = flatmin.experiment.notions(d=6, trials=1, seed=1, out=str(out))

share = defaultdict(list)
for row in rows:
    share[row["status"]].append(row)
print(len(rows), "rows;", {status: len(own) for status, own in share.items()})
print("figures:", sorted(file.name for file in (out / "figures").iterdir()))
assert (out / "report.html").exists()
