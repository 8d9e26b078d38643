//! Buckets that many points are added to, several additions side by side.
//!
//! An addition in affine coordinates needs the inverse of a difference. Additions are therefore put off until a batch of
//! them is together, no two to the same bucket; then one inversion serves them all (Montgomery's trick), and an addition
//! costs six products. A second addition to a bucket waits for the next batch; where one bucket gets more than its share
//! of points, it gets further sums, its *spares*, so that batches stay full. A point that meets an equal or opposite one
//! goes to a projective sum beside the bucket.

use std::collections::HashMap;

use ark_ec::PrimeGroup;
use ark_ec::short_weierstrass::Projective;
use ark_ff::AdditiveGroup;
use zeroize::Zeroize;

use crate::batch::{Addition, Batch, Pick, Step, prefetch};
use crate::coordinates::{LaneCurve, PointLanes};
use crate::points::{Point, unpack};

/// Most additions that share one inversion: enough to make it cheap, few enough to stay in the second-level cache.
const BATCH: usize = 1024;

/// A sum with no point.
const EMPTY: u8 = 0;
/// A sum with one point and no addition yet.
const FILLED: u8 = 1;
/// The number of the first batch after all others were forgotten.
const FIRST: u8 = 2;

/// Sums of points, one for each bucket.
pub struct Buckets<'a, P: LaneCurve, L, const N: usize> {
    points: &'a [Point<P::Packed>],
    /// One for each bucket, and the spares.
    sums: Vec<Point<P::Packed>>,
    /// For each sum [`EMPTY`], [`FILLED`], or the last batch that has an addition to it. Every addition asks for one of
    /// these; as bytes, those of most sums are in the first cache.
    touched: Vec<u8>,
    /// The buckets of the spares.
    owners: Vec<u32>,
    spares: HashMap<u32, Spares>,
    batch: u8,
    capacity: usize,
    additions: Vec<Addition>,
    /// Additions to buckets that the batch under way has one for already.
    waiting: Vec<Addition>,
    beside: HashMap<u32, Projective<P>>,
    steps: Vec<Step<L>>,
}

/// The spares of one bucket.
#[derive(Default)]
struct Spares {
    sums: Vec<u32>,
    /// How many of them have an addition in a batch, and which batch that is.
    used: usize,
    batch: u8,
}

impl<'a, P: LaneCurve, L: PointLanes<P, N>, const N: usize> Buckets<'a, P, L, N> {
    /// Returns `count` empty buckets for points of a list.
    pub fn new(points: &'a [Point<P::Packed>], count: usize) -> Self {
        let capacity = (count / 2).next_multiple_of(N).clamp(N, BATCH);
        Self {
            points,
            sums: vec![Point::default(); count],
            touched: vec![EMPTY; count],
            owners: Vec::new(),
            spares: HashMap::new(),
            batch: FIRST,
            capacity,
            additions: Vec::with_capacity(capacity),
            waiting: Vec::with_capacity(capacity),
            beside: HashMap::new(),
            steps: Vec::with_capacity(capacity / N + 1),
        }
    }

    /// Adds a finite point to a bucket.
    #[inline]
    pub fn add(&mut self, bucket: usize, pick: Pick) {
        #[allow(clippy::cast_possible_truncation)] // nowhere are there 2^32 buckets
        let addition = Addition { bucket: bucket as u32, pick };
        if !self.accept(addition) {
            self.waiting.push(addition);
            if self.waiting.len() == self.capacity {
                self.retry();
            }
        }
    }

    /// Puts an addition into the batch; returns whether the batch had none to that sum yet.
    #[inline]
    fn accept(&mut self, addition: Addition) -> bool {
        let touched = &mut self.touched[addition.bucket as usize];
        if *touched == self.batch {
            return false;
        }
        if *touched == EMPTY {
            *touched = FILLED;
            self.fill(addition);
            return true;
        }
        *touched = self.batch;
        prefetch(&self.sums[addition.bucket as usize]);
        prefetch(&self.points[addition.pick.place()]);
        self.additions.push(addition);
        if self.additions.len() == self.capacity {
            self.flush();
        }
        true
    }

