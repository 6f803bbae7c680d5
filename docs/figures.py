#!/usr/bin/env python3
"""Draw src/flat-and-sharp.svg: f(l, r) = (l r − 1)², its minima, and what flat and sharp look like.

Standard library only. Ink and paper follow the reader's light or dark scheme together, so that the picture can
be read on any page. usage: python3 figures.py
"""

from math import hypot, sqrt
from pathlib import Path

WIDTH, HEIGHT = 880, 412
LEFT, TOP, SIZE = 52, 40, 330  # the square panel of contours
LIMIT = 5.0  # l and r run from 0 to LIMIT
LEVELS = (0.25, 1.0, 4.0)
HALF = 0.6  # the cross-sections run from -HALF to HALF
FLAT, SHARP = (1.0, 1.0), (4.0, 0.25)

STYLE = """
  .paper { fill: #ffffff }
  text { font: 14px system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif; fill: #24292f }
  .math { font-family: "STIX Two Text", "Cambria", "Georgia", "DejaVu Serif", serif; font-style: italic }
  .leader { stroke: #8c959f; stroke-width: 1; stroke-dasharray: 2 3 }
  .small { font-size: 12px; fill: #57606a }
  .title { font-size: 15px; font-weight: 600 }
  .axis { stroke: #8c959f; stroke-width: 1; fill: none }
  .level { stroke: #8c959f; fill: none; stroke-width: 1 }
  .valley { fill: #8c959f; fill-opacity: .12; stroke: none }
  .minima { stroke: #24292f; stroke-width: 2.5; fill: none }
  .flat { stroke: #1a7f37; fill: none; stroke-width: 2.5 } .flatdot { fill: #1a7f37 } text.flattext { fill: #1a7f37 }
  .sharp { stroke: #cf222e; fill: none; stroke-width: 2.5 } .sharpdot { fill: #cf222e } text.sharptext { fill: #cf222e }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #0d1117 }
    text { fill: #e6edf3 } .small { fill: #9198a1 }
    .axis, .level, .leader { stroke: #6e7681 } .valley { fill: #9198a1 } .minima { stroke: #e6edf3 }
    .flat { stroke: #3fb950 } .flatdot { fill: #3fb950 } text.flattext { fill: #3fb950 }
    .sharp { stroke: #ff7b72 } .sharpdot { fill: #ff7b72 } text.sharptext { fill: #ff7b72 }
  }
"""


def panel(left: float, right: float) -> tuple[float, float]:
    """The place of (l, r) in the contour panel."""
    return LEFT + SIZE * left / LIMIT, TOP + SIZE * (1 - right / LIMIT)


def path(points: list[tuple[float, float]]) -> str:
    """A polyline through points."""
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def hyperbola(product: float) -> list[tuple[float, float]]:
    """l r = product inside the panel, evenly spaced in log l."""
    low, high = product / LIMIT, LIMIT
    return [panel(low * (high / low) ** (i / 80), product / (low * (high / low) ** (i / 80))) for i in range(81)]


def contours() -> str:
    """Level lines of f: l r = 1 ± √level, those inside the panel; the valley f ≤ 1/4 shaded."""
    out = []
    inner, outer = hyperbola(1 - sqrt(LEVELS[0])), hyperbola(1 + sqrt(LEVELS[0]))
    out.append(f'<path class="valley" d="{path(inner + outer[::-1])}Z"/>')
    for index, level in enumerate(LEVELS):
        for product in (1 - sqrt(level), 1 + sqrt(level)):
            if 0 < product < LIMIT**2:
                out.append(f'<path class="level" opacity="{0.9 - 0.2 * index:.2f}" d="{path(hyperbola(product))}"/>')
    out.append(f'<path class="minima" d="{path(hyperbola(1))}"/>')
    return "\n".join(out)


def normal(point: tuple[float, float]) -> tuple[float, float]:
    """The unit direction across the valley at a minimum: the gradient of l r."""
    left, right = point
    norm = hypot(left, right)
    return right / norm, left / norm


def cut(point: tuple[float, float], half: float) -> list[tuple[float, float]]:
    """The segment across the valley through a minimum."""
    (left, right), (u, v) = point, normal(point)
    return [panel(left + t * u, right + t * v) for t in (-half, half)]


