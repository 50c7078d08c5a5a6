//! What ranks tell each other before anything else: settings and counts, in a fixed number of bytes.

use super::{Kind, RankError, Stage, messages::read_numbers};
use crate::{Error, LossSpec, Reduction, Result};
use triplet_core::{Distance, NO_ROW, Rule};

/// Bytes that each rank sends in [`Stage::Settings`](super::Stage::Settings).
pub const HEADER_BYTES: usize = 8 * NUMBERS + MESSAGE_BYTES;
/// Numbers of a header.
const NUMBERS: usize = 17;
/// What fits of an error.
const MESSAGE_BYTES: usize = 136;
/// Marks this protocol, and its version.
const PROTOCOL: u64 = u64::from_le_bytes(*b"TRIPLET1");

/// The settings and counts of one rank.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Header {
    /// Calls that this rank has made.
    pub(super) call: u64,
    pub(super) rows: u64,
    /// 0 of a rank that knows none.
    pub(super) width: u64,
    /// Bytes of an element.
    pub(super) element: u64,
    pub(super) spec: Option<LossSpec>,
    /// Whether rows have weights, and marks.
    pub(super) per_row: [bool; 2],
    pub(super) kind: Kind,
    pub(super) digest: u64,
    pub(super) gradient: bool,
}

/// Numbers of settings, by what they are called in messages.
const SETTINGS: [&str; 11] = [
    "protocol",
    "element type of",
    "distance",
    "rule",
    "margin",
    "reduction",
    "require_positives",
    "weights for each row:",
    "marks for each row:",
    "rows to compare with:",
    "a memory bank or references of state",
];

impl Header {
    /// What all ranks must have in common, in the order of [`SETTINGS`].
    fn settings(&self) -> [u64; 11] {
        let position = |position: Option<usize>| position.map_or(0, |position| position as u64 + 1);
        let spec = self.spec.as_ref();
        let distance = spec.and_then(|spec| Distance::ALL.iter().position(|d| *d == spec.objective.distance));
        let rule = spec.and_then(|spec| Rule::ALL.iter().position(|r| *r == spec.objective.rule));
        let reduction = spec.and_then(|spec| Reduction::ALL.iter().position(|r| *r == spec.reduction));
        [
            PROTOCOL,
            self.element,
            position(distance),
            position(rule),
            spec.map_or(0, |spec| spec.objective.margin.to_bits()),
            position(reduction),
            u64::from(spec.is_some_and(|spec| spec.require_positives)),
            u64::from(self.per_row[0]),
            u64::from(self.per_row[1]),
            position(Kind::ALL.iter().position(|kind| *kind == self.kind)),
            self.digest,
        ]
    }

    /// The bytes of a header, or of a refusal.
    pub(super) fn write(header: core::result::Result<&Self, &str>) -> [u8; HEADER_BYTES] {
        let mut numbers = [0; NUMBERS];
        let mut bytes = [0; HEADER_BYTES];
        match header {
            Ok(header) => {
                numbers[0] = 1;
                numbers[1..4].copy_from_slice(&[header.call, header.rows, header.width]);
                numbers[4..15].copy_from_slice(&header.settings());
                numbers[16] = u64::from(header.gradient);
            }
            Err(reason) => {
                numbers[4] = PROTOCOL;
                let mut end = reason.len().min(MESSAGE_BYTES);
                while !reason.is_char_boundary(end) {
                    end -= 1;
                }
                numbers[15] = end as u64;
                bytes[8 * NUMBERS..][..end].copy_from_slice(&reason.as_bytes()[..end]);
            }
        }
        for (place, number) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(numbers) {
            *place = number.to_le_bytes();
        }
        bytes
    }
}

/// What ranks know of each other.
#[derive(Debug, PartialEq)]
pub(super) struct Agreed {
    /// The rows of each.
    pub(super) counts: Vec<usize>,
    pub(super) width: usize,
    /// Whether any asks for the gradient.
    pub(super) gradient: bool,
}

