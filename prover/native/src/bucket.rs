//! Multi-scalar multiplication by buckets, with additions in affine coordinates.
//!
//! Scalars are cut into windows of `c` bits with signed digits `−2^(c−1) < d ≤ 2^(c−1)`. In each window the points are
//! sorted by `|d|`, every bucket is summed as a tree, and `Σ d·bucket(d)` follows from running sums. One inversion
//! serves a whole batch of affine additions (Montgomery's trick), so that an addition costs about six products instead
//! of the eleven of a mixed projective one.

use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::{Affine, Projective, SWCurveConfig};
use ark_ff::{AdditiveGroup, BigInt, Field};
use rayon::prelude::*;
use zeroize::Zeroizing;

/// Additions that share one inversion: enough to make the inversion cheap, few enough to stay in the cache.
const BATCH: usize = 1024;
/// Widest window: a digit must fit an `i16`.
const MAX_WINDOW: usize = 15;

/// Returns `Σ scalars[i]·points[i]` for scalars below `2^bits`.
///
/// `points` and `scalars` have the same length. Infinity, repeated and opposite points are all right.
#[must_use]
pub fn bucket_msm<P: SWCurveConfig>(
    points: &[Affine<P>],
    scalars: &[BigInt<4>],
    bits: usize,
) -> Projective<P> {
    debug_assert_eq!(points.len(), scalars.len());
    if points.is_empty() {
        return Projective::ZERO;
    }
    let width = window_width(points.len(), bits);
    // One bit more than the scalars have: the carry out of the last signed digit.
    let windows = (bits + 1).div_ceil(width);
    let mut digits = Zeroizing::new(vec![0_i16; points.len() * windows]);
    digits
        .par_chunks_exact_mut(windows)
        .zip(scalars.par_iter())
        .with_min_len(256)
        .for_each(|(row, scalar)| signed_digits(scalar, width, row));
    let sums: Vec<Projective<P>> = (0..windows)
        .into_par_iter()
        .map(|window| window_sum(points, digits.iter().skip(window).step_by(windows).copied(), width))
        .collect();
    sums.into_iter().rev().fold(Projective::ZERO, |mut total, sum| {
        for _ in 0..width {
            total.double_in_place();
        }
        total + sum
    })
}

/// Returns the sum of all points.
#[must_use]
pub fn sum_points<P: SWCurveConfig>(points: Vec<Affine<P>>) -> Projective<P> {
    let share = points.len().div_ceil(rayon::current_num_threads()).max(4 * BATCH);
    points
        .par_chunks(share)
        .map(|chunk| {
            let mut chunk = chunk.to_vec();
            let end = chunk.len();
            sum_runs(&mut chunk, &[0, end]);
            Projective::from(chunk[0])
        })
        .reduce(|| Projective::ZERO, |left, right| left + right)
}

/// Returns the window width with the least work: one addition a point and about five a bucket.
fn window_width(points: usize, bits: usize) -> usize {
    (1..=MAX_WINDOW.min(bits + 1))
        .min_by_key(|width| (bits + 1).div_ceil(*width) * (points + (5 << (width - 1))))
        .unwrap_or(1)
}

/// Writes the signed digits of `scalar`, lowest first.
fn signed_digits(scalar: &BigInt<4>, width: usize, digits: &mut [i16]) {
    let half = 1_i32 << (width - 1);
    let mut carry = 0;
    for (window, digit) in digits.iter_mut().enumerate() {
        let mut value = bits_at(scalar, window * width, width) + carry;
        carry = i32::from(value > half);
        value -= carry << width;
        // |value| <= 2^14, because the width is at most 15.
        #[allow(clippy::cast_possible_truncation)]
        {
            *digit = value as i16;
        }
    }
    debug_assert_eq!(carry, 0, "a scalar is wider than announced");
}

/// Returns `width` bits of `scalar` from bit `at` on.
fn bits_at(scalar: &BigInt<4>, at: usize, width: usize) -> i32 {
    let (limb, shift) = (at / 64, at % 64);
    let low = scalar.0.get(limb).map_or(0, |word| word >> shift);
    let high =
        if shift + width > 64 { scalar.0.get(limb + 1).map_or(0, |word| word << (64 - shift)) } else { 0 };
    // The mask leaves at most 15 bits.
    #[allow(clippy::cast_possible_truncation)]
    {
        ((low | high) & ((1 << width) - 1)) as i32
    }
}

