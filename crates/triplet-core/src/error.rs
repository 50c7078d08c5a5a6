//! Typed errors. Each names the offending value, where it stands and what to do.

/// Everything that can be wrong with a caller's input.
///
/// Degenerate batches (no rows, one row, no positives, no negatives) are results,
/// not errors; see [`crate::Statistics`].
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
        /// Embedding width asked for.
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
    /// Queries and references of different widths.
    #[error(
        "the queries have width {queries} but the references have width {references}: both must be embeddings of one network"
    )]
    WidthMismatch {
        /// Width of the queries.
        queries: usize,
        /// Width of the references.
        references: usize,
    },
    /// Ids and rows of a search disagree about how many there are.
    #[error("there are {ids} ids for {rows} rows of the {side}: one id a row is needed")]
    IdsLength {
        /// `queries` or `references`.
        side: &'static str,
        /// Number of ids.
        ids: usize,
        /// Number of rows.
        rows: usize,
    },
    /// One side of a search has ids, the other none.
    #[error("the {side} have no ids but the other side has: give ids to both or to neither")]
    IdsMissing {
        /// `queries` or `references`.
        side: &'static str,
    },
    /// Centred rows of another distance than the Euclidean.
    #[error("centring moves the origin, which angles are measured from: it goes with l2 and squared-l2")]
    CentredAngles,
    /// Memory that the system does not give.
    #[error(
        "about {} MB of memory are needed, which the system does not give: use smaller batches or fewer rows a class, or a backend other than gram",
        bytes / 1_000_000
    )]
    OutOfMemory {
        /// Bytes needed.
        bytes: usize,
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
    /// Sample weights of a shape that is neither scalar nor one a row.
    #[error(
        "sample_weight has shape {shape:?} but the batch has shape [{rows}]: give a scalar, [{rows}] or [{rows}, 1]"
    )]
    WeightShape {
        /// The shape found.
        shape: Vec<usize>,
        /// Rows in the batch.
        rows: usize,
    },
    /// A weight that is negative, NaN or infinite.
    #[error("sample_weight[{row}] is {value}: weights must be finite and not negative")]
    Weight {
        /// Index of the weight (0 for a scalar).
        row: usize,
        /// The weight.
        value: f64,
    },
    /// An upstream gradient of the wrong length for the reduction.
    #[error("the upstream gradient has {len} values but the reduced loss has {expected}")]
    UpstreamShape {
        /// Length found.
        len: usize,
        /// Length needed: 1 for mean and sum, the batch size for none.
        expected: usize,
    },
    /// Room for a gradient that is too large or too small for it.
    #[error("the gradient has {expected} values but there is room for {len}")]
    GradientLength {
        /// Values that there is room for.
        len: usize,
        /// Rows times width.
        expected: usize,
    },
    /// An upstream gradient that is NaN or infinite.
    #[error("the upstream gradient's value {index} is {value}: it must be finite")]
    Upstream {
        /// Position of the value.
        index: usize,
        /// The value.
        value: f64,
    },
    /// Finite input whose loss does not fit the element type.
    #[error(
        "the loss is {value:.3e}, beyond the element type's range: scale the embeddings, the margin or the weights down"
    )]
    LossOverflow {
        /// The loss in f64.
        value: f64,
    },
    /// Finite input whose gradient does not fit the element type.
    #[error(
        "the gradient's row {row} leaves the element type's range: scale the embeddings or the weights down"
    )]
    GradientOverflow {
        /// Row of the gradient.
        row: usize,
    },
    /// The policy "no positive pair is an error" met such a batch.
    #[error(
        "no two of the {rows} rows share a label: the loss of an empty set of pairs is undefined; sample at least two rows a class, or allow it"
    )]
    NoPositivePairs {
        /// Rows in the batch.
        rows: usize,
    },
    /// A name that is none of the choices.
    #[error("unknown {what} {value:?}: choose one of {choices}")]
    UnknownName {
        /// What was to be named, such as `distance`.
        what: &'static str,
        /// The name given.
        value: String,
        /// The names that would do, separated by commas.
        choices: &'static str,
    },
    /// An instruction set that this CPU lacks.
    #[error("this CPU cannot run the {isa:?} kernels: it offers {available}")]
    IsaMissing {
        /// The instruction set asked for.
        isa: &'static str,
        /// Those that it has.
        available: String,
    },
    /// A lane type that failed the known-answer check of its arithmetic.
    #[error(
        "the {isa:?} kernels failed their known-answer check (fma({a:e}, {b:e}, {c:e})): this platform's fused multiply-add does not round once; use another instruction set"
    )]
    LanesUntrustworthy {
        /// The lane type.
        isa: &'static str,
        /// First operand.
        a: f64,
        /// Second operand.
        b: f64,
        /// Addend.
        c: f64,
    },
    /// A thread count of zero.
    #[error("threads is 0: give at least 1, or leave it out for one a core")]
    ZeroThreads,
    /// More threads than any machine runs at once.
    #[error(
        "threads is {threads}: give at most {most}, or leave it out for one a core (the stacks of so many \
         would take {} GB)",
        threads / 500
    )]
    TooManyThreads {
        /// Threads asked for.
        threads: usize,
        /// The most there may be.
        most: usize,
    },
    /// Threads that the operating system would not start.
    #[error("could not start {threads} threads: {reason}")]
    ThreadPool {
        /// Threads asked for.
        threads: usize,
        /// What the thread pool answered.
        reason: String,
    },
    /// A configuration key that nobody reads.
    #[error("unknown config key {key:?}: the keys are {known}")]
    UnknownConfigKey {
        /// The key.
        key: String,
        /// The keys that are read.
        known: &'static str,
    },
    /// A configuration value of the wrong type.
    #[error("config key {key:?} holds {found}: expected {expected}")]
    ConfigType {
        /// The key.
        key: String,
        /// What stands there.
        found: String,
        /// What should.
        expected: &'static str,
    },
    /// A configuration that is no JSON object.
    #[error("the config is not a JSON object: {reason}")]
    ConfigSyntax {
        /// The parser's words.
        reason: String,
    },
}
