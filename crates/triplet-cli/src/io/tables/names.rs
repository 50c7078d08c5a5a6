//! What names of columns mean.

/// Names of a column of labels.
pub(super) const LABELS: [&str; 5] = ["label", "labels", "class", "target", "y"];
/// Names of a column of weights, and others that a file of one column may have.
pub(super) const WEIGHTS: [&str; 4] = ["weight", "weights", "sample_weight", "sample_weights"];
/// Names of weights that are no other quantity.
pub(super) const SAMPLE_WEIGHTS: [&str; 2] = ["sample_weight", "sample_weights"];
/// Names of columns that identify a row.
pub(super) const IDS: [&str; 19] = [
    "id",
    "ids",
    "index",
    "idx",
    "row",
    "row_number",
    "rowid",
    "uuid",
    "guid",
    "key",
    "filename",
    "file_name",
    "file",
    "path",
    "filepath",
    "file_path",
    "image_path",
    "url",
    "level_0",
];
/// Names of a column of arrays that are embeddings.
pub(super) const EMBEDDINGS: [&str; 7] =
    ["embedding", "embeddings", "features", "x", "vector", "vectors", "emb"];

pub(super) fn is_one_of(name: &str, names: &[&str]) -> bool {
    names.iter().any(|known| name.trim().eq_ignore_ascii_case(known))
}

pub(super) fn is_label(name: &str) -> bool {
    is_one_of(name, &LABELS)
}

/// Whether a column of this name identifies rows.
pub(super) fn is_id(name: &str) -> bool {
    let lower = name.trim().to_lowercase();
    is_one_of(name, &IDS)
        || ["_id", "-id", " id", "_uuid", "_idx", "_index"].iter().any(|end| lower.ends_with(end))
        || is_pandas_index(name)
        // camelCase: imageId, but not grid
        || name.strip_suffix("Id").or_else(|| name.strip_suffix("ID")).is_some_and(|rest| {
            rest.ends_with(|last: char| last.is_ascii_lowercase())
        })
}

/// Whether pandas gives this name to an index.
pub(super) fn is_pandas_index(name: &str) -> bool {
    name.to_lowercase().starts_with("unnamed: ") || name.starts_with("__index_level_")
}

/// Whether a first line of one name is surely a header.
pub(super) fn is_known(name: &str) -> bool {
    is_label(name) || is_id(name) || is_one_of(name, &WEIGHTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_ids_from_features() {
        for name in ["id", "ID", "Index", "user_id", "imageId", "PassengerID", "Unnamed: 0", "filename"] {
            assert!(is_id(name), "{name}");
        }
        for name in ["grid", "valid", "x", "width", "Id3", "pixel0", "p0", "idle"] {
            assert!(!is_id(name), "{name}");
        }
    }
}