/// The rows and the width of each rank, once all of them agree with this one.
pub(super) fn read(all: &[u8], own: (usize, Option<&Header>)) -> Result<Agreed> {
    let (own_rank, own) = own;
    let headers: Vec<[u64; NUMBERS]> = all.chunks_exact(HEADER_BYTES).map(numbers).collect();
    for (rank, (header, bytes)) in headers.iter().zip(all.chunks_exact(HEADER_BYTES)).enumerate() {
        let refused = header[0] == 0;
        if refused && rank != own_rank && header[4] == PROTOCOL {
            let message = &bytes[8 * NUMBERS..][..(header[15] as usize).min(MESSAGE_BYTES)];
            let reason = String::from_utf8_lossy(message).into_owned();
            return Err(RankError::Refused { rank, reason }.into());
        }
    }
    let Some(own) = own else { return Ok(Agreed { counts: Vec::new(), width: 0, gradient: false }) };
    let ours = &headers[own_rank];
    for (rank, theirs) in headers.iter().enumerate() {
        let disagree = |what, theirs: String, ours: String| {
            Err(Error::from(RankError::Disagree { what, rank, theirs, own: own_rank, ours }))
        };
        let settings = theirs[4..15].iter().zip(&ours[4..15]).zip(SETTINGS).enumerate();
        for (index, ((&theirs, &ours), what)) in settings {
            if theirs != ours {
                return disagree(what, shown(index, theirs), shown(index, ours));
            }
        }
        if theirs[1] != ours[1] {
            return disagree("made calls:", theirs[1].to_string(), ours[1].to_string());
        }
    }
    // A rank without rows may know no width.
    let width = headers.iter().map(|header| header[3]).find(|&width| width > 0).unwrap_or(own.width);
    for (rank, theirs) in headers.iter().enumerate() {
        if theirs[3] != width && theirs[3] != 0 {
            let first = headers.iter().position(|header| header[3] == width).unwrap_or(own_rank);
            return Err(RankError::Disagree {
                what: "embeddings of width",
                rank,
                theirs: theirs[3].to_string(),
                own: first,
                ours: width.to_string(),
            }
            .into());
        }
    }
    // Bytes of a row: its numbers, label, weight and mark.
    let of_row = width.checked_mul(own.element).and_then(|bytes| bytes.checked_add(17));
    let mut in_all = 0_u64;
    for (rank, header) in headers.iter().enumerate() {
        in_all = in_all.saturating_add(header[2]);
        let bytes = of_row.and_then(|of_row| of_row.checked_mul(in_all));
        if in_all >= u64::from(NO_ROW) || bytes.is_none_or(|bytes| bytes > isize::MAX as u64) {
            let what = format!("{} rows of width {width}", header[2]);
            return Err(RankError::Damaged { rank, stage: Stage::Settings, what }.into());
        }
    }
    let counts = headers.iter().map(|header| header[2] as usize).collect();
    let gradient = headers.iter().any(|header| header[16] != 0);
    Ok(Agreed { counts, width: width as usize, gradient })
}

fn numbers(bytes: &[u8]) -> [u64; NUMBERS] {
    let mut numbers = read_numbers(bytes);
    core::array::from_fn(|_| numbers.next().unwrap_or(0))
}

