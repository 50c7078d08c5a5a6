//! What an anchor of a large class asks for.

use super::WINDOW;
use crate::isa::Element;
use triplet_core::real::Key;

/// What one anchor asks for, and what it has been told so far.
#[derive(Debug)]
pub(crate) struct Anchor<T: Element> {
    /// Distances of its positives.
    pub(crate) positives: Vec<T>,
    /// Its floors, then some that nothing reaches, up to a whole vector.
    pub(super) floors: Vec<T::Key>,
    /// The lowest and highest floor that a distance can reach.
    pub(super) range: Option<(T::Key, T::Key)>,
    /// Where to look for each of them.
    pub(super) slices: Vec<T::Key>,
    /// The nearest candidate for each floor.
    pub(crate) nearest: Vec<T::Candidate>,
    /// Key and row of the farthest candidate.
    pub(crate) far: (T::Key, T::Key),
}

impl<T: Element> Default for Anchor<T> {
    fn default() -> Self {
        Self {
            positives: Vec::new(),
            floors: Vec::new(),
            slices: Vec::new(),
            range: None,
            nearest: Vec::new(),
            far: (Key::MASKED, Key::SIGNED_MAX),
        }
    }
}

impl<T: Element> Anchor<T> {
    /// Forgets all answers and asks for the nearest at or above the floor of each positive.
    pub(crate) fn ask(&mut self, floor: impl Fn(T) -> T::Key) {
        self.floors.clear();
        self.floors.extend(self.positives.iter().map(|&positive| floor(positive)));
        self.nearest.clear();
        self.nearest.resize(self.floors.len(), T::NOBODY);
        self.range = self.floors.iter().filter(|&&floor| floor < Key::END).fold(None, |range, &floor| {
            let (lowest, highest) = range.unwrap_or((floor, floor));
            Some((floor.min(lowest), floor.max(highest)))
        });
        self.floors.resize(self.floors.len().next_multiple_of(WINDOW), Key::NEVER);
        self.far = (Key::MASKED, Key::SIGNED_MAX);
    }
}
