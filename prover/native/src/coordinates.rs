//! Coordinates of points side by side: in the base field for G1, in its extension for G2.

use ark_bn254::{Fq, Fq2, FqConfig, Fr, g1, g2};
use ark_ec::short_weierstrass::SWCurveConfig;
use ark_ff::{BigInt, BigInteger, Field, MontConfig};

use crate::form::Family;
use crate::inversion::inverse;
use crate::lanes::{Packed, PrimeLanes, Work, references};

/// `N` coordinates of points, in the field that the curve is over.
///
/// In the base field, bounds are those of [`PrimeLanes`]. In its extension, `(m, n)` stands for an element whose part
/// without `u` is below `m·p` and whose part with it is below `n·p`. A product of `(m, n)` and `(m', n')` is below
/// `(3.15 + m·m'/84, 5.15 + (m + n)·(m' + n')/84)`, provided that `m·m'` and `n·n'` are at most 64.
pub trait Coordinate<const N: usize>: Copy + Send + Sync {
    /// The field.
    type Field: Field;
    /// A packed coordinate.
    type Packed: Copy + PartialEq + Default + Send + Sync;
    /// Returns the packed form of an element.
    fn pack(value: &Self::Field) -> Self::Packed;
    /// Returns the element of a packed form.
    fn unpack(packed: &Self::Packed) -> Self::Field;
    /// Runs work with the form's instructions.
    fn enter<W: Work>(work: W) -> W::Output;
    /// Returns packed elements side by side.
    fn gather(packed: [&Self::Packed; N]) -> Self;
    /// Returns packed elements, as they are; takes parts below `5·p`.
    fn scatter(self) -> [Self::Packed; N];
    /// Returns the packed form below the modulus; takes one of any size.
    fn reduced(packed: &Self::Packed) -> Self::Packed;
    /// Returns the packed opposite, below the modulus; takes one below it.
    fn opposite(packed: &Self::Packed) -> Self::Packed;
    /// Returns the inverse, none of zero.
    fn inverse(element: &Self::Field) -> Option<Self::Field>;
    /// Returns parts below `4·p`; takes parts below `BOUND·p`, in the base field below `8·p`.
    #[must_use]
    fn settled<const BOUND: u64>(self) -> Self;
    /// Returns the product.
    #[inline(always)]
    #[must_use]
    fn product(self, other: Self) -> Self {
        let mut result = self;
        result.set_product(&self, &other);
        result
    }
    /// Becomes the product, as [`PrimeLanes::set_product`].
    fn set_product(&mut self, left: &Self, right: &Self);
    /// Returns the sum, only to be the second operand of a difference, there of three elements at most.
    #[must_use]
    fn sum(self, other: Self) -> Self;
    /// Returns the square, below `3·p`, only to be the first operand of a difference; takes elements below `(3.4, 6.6)` or
    /// `(4, 4)`, in the base field below `6·p`.
    #[inline(always)]
    #[must_use]
    fn square(self) -> Self {
        let mut result = self;
        result.set_square(&self);
        result
    }
    /// Becomes the square, as [`PrimeLanes::set_product`].
    fn set_square(&mut self, element: &Self);
    /// Returns the difference plus `K·p`; the parts of `other` are at most `K·p`.
    #[must_use]
    fn less<const K: u64>(self, other: Self) -> Self;
    /// Returns the opposite where `negative` is all ones, the element where it is 0, less `other`, plus `K·p`; parts of
    /// both are at most `K·p` together.
    #[must_use]
    fn signed_less<const K: u64>(self, negative: [u64; N], other: Self) -> Self;
}

/// Returns the packed opposite, whatever the form.
fn opposite(packed: &Packed) -> Packed {
    if *packed == [0; 4] {
        return *packed;
    }
    let mut opposite = FqConfig::MODULUS;
    opposite.sub_with_borrow(&BigInt(*packed));
    opposite.0
}

