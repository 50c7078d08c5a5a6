//! What was understood of an input: one line for people, one object for programs.

use super::{labels::Labels, source::shorten, tables::Dropped};
use serde_json::{Value, json};
use std::fmt;

/// One input, as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Understood {
    /// The input as the command line named it.
    pub(crate) file: String,
    pub(crate) rows: usize,
    /// Columns of features; `None` for a file of labels or weights.
    pub(crate) features: Option<usize>,
    /// Columns of a table that the features are from, as messages show them.
    pub(crate) columns: Vec<String>,
    /// The type that it is read as.
    pub(crate) dtype: String,
    /// Whether the first line of a text table has names.
    pub(crate) header: Option<bool>,
    /// What separates fields, unless it is a comma.
    pub(crate) separator: Option<String>,
    pub(crate) labels: Option<LabelSummary>,
    pub(crate) dropped: Vec<Dropped>,
}

/// The classes among some labels.
#[derive(Debug, Clone)]
pub(crate) struct LabelSummary {
    /// Where labels come from: a column or an array.
    source: Option<String>,
    classes: usize,
    /// The class of the fewest rows, and the one of most.
    smallest: Option<(String, usize)>,
    largest: Option<(String, usize)>,
}

impl LabelSummary {
    pub(crate) fn of(labels: &Labels, source: Option<String>) -> Self {
        let counts = labels.counts();
        let named = |(class, rows): &(i64, usize)| (labels.name(*class).into_owned(), *rows);
        // Of classes of one size, the first is the smallest and the last the largest.
        Self {
            source,
            classes: counts.len(),
            smallest: counts.iter().min_by_key(|class| class.1).map(named),
            largest: counts.iter().max_by_key(|class| class.1).map(named),
        }
    }
}

impl fmt::Display for Understood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
        write!(f, "read {}: {}", shorten(&self.file, 120), plural(self.rows, "row"))?;
        if let Some(features) = self.features {
            write!(f, " x {}", plural(features, "feature"))?;
        }
        write!(f, " ({})", self.dtype)?;
        if let Some(labels) = &self.labels {
            if let Some(source) = &labels.source {
                write!(f, ", labels from {}: ", shorten(source, 60))?;
            } else {
                write!(f, ", ")?;
            }
            write!(f, "{} class{}", labels.classes, if labels.classes == 1 { "" } else { "es" })?;
            for (which, class) in [("smallest", &labels.smallest), ("largest", &labels.largest)] {
                if let Some((name, rows)) = class {
                    write!(f, ", {which} {:?} ({})", shorten(name, 40), plural(*rows, "row"))?;
                }
            }
        }
        if let Some(separator) = &self.separator {
            write!(f, "; separated by {separator}")?;
        }
        if let Some(header) = self.header {
            write!(f, "; {}", if header { "header" } else { "no header" })?;
        }
        if !self.dropped.is_empty() {
            let shown =
                self.dropped.iter().take(6).map(|d| format!("{:?} ({})", shorten(&d.name, 40), d.why));
            write!(f, "; dropped {}", shown.collect::<Vec<_>>().join(", "))?;
            if self.dropped.len() > 6 {
                write!(f, ", … {} in all", self.dropped.len())?;
            }
        }
        Ok(())
    }
}

impl Understood {
    /// The same as JSON.
    pub(crate) fn json(&self) -> Value {
        let class = |class: &Option<(String, usize)>| {
            class.as_ref().map(|(name, rows)| json!({ "class": name, "rows": rows }))
        };
        let dropped = |d: &Dropped| json!({ "column": d.name, "why": d.why });
        json!({
            "file": self.file,
            "rows": self.rows,
            "features": self.features,
            "dtype": self.dtype,
            "header": self.header,
            "separator": self.separator,
            "label_source": self.labels.as_ref().and_then(|labels| labels.source.clone()),
            "classes": self.labels.as_ref().map(|labels| labels.classes),
            "smallest_class": self.labels.as_ref().and_then(|labels| class(&labels.smallest)),
            "largest_class": self.labels.as_ref().and_then(|labels| class(&labels.largest)),
            "dropped": self.dropped.iter().map(dropped).collect::<Vec<_>>(),
        })
    }
}
