//! Lines of text with raised and lowered parts, and the font that measures them and draws them in PNG.
//!
//! `10^{−3}` raises, `D_{1}` lowers. The font is DejaVu Sans Condensed: free, complete in mathematical signs, and about
//! as wide as Arial, so that an SVG shown in the reader's own font keeps the layout computed here.

use anyhow::Context as _;
use ttf_parser::Face;

/// Size of a raised or lowered part, relative to the text it hangs on.
const SCRIPT_SIZE: f64 = 0.75;

/// A stretch of text on one baseline.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Run {
    pub(crate) text: String,
    /// Font size relative to the whole text's.
    pub(crate) scale: f64,
    /// Height of the baseline over the main one, relative to the whole text's size.
    pub(crate) raise: f64,
}

impl Run {
    fn new(text: &str, scale: f64, raise: f64) -> Self {
        Self {
            text: text.to_owned(),
            scale,
            raise,
        }
    }
}

/// Splits the markup into runs; an opening without its `}` is plain text.
pub(crate) fn runs(markup: &str) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut rest = markup;
    while let Some((before, raise, script, after)) = next_script(rest) {
        if !before.is_empty() {
            runs.push(Run::new(before, 1.0, 0.0));
        }
        runs.push(Run::new(script, SCRIPT_SIZE, raise));
        rest = after;
    }
    if !rest.is_empty() {
        runs.push(Run::new(rest, 1.0, 0.0));
    }
    runs
}

/// (text before, raise, raised text, text after) of the first `^{…}` or `_{…}`.
fn next_script(text: &str) -> Option<(&str, f64, &str, &str)> {
    let (open, raise) = [(text.find("^{"), 0.36), (text.find("_{"), -0.18)]
        .into_iter()
        .filter_map(|(place, raise)| Some((place?, raise)))
        .min_by_key(|(place, _)| *place)?;
    let (script, after) = text[open + 2..].split_once('}')?;
    Some((&text[..open], raise, script, after))
}

/// The embedded font.
pub(crate) struct Font {
    pub(crate) face: Face<'static>,
}

impl Font {
    pub(crate) fn load() -> anyhow::Result<Self> {
        let face = Face::parse(dejavu::sans_condensed::regular(), 0).context("the embedded font")?;
        Ok(Self { face })
    }

    /// Width of a text of the given size, in points.
    pub(crate) fn width(&self, markup: &str, size: f64) -> f64 {
        runs(markup).iter().map(|run| self.run_width(run, size)).sum()
    }

    /// Width of one run of a text of the given size.
    pub(crate) fn run_width(&self, run: &Run, size: f64) -> f64 {
        run.text.chars().map(|c| self.advance(c)).sum::<f64>() * run.scale * size
    }

    /// Width of a character, relative to the font size; half of it for one the font lacks.
    pub(crate) fn advance(&self, character: char) -> f64 {
        let units = self
            .face
            .glyph_index(character)
            .and_then(|glyph| self.face.glyph_hor_advance(glyph));
        units.map_or(0.5, |units| {
            f64::from(units) / f64::from(self.face.units_per_em())
        })
    }
}

/// Width of the widest of some labels of the usual size.
pub(crate) fn widest<'a>(labels: impl Iterator<Item = &'a str>, font: &Font) -> f64 {
    labels
        .map(|label| font.width(label, super::TEXT))
        .fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_split_at_scripts() {
        let parts = runs("D_{1} X = 10^{−3}!");
        let texts: Vec<_> = parts.iter().map(|run| run.text.as_str()).collect();
        assert_eq!(texts, ["D", "1", " X = 10", "−3", "!"]);
        assert!(parts[1].raise < 0.0 && parts[3].raise > 0.0 && parts[4].raise == 0.0);
        assert_eq!(
            runs("open ^{never closed"),
            [Run::new("open ^{never closed", 1.0, 0.0)]
        );
        assert!(runs("").is_empty());
    }

    #[test]
    fn scripts_are_narrower_and_every_sign_we_use_exists() {
        let font = Font::load().unwrap();
        assert!(font.width("10^{99}", 8.0) < font.width("1099", 8.0));
        for sign in "−×·‖σλεθ₁₂½²∗≤|()".chars() {
            assert!(font.face.glyph_index(sign).is_some(), "{sign}");
        }
    }
}