/// Coordinates in the base field.
#[derive(Clone, Copy)]
pub struct Single<L>(L);

impl<L: PrimeLanes<FqConfig, N> + Send + Sync, const N: usize> Coordinate<N> for Single<L> {
    type Field = Fq;
    type Packed = Packed;

    fn pack(value: &Fq) -> Packed {
        L::pack(value)
    }

    fn unpack(packed: &Packed) -> Fq {
        L::unpack(packed)
    }

    #[inline(always)]
    fn enter<W: Work>(work: W) -> W::Output {
        L::enter(work)
    }

    #[inline(always)]
    fn gather(packed: [&Packed; N]) -> Self {
        Self(L::gather(packed))
    }

    #[inline(always)]
    fn scatter(self) -> [Packed; N] {
        self.0.scatter_loosely()
    }

    fn reduced(packed: &Packed) -> Packed {
        L::reduced(packed)
    }

    fn opposite(packed: &Packed) -> Packed {
        opposite(packed)
    }

    fn inverse(element: &Fq) -> Option<Fq> {
        inverse(element)
    }

    #[inline(always)]
    fn settled<const BOUND: u64>(self) -> Self {
        Self(self.0.reduce::<4>())
    }

    #[inline(always)]
    fn sum(self, other: Self) -> Self {
        Self(self.0.loose_sum(other.0))
    }

    #[inline(always)]
    fn set_product(&mut self, left: &Self, right: &Self) {
        self.0.set_product(&left.0, &right.0);
    }

    #[inline(always)]
    fn set_square(&mut self, element: &Self) {
        self.0.set_product(&element.0, &element.0);
    }

    #[inline(always)]
    fn less<const K: u64>(self, other: Self) -> Self {
        Self(self.0.less::<K>(other.0))
    }

    #[inline(always)]
    fn signed_less<const K: u64>(self, negative: [u64; N], other: Self) -> Self {
        Self(self.0.signed_less::<K>(negative, other.0))
    }
}

/// Coordinates in `Fq[u]` with `u² = −1`: the part without `u`, and the part with it.
#[derive(Clone, Copy)]
pub struct Pair<L>(L, L);

impl<L: PrimeLanes<FqConfig, N> + Send + Sync, const N: usize> Coordinate<N> for Pair<L> {
    type Field = Fq2;
    type Packed = [Packed; 2];

    fn pack(value: &Fq2) -> [Packed; 2] {
        [L::pack(&value.c0), L::pack(&value.c1)]
    }

    fn unpack(packed: &[Packed; 2]) -> Fq2 {
        Fq2::new(L::unpack(&packed[0]), L::unpack(&packed[1]))
    }

    #[inline(always)]
    fn enter<W: Work>(work: W) -> W::Output {
        L::enter(work)
    }

    #[inline(always)]
    fn gather(packed: [&[Packed; 2]; N]) -> Self {
        let part = |part| L::gather(references(&packed, |packed| &packed[part]));
        Self(part(0), part(1))
    }

    #[inline(always)]
    fn scatter(self) -> [[Packed; 2]; N] {
        let (low, high) = (self.0.scatter_loosely(), self.1.scatter_loosely());
        let mut packed = [[[0; 4]; 2]; N];
        for lane in 0..N {
            packed[lane] = [low[lane], high[lane]];
        }
        packed
    }

    fn reduced([low, high]: &[Packed; 2]) -> [Packed; 2] {
        [L::reduced(low), L::reduced(high)]
    }

    fn opposite([low, high]: &[Packed; 2]) -> [Packed; 2] {
        [opposite(low), opposite(high)]
    }

    fn inverse(element: &Fq2) -> Option<Fq2> {
        // (a + b·u)·(a − b·u) = a² + b², which is zero for zero alone, as −1 is no square in the base field.
        let inverse = inverse(&(element.c0.square() + element.c1.square()))?;
        Some(Fq2::new(element.c0 * inverse, -element.c1 * inverse))
    }