    fn fill(&mut self, addition: Addition) {
        let mut point = self.points[addition.pick.place()];
        if addition.pick.negative() {
            point.y = L::opposite(&point.y);
        }
        self.sums[addition.bucket as usize] = point;
    }

    /// Ends the batch and begins another one with what had to wait.
    fn retry(&mut self) {
        self.flush();
        let mut again = std::mem::take(&mut self.waiting);
        for addition in &again {
            if !self.accept(*addition) {
                self.spill(*addition);
            }
        }
        again.zeroize();
        self.waiting = again;
    }

    /// Does an addition with a spare of its bucket.
    fn spill(&mut self, addition: Addition) {
        let spares = self.spares.entry(addition.bucket).or_default();
        if spares.batch != self.batch {
            (spares.batch, spares.used) = (self.batch, 0);
        }
        if spares.used == spares.sums.len() {
            #[allow(clippy::cast_possible_truncation)] // nowhere are there 2^32 sums
            spares.sums.push(self.sums.len() as u32);
            self.sums.push(Point::default());
            self.touched.push(EMPTY);
            self.owners.push(addition.bucket);
        }
        let spare = spares.sums[spares.used];
        spares.used += 1;
        let accepted = self.accept(Addition { bucket: spare, pick: addition.pick });
        debug_assert!(accepted, "a spare is used once in a batch");
    }

    fn add_beside(&mut self, addition: Addition) {
        let point = unpack::<P, L, N>(&self.points[addition.pick.place()]);
        let signed = if addition.pick.negative() { -point } else { point };
        let bucket = self.owner(addition.bucket as usize);
        #[allow(clippy::cast_possible_truncation)] // above
        let sum = self.beside.entry(bucket as u32).or_insert(Projective::ZERO);
        *sum += signed;
    }

    /// Returns the number of buckets.
    fn count(&self) -> usize {
        self.sums.len() - self.owners.len()
    }

    /// Returns the bucket that a sum belongs to.
    fn owner(&self, sum: usize) -> usize {
        sum.checked_sub(self.count()).map_or(sum, |spare| self.owners[spare] as usize)
    }

    /// Does the additions of the batch.
    fn flush(&mut self) {
        let mut additions = std::mem::take(&mut self.additions);
        if !self.done(&mut additions) {
            self.do_singly(&mut additions);
        }
        additions.zeroize();
        self.additions = additions;
        self.batch = self.batch.checked_add(1).unwrap_or_else(|| {
            // No batch is under way: what is known of earlier ones is forgotten, and numbers begin again.
            self.touched.iter_mut().for_each(|touched| *touched = (*touched).min(FILLED));
            self.spares.values_mut().for_each(|spares| spares.batch = EMPTY);
            FIRST
        });
    }

    /// Does additions; returns whether they were done, as [`Batch`] does.
    fn done(&mut self, additions: &mut Vec<Addition>) -> bool {
        // An addition that stands in its group twice is done twice, side by side, with one result.
        let Some(last) = additions.last().copied() else { return true };
        additions.resize(additions.len().next_multiple_of(N), last);
        let (points, sums, steps) = (self.points, &mut self.sums, &mut self.steps);
        L::enter(Batch { points, additions, sums, steps })
    }

    /// Does the additions of a batch in which one is of an equal or opposite point.
    fn do_singly(&mut self, additions: &mut Vec<Addition>) {
        // What `done` put in stands behind what it repeats.
        additions.dedup_by_key(|addition| addition.bucket);
        let mut different = Vec::with_capacity(additions.len() + N);
        for addition in additions.iter() {
            let sum = L::reduced(&self.sums[addition.bucket as usize].x);
            if sum == self.points[addition.pick.place()].x {
                self.add_beside(*addition);
            } else {
                different.push(*addition);
            }
        }
        let done = self.done(&mut different);
        debug_assert!(done, "no difference is zero");
        different.zeroize();
    }

