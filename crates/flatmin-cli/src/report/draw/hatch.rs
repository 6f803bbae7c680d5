//! The hatch that means "nothing here", and the frame around a picture.

use super::colour::{HATCH_GROUND, HATCH_LINE, INK};
use super::scene::{Point, Rect, Scene, Stroke};

/// A thin line around an area.
pub(crate) fn frame(scene: &mut Scene, area: &Rect) {
    let mut outline = area.corners();
    outline.push((area.x, area.y));
    outline.push((area.right(), area.y));
    scene.line(outline, Stroke::solid(INK, 0.5));
}

/// Light diagonal lines: "nothing here", in any printer and for any eye.
pub(crate) fn hatch(scene: &mut Scene, area: &Rect) {
    const DISTANCE: f64 = 3.0;
    scene.fill(area.corners(), HATCH_GROUND);
    let lines = ((area.width + area.height) / DISTANCE) as usize;
    for index in 1..=lines {
        let (from, to) = diagonal(area, index as f64 * DISTANCE);
        scene.line(vec![from, to], Stroke::solid(HATCH_LINE, 0.5));
    }
}

/// The part inside `area` of the rising line that crosses its left side `offset` below the top left corner.
fn diagonal(area: &Rect, offset: f64) -> (Point, Point) {
    let below = (offset - area.height).max(0.0);
    let beyond = (offset - area.width).max(0.0);
    (
        (area.x + below, area.y + offset - below),
        (area.x + offset - beyond, area.y + beyond),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hatch_stays_inside() {
        let area = Rect {
            x: 3.0,
            y: 5.0,
            width: 20.0,
            height: 7.0,
        };
        for step in 1..27 {
            let (from, to) = diagonal(&area, f64::from(step));
            for (x, y) in [from, to] {
                assert!(
                    (3.0..=23.0).contains(&x) && (5.0..=12.0).contains(&y),
                    "{step}: {x} {y}"
                );
            }
            assert!(((to.0 - from.0) - (from.1 - to.1)).abs() < 1e-12);
        }
    }
}