/// A setting for people.
fn shown(index: usize, number: u64) -> String {
    let named = |names: &[&str]| {
        let name = (number as usize).checked_sub(1).and_then(|index| names.get(index));
        name.map_or_else(|| "none".to_owned(), |name| (*name).to_owned())
    };
    match index {
        1 => format!("{} bits", 8 * u128::from(number)),
        2 => named(&Distance::ALL.map(Distance::name)),
        3 => named(&Rule::ALL.map(Rule::name)),
        4 => f64::from_bits(number).to_string(),
        5 => named(&Reduction::ALL.map(Reduction::name)),
        9 => named(&Kind::ALL.map(Kind::name)),
        10 => format!("{number:016x}"),
        6..=8 => (number != 0).to_string(),
        _ => format!("{:?}", String::from_utf8_lossy(&number.to_le_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Loss, TripletSemiHardLoss};

    fn header() -> Header {
        let spec = Some(TripletSemiHardLoss::default().spec());
        Header {
            call: 3,
            rows: 5,
            width: 2,
            element: 4,
            spec,
            per_row: [false; 2],
            kind: Kind::Batch,
            digest: 0,
            gradient: true,
        }
    }

    fn read_two(own: &Header, other: core::result::Result<&Header, &str>) -> Result<Agreed> {
        let all = [Header::write(Ok(own)), Header::write(other)].concat();
        read(&all, (0, Some(own)))
    }

    #[test]
    fn ranks_that_agree_know_each_others_rows() {
        let empty = Header { rows: 0, width: 0, gradient: false, ..header() };
        let agreed = |counts| Agreed { counts, width: 2, gradient: true };
        assert_eq!(read_two(&header(), Ok(&empty)).unwrap(), agreed(vec![5, 0]));
        assert_eq!(read_two(&empty, Ok(&header())).unwrap(), agreed(vec![0, 5]));
    }

    #[test]
    fn what_differs_is_named() {
        let hard = crate::TripletHardLoss { margin: 0.5, ..Default::default() }.spec();
        let with = |change: fn(&mut LossSpec)| {
            let mut spec = header().spec.unwrap();
            change(&mut spec);
            Header { spec: Some(spec), ..header() }
        };
        let cases = [
            (Header { width: 3, ..header() }, "rank 1 has embeddings of width 3, but rank 0 has 2"),
            (Header { element: 8, ..header() }, "rank 1 has element type of 64 bits, but rank 0 has 32 bits"),
            (
                Header { kind: Kind::Bank, ..header() },
                "rank 1 has rows to compare with: memory bank, but rank 0 has batch",
            ),
            (Header { call: 4, ..header() }, "rank 1 has made calls: 4, but rank 0 has 3"),
            (
                Header { per_row: [true, false], ..header() },
                "rank 1 has weights for each row: true, but rank 0 has false",
            ),
            (with(|spec| spec.objective.margin = 0.5), "rank 1 has margin 0.5, but rank 0 has 1"),
            (
                with(|spec| spec.objective.distance = Distance::L2),
                "rank 1 has distance l2, but rank 0 has squared-l2",
            ),
            (with(|spec| spec.reduction = Reduction::Sum), "rank 1 has reduction sum, but rank 0 has mean"),
            (Header { spec: Some(hard), ..header() }, "rank 1 has rule hard, but rank 0 has semi-hard"),
        ];
        for (other, message) in cases {
            let error = read_two(&header(), Ok(&other)).unwrap_err().to_string();
            assert_eq!(error, format!("{message}: all ranks must be given the same"));
        }
    }

    #[test]
    fn more_rows_than_can_be_are_refused() {
        for rows in [u64::MAX, u64::from(u32::MAX) - 5, 1 << 62] {
            let error = read_two(&header(), Ok(&Header { rows, ..header() })).unwrap_err().to_string();
            assert!(error.starts_with(&format!("rank 1 sent {rows} rows of width 2")), "{error}");
        }
        let wide = Header { width: 1 << 61, ..header() };
        assert!(read_two(&wide, Ok(&wide)).is_err());
    }

    #[test]
    fn a_refusal_is_passed_on_with_what_fits_of_its_reason() {
        let long = "ü".repeat(200);
        let error = read_two(&header(), Err(&long)).unwrap_err();
        let reason = "ü".repeat(68);
        assert_eq!(error, Error::Rank(RankError::Refused { rank: 1, reason }));
    }
}
