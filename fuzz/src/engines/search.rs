//! One search of retrieval, and what it finds.

use super::rows::Rows;
use arbitrary::Arbitrary;
use triplet_api::{
    Distance, Element, Error, Retrieval, Workspace,
    retrieval::{Request, Rows as Searched},
};

/// Queries, references, and what is asked.
#[derive(Debug, Clone, Arbitrary)]
pub(crate) struct Search {
    queries: Rows,
    references: Option<Rows>,
    ids: Option<Ids>,
    reference_ids: Option<Ids>,
    depths: Vec<Depth>,
    distance: u8,
    centre: bool,
}

/// Ids: these, over and over, or as many as there are.
#[derive(Debug, Clone, Arbitrary)]
enum Ids {
    Each(Vec<i8>),
    Listed(Vec<i8>),
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Depth {
    Small(u8),
    Any(usize),
    Most,
}

impl Ids {
    fn list(&self, rows: usize) -> Vec<i64> {
        match self {
            Self::Each(ids) => ids.iter().cycle().take(rows).map(|&id| id.into()).collect(),
            Self::Listed(ids) => ids.iter().map(|&id| id.into()).collect(),
        }
    }
}

impl Search {
    /// Rows of both sides.
    pub(crate) fn rows(&self) -> usize {
        self.queries.count() + self.references.as_ref().map_or(0, Rows::count)
    }

    /// What an engine finds, or its error, in words that tell every bit.
    pub(crate) fn answer<T: Element>(&self, workspace: &mut Workspace<T>) -> String {
        self.found(workspace).map_or_else(|error| format!("{error:?}"), |found| format!("{found:?}"))
    }

    fn found<T: Element>(&self, workspace: &mut Workspace<T>) -> Result<Retrieval, Error> {
        let queries = self.queries.owned::<T>();
        let references = self.references.as_ref().map(Rows::owned::<T>);
        let (queries, references) =
            (queries.batch()?, references.as_ref().map(|owned| owned.batch()).transpose()?);
        let ids = self.ids.as_ref().map(|ids| ids.list(self.queries.count()));
        let count = self.references.as_ref().map_or(0, Rows::count);
        let reference_ids = self.reference_ids.as_ref().map(|ids| ids.list(count));
        let depths: Vec<usize> = self
            .depths
            .iter()
            .map(|depth| match *depth {
                Depth::Small(depth) => depth.into(),
                Depth::Any(depth) => depth,
                Depth::Most => usize::MAX,
            })
            .collect();
        let request = Request {
            queries: Searched { batch: &queries, ids: ids.as_deref() },
            references: references.as_ref().map(|batch| Searched { batch, ids: reference_ids.as_deref() }),
            depths: &depths,
            distance: Distance::ALL[usize::from(self.distance) % Distance::ALL.len()],
            centre: self.centre,
        };
        let found = Retrieval::answer(&request, workspace)?;
        let shares = found.recall.iter().map(|&(_, share)| share).chain([found.r_precision, found.map_at_r]);
        for share in shares {
            assert!((0.0..=1.0 + 1e-9).contains(&share), "{found:?}");
        }
        Ok(found)
    }
}
