//! Multi-scalar multiplication for witnesses.
//!
//! Most wires of a circuit are bits, and many others small integers of either sign. A prescan therefore sorts the
//! scalars by magnitude, taking `r − s` with the opposite point where that is the smaller one:
//!
//! - 0, or a point at infinity: skipped;
//! - ±1: the points are added, without any doubling;
//! - below 2^32, and everything else: buckets, over as many windows as the longest scalar of the class needs.

use ark_bn254::Fr;
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ff::{AdditiveGroup, BigInt, BigInteger, PrimeField};
use rayon::prelude::*;
use zeroize::Zeroizing;

use crate::batch::Pick;
use crate::bucket::Buckets;
use crate::coordinates::{LaneCurve, PointLanes};
use crate::digits::{Layout, SignedDigits};
use crate::form::{Form, on_form};
use crate::points::{Bases, Point};
use crate::tables::{NO_ROW, Table};

const SMALL_BITS: usize = 32;
/// Fewest terms that are worth a thread of their own.
const SHARE: usize = 4096;
/// Buckets of a plain sum: as many as additions can go on side by side.
const PLAIN_BUCKETS: usize = 2048;

/// Returns `Σ scalars[i]·points[i]`, where there is one with the help of a table that was made of the points.
///
/// Every scalar is below the group order. Where the lengths differ, the shorter one counts.
pub fn msm<P: LaneCurve>(bases: &Bases<P>, table: Option<&Table<P>>, scalars: &[BigInt<4>]) -> Projective<P> {
    on_form!(bases.form, F, N => msm_on::<P, P::Lanes<F, N>, N>(&bases.points, table, scalars))
}

/// Returns `Σ scalars[i]·points[i]` for points that are not packed yet.
pub fn msm_affine<P: LaneCurve>(points: &[Affine<P>], scalars: &[BigInt<4>]) -> Projective<P> {
    msm(&Bases::new(Form::best(), points), None, scalars)
}

fn msm_on<P: LaneCurve, L: PointLanes<P, N>, const N: usize>(
    points: &[Point<P::Packed>],
    table: Option<&Table<P>>,
    scalars: &[BigInt<4>],
) -> Projective<P> {
    let Prescan { ones, small, full, tabled } =
        Prescan::new(points, table.map_or(&[], |table| &table.rows), scalars);
    let by_table = || {
        table.map_or(Projective::ZERO, |table| {
            window_msm::<P, L, N>(&table.multiples, table.length, tabled, &table.digits)
        })
    };
    let (tabled, (ones, (small, full))) = rayon::join(by_table, || {
        rayon::join(
            || sum_picks::<P, L, N>(points, &ones),
            || rayon::join(|| bucket_msm::<P, L, N>(points, small), || bucket_msm::<P, L, N>(points, full)),
        )
    });
    tabled + ones + small + full
}

/// Returns the sum of the picked points.
fn sum_picks<P: LaneCurve, L: PointLanes<P, N>, const N: usize>(
    points: &[Point<P::Packed>],
    picks: &[Pick],
) -> Projective<P> {
    let share = picks.len().div_ceil(rayon::current_num_threads()).max(SHARE);
    let sums = picks.par_chunks(share).map(|picks| {
        let count = (picks.len() / 16).clamp(1, PLAIN_BUCKETS);
        let mut buckets = Buckets::<P, L, N>::new(points, count);
        for (pick, bucket) in picks.iter().zip((0..count).cycle()) {
            buckets.add(bucket, *pick);
        }
        buckets.total()
    });
    sums.reduce(|| Projective::ZERO, |left, right| left + right)
}

/// Returns the sum of the picked points times their scalars.
fn bucket_msm<P: LaneCurve, L: PointLanes<P, N>, const N: usize>(
    points: &[Point<P::Packed>],
    terms: Terms,
) -> Projective<P> {
    let Some(bits) = terms.scalars.iter().map(|scalar| scalar.num_bits() as usize).max() else {
        return Projective::ZERO;
    };
    let digits = SignedDigits::new(Layout::best(terms.picks.len(), bits, 1));
    window_msm::<P, L, N>(points, 0, terms, &digits)
}

/// Returns the sum of the picked points times their scalars, which are cut as `digits` says. The multiples that a column
/// counts are `column_length` points after those of the column before.
fn window_msm<P: LaneCurve, L: PointLanes<P, N>, const N: usize>(
    points: &[Point<P::Packed>],
    column_length: usize,
    mut terms: Terms,
    digits: &SignedDigits,
) -> Projective<P> {
    if terms.picks.is_empty() {
        return Projective::ZERO;
    }
    terms.scalars.par_iter_mut().with_min_len(SHARE).for_each(|scalar| digits.prepare(scalar));
    let layout = digits.layout();
    let share = terms.picks.len().div_ceil(layout.shares()).max(SHARE);
    let set_sum = |set: usize| -> Projective<P> {
        let shares = terms.picks.par_chunks(share).zip(terms.scalars.par_chunks(share));
        let buckets = shares.map(|(picks, scalars)| {
            let mut buckets = Buckets::<P, L, N>::new(points, layout.magnitudes(set));
            for window in digits.set(set) {
                for (pick, scalar) in picks.iter().zip(scalars) {
                    let digit = SignedDigits::digit(scalar, window);
                    if digit != 0 {
                        let pick = pick.further(window.column * column_length).signed(digit < 0);
                        buckets.add(digit.unsigned_abs() as usize - 1, pick);
                    }
                }
            }
            buckets
        });
        buckets.reduce_with(Buckets::merged).map_or(Projective::ZERO, Buckets::weighted_total)
    };
    let sums: Vec<Projective<P>> = (0..layout.sets).into_par_iter().map(set_sum).collect();
    let mut total = Projective::ZERO;
    for (set, sum) in sums.iter().enumerate().rev() {
        total += sum;
        let below = set.checked_sub(1).map_or(0, |set| layout.start(set));
        for _ in below..layout.start(set) {
            total.double_in_place();
        }
    }
    total
}