def leader(start: tuple[float, float], end: tuple[float, float]) -> str:
    """A thin line from a point of the panel to its label."""
    return f'<path class="leader" d="{path([panel(*start), panel(*end)])}"/>'


def section(point: tuple[float, float], x0: float, y0: float, scale: float, top: float) -> str:
    """f along the cut, drawn as a curve with its lowest point at (x0, y0), up to height `top`."""
    (left, right), (u, v) = point, normal(point)
    points = []
    for i in range(-200, 201):
        t = HALF * i / 200
        f = ((left + t * u) * (right + t * v) - 1) ** 2
        if f <= top:
            points.append((x0 + scale * t, y0 - f / top * 312))
    return path(points)


def main() -> None:
    """Write the picture."""
    sx, sy, scale = 640, TOP + SIZE, 350
    flat, sharp = panel(*FLAT), panel(*SHARP)
    half = 0.24
    ticks = []
    for n in range(1, 6):
        x, y = panel(n, n)
        ticks.append(f'<text class="small" x="{x:.0f}" y="{TOP + SIZE + 18}" text-anchor="middle">{n}</text>')
        ticks.append(f'<text class="small" x="{LEFT - 9}" y="{y + 4:.0f}" text-anchor="end">{n}</text>')
    corner = panel(0, 0)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'role="img" aria-labelledby="t d">',
        '<title id="t">A flat and a sharp minimum of f(l, r) = (l r − 1)²</title>',
        '<desc id="d">Left: level lines of f around the hyperbola l r = 1 of its minima, with the flat one (1, 1) and '
        "a sharp one (4, 1/4). Right: the loss across the valley at both; the sharp one curves 8 times as much.</desc>",
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}" rx="8"/>',
        f'<text class="title" x="{LEFT}" y="22">Every point of the curve fits the data: '
        '<tspan class="math">l r</tspan> = 1</text>',
        f'<text class="title" x="{sx}" y="22" text-anchor="middle">The loss across the valley</text>',
        contours(),
        f'<path class="axis" d="M{LEFT} {TOP}V{corner[1]:.0f}H{LEFT + SIZE}"/>',
        *ticks,
        f'<text class="math" x="{LEFT + SIZE + 12}" y="{corner[1] + 5:.0f}">l</text>',
        f'<text class="math" x="{LEFT - 4}" y="{TOP - 6}" text-anchor="end">r</text>',
        f'<path class="flat" d="{path(cut(FLAT, half))}"/>',
        f'<path class="sharp" d="{path(cut(SHARP, half))}"/>',
        f'<circle class="flatdot" cx="{flat[0]:.1f}" cy="{flat[1]:.1f}" r="5.5"/>',
        f'<circle class="sharpdot" cx="{sharp[0]:.1f}" cy="{sharp[1]:.1f}" r="5.5"/>',
        leader((1.2, 1.2), (2.05, 2.05)),
        leader((4.02, 0.55), (4.05, 1.05)),
        f'<text class="flattext" x="{panel(2.1, 2.1)[0]:.0f}" y="{panel(2.1, 2.1)[1]:.0f}">flat: (1, 1)</text>',
        f'<text class="sharptext" x="{panel(4, 0)[0]:.0f}" y="{panel(0, 1.2)[1]:.0f}" text-anchor="middle">'
        "sharp: (4, ¼)</text>",
        f'<path class="axis" d="M{sx - 225} {sy}H{sx + 225}"/>',
        *(
            f'<path class="axis" d="M{sx + scale * t:.0f} {sy}v5"/>'
            f'<text class="small" x="{sx + scale * t:.0f}" y="{sy + 18}" text-anchor="middle">{name}</text>'
            for t, name in ((-0.5, "−½"), (0, "0"), (0.5, "½"))
        ),
        f'<path class="flat" d="{section(FLAT, sx, sy, scale, 2.2)}"/>',
        f'<path class="sharp" d="{section(SHARP, sx, sy, scale, 2.2)}"/>',
        f'<text class="sharptext" x="{sx + 142}" y="{TOP + 40}">trace 32⅛</text>',
        f'<text class="flattext" x="{sx + 142}" y="{sy - 140}" text-anchor="middle">trace 4</text>',
        f'<text class="small" x="{sx}" y="{sy + 36}" text-anchor="middle">distance from the minimum</text>',
        "</svg>",
    ]
    Path(__file__).with_name("src").joinpath("flat-and-sharp.svg").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
