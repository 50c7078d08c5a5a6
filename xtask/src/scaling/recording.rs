//! What a call was made of: the caller's own work, and the pieces of its jobs.

use super::schedule::greedy;

/// Times in nanoseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Recording {
    /// The caller's work before, between and after the jobs.
    pub(crate) serial: Vec<u64>,
    /// The pieces of each job in the order in which they were taken, and for each worker how long it took to
    /// find that nothing was left.
    pub(crate) jobs: Vec<Vec<u64>>,
}

impl Recording {
    /// Keeps the lesser of two calls' times, part by part: another process may have delayed any part of
    /// either. The calls had the same input.
    pub(crate) fn keep_least(&mut self, other: &Self) {
        let lesser = |times: &mut Vec<u64>, others: &[u64]| {
            assert_eq!(times.len(), others.len(), "calls of the same parts");
            times.iter_mut().zip(others).for_each(|(time, &other)| *time = (*time).min(other));
        };
        lesser(&mut self.serial, &other.serial);
        assert_eq!(self.jobs.len(), other.jobs.len(), "calls of the same jobs");
        self.jobs.iter_mut().zip(&other.jobs).for_each(|(job, other)| lesser(job, other));
    }

    /// What runs on one thread only.
    pub(crate) fn serial_time(&self) -> u64 {
        self.serial.iter().sum()
    }

    /// All that any thread does.
    pub(crate) fn processor_time(&self) -> u64 {
        self.serial_time() + self.jobs.iter().flatten().sum::<u64>()
    }

    /// How long the call takes on so many cores, if a job takes `start` to reach the other threads.
    pub(crate) fn time(&self, workers: usize, start: u64) -> u64 {
        let start = if workers == 1 { 0 } else { start };
        self.serial_time() + self.jobs.iter().map(|job| start + greedy(job, workers)).sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_follow_each_other_with_serial_work_between() {
        let call = Recording { serial: vec![3, 1, 4], jobs: vec![vec![5, 2, 2], vec![6, 6, 6]] };
        assert_eq!((call.serial_time(), call.processor_time()), (8, 35));
        assert_eq!(call.time(1, 100), 35);
        // Two workers: 5 against 2 and 2; 12 against 6.
        assert_eq!(call.time(2, 0), 8 + 5 + 12);
        assert_eq!(call.time(3, 10), 8 + 10 + 5 + 10 + 6);
    }

    #[test]
    fn of_two_calls_each_part_counts_where_it_was_shorter() {
        let mut first = Recording { serial: vec![3, 1], jobs: vec![vec![5, 2]] };
        let second = Recording { serial: vec![2, 9], jobs: vec![vec![4, 3]] };
        let least = Recording { serial: vec![2, 1], jobs: vec![vec![4, 2]] };
        first.keep_least(&second);
        assert_eq!(first, least);
    }
}