/// Returns `Σ digit[i]·points[i]` for one window.
fn window_sum<P: SWCurveConfig>(
    points: &[Affine<P>],
    digits: impl Iterator<Item = i16> + Clone,
    width: usize,
) -> Projective<P> {
    let buckets = 1_usize << (width - 1);
    let mut starts = vec![0_usize; buckets + 1];
    for digit in digits.clone().filter(|digit| *digit != 0) {
        starts[usize::from(digit.unsigned_abs())] += 1;
    }
    for bucket in 0..buckets {
        starts[bucket + 1] += starts[bucket];
    }
    let mut next = starts.clone();
    let mut sorted = vec![Affine::<P>::identity(); starts[buckets]];
    for (point, digit) in points.iter().zip(digits) {
        if digit != 0 {
            let slot = &mut next[usize::from(digit.unsigned_abs()) - 1];
            sorted[*slot] = if digit < 0 { -*point } else { *point };
            *slot += 1;
        }
    }
    sum_runs(&mut sorted, &starts);
    let (mut running, mut total) = (Projective::<P>::ZERO, Projective::<P>::ZERO);
    for bucket in (0..buckets).rev() {
        if starts[bucket + 1] > starts[bucket] {
            running += sorted[starts[bucket]];
        }
        total += running;
    }
    total
}

/// Sums every run `points[starts[i]..starts[i + 1]]` into its first place; the rest of a run is left undefined.
fn sum_runs<P: SWCurveConfig>(points: &mut [Affine<P>], starts: &[usize]) {
    let mut runs: Vec<(usize, usize)> = starts
        .windows(2)
        .map(|pair| (pair[0], pair[1] - pair[0]))
        .filter(|(_, length)| *length > 1)
        .collect();
    let mut adder = BatchAdder::new();
    while !runs.is_empty() {
        for (start, length) in &mut runs {
            // An odd run keeps its first point in place. A sum goes to a place at or before its operands, never to
            // one that a later pair of the round reads.
            let odd = *length % 2;
            for pair in 0..*length / 2 {
                let left = *start + odd + 2 * pair;
                adder.push(points, left, *start + odd + pair);
            }
            *length = *length / 2 + odd;
        }
        adder.flush(points);
        runs.retain(|(_, length)| *length > 1);
    }
}

/// Adds neighbouring points in batches that share one inversion.
struct BatchAdder<P: SWCurveConfig> {
    /// Left operand and place of the sum; the right operand is the left's neighbour.
    pairs: Vec<(usize, usize)>,
    denominators: Vec<P::BaseField>,
    prefixes: Vec<P::BaseField>,
}

