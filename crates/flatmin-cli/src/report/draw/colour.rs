//! Colours that survive colour blindness and a black-and-white printer.

/// An opaque sRGB colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Colour(pub(crate) u8, pub(crate) u8, pub(crate) u8);

// Lines: the palette of Okabe and Ito (2008).
pub(crate) const BLUE: Colour = Colour(0, 114, 178);
pub(crate) const VERMILION: Colour = Colour(213, 94, 0);
pub(crate) const GREEN: Colour = Colour(0, 158, 115);
pub(crate) const PURPLE: Colour = Colour(204, 121, 167);
pub(crate) const SKY: Colour = Colour(86, 180, 233);
pub(crate) const INK: Colour = Colour(26, 26, 26);
pub(crate) const GREY: Colour = Colour(140, 140, 140);
pub(crate) const GRID: Colour = Colour(228, 228, 228);
pub(crate) const PAPER: Colour = Colour(255, 255, 255);
/// Ground and lines of the hatch that means "no value": no colour of the map is grey.
pub(crate) const HATCH_GROUND: Colour = Colour(242, 242, 242);
pub(crate) const HATCH_LINE: Colour = Colour(176, 176, 176);

/// The viridis map at equal steps; between them the colour is interpolated (off by less than the eye can see).
const VIRIDIS: [Colour; 10] = [
    Colour(68, 1, 84),
    Colour(72, 40, 120),
    Colour(62, 73, 137),
    Colour(49, 104, 142),
    Colour(38, 130, 142),
    Colour(31, 158, 137),
    Colour(53, 183, 121),
    Colour(110, 206, 88),
    Colour(181, 222, 43),
    Colour(253, 231, 37),
];

/// The colour of a fraction of the scale, dark to bright; fractions outside [0, 1] get the end colours.
pub(crate) fn viridis(fraction: f64) -> Colour {
    let place = fraction.clamp(0.0, 1.0) * (VIRIDIS.len() - 1) as f64;
    let below = (place as usize).min(VIRIDIS.len() - 2);
    mix(VIRIDIS[below], VIRIDIS[below + 1], place - below as f64)
}

/// Black to white.
pub(crate) fn grey(fraction: f64) -> Colour {
    mix(Colour(0, 0, 0), PAPER, fraction.clamp(0.0, 1.0))
}

fn mix(a: Colour, b: Colour, share: f64) -> Colour {
    let channel = |a: u8, b: u8| (f64::from(a) + share * (f64::from(b) - f64::from(a))).round() as u8;
    Colour(channel(a.0, b.0), channel(a.1, b.1), channel(a.2, b.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_brightens_steadily_from_end_to_end() {
        let lightness =
            |c: Colour| 0.2126 * f64::from(c.0) + 0.7152 * f64::from(c.1) + 0.0722 * f64::from(c.2);
        let steps: Vec<f64> = (0..=100)
            .map(|i| lightness(viridis(f64::from(i) / 100.0)))
            .collect();
        assert!(steps.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!((viridis(-1.0), viridis(2.0)), (VIRIDIS[0], VIRIDIS[9]));
    }
}
