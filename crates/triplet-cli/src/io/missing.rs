//! Words that stand for a missing value.

/// What pandas reads as missing, and what it and NumPy write for a missing time.
const MISSING: [&str; 19] = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A",
    "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
];

/// What others write for one, and what may be a class among other words.
const PERHAPS: [&str; 14] =
    ["?", "-", "--", ".", "*", "\\N", "none", "nil", "na", "nat", "n.a.", "missing", "#n/a", "#value!"];

/// Whether a word stands for a missing value wherever it stands.
pub(super) fn is_missing(word: &str) -> bool {
    let word = word.trim();
    MISSING.contains(&word) || word == "NaT"
}

/// Whether a word stands for a missing value among numbers.
pub(super) fn is_missing_among_numbers(word: &str) -> bool {
    let word = word.trim();
    is_missing(word) || PERHAPS.iter().chain(&MISSING).any(|known| word.eq_ignore_ascii_case(known))
}