    /// Does all additions that are still to be done.
    fn finish(&mut self) {
        self.flush();
        while !self.waiting.is_empty() {
            self.retry();
            self.flush();
        }
    }

    /// Returns the sums of both buckets, which are equally many.
    #[must_use]
    pub fn merged(mut self, mut other: Self) -> Self {
        other.finish();
        self.finish();
        for (bucket, sum) in std::mem::take(&mut other.beside) {
            *self.beside.entry(bucket).or_insert(Projective::ZERO) += sum;
        }
        other.reduce();
        let points = self.points;
        let mut merged = self.picking_from(&other.sums);
        for sum in (0..other.sums.len()).filter(|sum| other.touched[*sum] != EMPTY) {
            merged.add(other.owner(sum), Pick::new(sum, false));
        }
        merged.finish();
        merged.picking_from(points)
    }

    /// Returns the same buckets for points of another list; no addition is left to be done.
    fn picking_from(self, points: &[Point<P::Packed>]) -> Buckets<'_, P, L, N> {
        let Self {
            sums, touched, owners, spares, batch, capacity, additions, waiting, beside, steps, ..
        } = self;
        Buckets { points, sums, touched, owners, spares, batch, capacity, additions, waiting, beside, steps }
    }

    /// Makes every sum a point that can be added.
    fn reduce(&mut self) {
        for sum in &mut self.sums {
            *sum = Point { x: L::reduced(&sum.x), y: L::reduced(&sum.y) };
        }
    }

    /// Returns the sum of every bucket.
    fn into_sums(mut self) -> Vec<Projective<P>> {
        self.finish();
        let mut sums: Vec<Projective<P>> =
            self.sums.iter().map(|sum| Projective::from(unpack::<P, L, N>(sum))).collect();
        let spares = sums.split_off(self.count());
        for (bucket, spare) in self.owners.iter().zip(spares) {
            sums[*bucket as usize] += spare;
        }
        for (bucket, sum) in &self.beside {
            sums[*bucket as usize] += sum;
        }
        sums
    }

    /// Returns the sum of all buckets.
    pub fn total(self) -> Projective<P> {
        self.into_sums().iter().sum()
    }

    /// Returns `Σ (i + 1)·bucket(i)`.
    ///
    /// With `i = row·side + column` that is `Σ row·side·R + Σ (column + 1)·C`, where `R` and `C` are the sums of the
    /// rows and of the columns: two affine additions a bucket.
    pub fn weighted_total(mut self) -> Projective<P> {
        self.finish();
        let mut total = sparse_total(std::mem::take(&mut self.beside));
        let side = 1_usize << self.count().ilog2().div_ceil(2);
        let rows = self.count().div_ceil(side);
        self.reduce();
        let mut lines = Buckets::<P, L, N>::new(&self.sums, rows + side);
        // Along diagonals, so that neighbours are of different rows and columns; then the spares.
        let diagonals =
            (0..side).flat_map(|shift| (0..rows).map(move |row| row * side + (row + shift) % side));
        let sums = diagonals.filter(|sum| *sum < self.count()).chain(self.count()..self.sums.len());
        for sum in sums.filter(|sum| self.touched[*sum] != EMPTY) {
            let bucket = self.owner(sum);
            lines.add(bucket / side, Pick::new(sum, false));
            lines.add(rows + bucket % side, Pick::new(sum, false));
        }
        let lines = lines.into_sums();
        let (rows, columns) = lines.split_at(rows);
        let mut by_row = running_total(&rows[1..]);
        for _ in 0..side.ilog2() {
            by_row.double_in_place();
        }
        total += by_row + running_total(columns);
        total
    }
}

/// Returns `Σ (i + 1)·sums[i]`.
fn running_total<P: LaneCurve>(sums: &[Projective<P>]) -> Projective<P> {
    let (mut running, mut total) = (Projective::ZERO, Projective::ZERO);
    for sum in sums.iter().rev() {
        running += sum;
        total += running;
    }
    total
}

