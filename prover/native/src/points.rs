//! Packed points: how a proving key's points lie in memory, one cache line each in G1 and two in G2.

use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::Affine;
use rayon::prelude::*;

use crate::lanes::{Coordinate, Form, LaneCurve};

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
pub fn pack<P: LaneCurve, L>(point: &Affine<P>) -> Point<P::Packed>
where
    L: Coordinate<Field = P::BaseField, Packed = P::Packed>,
{
    point.xy().map_or_else(Point::default, |(x, y)| Point { x: L::pack(&x), y: L::pack(&y) })
}

/// Unpacks a point.
pub fn unpack<P: LaneCurve, L>(point: &Point<P::Packed>) -> Affine<P>
where
    L: Coordinate<Field = P::BaseField, Packed = P::Packed>,
{
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
        let unpack = match self.form {
            Form::Vector => unpack::<P, P::Vector>,
            Form::Portable => unpack::<P, P::Portable>,
        };
        self.points.par_iter().map(unpack).collect()
    }
}

/// Returns what packs points in a form.
#[must_use]
pub fn packer<P: LaneCurve>(form: Form) -> fn(&Affine<P>) -> Point<P::Packed> {
    match form {
        Form::Vector => pack::<P, P::Vector>,
        Form::Portable => pack::<P, P::Portable>,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use ark_bn254::{g1, g2};
    use ark_ec::CurveGroup;
    use ark_ec::short_weierstrass::{Projective, SWCurveConfig};

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
    fn points_come_back_from_both_forms() {
        fn check<P: LaneCurve>() {
            let mut points = multiples::<P>(5);
            points.push(Affine::identity());
            for form in [Form::best(), Form::Portable] {
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
}
