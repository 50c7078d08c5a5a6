//! Names of the columns in a comment above the first row.

use super::{
    cell::{Cell, kind},
    csv::Raw,
    names,
    separator::fields,
};

/// Names in the comment before the first record, as NumPy's savetxt writes a header.
pub(super) fn comment_names(raw: &Raw) -> Option<Vec<String>> {
    comment(raw).filter(|(_, doubtful)| !doubtful).map(|(names, _)| names)
}

/// Words that sentences have and columns are not called.
const PROSE: [&str; 27] = [
    "and", "are", "at", "by", "column", "columns", "dataset", "each", "for", "from", "has", "have", "in",
    "is", "last", "made", "my", "no", "not", "of", "on", "our", "the", "this", "to", "with", "without",
];

/// As many words in the comment as there are columns, and whether they may be prose: where
/// spaces separate, a sentence looks like names.
pub(super) fn comment(raw: &Raw) -> Option<(Vec<String>, bool)> {
    let comment = raw.comment.as_ref().filter(|_| raw.columns > 1)?;
    let names: Vec<String> =
        fields(comment, raw.separator).into_iter().map(|name| name.trim().to_owned()).collect();
    let are_names = names.len() == raw.columns && names.iter().all(|name| kind(name) == Cell::Text);
    let is_prose = |name: &String| {
        PROSE.iter().any(|word| name.eq_ignore_ascii_case(word))
            || name.ends_with(['.', ':', '!', '?', ';', ','])
    };
    let inner = names.get(1..names.len().saturating_sub(1)).unwrap_or_default();
    let label_inside = inner.iter().any(|name| names::is_label(name));
    let doubtful = raw.separator == b' '
        && names.iter().any(|name| names::is_known(name))
        && (names.iter().any(is_prose) || label_inside);
    are_names.then_some((names, doubtful))
}
