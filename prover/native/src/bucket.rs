//! Buckets that many points are added to, four additions side by side.
//!
//! An addition in affine coordinates needs the inverse of a difference. Additions are therefore put off until a batch of
//! them is together, no two to the same bucket; then one inversion serves them all (Montgomery's trick), and an addition
//! costs six products. What cannot be added this way - a point to an equal or opposite one, or too many points to one
//! bucket - goes to a projective sum beside the bucket.

use std::collections::HashMap;

use ark_ec::PrimeGroup;
use ark_ec::short_weierstrass::Projective;
use ark_ff::AdditiveGroup;
use zeroize::Zeroize;

use crate::batch::{Addition, Batch, Pick, Step, prefetch};
use crate::lanes::{Coordinate, LANES, LaneCurve};
use crate::points::{Point, unpack};

/// Most additions that share one inversion: enough to make it cheap, few enough to stay in the second-level cache.
const BATCH: usize = 1024;

/// A bucket with no point.
const EMPTY: u32 = 0;
/// A bucket with one point and no addition yet.
const FILLED: u32 = 1;

/// Sums of points, one for each bucket.
pub struct Buckets<'a, P: LaneCurve, L> {
    points: &'a [Point<P::Packed>],
    sums: Vec<Point<P::Packed>>,
    /// For each bucket [`EMPTY`], [`FILLED`], or the last batch that has an addition to it.
    touched: Vec<u32>,
    batch: u32,
    capacity: usize,
    additions: Vec<Addition>,
    /// Additions to buckets that the batch under way has one for already.
    waiting: Vec<Addition>,
    beside: HashMap<u32, Projective<P>>,
    steps: Vec<Step<L>>,
}

