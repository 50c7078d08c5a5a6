//! What names of columns mean.

/// Names of a column of labels.
pub(super) const LABELS: [&str; 5] = ["label", "labels", "class", "target", "y"];
/// Names of a column of weights, and others that a file of one column may have.
pub(super) const WEIGHTS: [&str; 4] = ["weight", "weights", "sample_weight", "sample_weights"];
/// Names of weights that are no other quantity.
pub(super) const SAMPLE_WEIGHTS: [&str; 2] = ["sample_weight", "sample_weights"];
/// Names of columns that identify a row.
pub(super) const IDS: [&str; 18] = [
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
];
/// Names that R and polars give to numbers or names of rows.
const ROW_NAMES: [&str; 8] =
    ["row_nr", "rownames", "row.names", "row_names", "rowname", "row_name", "rn", "...1"];
/// What follows a label's name where the column is the label in another form.
const OTHER_FORMS: [&str; 29] = [
    "cat",
    "code",
    "codes",
    "enc",
    "encoded",
    "encoding",
    "hat",
    "id",
    "ids",
    "idx",
    "index",
    "int",
    "name",
    "names",
    "new",
    "num",
    "numeric",
    "old",
    "onehot",
    "orig",
    "original",
    "pred",
    "predicted",
    "raw",
    "str",
    "test",
    "text",
    "train",
    "true",
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

/// Whether a column of this name is the label once more, encoded or merged: `label.1`,
/// `label_x`, `y_true`, `class_name`, `coarse_label`.
pub(super) fn is_label_again(name: &str) -> bool {
    let lower = name.trim().to_lowercase();
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    let again = |label: &str| {
        let Some(rest) = lower.strip_prefix(label) else { return false };
        // `y1` is a coordinate.
        let rest = match rest.strip_prefix(['_', '-', '.', ' ']) {
            Some(rest) => rest,
            None if label == "y" => return false,
            None => return is_number(rest),
        };
        // A number after `y_` counts coordinates, unless pandas counts duplicates with it.
        is_number(rest) && (label != "y" || lower.starts_with("y."))
            || ["x", "y"].contains(&rest)
            || OTHER_FORMS.contains(&rest)
    };
    let all = ["label", "labels", "class", "classes", "target", "targets", "y"];
    all.iter().any(|label| again(label))
        || ["_label", "_labels", " label", ".label"].iter().any(|end| lower.ends_with(end))
        || ["classes", "targets"].contains(&lower.as_str())
}

/// A name without what pandas adds where two are alike: `id.1`, and `id_x`, `id_y` of a merge.
fn before_merge(name: &str) -> &str {
    let name = name.trim();
    let numbered = name.rsplit_once('.').filter(|(stem, number)| {
        !stem.is_empty() && !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit())
    });
    let name = numbered.map_or(name, |(stem, _)| stem);
    name.strip_suffix("_x").or_else(|| name.strip_suffix("_y")).unwrap_or(name)
}

/// Whether a column of this name identifies rows.
pub(super) fn is_id(name: &str) -> bool {
    let whole = name;
    let name = before_merge(name);
    let lower = name.to_lowercase();
    is_one_of(name, &IDS)
        || is_one_of(whole, &ROW_NAMES)
        || is_one_of(name, &ROW_NAMES)
        || lower.strip_prefix("level_").is_some_and(|level| level.parse::<u8>().is_ok())
        || ["_id", "-id", " id", "_uuid", "_idx", "_index"].iter().any(|end| lower.ends_with(end))
        || is_pandas_index(whole)
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
    is_label(name) || is_label_again(name) || is_id(name) || is_one_of(name, &WEIGHTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_ids_from_features() {
        for name in
            ["id.1", "id_x", "user_id_y", "level_1", "row_nr", "rownames", "row.names", "...1", "index.2"]
        {
            assert!(is_id(name), "{name}");
        }
        for name in
            ["label.1", "label_x", "Label_y", "label_encoded", "y_true", "y_pred", "class.1", "label2", "y.1"]
        {
            assert!(is_label_again(name) && !is_label(name), "{name}");
        }
        for name in ["y1", "y_1", "label", "year", "classic", "targeted", "class_size", "yaw"] {
            assert!(!is_label_again(name), "{name}");
        }
        for name in ["id", "ID", "Index", "user_id", "imageId", "PassengerID", "Unnamed: 0", "filename"] {
            assert!(is_id(name), "{name}");
        }
        for name in ["grid", "valid", "x", "width", "Id3", "pixel0", "p0", "idle"] {
            assert!(!is_id(name), "{name}");
        }
    }
}
