//! Colours of all pictures.

/// Ten colours that differ in hue and lightness (Okabe and Ito's, and two more).
pub(crate) const COLORS: [&str; 10] = [
    "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#8c6d31", "#000000", "#7b4ab5",
    "#b5b500",
];