/// Terms of a sum: picked points and the magnitudes of their scalars.
struct Terms {
    picks: Zeroizing<Vec<Pick>>,
    scalars: Zeroizing<Vec<BigInt<4>>>,
}

impl Terms {
    // Capacities are exact: a vector of scalars that grew would leave copies behind that are never wiped.
    fn with_capacity(count: usize) -> Self {
        Self {
            picks: Zeroizing::new(Vec::with_capacity(count)),
            scalars: Zeroizing::new(Vec::with_capacity(count)),
        }
    }

    fn push(&mut self, pick: Pick, scalar: BigInt<4>) {
        self.picks.push(pick);
        self.scalars.push(scalar);
    }
}

/// The terms of a sum, sorted by the magnitude of their scalars.
struct Prescan {
    ones: Zeroizing<Vec<Pick>>,
    small: Terms,
    full: Terms,
    /// Full ones whose points have a row of a table; the picks are of rows.
    tabled: Terms,
}

impl Prescan {
    fn new<K: Copy + Default + PartialEq>(points: &[Point<K>], rows: &[u32], scalars: &[BigInt<4>]) -> Self {
        let row = |place: usize| rows.get(place).copied().filter(|row| *row != NO_ROW);
        let (mut ones, mut small, mut full, mut tabled) = (0, 0, 0, 0);
        for (place, (point, scalar)) in points.iter().zip(scalars).enumerate() {
            match class(point, &magnitude(scalar).0) {
                Class::Nothing => {}
                Class::One => ones += 1,
                Class::Small => small += 1,
                Class::Full if row(place).is_some() => tabled += 1,
                Class::Full => full += 1,
            }
        }
        let mut ones = Zeroizing::new(Vec::with_capacity(ones));
        let [mut small, mut full, mut tabled] = [small, full, tabled].map(Terms::with_capacity);
        for (place, (point, scalar)) in points.iter().zip(scalars).enumerate() {
            let (size, negative) = magnitude(scalar);
            match class(point, &size) {
                Class::Nothing => {}
                Class::One => ones.push(Pick::new(place, negative)),
                Class::Small => small.push(Pick::new(place, negative), size),
                Class::Full => match row(place) {
                    Some(row) => tabled.push(Pick::new(row as usize, negative), size),
                    None => full.push(Pick::new(place, negative), size),
                },
            }
        }
        Self { ones, small, full, tabled }
    }
}

/// Returns the places of the points whose scalars are full.
pub fn full_places<K: Copy + Default + PartialEq>(points: &[Point<K>], scalars: &[BigInt<4>]) -> Vec<u32> {
    let terms = points.iter().zip(scalars).zip(0..);
    let full = terms.filter(|((point, scalar), _)| matches!(class(point, &magnitude(scalar).0), Class::Full));
    full.map(|(_, place)| place).collect()
}

enum Class {
    Nothing,
    One,
    Small,
    Full,
}

fn class<K: Copy + Default + PartialEq>(point: &Point<K>, magnitude: &BigInt<4>) -> Class {
    let [low, rest @ ..] = magnitude.0;
    if magnitude.is_zero() || point.is_infinity() {
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
    use crate::points::tests::{multiples, plain_msm};
    use ark_bn254::{g1, g2};
    use ark_ff::Field;

    fn check<P: LaneCurve>(points: &[Affine<P>], scalars: &[Fr]) {
        let integers: Vec<_> = scalars.iter().map(|scalar| scalar.into_bigint()).collect();
        for form in Form::available() {
            assert_eq!(msm(&Bases::new(form, points), None, &integers), plain_msm(points, scalars));
        }
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
        fn both<P: LaneCurve>() {
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
    fn the_sum_is_the_same_on_every_number_of_threads() {
        let few = multiples::<g1::Config>(97);
        // More than one share of every class; the points come again and again, so that equal ones meet in buckets.
        let count = 5 * SHARE + 3;
        let points: Vec<_> = few.iter().cycle().take(count).copied().collect();
        let scalars: Vec<Fr> = (0..count as u64)
            .map(|index| match index % 5 {
                0 => Fr::from(1),
                1 => -Fr::from(1),
                2 => Fr::from(index * index + 2),
                _ => Fr::from(index + 2).pow([200 + index % 50]),
            })
            .collect();
        let mut factors = vec![Fr::from(0); few.len()];
        for (index, scalar) in scalars.iter().enumerate() {
            factors[index % few.len()] += scalar;
        }
        let expected = plain_msm(&few, &factors);
        let integers: Vec<_> = scalars.iter().map(|scalar| scalar.into_bigint()).collect();
        let bases = Bases::new(Form::best(), &points);
        for threads in 1..=8 {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert_eq!(pool.install(|| msm(&bases, None, &integers)), expected, "{threads} threads");
        }
    }

    #[test]
    fn magnitudes_are_at_most_half_the_order() {
        assert_eq!(magnitude(&(-Fr::from(5)).into_bigint()), (BigInt::from(5_u64), true));
        assert_eq!(magnitude(&BigInt::from(5_u64)), (BigInt::from(5_u64), false));
        assert_eq!(magnitude(&BigInt::from(0_u64)), (BigInt::from(0_u64), false));
    }
}