    #[inline(always)]
    fn settled<const BOUND: u64>(self) -> Self {
        const { assert!(BOUND <= 12, "only multiples up to 12 are settled") };
        let (low, high) =
            if BOUND > 8 { (self.0.reduce::<8>(), self.1.reduce::<8>()) } else { (self.0, self.1) };
        Self(low.reduce::<4>(), high.reduce::<4>())
    }

    #[inline(always)]
    fn sum(self, other: Self) -> Self {
        Self(self.0.loose_sum(other.0), self.1.loose_sum(other.1))
    }

    #[inline(always)]
    fn set_product(&mut self, left: &Self, right: &Self) {
        // Karatsuba. `low` and `high` are below (1.15 + 64/84)·p, which is below 2p.
        let Self(low, high) = self;
        low.set_product(&left.0, &right.0);
        high.set_product(&left.1, &right.1);
        let cross = left.0.sum(left.1).product(right.0.sum(right.1));
        (*low, *high) = (low.less::<2>(*high), cross.less::<4>(low.loose_sum(*high)));
    }

    #[inline(always)]
    fn set_square(&mut self, element: &Self) {
        // The factors of the first part are below 10p and 12p, its product is below 2.6p; the half is below 1.5p.
        let Self(low, high) = element;
        self.0.set_product(&low.sum(*high), &low.less::<8>(*high));
        self.1.set_product(low, high);
        self.1 = self.1.loose_sum(self.1);
    }

    #[inline(always)]
    fn less<const K: u64>(self, other: Self) -> Self {
        Self(self.0.less::<K>(other.0), self.1.less::<K>(other.1))
    }

    #[inline(always)]
    fn signed_less<const K: u64>(self, negative: [u64; N], other: Self) -> Self {
        Self(self.0.signed_less::<K>(negative, other.0), self.1.signed_less::<K>(negative, other.1))
    }
}

/// A curve whose sums run on lanes.
pub trait LaneCurve: SWCurveConfig<ScalarField = Fr> {
    /// A packed coordinate.
    type Packed: Copy + PartialEq + Default + Send + Sync;
    /// Coordinates in a form of the lanes.
    type Lanes<F: Family<N>, const N: usize>: PointLanes<Self, N>;
}

impl LaneCurve for g1::Config {
    type Packed = Packed;
    type Lanes<F: Family<N>, const N: usize> = Single<F::Prime<FqConfig>>;
}

impl LaneCurve for g2::Config {
    type Packed = [Packed; 2];
    type Lanes<F: Family<N>, const N: usize> = Pair<F::Prime<FqConfig>>;
}

/// `N` coordinates of points of a curve.
pub trait PointLanes<P: LaneCurve, const N: usize>:
    Coordinate<N, Field = P::BaseField, Packed = P::Packed>
{
}

impl<P: LaneCurve, L: Coordinate<N, Field = P::BaseField, Packed = P::Packed>, const N: usize>
    PointLanes<P, N> for L
{
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::{Form, on_form};
    use crate::lanes::tests::samples;

    #[test]
    fn opposites_and_inverses_are_those_of_the_field() {
        fn check<L: Coordinate<N>, const N: usize>(elements: impl Iterator<Item = L::Field>) {
            for element in elements {
                assert!(L::opposite(&L::pack(&element)) == L::pack(&-element));
                assert_eq!(L::inverse(&element), element.inverse());
            }
        }
        let samples = samples::<FqConfig>();
        let pairs = || samples.iter().zip(samples.iter().rev()).map(|(low, high)| Fq2::new(*low, *high));
        for form in Form::available() {
            on_form!(form, F, N => {
                check::<<g1::Config as LaneCurve>::Lanes<F, N>, N>(samples.iter().copied());
                check::<<g2::Config as LaneCurve>::Lanes<F, N>, N>(pairs());
            });
        }
    }
}
