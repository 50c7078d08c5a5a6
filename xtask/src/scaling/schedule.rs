//! How long pieces of work take on so many workers.

/// When the last of the workers is done, if each takes the next piece as soon as it is free.
pub(crate) fn greedy(pieces: &[u64], workers: usize) -> u64 {
    let mut clocks = vec![0; workers];
    for &piece in pieces {
        // Of several that are free the first.
        if let Some(earliest) = clocks.iter_mut().min() {
            *earliest += piece;
        }
    }
    clocks.into_iter().max().unwrap_or(0)
}

/// The workers of a job that run one at a time, and what the clock of each would show if they ran side
/// by side.
#[derive(Debug)]
pub(crate) struct Clocks {
    /// `None` once a worker has nothing left to do.
    clocks: Vec<Option<u64>>,
}

impl Clocks {
    /// All start together.
    pub(crate) fn new(workers: usize) -> Self {
        Self { clocks: vec![Some(0); workers] }
    }

    /// A worker has worked for so long.
    pub(crate) fn advance(&mut self, worker: usize, time: u64) {
        self.clocks[worker] = self.clocks[worker].map(|clock| clock + time);
    }

    /// A worker has nothing left to do.
    pub(crate) fn end(&mut self, worker: usize) {
        self.clocks[worker] = None;
    }

    /// The worker whose clock is behind all others, which must go on next; of several the first. `None` when all have
    /// ended.
    pub(crate) fn next(&self) -> Option<usize> {
        let left = self.clocks.iter().enumerate().filter_map(|(worker, clock)| Some(((*clock)?, worker)));
        left.min().map(|(_, worker)| worker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_piece_goes_to_the_worker_that_is_free_first() {
        // Worker 0 takes 5, worker 1 takes 2, 2 (until 4) and 9 (until 13), worker 0 then 1 (until 6).
        assert_eq!(greedy(&[5, 2, 2, 9, 1], 2), 13);
        // The same pieces, the longest first: 9 and 1 against 5, 2, 2.
        assert_eq!(greedy(&[9, 5, 2, 2, 1], 2), 10);
        // Three workers: 4 | 3 | 3, then 2 at 3 and 2 at 3, then 6 at 4.
        assert_eq!(greedy(&[4, 3, 3, 2, 2, 6], 3), 10);
    }

    #[test]
    fn one_worker_takes_all_and_spare_workers_take_none() {
        assert_eq!(greedy(&[5, 2, 2], 1), 9);
        assert_eq!(greedy(&[5, 2, 2], 3), 5);
        assert_eq!(greedy(&[5, 2, 2], 9), 5);
        assert_eq!(greedy(&[], 4), 0);
    }

    #[test]
    fn the_worker_behind_all_others_goes_on() {
        let mut clocks = Clocks::new(3);
        assert_eq!(clocks.next(), Some(0));
        clocks.advance(0, 5);
        assert_eq!(clocks.next(), Some(1));
        clocks.advance(1, 7);
        clocks.advance(2, 6);
        // 5, 7, 6.
        assert_eq!(clocks.next(), Some(0));
        clocks.advance(0, 1);
        // 6, 7, 6: the first of two.
        assert_eq!(clocks.next(), Some(0));
        clocks.end(0);
        assert_eq!(clocks.next(), Some(2));
        clocks.end(2);
        clocks.end(1);
        assert_eq!(clocks.next(), None);
    }
}
