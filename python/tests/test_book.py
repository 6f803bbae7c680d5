"""The Python that the documents show runs, block after block of a page, in one namespace and an empty folder.

Blocks of files that are included run as these files do, in test_guide.py; those marked `python,ignore` need more than
there is here.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import flatmin

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "python" / "README.md", *sorted((ROOT / "docs" / "src").glob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[str]:
    """The Python of a page."""
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [block for block in found if not block.startswith("{{#include")]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """What readers have: a table of ratings, and a matrix with gaps."""
    data = flatmin.generate("completion", ratings="60x30x900", random_state=1)
    rows, cols, y = data["rows"], data["cols"], data["y"]
    lines = ["user,item,rating", *(f"u{rows[at]},i{cols[at]},{y[at]}" for at in range(len(y)))]
    (tmp_path / "ratings.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    data = flatmin.generate("completion", d1=12, d2=30, rank=2, p=0.6, noise=0.001, random_state=1)
    matrix = np.full((12, 30), np.nan)
    matrix[data["rows"], data["cols"]] = data["y"]
    np.save(tmp_path / "stations.npy", matrix)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.name)
def test_blocks_run(page, folder):
    names: dict[str, object] = {}
    for number, block in enumerate(blocks(page), start=1):
        exec(compile(block, f"{page.name}, block {number}", "exec"), names)  # noqa: S102


def test_there_are_blocks():
    assert sum(len(blocks(page)) for page in PAGES) >= 10
