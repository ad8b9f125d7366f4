//! Counts by bucket, fine enough to read percentiles from.
//!
//! GNS keeps a list of samples for its percentiles. The buckets here are subdivisions of those that it
//! reports, so one small array answers both questions in constant memory.

use alloc::boxed::Box;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;

/// How many samples fell into each of `N` adjoining ranges, at most 256.
///
/// The table of upper bounds is not stored: every call is given the same one. Bounds are inclusive and
/// ascending; a last bound of `u32::MAX` makes the last range open.
///
/// Samples of one connection lie close together, so that only the ranges from the first to the last one
/// with a sample take memory.
#[derive(Clone, Debug)]
pub(super) struct Histogram<const N: usize> {
    /// The range that `counts` begins with.
    first: u8,
    counts: Box<[u32]>,
}

impl<const N: usize> Histogram<N> {
    pub(super) fn new() -> Self {
        const { assert!(N > 0 && N <= 256, "ranges are numbered by a byte") };
        Self {
            first: 0,
            counts: Box::default(),
        }
    }

    /// Counts one sample. A value above the last bound counts as that bound.
    pub(super) fn add(&mut self, upper: &[u32; N], value: u32) {
        let range = upper.partition_point(|&bound| bound < value).min(N - 1);
        if self.count_of(range).is_none() {
            self.cover(range);
        }
        if let Some(count) = self.count_of(range) {
            *count = count.saturating_add(1);
        }
    }

    /// All samples.
    pub(super) fn total(&self) -> u64 {
        self.counts.iter().map(|&count| u64::from(count)).sum()
    }

    /// The samples within `low..=high`, which must fall on bounds; `None` if there are none, as the
    /// wire leaves out empty buckets.
    pub(super) fn within(&self, upper: &[u32; N], low: u32, high: u32) -> Option<u32> {
        let sum = upper
            .iter()
            .zip(self.all())
            .filter(|(bound, _)| (low..=high).contains(*bound))
            .fold(0_u32, |sum, (_, count)| sum.saturating_add(count));
        (sum > 0).then_some(sum)
    }

    /// The value that `percent` of the samples do not exceed, interpolated within its bucket; `None`
    /// with fewer than `min_samples`. In the open bucket: the least value of it.
    pub(super) fn percentile(
        &self,
        upper: &[u32; N],
        percent: u64,
        min_samples: u64,
    ) -> Option<u32> {
        let total = self.total();
        if total == 0 || total < min_samples {
            return None;
        }
        let mut rank = total.saturating_mul(percent).div_ceil(100).clamp(1, total);
        // One past the bucket's lower neighbour; the first bucket starts at 0.
        let mut first = 0_u32;
        for (&bound, count) in upper.iter().zip(self.all()) {
            let count = u64::from(count);
            if rank <= count {
                return Some(interpolate(first, bound, rank, count));
            }
            rank -= count;
            first = bound.saturating_add(1);
        }
        None
    }

    /// The counts of all ranges.
    fn all(&self) -> [u32; N] {
        let mut all = [0; N];
        let covered = all.iter_mut().skip(usize::from(self.first));
        covered.zip(&self.counts).for_each(|(to, from)| *to = *from);
        all
    }

    /// The count of a range, if it takes memory.
    fn count_of(&mut self, range: usize) -> Option<&mut u32> {
        let at = range.checked_sub(usize::from(self.first))?;
        self.counts.get_mut(at)
    }

    /// Makes room for one more range, and all between it and the others.
    #[cold]
    fn cover(&mut self, range: usize) {
        let all = self.all();
        let (mut first, mut end) = (range, range + 1);
        if !self.counts.is_empty() {
            first = first.min(usize::from(self.first));
            end = end.max(usize::from(self.first) + self.counts.len());
        }
        self.first = u8::try_from(first).expect("ranges are numbered by a byte");
        self.counts = all.get(first..end).unwrap_or_default().into();
    }
}

