//! Typed errors. Each names the offending value, where it stands and what to do.

/// Everything that can be wrong with a caller's input.
///
/// Degenerate batches (no rows, one row, no positives, no negatives) are results,
/// not errors; see [`crate::Statistics`].
///
/// ```
/// use triplet_core::{Batch, Error};
/// match Batch::new(&[0.0_f32, 1.0, 2.0, f32::INFINITY], 2, &[0, 0]) {
///     Err(Error::NonFinite { row, column, .. }) => assert_eq!((row, column), (1, 1)),
///     other => panic!("{other:?}"),
/// }
/// let error = "cosine".parse::<triplet_core::Distance>().unwrap_err();
/// assert_eq!(error.to_string(), "unknown distance \"cosine\": choose one of squared-l2, l2, angular");
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An embedding component is NaN or infinite.
    #[error(
        "embeddings[{row}, {column}] is {value}: every component must be finite; look for a diverged layer or a bad input row"
    )]
    NonFinite {
        /// Row of the component.
        row: usize,
        /// Column of the component.
        column: usize,
        /// The component.
        value: f64,
    },
    /// A row is so long that its squared distances leave the float range.
    #[error(
        "embeddings row {row} has a squared norm of {squared_norm:.3e}, above {limit:.3e}: its squared distances would overflow; scale the embeddings down or normalise them"
    )]
    NormOverflow {
        /// The row.
        row: usize,
        /// Its squared norm, in f64 (infinite where even that overflows).
        squared_norm: f64,
        /// The largest squared norm accepted for this element type.
        limit: f64,
    },
    /// Embeddings that are not a matrix `[B, D]`.
    #[error("embeddings have shape {shape:?}: expected two dimensions, [batch_size, embedding_width]")]
    NotAMatrix {
        /// The shape found.
        shape: Vec<usize>,
    },
    /// `D == 0`.
    #[error("embeddings have shape [{rows}, 0]: the embedding width must be at least 1")]
    ZeroWidth {
        /// Number of rows found.
        rows: usize,
    },
    /// A slice whose length is no multiple of the embedding width.
    #[error("{len} embedding values do not fill rows of width {width}: the length must be rows times width")]
    RaggedSlice {
        /// Length of the slice.
        len: usize,
        /// Embedding width given.
        width: usize,
    },
    /// Labels and embeddings disagree about the batch size.
    #[error(
        "labels have shape [{labels}] but embeddings have shape [{rows}, {width}]: one label a row is needed"
    )]
    LengthMismatch {
        /// Number of labels.
        labels: usize,
        /// Number of embedding rows.
        rows: usize,
        /// Embedding width.
        width: usize,
    },
    /// Anchors and candidates of different widths.
    #[error(
        "the anchors have width {anchors} but the candidates have width {candidates}: both must be embeddings of one network"
    )]
    WidthMismatch {
        /// Width of the anchors.
        anchors: usize,
        /// Width of the candidates.
        candidates: usize,
    },
    /// Ids and rows of a side disagree about how many there are.
    #[error("there are {ids} ids for {rows} rows of the {side}: one id a row is needed")]
    IdsLength {
        /// `anchors` or `candidates`.
        side: &'static str,
        /// Number of ids.
        ids: usize,
        /// Number of rows.
        rows: usize,
    },
    /// Every anchor is to be the candidate of its own index, but there are not as many.
    #[error(
        "{anchors} anchors cannot be the rows of {candidates} candidates: give ids, or say that they are disjoint"
    )]
    OwnRowMismatch {
        /// Number of anchors.
        anchors: usize,
        /// Number of candidates.
        candidates: usize,
    },
    /// Anchors and candidates that differ, to an engine that compares the rows of one batch.
    #[error(
        "the {backend} backend compares the rows of one batch with each other: anchors and other candidates need the simd or par backend"
    )]
    NotSquare {
        /// The backend.
        backend: &'static str,
    },
    /// A square batch, of which the gradient to the candidates was asked for.
    #[error(
        "the rows of one batch are anchors and candidates at once: the {backend} backend has one gradient for them"
    )]
    Square {
        /// The backend.
        backend: &'static str,
    },
    /// An engine that searches whole batches only.
    #[error(
        "the {backend} backend searches whole batches: a search shared by ranks needs the simd or par backend"
    )]
    NotShared {
        /// Its name.
        backend: &'static str,
    },
    /// An engine that was stopped by something outside of it, which says more.
    #[error("the {backend} backend was stopped")]
    Stopped {
        /// Its name.
        backend: &'static str,
    },
    /// Triplets that are not to be kept, to an engine that works with those that are.
    #[error("the {backend} backend keeps all triplets: a batch in parts needs the simd or par backend")]
    NotInParts {
        /// The backend.
        backend: &'static str,
    },
    /// Candidates that come a portion at a time, to an engine that has all of them at once.
    #[error(
        "the {backend} backend has all candidates at once: a data set in portions needs the scalar, simd or par backend"
    )]
    NotInPortions {
        /// The backend.
        backend: &'static str,
    },
    /// A condition on negatives that none can meet.
    #[error("{name} is {value}: {problem}")]
    Condition {
        /// Which.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What is wrong.
        problem: &'static str,
    },
    /// Rows that cannot be anchors and candidates at once as they were given.
    #[error("rows that are anchors and candidates at once: {problem}")]
    Mutual {
        /// What is wrong.
        problem: &'static str,
    },
    /// Starts that do not cut a list into one run an anchor.
    #[error(
        "{starts} starts do not cut {len} {what} into one run for each of {anchors} anchors: one more than anchors are needed, ascending from 0 to the number of {what}"
    )]
    Starts {
        /// What is cut, such as `thresholds`.
        what: &'static str,
        /// Number of starts.
        starts: usize,
        /// Number of anchors.
        anchors: usize,
        /// Length of what is cut.
        len: usize,
    },
    /// More rows than a 32-bit row index can name.
    #[error("the batch has {rows} rows: at most {limit} are supported")]
    TooManyRows {
        /// Rows found.
        rows: usize,
        /// The limit.
        limit: usize,
    },
    /// A margin that is NaN or infinite.
    #[error("margin is {value:?}: it must be a finite number that the element type can hold")]
    Margin {
        /// The margin.
        value: f64,
    },
    /// A name that is none of the choices.
    #[error("unknown {what} {value:?}: choose one of {choices}")]
    UnknownName {
        /// What was to be named, such as `distance`.
        what: &'static str,
        /// The name given.
        value: String,
        /// The names that would do, separated by commas.
        choices: String,
    },
}
