//! Packed points: how a proving key's points lie in memory, one cache line each in G1 and two in G2.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicUsize, Ordering};

use ark_bn254::{Fq, FqConfig};
use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::Affine;
use ark_ff::{BigInt, Field, PrimeField};
use rayon::prelude::*;

use crate::coordinates::{LaneCurve, PointLanes};
use crate::field::{self, FIELD_BYTES};
use crate::form::{Family, Form, on_form};
use crate::lanes::{Packed, PrimeLanes, Work, gather_group, references};
use crate::limbs;

/// An affine point; two default coordinates stand for infinity, which is on no curve of ours otherwise.
#[derive(Clone, Copy, Default, PartialEq)]
#[repr(C, align(64))]
pub struct Point<K> {
    /// The first coordinate.
    pub x: K,
    /// The second coordinate.
    pub y: K,
}

impl<K: Copy + Default + PartialEq> Point<K> {
    /// Returns whether this is infinity.
    #[inline]
    pub fn is_infinity(&self) -> bool {
        *self == Self::default()
    }
}

/// Packs a point.
pub fn pack<P: LaneCurve, L: PointLanes<P, N>, const N: usize>(point: &Affine<P>) -> Point<P::Packed> {
    point.xy().map_or_else(Point::default, |(x, y)| Point { x: L::pack(&x), y: L::pack(&y) })
}

/// Unpacks a point.
pub fn unpack<P: LaneCurve, L: PointLanes<P, N>, const N: usize>(point: &Point<P::Packed>) -> Affine<P> {
    if point.is_infinity() {
        return Affine::identity();
    }
    Affine::new_unchecked(L::unpack(&point.x), L::unpack(&point.y))
}

/// The points of one section of a key, packed in the form that its sums will run in.
pub struct Bases<P: LaneCurve> {
    /// The form.
    pub form: Form,
    /// The points.
    pub points: Vec<Point<P::Packed>>,
}

impl<P: LaneCurve> Bases<P> {
    /// Packs points.
    #[must_use]
    pub fn new(form: Form, points: &[Affine<P>]) -> Self {
        Self { form, points: points.par_iter().map(packer::<P>(form)).collect() }
    }

    /// Returns the points as they were.
    #[must_use]
    pub fn unpacked(&self) -> Vec<Affine<P>> {
        let unpack = on_form!(self.form, F, N => unpack::<P, P::Lanes<F, N>, N>);
        self.points.par_iter().map(unpack).collect()
    }
}

impl<P: LaneCurve<Packed: Parts>> Bases<P> {
    /// Bytes of a point in a proving key.
    pub const POINT_BYTES: usize = 2 * size_of::<P::Packed>();

    /// Reads points as a proving key holds them, and checks that each is on its curve.
    ///
    /// # Errors
    /// The place of the first one whose coordinates are not below the prime, or that is not on the curve.
    pub fn read(form: Form, bytes: &[u8]) -> Result<Self, usize> {
        let points = on_form!(form, F, N => {
            read::<P, P::Lanes<F, N>, <F as Family<N>>::Prime<FqConfig>, N>(bytes)?
        });
        Ok(Self { form, points })
    }
}

/// A packed coordinate, as the elements of the base field that it is made of.
pub trait Parts: Copy {
    /// Returns the coordinate that is made of these.
    fn from_parts(parts: &[Packed]) -> Self;
    /// Returns what the coordinate is made of.
    fn parts(&self) -> &[Packed];
}

impl Parts for Packed {
    #[inline(always)]
    fn from_parts(parts: &[Packed]) -> Self {
        parts[0]
    }

    #[inline(always)]
    fn parts(&self) -> &[Packed] {
        std::slice::from_ref(self)
    }
}

impl Parts for [Packed; 2] {
    #[inline(always)]
    fn from_parts(parts: &[Packed]) -> Self {
        [parts[0], parts[1]]
    }

    #[inline(always)]
    fn parts(&self) -> &[Packed] {
        self
    }
}

