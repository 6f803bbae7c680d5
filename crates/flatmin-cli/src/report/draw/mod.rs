//! A small drawing kit for the report's figures: one scene, printed as SVG and as PNG.
//!
//! Written here because no plotting crate tried gave what the figures need: one colour scale over several heatmaps,
//! cells without a value, heatmaps as images instead of 50,000 rectangles, and log axes that do not cut off at 1e-10.

pub(crate) mod axis;
pub(crate) mod bar;
pub(crate) mod chart;
pub(crate) mod colour;
pub(crate) mod hatch;
pub(crate) mod heatmap;
pub(crate) mod legend;
pub(crate) mod png;
pub(crate) mod scene;
pub(crate) mod svg;
pub(crate) mod text;

/// Width of every figure: a column of 9 cm, in points.
pub(crate) const COLUMN: f64 = 255.0;
/// Size of every text: 8 pt at that width.
pub(crate) const TEXT: f64 = 8.0;
/// From the baseline to the middle of digits, relative to the size: what centres a label on its tick.
pub(crate) const HALF_DIGIT: f64 = 0.36;