/// Written with all ranges, whether or not they take memory.
impl<const N: usize> Serialize for Histogram<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        crate::serde_array::serialize(&self.all(), serializer)
    }
}

impl<'de, const N: usize> Deserialize<'de> for Histogram<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let all: [u32; N] = crate::serde_array::deserialize(deserializer)?;
        let mut histogram = Self::new();
        for (range, count) in all.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            histogram.cover(range);
            if let Some(to) = histogram.count_of(range) {
                *to = count;
            }
        }
        Ok(histogram)
    }
}

/// The `rank`th of `count` samples spread evenly over `first..=last`.
fn interpolate(first: u32, last: u32, rank: u64, count: u64) -> u32 {
    if last == u32::MAX {
        return first;
    }
    let values = u64::from(last.saturating_sub(first)) + 1;
    let step = rank.saturating_mul(values).div_ceil(count.max(1));
    u32::try_from(u64::from(first) + step.clamp(1, values) - 1).unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UPPER: [u32; 4] = [0, 10, 20, u32::MAX];

    #[test]
    fn bounds_are_inclusive() {
        let mut histogram = Histogram::new();
        for value in [0, 1, 10, 11, 20, 21, u32::MAX] {
            histogram.add(&UPPER, value);
        }
        assert_eq!(histogram.all(), [1, 2, 2, 2]);
        assert_eq!(histogram.total(), 7);
        assert_eq!(histogram.within(&UPPER, 0, 10), Some(3));
        assert_eq!(histogram.within(&UPPER, 21, u32::MAX), Some(2));
        assert_eq!(Histogram::new().within(&UPPER, 0, u32::MAX), None);
    }

    #[test]
    fn limit_only_ranges_between_samples_take_memory() {
        let mut histogram = Histogram::new();
        assert_eq!(histogram.counts.len(), 0);
        for (value, ranges) in [(15, 1), (15, 1), (7, 2), (u32::MAX, 3), (0, 4), (15, 4)] {
            histogram.add(&UPPER, value);
            assert_eq!(histogram.counts.len(), ranges, "with {value}");
        }
        assert_eq!(histogram.all(), [1, 1, 3, 1]);
        let text = serde_json::to_string(&histogram).unwrap();
        assert_eq!(text, "[1,1,3,1]");
        let again = serde_json::from_str::<Histogram<4>>("[0,4,0,3]").unwrap();
        assert_eq!((again.all(), again.counts.len()), ([0, 4, 0, 3], 3));
    }

    #[test]
    fn percentiles_interpolate_and_need_enough_samples() {
        let mut histogram = Histogram::new();
        for value in 1..=10 {
            histogram.add(&UPPER, value);
        }
        assert_eq!(histogram.percentile(&UPPER, 50, 10), Some(5));
        assert_eq!(histogram.percentile(&UPPER, 100, 10), Some(10));
        assert_eq!(histogram.percentile(&UPPER, 1, 10), Some(1));
        assert_eq!(histogram.percentile(&UPPER, 50, 11), None);

        let mut open = Histogram::new();
        open.add(&UPPER, 5_000);
        assert_eq!(open.percentile(&UPPER, 50, 1), Some(21));
    }

    proptest! {
        #[test]
        fn percentile_lies_in_the_bucket_of_the_true_one(
            mut values in prop::collection::vec(0_u32..40, 1..100),
            percent in 1_u64..=100,
        ) {
            let mut histogram = Histogram::new();
            for &value in &values {
                histogram.add(&UPPER, value);
            }
            values.sort_unstable();
            let rank = (values.len() * percent as usize).div_ceil(100);
            let bucket = |value| UPPER.partition_point(|&bound| bound < value);
            let read = histogram.percentile(&UPPER, percent, 1).unwrap();
            prop_assert_eq!(bucket(read), bucket(values[rank - 1]));
        }
    }
}
