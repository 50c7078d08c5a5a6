//! First lines that may be names or rows, judged together: the inputs of one batch have as
//! many rows as one another.

use super::tables::{FirstLine, Reading};
use anyhow::Result;

/// What flags about the first line end with for the weights.
pub(super) const WEIGHTS: &str = "=weights";

/// The rows of one input.
pub(super) enum Rows<'a> {
    /// Their number is known.
    Known(usize),
    /// It depends on the first line. The file as it was named, and the flag's suffix for it.
    Text(&'a Reading, &'a str, &'static str),
    /// Any number goes with it: a scalar, or nothing.
    Any,
}

impl Rows<'_> {
    /// Ways to read: whether the first line has names, and the number of rows.
    fn ways(&self) -> Vec<(bool, Option<usize>)> {
        match self {
            Self::Known(rows) => vec![(false, Some(*rows))],
            Self::Any => vec![(false, None)],
            Self::Text(reading, _, flag) => {
                // One weight goes with any number of rows.
                let rows = |names| Some(reading.rows(names)).filter(|&rows| *flag != WEIGHTS || rows != 1);
                match reading.first_line {
                    FirstLine::Names => vec![(true, rows(true))],
                    FirstLine::Row => vec![(false, rows(false))],
                    FirstLine::Open { .. } | FirstLine::OpenLabel => {
                        vec![(false, rows(false)), (true, rows(true))]
                    }
                }
            }
        }
    }

    fn likely(&self) -> Option<bool> {
        match self {
            Self::Text(reading, ..) => match reading.first_line {
                FirstLine::Open { likely } => likely,
                FirstLine::OpenLabel | FirstLine::Row => Some(false),
                FirstLine::Names => Some(true),
            },
            _ => Some(false),
        }
    }
}

/// Whether the first line of each input has names.
pub(super) fn settle(inputs: &[Rows<'_>]) -> Result<Vec<bool>> {
    let mut choices: Vec<Vec<(bool, Option<usize>)>> = vec![Vec::new()];
    for input in inputs {
        let ways = input.ways();
        choices = choices
            .into_iter()
            .flat_map(|choice| ways.iter().map(move |way| [choice.as_slice(), &[*way]].concat()))
            .collect();
    }
    let agree = |choice: &Vec<(bool, Option<usize>)>| {
        let mut rows = choice.iter().filter_map(|way| way.1);
        rows.next().is_none_or(|first| rows.all(|other| other == first))
    };
    let names = |choice: &Vec<(bool, Option<usize>)>| choice.iter().map(|way| way.0).collect::<Vec<bool>>();
    let agreeing: Vec<Vec<bool>> = choices.iter().filter(|choice| agree(choice)).map(names).collect();
    let is_likely = |choice: &&Vec<bool>| {
        inputs
            .iter()
            .zip(choice.iter())
            .all(|(input, &names)| input.likely().is_none_or(|likely| likely == names))
    };
    let chosen = match agreeing.as_slice() {
        [only] if is_likely(&only) => only.clone(),
        // Numbers of rows that agree where a first line is taken for what it does not look like
        // may as well be a row too few in the other input.
        [only] => {
            let unlikely = |at: &usize| inputs[*at].likely().is_some_and(|likely| likely != only[*at]);
            let at = (0..inputs.len()).find(unlikely).unwrap_or(0);
            return Err(undecided(&inputs[at..=at], |_| true));
        }
        // Numbers of rows that differ in every reading are an error later.
        [] => inputs.iter().map(|input| input.likely().unwrap_or(false)).collect(),
        several => match several.iter().filter(is_likely).collect::<Vec<_>>().as_slice() {
            [only] => (*only).clone(),
            _ => return Err(undecided(inputs, |input| input.likely().is_none())),
        },
    };
    let lost = |at: usize| {
        matches!(&inputs[at], Rows::Text(reading, ..) if reading.first_line == FirstLine::OpenLabel)
            && chosen[at]
    };
    if let Some(at) = (0..inputs.len()).find(|&at| lost(at)) {
        return Err(undecided(&inputs[at..=at], |_| true));
    }
    Ok(chosen)
}

/// The error for the first input that is in question.
fn undecided(inputs: &[Rows<'_>], in_question: impl Fn(&Rows<'_>) -> bool) -> anyhow::Error {
    let text = |input: &Rows<'_>| match input {
        Rows::Text(reading, shown, flag) => Some(reading.undecided(flag).context((*shown).to_owned())),
        _ => None,
    };
    let first = inputs.iter().filter(|input| in_question(input)).find_map(text);
    let first = first.or_else(|| inputs.iter().find_map(text));
    first.unwrap_or_else(|| anyhow::anyhow!("first lines that may be names or rows"))
}
