//! Which candidates have an anchor's label.

use super::request::Request;
use triplet_core::{Classes, NO_ROW, Real};

/// The candidates by class, and the classes by label where anchors are other rows.
#[derive(Debug, Default)]
pub(super) struct ClassIndex {
    classes: Classes,
    /// Label and class, ascending; none where the anchors are the candidates.
    keys: Vec<(i64, u32)>,
}

impl ClassIndex {
    pub(super) fn new<T: Real>(request: &Request<'_, T>) -> Self {
        let labels = request.candidates().labels;
        let mut index = Self::default();
        index.classes.rebuild(labels);
        if !request.is_square() {
            let first_rows = (0..index.classes.count()).map(|class| index.first_row(class));
            index.keys = first_rows.map(|row| labels[row]).zip(0..).collect();
            index.keys.sort_unstable();
        }
        index
    }

    fn first_row(&self, class: usize) -> usize {
        self.classes.order()[self.classes.members(class).start] as usize
    }

    /// Rows of the largest class.
    pub(super) fn largest(&self) -> usize {
        self.classes.largest()
    }

    /// The candidates of an anchor's label, itself among them where it is one, ascending.
    pub(super) fn members<T: Real>(&self, request: &Request<'_, T>, anchor: usize) -> &[u32] {
        let classes = &self.classes;
        let positions = if request.is_square() {
            classes.span(classes.positions()[anchor] as usize)
        } else {
            let label = request.anchors.labels[anchor];
            let found = self.keys.binary_search_by_key(&label, |&(label, _)| label);
            found.map_or(0..0, |place| classes.members(self.keys[place].1 as usize))
        };
        &classes.order()[positions]
    }

    /// The positives of an anchor, ascending.
    pub(super) fn positives<'c, T: Real>(
        &'c self,
        request: &Request<'_, T>,
        anchor: usize,
    ) -> impl Iterator<Item = u32> + use<'c, T> {
        let own = if request.is_square() { anchor as u32 } else { NO_ROW };
        self.members(request, anchor).iter().copied().filter(move |&row| row != own)
    }
}