fn read<P, L, B, const N: usize>(bytes: &[u8]) -> Result<Vec<Point<P::Packed>>, usize>
where
    P: LaneCurve<Packed: Parts>,
    L: PointLanes<P, N>,
    B: PrimeLanes<FqConfig, N>,
{
    let group_bytes = N * Bases::<P>::POINT_BYTES;
    let one = Fq::new_unchecked(BigInt(B::pack(&Fq::ONE)));
    let (shift, constant) = (B::pack(&one), L::pack(&P::COEFF_B));
    let refused = AtomicUsize::new(usize::MAX);
    let mut groups = Vec::new();
    let chunks = bytes.par_chunks(group_bytes).enumerate();
    let read = chunks.map(|(group, bytes)| {
        let (points, bad) = L::enter(Reading::<P, L, B, N> { bytes, shift, constant, lanes: PhantomData });
        // The room after the last point holds points at infinity, which are not refused.
        if let Some(lane) = bad {
            refused.fetch_min(N * group + lane, Ordering::Relaxed);
        }
        points
    });
    read.with_min_len(64).collect_into_vec(&mut groups);
    match refused.into_inner() {
        usize::MAX => {
            let mut points = groups.into_flattened();
            points.truncate(bytes.len() / Bases::<P>::POINT_BYTES);
            Ok(points)
        }
        index => Err(index),
    }
}

/// Up to a group of points, to be read.
struct Reading<'a, P: LaneCurve, L, B, const N: usize> {
    bytes: &'a [u8],
    /// What turns an element as the file holds it into a packed one, by a product.
    shift: Packed,
    /// The curve is `y² = x³ + constant`.
    constant: P::Packed,
    lanes: PhantomData<(L, B)>,
}

impl<P, L, B, const N: usize> Work for Reading<'_, P, L, B, N>
where
    P: LaneCurve<Packed: Parts>,
    L: PointLanes<P, N>,
    B: PrimeLanes<FqConfig, N>,
{
    /// The points, and the lane of the first one that is refused.
    type Output = ([Point<P::Packed>; N], Option<usize>);

    #[inline(always)]
    fn run(self) -> Self::Output {
        // A coordinate has one part or two.
        let mut elements = [[[0; 4]; N]; 4];
        let elements = elements.as_flattened_mut();
        for (element, bytes) in elements.iter_mut().zip(self.bytes.as_chunks::<FIELD_BYTES>().0) {
            *element = field::integer(bytes).0;
        }
        let parts = size_of::<P::Packed>() / FIELD_BYTES;
        let elements = &mut elements[..2 * parts * N];
        let below: [bool; N] = std::array::from_fn(|lane| {
            let part = 2 * parts * lane;
            elements[part..part + 2 * parts].iter().all(|element| BigInt(*element) < Fq::MODULUS)
        });
        let shift = B::gather([&self.shift; N]);
        for group in elements.as_chunks_mut::<N>().0 {
            // An operand may be any integer below 2^256, some five times the modulus: the product is below twice it.
            *group = gather_group::<FqConfig, B, N>(group).product(shift).scatter::<2>();
        }
        let points: [Point<P::Packed>; N] = std::array::from_fn(|lane| {
            let (x, y) = elements[2 * parts * lane..2 * parts * (lane + 1)].split_at(parts);
            Point { x: Parts::from_parts(x), y: Parts::from_parts(y) }
        });

        let (x, y) = (L::gather(references(&points, |p| &p.x)), L::gather(references(&points, |p| &p.y)));
        // Parts of x·x·x are below 5.4p, and settled below 4p; those of y·y are below 3p.
        let right = x.product(x).product(x).settled::<6>().sum(L::gather([&self.constant; N]));
        let apart = y.square().less::<5>(right).settled::<8>().scatter();
        let bad = (0..N).find(|lane| {
            let on_curve = apart[*lane].parts().iter().all(is_multiple);
            !below[*lane] || !(on_curve || points[*lane].is_infinity())
        });
        (points, bad)
    }
}

/// Returns whether an integer below `4·p` is a multiple of `p`.
#[inline(always)]
fn is_multiple(integer: &Packed) -> bool {
    MULTIPLES.contains(integer)
}

/// Multiples of the base field's modulus `p` below `4·p`.
const MULTIPLES: [Packed; 4] = [multiple(0), multiple(1), multiple(2), multiple(3)];

/// Returns `k·p`, below `2^256`.
const fn multiple(k: u64) -> Packed {
    let [a, b, c, d, _] = limbs::words(&Fq::MODULUS.0, k, 0);
    [a, b, c, d]
}

