//! Colours of all pictures.

/// Ten colours that differ in hue and lightness (Okabe and Ito's, and two more).
pub(crate) const COLORS: [&str; 10] = [
    "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#8c6d31", "#000000", "#7b4ab5",
    "#b5b500",
];

/// The same hues for thin lines and small marks on white: a contrast of 3 to 1 at least.
pub(crate) const ON_WHITE: [&str; 10] = [
    "#0072b2", "#b87400", "#008a65", "#d55e00", "#b8568f", "#2b8cc4", "#8c6d31", "#000000", "#7b4ab5",
    "#7d7d00",
];

/// The same on [`DARK`].
pub(crate) const ON_DARK: [&str; 10] = [
    "#4aa8e0", "#e69f00", "#2fc69b", "#ff8a3d", "#e59bc4", "#8ed1ff", "#c9a55c", "#f2f2f2", "#b48ae6",
    "#d6d600",
];

/// A dark page's ground.
pub(crate) const DARK: &str = "#14161a";

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG's relative luminance.
    fn luminance(color: &str) -> f64 {
        let channel = |place: usize| {
            let value = f64::from(u8::from_str_radix(&color[place..place + 2], 16).unwrap()) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    fn contrast(a: &str, b: &str) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn lines_can_be_seen_on_both_grounds() {
        for (colors, ground) in [(ON_WHITE, "#ffffff"), (ON_DARK, DARK)] {
            for color in colors {
                assert!(
                    contrast(color, ground) >= 3.0,
                    "{color} on {ground}: {:.2}",
                    contrast(color, ground)
                );
            }
        }
    }
}
