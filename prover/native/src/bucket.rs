//! Multi-scalar multiplication by buckets, with additions in affine coordinates.
//!
//! In each window of [`crate::digits`] the points are sorted by the magnitude of their digit, every bucket is summed as a
//! tree by [`crate::affine`], and `Σ d·bucket(d)` follows from running sums.

use ark_ec::short_weierstrass::{Affine, Projective, SWCurveConfig};
use ark_ff::{AdditiveGroup, BigInt};
use rayon::prelude::*;
use zeroize::Zeroizing;

use crate::affine::sum_runs;
use crate::digits::{MAX_WIDTH, signed_digits, windows_for};

/// Returns `Σ scalars[i]·points[i]` for scalars below `2^bits`.
///
/// `points` and `scalars` have the same length. Infinity, repeated and opposite points are all right.
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
    let windows = windows_for(bits, width);
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

/// Returns the window width with the least work: one addition a point and about five a bucket.
fn window_width(points: usize, bits: usize) -> usize {
    (1..=MAX_WIDTH.min(bits + 1))
        .min_by_key(|width| windows_for(bits, *width) * (points + (5 << (width - 1))))
        .unwrap_or(1)
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

/// Returns `Σ scalars[i]·points[i]` the plain way: the oracle of the tests.
#[cfg(test)]
pub fn plain_msm<P: SWCurveConfig>(points: &[Affine<P>], scalars: &[P::ScalarField]) -> Projective<P> {
    points.iter().zip(scalars).map(|(point, scalar)| *point * *scalar).sum()
}

/// Returns affine points of a few multiples of the generator.
#[cfg(test)]
#[must_use]
pub fn multiples<P: SWCurveConfig>(count: u64) -> Vec<Affine<P>> {
    use ark_ec::{AffineRepr, CurveGroup};
    (1..=count)
        .map(|factor| (Affine::<P>::generator() * P::ScalarField::from(factor)).into_affine())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::{Fr, g1, g2};
    use ark_ff::{Field, PrimeField};

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
