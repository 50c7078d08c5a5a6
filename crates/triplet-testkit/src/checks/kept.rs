//! Cases that once failed, as files of `testdata/cases`: each is a test from then on.

use super::{Check, Difference, Engines};
use crate::{Sample, digests::Case};
use serde::{Deserialize, Serialize};
use std::{fs, io, path::PathBuf};
use triplet_api::{LossSpec, Objective, Reduction};
use triplet_core::{Distance, Rule};

/// A case, and how it is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// Sizes, family, seed and number.
    pub name: String,
    /// What was wrong.
    pub was: String,
    check: Check,
    distance: String,
    rule: String,
    margin: f64,
    reduction: String,
    labels: Vec<i64>,
    /// One list a row; `-0.0` is not `0.0`.
    embeddings: Vec<Vec<f32>>,
    weights: Option<Vec<f64>>,
}

impl Kept {
    /// A case that fails.
    #[must_use]
    pub fn new(case: &Case, check: Check, was: &str) -> Self {
        let Case { sample, asked, weights, .. } = case;
        let Objective { distance, rule, margin } = asked.objective;
        Self {
            name: sample.name.clone(),
            was: was.to_owned(),
            check,
            distance: distance.name().to_owned(),
            rule: rule.name().to_owned(),
            margin,
            reduction: asked.reduction.name().to_owned(),
            labels: sample.labels.clone(),
            embeddings: sample.embeddings.chunks(sample.width).map(<[f32]>::to_vec).collect(),
            weights: weights.clone(),
        }
    }

    /// The case, and how it is asked.
    ///
    /// # Errors
    /// A name that is unknown.
    pub fn case(&self) -> io::Result<(Case, Check)> {
        let distance: Distance = self.distance.parse().map_err(io::Error::other)?;
        let rule: Rule = self.rule.parse().map_err(io::Error::other)?;
        let reduction: Reduction = self.reduction.parse().map_err(io::Error::other)?;
        let sample = Sample {
            name: self.name.clone(),
            embeddings: self.embeddings.concat(),
            width: self.embeddings.first().map_or(1, Vec::len),
            labels: self.labels.clone(),
        };
        let objective = Objective { distance, rule, margin: self.margin };
        let asked = LossSpec { objective, reduction, require_positives: false };
        Ok((Case { name: self.name.clone(), sample, asked, weights: self.weights.clone() }, self.check))
    }

    /// Asks the engines.
    ///
    /// # Errors
    /// The first difference.
    pub fn check(&self, single: &mut Engines<f32>, double: &mut Engines<f64>) -> Result<u64, Difference> {
        let (case, check) = self.case().map_err(|error| Difference(format!("{}: {error}", self.name)))?;
        Ok(single.check(&case, check)? + double.check(&case, check)?)
    }

    /// Writes the case under a name of its own, unless it is there; the path.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn write(&self) -> io::Result<PathBuf> {
        let letters = self.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
        let path = folder().join(letters.collect::<String>()).with_extension("json");
        let text = serde_json::to_string(self)?.replace("],[", "],\n  [").replace(",\"", ",\n\"");
        fs::create_dir_all(folder())?;
        fs::write(&path, text + "\n")?;
        Ok(path)
    }
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/cases"))
}

/// All that are kept, by name.
///
/// # Errors
/// A file that is no case.
pub fn all() -> io::Result<Vec<Kept>> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder())?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let read = |path: PathBuf| -> io::Result<Kept> {
        serde_json::from_str(&fs::read_to_string(&path)?)
            .map_err(|error| io::Error::other(format!("{}: {error}", path.display())))
    };
    paths.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_comes_back_to_the_bit() {
        for number in 0..140 {
            let case = Case::cross_check(9, number);
            let kept = Kept::new(&case, Check::Ranks(number), "nothing");
            let text = serde_json::to_string(&kept).unwrap();
            let (back, check) = serde_json::from_str::<Kept>(&text).unwrap().case().unwrap();
            let bits = |case: &Case| case.sample.embeddings.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&back), bits(&case), "{}", case.sample.name);
            assert_eq!((&back.sample.labels, back.asked), (&case.sample.labels, case.asked));
            assert_eq!((back.weights, check), (case.weights, Check::Ranks(number)));
        }
    }

    #[test]
    fn kept_cases_agree() {
        let (mut single, mut double) = (Engines::new().unwrap(), Engines::new().unwrap());
        let kept = all().unwrap();
        assert!(!kept.is_empty());
        for kept in kept {
            let compared = kept.check(&mut single, &mut double).unwrap();
            assert!(compared > 0, "{}: nothing was compared", kept.name);
        }
    }
}