/// Returns `Σ (i + 1)·sums(i)` for sums that are few or many.
fn sparse_total<P: LaneCurve>(sums: HashMap<u32, Projective<P>>) -> Projective<P> {
    let mut sums: Vec<(u32, Projective<P>)> = sums.into_iter().collect();
    sums.sort_unstable_by_key(|(bucket, _)| std::cmp::Reverse(*bucket));
    let next = sums.iter().skip(1).map(|(bucket, _)| bucket + 1).chain([0]).collect::<Vec<_>>();
    let (mut running, mut total) = (Projective::<P>::ZERO, Projective::<P>::ZERO);
    for ((bucket, sum), next) in sums.iter().zip(next) {
        running += sum;
        total += running.mul_bigint([u64::from(bucket + 1 - next)]);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::{Form, on_form};
    use crate::points::Bases;
    use crate::points::tests::multiples;
    use ark_bn254::{Fr, g1, g2};
    use ark_ec::short_weierstrass::Affine;

    /// Adds picks to buckets in every form; returns what should come out and does the comparison.
    fn check<P: LaneCurve>(points: &[Affine<P>], count: usize, additions: &[(usize, Pick)]) {
        let mut sums = vec![Projective::<P>::ZERO; count];
        for (bucket, pick) in additions {
            let point = points[pick.place()];
            sums[*bucket] += if pick.negative() { -point } else { point };
        }
        let total: Projective<P> = sums.iter().sum();
        let weighted: Projective<P> =
            sums.iter().zip(1_u64..).map(|(sum, weight)| *sum * Fr::from(weight)).sum();
        for form in Form::available() {
            on_form!(form, F, N => {
                check_form::<P, P::Lanes<F, N>, N>(form, points, count, additions, (total, weighted));
            });
        }
    }

    fn check_form<P: LaneCurve, L: PointLanes<P, N>, const N: usize>(
        form: Form,
        points: &[Affine<P>],
        count: usize,
        additions: &[(usize, Pick)],
        (total, weighted): (Projective<P>, Projective<P>),
    ) {
        let packed = Bases::<P>::new(form, points).points;
        let filled = || {
            let mut buckets = Buckets::<P, L, N>::new(&packed, count);
            for (bucket, pick) in additions {
                buckets.add(*bucket, *pick);
            }
            buckets
        };
        assert_eq!(filled().total(), total, "{form:?}, {count} buckets");
        assert_eq!(filled().weighted_total(), weighted, "{form:?}, {count} buckets");
        let twice = filled().merged(filled()).merged(Buckets::new(&packed, count));
        assert_eq!(twice.weighted_total(), weighted.double(), "{form:?}, {count} buckets");
    }

    #[test]
    fn buckets_hold_the_sums_in_both_groups() {
        fn both<P: LaneCurve>() {
            let points = multiples::<P>(200);
            for (count, additions) in [(1, 0), (1, 1), (2, 9), (7, 100), (8, 5_000), (64, 700), (300, 5_000)]
            {
                let additions: Vec<_> = (0..additions)
                    .map(|index| (index * index % 1_009 % count, Pick::new(index * 7 % 200, index % 3 == 0)))
                    .collect();
                check(&points, count, &additions);
            }
        }
        both::<g1::Config>();
        both::<g2::Config>();
    }

    #[test]
    fn equal_and_opposite_points_meet_in_a_bucket() {
        let points = multiples::<g1::Config>(16);
        for pattern in [[false, false], [false, true]] {
            // Every bucket gets one point again and again, or in turn with its opposite.
            let additions: Vec<_> = (0..3_000)
                .map(|index| (index % 100, Pick::new(index % 100 % 16, pattern[index / 100 % 2])))
                .collect();
            check(&points, 100, &additions);
        }
    }

    #[test]
    fn one_bucket_takes_everything() {
        let points = multiples::<g1::Config>(16);
        let additions: Vec<_> = (0..2_500).map(|index| (40, Pick::new(index % 16, index % 5 == 0))).collect();
        check(&points, 90, &additions);
    }
}