/// Returns what packs points in a form.
#[must_use]
pub fn packer<P: LaneCurve>(form: Form) -> fn(&Affine<P>) -> Point<P::Packed> {
    on_form!(form, F, N => pack::<P, P::Lanes<F, N>, N>)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use ark_bn254::{g1, g2};
    use ark_ec::CurveGroup;
    use ark_ec::short_weierstrass::{Projective, SWCurveConfig};
    use ark_ff::BigInteger;

    /// A change of a point's bytes.
    type Change = Box<dyn Fn(&mut [u8])>;

    /// Returns `Σ scalars[i]·points[i]` the plain way: the oracle of the tests.
    pub fn plain_msm<P: SWCurveConfig>(points: &[Affine<P>], scalars: &[P::ScalarField]) -> Projective<P> {
        points.iter().zip(scalars).map(|(point, scalar)| *point * *scalar).sum()
    }

    /// Returns affine points of a few multiples of the generator.
    #[must_use]
    pub fn multiples<P: SWCurveConfig>(count: u64) -> Vec<Affine<P>> {
        (1..=count)
            .map(|factor| (Affine::<P>::generator() * P::ScalarField::from(factor)).into_affine())
            .collect()
    }

    #[test]
    fn points_come_back_from_every_form() {
        fn check<P: LaneCurve>() {
            let mut points = multiples::<P>(5);
            points.push(Affine::identity());
            for form in Form::available() {
                let packed = Bases::<P>::new(form, &points);
                assert_eq!(packed.unpacked(), points);
                for (packed, point) in packed.points.iter().zip(&points) {
                    assert_eq!(packed.is_infinity(), point.is_zero());
                }
            }
        }
        check::<g1::Config>();
        check::<g2::Config>();
    }

    #[test]
    fn points_are_read_as_they_are_packed() {
        fn check<P: LaneCurve<Packed: Parts>>(bytes: &dyn Fn(&Affine<P>) -> Vec<u8>) {
            let mut points = multiples::<P>(25);
            points[1] = Affine::identity();
            points.push(-points[0]);
            // Around a group of four and one of eight.
            let counts = [0, 1, 3, 4, 5, 7, 8, 9, points.len()];
            for (form, count) in
                Form::available().into_iter().flat_map(|form| counts.map(|count| (form, count)))
            {
                let bytes: Vec<u8> = points[..count].iter().flat_map(bytes).collect();
                let read = Bases::<P>::read(form, &bytes).unwrap();
                assert_eq!(read.form, form);
                assert!(read.points == Bases::<P>::new(form, &points[..count]).points);
            }
        }
        check::<g1::Config>(&|point| field::g1_bytes(point).to_vec());
        check::<g2::Config>(&|point| field::g2_bytes(point).to_vec());
    }

    #[test]
    fn the_first_bad_point_is_named() {
        fn check<P: LaneCurve<Packed: Parts>>(bytes: &dyn Fn(&Affine<P>) -> Vec<u8>) {
            let points = multiples::<P>(19);
            let good: Vec<Vec<u8>> = points.iter().map(bytes).collect();
            let size = good[0].len();
            let raised = |part: usize| {
                // The same element, as an integer that is not below the modulus.
                move |point: &mut [u8]| {
                    let element = &mut point[part * FIELD_BYTES..][..FIELD_BYTES];
                    let mut integer = field::integer(element);
                    integer.add_with_carry(&Fq::MODULUS);
                    element.copy_from_slice(&field::integer_bytes(&integer));
                }
            };
            let mut changes: Vec<Change> = vec![
                Box::new(|point| point.fill(0xff)),
                Box::new(move |point| point[..size / 2].fill(0)),
                Box::new(move |point| point[size / 2..].fill(0)),
            ];
            for part in 0..size / FIELD_BYTES {
                changes.push(Box::new(move |point| point[part * FIELD_BYTES] ^= 1));
                changes.push(Box::new(raised(part)));
            }
            for form in Form::available() {
                for change in &changes {
                    for at in [0, 3, 4, 7, 8, points.len() - 1] {
                        let mut bad = good.clone();
                        change(&mut bad[at]);
                        assert_eq!(Bases::<P>::read(form, &bad.concat()).err(), Some(at));
                        // One more behind it makes no difference.
                        bad.push(vec![0xff; size]);
                        assert_eq!(Bases::<P>::read(form, &bad.concat()).err(), Some(at));
                    }
                }
            }
        }
        check::<g1::Config>(&|point| field::g1_bytes(point).to_vec());
        check::<g2::Config>(&|point| field::g2_bytes(point).to_vec());
    }
}
