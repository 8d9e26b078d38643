//! Multi-scalar multiplication for witnesses.
//!
//! Most wires of a circuit are bits, and many others small integers of either sign. A prescan therefore sorts the
//! scalars by magnitude, taking `r − s` with the opposite point where that is the smaller one:
//!
//! - 0, or a point at infinity: skipped;
//! - ±1: the points are added, without any doubling;
//! - below 2^32: buckets over 32 bits;
//! - everything else: buckets over 254 bits.

use ark_bn254::Fr;
use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::{Affine, Projective, SWCurveConfig};
use ark_ff::{BigInt, BigInteger, PrimeField};
use zeroize::Zeroizing;

use crate::affine::sum_points;
use crate::bucket::bucket_msm;

const SMALL_BITS: usize = 32;
const FULL_BITS: usize = 254;

/// Returns `Σ scalars[i]·points[i]`.
///
/// Every scalar is below the group order. Where the lengths differ, the shorter one counts.
pub fn msm<P: SWCurveConfig<ScalarField = Fr>>(points: &[Affine<P>], scalars: &[BigInt<4>]) -> Projective<P> {
    let sorted = Prescan::new(points, scalars);
    let (ones, (small, full)) = rayon::join(
        || sum_points(&sorted.ones),
        || {
            rayon::join(
                || bucket_msm(&sorted.small_points, &sorted.small_scalars, SMALL_BITS),
                || bucket_msm(&sorted.full_points, &sorted.full_scalars, FULL_BITS),
            )
        },
    );
    ones + small + full
}

/// The terms of a sum, sorted by the magnitude of their scalars.
struct Prescan<P: SWCurveConfig> {
    ones: Vec<Affine<P>>,
    small_points: Vec<Affine<P>>,
    small_scalars: Zeroizing<Vec<BigInt<4>>>,
    full_points: Vec<Affine<P>>,
    full_scalars: Zeroizing<Vec<BigInt<4>>>,
}

impl<P: SWCurveConfig<ScalarField = Fr>> Prescan<P> {
    fn new(points: &[Affine<P>], scalars: &[BigInt<4>]) -> Self {
        // Capacities are exact: a vector of scalars that grew would leave copies behind that are never wiped.
        let (mut ones, mut small, mut full) = (0, 0, 0);
        for (point, scalar) in points.iter().zip(scalars) {
            match class(point, &magnitude(scalar).0) {
                Class::Nothing => {}
                Class::One => ones += 1,
                Class::Small => small += 1,
                Class::Full => full += 1,
            }
        }
        let mut sorted = Self {
            ones: Vec::with_capacity(ones),
            small_points: Vec::with_capacity(small),
            small_scalars: Zeroizing::new(Vec::with_capacity(small)),
            full_points: Vec::with_capacity(full),
            full_scalars: Zeroizing::new(Vec::with_capacity(full)),
        };
        for (point, scalar) in points.iter().zip(scalars) {
            let (size, negative) = magnitude(scalar);
            let signed = if negative { -*point } else { *point };
            match class(point, &size) {
                Class::Nothing => {}
                Class::One => sorted.ones.push(signed),
                Class::Small => {
                    sorted.small_points.push(signed);
                    sorted.small_scalars.push(size);
                }
                Class::Full => {
                    sorted.full_points.push(signed);
                    sorted.full_scalars.push(size);
                }
            }
        }
        sorted
    }
}

enum Class {
    Nothing,
    One,
    Small,
    Full,
}

fn class<P: SWCurveConfig>(point: &Affine<P>, magnitude: &BigInt<4>) -> Class {
    let [low, rest @ ..] = magnitude.0;
    if magnitude.is_zero() || point.is_zero() {
        Class::Nothing
    } else if rest != [0; 3] || low >> SMALL_BITS != 0 {
        Class::Full
    } else if low == 1 {
        Class::One
    } else {
        Class::Small
    }
}

/// Returns the smaller of `s` and `r − s`, and whether it was the second.
fn magnitude(scalar: &BigInt<4>) -> (BigInt<4>, bool) {
    let mut opposite = Fr::MODULUS;
    opposite.sub_with_borrow(scalar);
    if opposite < *scalar { (opposite, true) } else { (*scalar, false) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::{multiples, plain_msm};
    use ark_bn254::{g1, g2};
    use ark_ff::Field;

    fn check<P: SWCurveConfig<ScalarField = Fr>>(points: &[Affine<P>], scalars: &[Fr]) {
        let integers: Vec<_> = scalars.iter().map(|scalar| scalar.into_bigint()).collect();
        assert_eq!(msm(points, &integers), plain_msm(points, scalars));
    }

    fn edge_scalars() -> Vec<Fr> {
        let two = Fr::from(2);
        let mut scalars = vec![Fr::from(0), Fr::from(1), -Fr::from(1)];
        for power in [1_u64, 13, 31, 32, 33, 64, 128, 252, 253] {
            let edge = two.pow([power]);
            scalars.extend([edge - Fr::from(1), edge, edge + Fr::from(1)]);
            scalars.extend([Fr::from(1) - edge, -edge]);
        }
        // The two middle elements: the largest magnitudes there are.
        let half = two.inverse().unwrap();
        scalars.extend([half, half - Fr::from(1)]);
        scalars
    }

    #[test]
    fn every_class_and_its_edges_agree_with_the_plain_sum() {
        fn both<P: SWCurveConfig<ScalarField = Fr>>() {
            let scalars = edge_scalars();
            let points = multiples::<P>(scalars.len() as u64);
            check(&points, &scalars);
            for (point, scalar) in points.iter().zip(&scalars) {
                check(&[*point], &[*scalar]);
            }
        }
        both::<g1::Config>();
        both::<g2::Config>();
    }

    #[test]
    fn empty_and_infinite_sums_are_infinity() {
        check::<g1::Config>(&[], &[]);
        let zero = Affine::<g1::Config>::identity();
        check(&[zero; 3], &[Fr::from(1), Fr::from(5), -Fr::from(9)]);
    }

    #[test]
    fn equal_and_opposite_points_are_added_rightly() {
        let point = multiples::<g1::Config>(1)[0];
        let zero = Affine::identity();
        for scalar in [Fr::from(1), Fr::from(77), Fr::from(3).pow([150_u64])] {
            check(&[point; 6], &[scalar; 6]);
            check(&[point, -point], &[scalar, scalar]);
            check(&[point, point], &[scalar, -scalar]);
            check(&[point, -point, point, zero, -point, point], &[scalar; 6]);
        }
    }

    #[test]
    fn magnitudes_are_at_most_half_the_order() {
        assert_eq!(magnitude(&(-Fr::from(5)).into_bigint()), (BigInt::from(5_u64), true));
        assert_eq!(magnitude(&BigInt::from(5_u64)), (BigInt::from(5_u64), false));
        assert_eq!(magnitude(&BigInt::from(0_u64)), (BigInt::from(0_u64), false));
    }
}