impl<'a, P: LaneCurve, L> Buckets<'a, P, L>
where
    L: Coordinate<Field = P::BaseField, Packed = P::Packed>,
{
    /// Returns `count` empty buckets for points of a list.
    pub fn new(points: &'a [Point<P::Packed>], count: usize) -> Self {
        let capacity = (count / 2).next_multiple_of(LANES).clamp(LANES, BATCH);
        Self {
            points,
            sums: vec![Point::default(); count],
            touched: vec![EMPTY; count],
            batch: FILLED + 1,
            capacity,
            additions: Vec::with_capacity(capacity),
            waiting: Vec::with_capacity(capacity),
            beside: HashMap::new(),
            steps: Vec::with_capacity(capacity / LANES),
        }
    }

    /// Adds a finite point to a bucket.
    #[inline]
    pub fn add(&mut self, bucket: usize, pick: Pick) {
        #[allow(clippy::cast_possible_truncation)] // nowhere are there 2^32 buckets
        self.accept(Addition { bucket: bucket as u32, pick });
        if self.waiting.len() == self.capacity {
            self.retry();
            if self.waiting.len() > self.capacity / 2 {
                self.give_up_waiting();
            }
        }
    }

    /// Puts an addition into the batch, or where it has to wait.
    #[inline]
    fn accept(&mut self, addition: Addition) {
        let touched = &mut self.touched[addition.bucket as usize];
        if *touched == EMPTY {
            *touched = FILLED;
            self.fill(addition);
        } else if *touched == self.batch {
            self.waiting.push(addition);
        } else {
            *touched = self.batch;
            prefetch(&self.sums[addition.bucket as usize]);
            prefetch(&self.points[addition.pick.place()]);
            self.additions.push(addition);
            if self.additions.len() == self.capacity {
                self.flush();
            }
        }
    }

    fn fill(&mut self, addition: Addition) {
        let mut point = self.points[addition.pick.place()];
        if addition.pick.negative() {
            point.y = L::pack(&-L::unpack(&point.y));
        }
        self.sums[addition.bucket as usize] = point;
    }

    /// Ends the batch and begins another one with what had to wait.
    fn retry(&mut self) {
        self.flush();
        let mut again = std::mem::replace(&mut self.waiting, Vec::with_capacity(self.capacity));
        for addition in &again {
            self.accept(*addition);
        }
        again.zeroize();
    }

    fn give_up_waiting(&mut self) {
        let mut waiting = std::mem::take(&mut self.waiting);
        for addition in &waiting {
            self.add_beside(*addition);
        }
        waiting.zeroize();
    }

    fn add_beside(&mut self, addition: Addition) {
        let point = unpack::<P, L>(&self.points[addition.pick.place()]);
        let signed = if addition.pick.negative() { -point } else { point };
        *self.beside.entry(addition.bucket).or_insert(Projective::ZERO) += signed;
    }

    /// Does the additions of the batch.
    fn flush(&mut self) {
        let groups = self.additions.len() / LANES * LANES;
        for rest in groups..self.additions.len() {
            self.add_beside(self.additions[rest]);
        }
        self.additions.truncate(groups);
        let (points, additions) = (self.points, &self.additions);
        let batch = Batch { points, additions, sums: &mut self.sums, steps: &mut self.steps };
        if !L::enter(batch) {
            self.flush_singly();
        }
        self.additions.zeroize();
        self.batch += 1;
    }

    /// Does the additions of a batch in which one is of an equal or opposite point.
    fn flush_singly(&mut self) {
        let mut additions = std::mem::take(&mut self.additions);
        let special = |addition: &Addition, buckets: &Self| {
            L::reduced(&buckets.sums[addition.bucket as usize].x) == buckets.points[addition.pick.place()].x
        };
        let (mut equal, mut different): (Vec<_>, Vec<_>) =
            additions.iter().partition(|addition| special(addition, self));
        for addition in &equal {
            self.add_beside(*addition);
        }
        while different.len() % LANES != 0 {
            different.pop().into_iter().for_each(|addition| self.add_beside(addition));
        }
        let (points, sums, steps) = (self.points, &mut self.sums, &mut self.steps);
        let done = L::enter(Batch { points, additions: &different, sums, steps });
        debug_assert!(done, "no difference is zero");
        equal.zeroize();
        different.zeroize();
        additions.clear();
        self.additions = additions;
    }

    /// Does all additions that are still to be done.
    fn finish(&mut self) {
        loop {
            self.flush();
            if self.waiting.is_empty() {
                return;
            }
            self.retry();
            // Where hardly any of them found a bucket of its own, the rest would take an inversion each.
            if self.additions.len() < self.waiting.len() / 16 {
                self.give_up_waiting();
            }
        }
    }

    /// Returns the sum of every bucket.
    fn into_sums(mut self) -> Vec<Projective<P>> {
        self.finish();
        let mut sums: Vec<Projective<P>> =
            self.sums.iter().map(|sum| Projective::from(unpack::<P, L>(sum))).collect();
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
        let side = 1_usize << self.sums.len().ilog2().div_ceil(2);
        let rows = self.sums.len().div_ceil(side);
        for sum in &mut self.sums {
            *sum = Point { x: L::reduced(&sum.x), y: L::reduced(&sum.y) };
        }
        let mut lines = Buckets::<P, L>::new(&self.sums, rows + side);
        // Along diagonals, so that neighbours are of different rows and columns.
        for (shift, row) in (0..side).flat_map(|shift| (0..rows).map(move |row| (shift, row))) {
            let column = (row + shift) % side;
            let bucket = row * side + column;
            if self.touched.get(bucket).is_some_and(|touched| *touched != EMPTY) {
                lines.add(row, Pick::new(bucket, false));
                lines.add(rows + column, Pick::new(bucket, false));
            }
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
    use crate::lanes::Form;
    use crate::points::Bases;
    use crate::points::tests::multiples;
    use ark_bn254::{Fr, g1, g2};
    use ark_ec::short_weierstrass::Affine;

    /// Adds picks to buckets in both forms; returns what should come out and does the comparison.
    fn check<P: LaneCurve>(points: &[Affine<P>], count: usize, additions: &[(usize, Pick)]) {
        let mut sums = vec![Projective::<P>::ZERO; count];
        for (bucket, pick) in additions {
            let point = points[pick.place()];
            sums[*bucket] += if pick.negative() { -point } else { point };
        }
        let total: Projective<P> = sums.iter().sum();
        let weighted: Projective<P> =
            sums.iter().zip(1_u64..).map(|(sum, weight)| *sum * Fr::from(weight)).sum();
        check_form::<P, P::Portable>(Form::Portable, points, count, additions, (total, weighted));
        if Form::best() == Form::Vector {
            check_form::<P, P::Vector>(Form::Vector, points, count, additions, (total, weighted));
        }
    }

    fn check_form<P: LaneCurve, L>(
        form: Form,
        points: &[Affine<P>],
        count: usize,
        additions: &[(usize, Pick)],
        (total, weighted): (Projective<P>, Projective<P>),
    ) where
        L: Coordinate<Field = P::BaseField, Packed = P::Packed>,
    {
        let packed = Bases::<P>::new(form, points).points;
        let filled = || {
            let mut buckets = Buckets::<P, L>::new(&packed, count);
            for (bucket, pick) in additions {
                buckets.add(*bucket, *pick);
            }
            buckets
        };
        assert_eq!(filled().total(), total, "{form:?}, {count} buckets");
        assert_eq!(filled().weighted_total(), weighted, "{form:?}, {count} buckets");
    }

    #[test]
    fn buckets_hold_the_sums_in_both_groups() {
        fn both<P: LaneCurve>() {
            let points = multiples::<P>(200);
            for (count, additions) in [(1, 0), (1, 1), (2, 9), (7, 100), (64, 700), (300, 5_000)] {
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