impl<P: SWCurveConfig> BatchAdder<P> {
    fn new() -> Self {
        let (pairs, denominators, prefixes) =
            (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
        Self { pairs, denominators, prefixes }
    }

    fn push(&mut self, points: &mut [Affine<P>], left: usize, sum: usize) {
        self.pairs.push((left, sum));
        if self.pairs.len() == BATCH {
            self.flush(points);
        }
    }

    fn flush(&mut self, points: &mut [Affine<P>]) {
        let mut product = P::BaseField::ONE;
        for (left, _) in &self.pairs {
            let denominator = slope_denominator(&points[*left], &points[*left + 1]);
            self.prefixes.push(product);
            product *= denominator;
            self.denominators.push(denominator);
        }
        // No denominator is zero, so neither is the product.
        let mut inverse = product.inverse().unwrap_or(P::BaseField::ONE);
        for (denominator, prefix) in self.denominators.iter_mut().zip(&self.prefixes).rev() {
            let next = inverse * *denominator;
            *denominator = inverse * prefix;
            inverse = next;
        }
        for ((left, sum), inverse) in self.pairs.iter().zip(&self.denominators) {
            points[*sum] = add_affine(&points[*left], &points[*left + 1], *inverse);
        }
        self.pairs.clear();
        self.denominators.clear();
        self.prefixes.clear();
    }
}

/// Returns the denominator of the slope between two points; 1 where the sum needs none.
fn slope_denominator<P: SWCurveConfig>(left: &Affine<P>, right: &Affine<P>) -> P::BaseField {
    if left.is_zero() || right.is_zero() {
        P::BaseField::ONE
    } else if left.x != right.x {
        right.x - left.x
    } else if left.y == right.y {
        // The curves have odd order, so no point has y = 0.
        left.y.double()
    } else {
        P::BaseField::ONE
    }
}

/// Returns the sum of two points, given the inverse of [`slope_denominator`].
fn add_affine<P: SWCurveConfig>(left: &Affine<P>, right: &Affine<P>, inverse: P::BaseField) -> Affine<P> {
    if left.is_zero() {
        return *right;
    }
    if right.is_zero() {
        return *left;
    }
    let slope = if left.x != right.x {
        (right.y - left.y) * inverse
    } else if left.y == right.y {
        let square = left.x.square();
        (square.double() + square) * inverse
    } else {
        return Affine::identity();
    };
    let x = slope.square() - left.x - right.x;
    Affine::new_unchecked(x, slope * (left.x - x) - left.y)
}

/// Returns `Σ scalars[i]·points[i]` the plain way: the oracle of the tests.
#[cfg(test)]
pub fn plain_msm<P: SWCurveConfig>(points: &[Affine<P>], scalars: &[P::ScalarField]) -> Projective<P> {
    points.iter().zip(scalars).map(|(point, scalar)| *point * *scalar).sum()
}

/// Returns affine points of a few multiples of the generator.
#[cfg(test)]
pub fn multiples<P: SWCurveConfig>(count: u64) -> Vec<Affine<P>> {
    use ark_ec::CurveGroup;
    (1..=count)
        .map(|factor| (Affine::<P>::generator() * P::ScalarField::from(factor)).into_affine())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::{Fr, g1, g2};
    use ark_ff::PrimeField;

    #[test]
    fn digits_give_the_scalar_back() {
        for width in 1..=MAX_WINDOW {
            for value in
                [Fr::from(0), Fr::from(1), -Fr::from(1), Fr::from(u64::MAX), Fr::from(2).pow([253_u64])]
            {
                let windows = 255_usize.div_ceil(width);
                let mut digits = vec![0; windows];
                signed_digits(&value.into_bigint(), width, &mut digits);
                let base = Fr::from(1_u64 << width);
                let back = digits.iter().rev().fold(Fr::from(0), |sum, digit| sum * base + Fr::from(*digit));
                assert_eq!(back, value, "width {width}");
            }
        }
    }

    #[test]
    fn affine_sums_cover_every_case() {
        let points = multiples::<g1::Config>(2);
        let (p, q, zero) = (points[0], points[1], Affine::identity());
        for (left, right) in [(p, q), (p, p), (p, -p), (zero, p), (p, zero), (zero, zero)] {
            let inverse = slope_denominator(&left, &right).inverse().unwrap();
            assert_eq!(Projective::from(add_affine(&left, &right, inverse)), left + right);
        }
    }

    #[test]
    fn runs_of_every_length_are_summed() {
        let points = multiples::<g1::Config>(40);
        for length in 1..=40 {
            assert_eq!(sum_points(points[..length].to_vec()), points[..length].iter().sum::<Projective<_>>());
        }
        let many: Vec<_> = points.iter().cycle().take(5 * BATCH + 3).copied().collect();
        assert_eq!(sum_points(many.clone()), many.iter().sum::<Projective<_>>());
    }

    #[test]
    fn buckets_agree_with_the_plain_sum_in_both_groups() {
        fn check<P: SWCurveConfig<ScalarField = Fr>>() {
            let points = multiples::<P>(300);
            let scalars: Vec<Fr> =
                (0..300_u64).map(|index| Fr::from(index + 3).pow([index * 7 + 1])).collect();
            let integers: Vec<_> = scalars.iter().map(|scalar| scalar.into_bigint()).collect();
            assert_eq!(bucket_msm(&points, &integers, 254), plain_msm(&points, &scalars));
        }
        check::<g1::Config>();
        check::<g2::Config>();
    }
}
