//! Four field elements side by side.
//!
//! The inner loops of a proof do the same steps on many elements, so they are written once, over lanes of four, and run
//! in one of two forms that give identical results: [`crate::avx2`] with 256-bit vectors, and [`crate::portable`] one
//! element after another. Which of them is chosen when a key is loaded.
//!
//! An element at rest is *packed*: the integer `v·R` below the modulus in four words, with the form's own Montgomery
//! factor `R`. In lanes it may be a few times the modulus `p`: each operation says what it takes and what it gives.

use ark_bn254::{Fq, Fq2, FqConfig, Fr, g1, g2};
use ark_ec::short_weierstrass::SWCurveConfig;
use ark_ff::{BigInt, BigInteger, Field, Fp, MontBackend, MontConfig};

#[cfg(target_arch = "x86_64")]
pub use crate::avx2::Avx2 as Vector;
use crate::portable::Portable;
#[cfg(not(target_arch = "x86_64"))]
pub use crate::portable::Portable as Vector;

/// Number of elements side by side.
pub const LANES: usize = 4;
/// A packed element of a prime field.
pub type Packed = [u64; 4];
/// An element of a prime field of four words.
pub type Element<C> = Fp<MontBackend<C, 4>, 4>;

/// A form of the lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Vectors of 256 bits.
    Vector,
    /// One element after another.
    Portable,
}

impl Form {
    /// Returns the faster form that this processor has.
    #[must_use]
    pub fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        if crate::avx2::available() {
            return Self::Vector;
        }
        Self::Portable
    }
}

/// Work on lanes, to be run where the instructions of their form may be used.
pub trait Work {
    /// What the work gives.
    type Output;
    /// Does the work; always inlined, so that it is compiled with the form's instructions.
    fn run(self) -> Self::Output;
}

/// Four elements of a prime field.
///
/// Bounds are multiples of the modulus `p`. The product of operands below `i·p` and `j·p` is below `(e + i·j/169)·p`, with
/// `e` = 1.15 in the base field and 1.5 in the scalar field: `R` is at least 169 times `p` wherever bounds matter, and
/// [`crate::avx2`] says where `e` comes from.
pub trait PrimeLanes<C: MontConfig<4>>: Copy {
    /// Returns the packed form of an element.
    fn pack(value: &Element<C>) -> Packed;
    /// Returns the element of a packed form; takes a packed element of any size.
    fn unpack(packed: &Packed) -> Element<C>;
    /// Runs work with the form's instructions.
    fn enter<W: Work>(work: W) -> W::Output;
    /// Returns packed elements side by side.
    fn gather(packed: [&Packed; LANES]) -> Self;
    /// Returns packed elements; takes elements below `BOUND·p`, at most `8·p`.
    fn scatter<const BOUND: u64>(self) -> [Packed; LANES];
    /// Returns elements packed as they are, not reduced; takes elements below `5·p`.
    fn scatter_loosely(self) -> [Packed; LANES];
    /// Returns the packed element below the modulus; takes one of any size.
    fn reduced(packed: &Packed) -> Packed;
    /// Returns the elements as plain integers; takes elements below `8·p`.
    fn integers(self) -> [Packed; LANES];
    /// Returns the element less `K·p` where that is not negative.
    #[must_use]
    fn reduce<const K: u64>(self) -> Self;
    /// Returns the product.
    #[must_use]
    fn product(self, other: Self) -> Self;
    /// Returns the sum, only to be an operand of a product or of a difference; there with three more at most.
    #[must_use]
    fn sum(self, other: Self) -> Self;
    /// Returns the sum, for any use.
    #[must_use]
    fn plus(self, other: Self) -> Self;
    /// Returns the difference plus `K·p`; `other` is at most `K·p`.
    #[must_use]
    fn less<const K: u64>(self, other: Self) -> Self;
    /// Returns the opposite where `negative` is all ones, the element where it is 0, less `other`, plus `K·p`; the element
    /// and `other` are at most `K·p` together.
    #[must_use]
    fn signed_less<const K: u64>(self, negative: [u64; LANES], other: Self) -> Self;
}

/// Returns neighbouring packed elements side by side.
#[inline(always)]
#[must_use]
pub fn gather_group<C: MontConfig<4>, L: PrimeLanes<C>>([a, b, c, d]: &[Packed; LANES]) -> L {
    L::gather([a, b, c, d])
}

/// Four coordinates of points, in the field that the curve is over.
///
/// A product of operands below `i·p` and `j·p` with `i·j` up to 48 is below `(5.15 + i·j/42)·p` in every part, in the base
/// field below `(1.15 + i·j/169)·p`.
pub trait Coordinate: Copy + Send + Sync {
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
    fn gather(packed: [&Self::Packed; LANES]) -> Self;
    /// Returns packed elements, as they are; takes parts below `5·p`.
    fn scatter(self) -> [Self::Packed; LANES];
    /// Returns the packed form below the modulus; takes one of any size.
    fn reduced(packed: &Self::Packed) -> Self::Packed;
    /// Returns the packed opposite, below the modulus; takes one below it.
    fn opposite(packed: &Self::Packed) -> Self::Packed;
    /// Returns parts below `4·p`; takes parts below `BOUND·p`, in the base field below `8·p`.
    #[must_use]
    fn settled<const BOUND: u64>(self) -> Self;
    /// Returns the product.
    #[must_use]
    fn product(self, other: Self) -> Self;
    /// Returns the sum, only to be the second operand of a difference, there of three elements at most.
    #[must_use]
    fn sum(self, other: Self) -> Self;
    /// Returns the square, below `3·p`, in the base field below `1.4·p`, only to be the first operand of a difference; takes
    /// parts below `6·p`.
    #[must_use]
    fn square(self) -> Self;
    /// Returns the difference plus `K·p`; the parts of `other` are at most `K·p`.
    #[must_use]
    fn less<const K: u64>(self, other: Self) -> Self;
    /// Returns the opposite where `negative` is all ones, the element where it is 0, less `other`, plus `K·p`; parts of
    /// both are at most `K·p` together.
    #[must_use]
    fn signed_less<const K: u64>(self, negative: [u64; LANES], other: Self) -> Self;
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

impl<L: PrimeLanes<FqConfig> + Send + Sync> Coordinate for Single<L> {
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
    fn gather(packed: [&Packed; LANES]) -> Self {
        Self(L::gather(packed))
    }

    #[inline(always)]
    fn scatter(self) -> [Packed; LANES] {
        self.0.scatter_loosely()
    }

    fn reduced(packed: &Packed) -> Packed {
        L::reduced(packed)
    }

    fn opposite(packed: &Packed) -> Packed {
        opposite(packed)
    }

    #[inline(always)]
    fn settled<const BOUND: u64>(self) -> Self {
        Self(self.0.reduce::<4>())
    }

    #[inline(always)]
    fn sum(self, other: Self) -> Self {
        Self(self.0.sum(other.0))
    }

    #[inline(always)]
    fn product(self, other: Self) -> Self {
        Self(self.0.product(other.0))
    }

    #[inline(always)]
    fn square(self) -> Self {
        Self(self.0.product(self.0))
    }

    #[inline(always)]
    fn less<const K: u64>(self, other: Self) -> Self {
        Self(self.0.less::<K>(other.0))
    }

    #[inline(always)]
    fn signed_less<const K: u64>(self, negative: [u64; LANES], other: Self) -> Self {
        Self(self.0.signed_less::<K>(negative, other.0))
    }
}

/// Coordinates in `Fq[u]` with `u² = −1`: the part without `u`, and the part with it.
#[derive(Clone, Copy)]
pub struct Pair<L>(L, L);

impl<L: PrimeLanes<FqConfig> + Send + Sync> Coordinate for Pair<L> {
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
    fn gather([a, b, c, d]: [&[Packed; 2]; LANES]) -> Self {
        Self(L::gather([&a[0], &b[0], &c[0], &d[0]]), L::gather([&a[1], &b[1], &c[1], &d[1]]))
    }

    #[inline(always)]
    fn scatter(self) -> [[Packed; 2]; LANES] {
        let (low, high) = (self.0.scatter_loosely(), self.1.scatter_loosely());
        [[low[0], high[0]], [low[1], high[1]], [low[2], high[2]], [low[3], high[3]]]
    }

    fn reduced([low, high]: &[Packed; 2]) -> [Packed; 2] {
        [L::reduced(low), L::reduced(high)]
    }

    fn opposite([low, high]: &[Packed; 2]) -> [Packed; 2] {
        [opposite(low), opposite(high)]
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
        Self(self.0.sum(other.0), self.1.sum(other.1))
    }

    #[inline(always)]
    fn product(self, other: Self) -> Self {
        // Karatsuba. With parts below i·p and j·p, `low` and `high` are below 1.5p and `cross` below (1.15 + 4ij/169)·p.
        let (low, high) = (self.0.product(other.0), self.1.product(other.1));
        let cross = self.0.sum(self.1).product(other.0.sum(other.1));
        Self(low.less::<2>(high), cross.less::<4>(low.sum(high)))
    }

    #[inline(always)]
    fn square(self) -> Self {
        // Parts below 6p: the factors of the first part are below 12p and 14p, its product is below 2.2p.
        let half = self.0.product(self.1);
        Self(self.0.sum(self.1).product(self.0.less::<8>(self.1)), half.sum(half))
    }

    #[inline(always)]
    fn less<const K: u64>(self, other: Self) -> Self {
        Self(self.0.less::<K>(other.0), self.1.less::<K>(other.1))
    }

    #[inline(always)]
    fn signed_less<const K: u64>(self, negative: [u64; LANES], other: Self) -> Self {
        Self(self.0.signed_less::<K>(negative, other.0), self.1.signed_less::<K>(negative, other.1))
    }
}

/// A curve whose sums run on lanes.
pub trait LaneCurve: SWCurveConfig<ScalarField = Fr> {
    /// A packed coordinate.
    type Packed: Copy + PartialEq + Default + Send + Sync;
    /// Coordinates in 256-bit vectors.
    type Vector: Coordinate<Field = Self::BaseField, Packed = Self::Packed>;
    /// Coordinates one after another.
    type Portable: Coordinate<Field = Self::BaseField, Packed = Self::Packed>;
}

impl LaneCurve for g1::Config {
    type Packed = Packed;
    type Vector = Single<Vector<FqConfig>>;
    type Portable = Single<Portable<FqConfig>>;
}

impl LaneCurve for g2::Config {
    type Packed = [Packed; 2];
    type Vector = Pair<Vector<FqConfig>>;
    type Portable = Pair<Portable<FqConfig>>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::FrConfig;
    use ark_ff::{AdditiveGroup, PrimeField};
    use std::marker::PhantomData;

    /// Edges of the field and of the limbs, and scattered elements.
    fn samples<C: MontConfig<4>>() -> Vec<Element<C>> {
        let (one, two) = (Element::<C>::ONE, Element::<C>::from(2_u64));
        let mut samples = vec![Element::<C>::ZERO, one, -one, -two];
        for power in [28_u64, 29, 58, 63, 64, 116, 128, 192, 232, 253] {
            let edge = two.pow([power]);
            samples.extend([edge - one, edge, edge + one, -edge]);
        }
        // Elements whose packed form is an edge, in either form of the lanes.
        for power in [256_u64, 261] {
            let factor = two.pow([power]).inverse().unwrap();
            let edges: Vec<_> = samples[..44].iter().map(|sample| *sample * factor).collect();
            samples.extend(edges);
        }
        samples.extend((0..40_u64).map(|index| Element::<C>::from(index + 2).pow([201 + index])));
        samples
    }

    /// Every operation on lanes, for groups of four pairs.
    struct Check<'a, C: MontConfig<4>, L> {
        pairs: &'a [[(Element<C>, Element<C>); LANES]],
        lanes: PhantomData<L>,
    }

    impl<C: MontConfig<4>, L: PrimeLanes<C>> Check<'_, C, L> {
        fn group(pairs: &[(Element<C>, Element<C>); LANES]) {
            let packed = pairs.map(|(a, b)| (L::pack(&a), L::pack(&b)));
            let a = || L::gather(packed.each_ref().map(|pair| &pair.0));
            let b = || L::gather(packed.each_ref().map(|pair| &pair.1));
            let same = |lanes: L, expected: &dyn Fn(Element<C>, Element<C>) -> Element<C>| {
                let expected = pairs.map(|(a, b)| expected(a, b));
                assert_eq!(lanes.scatter::<8>().map(|packed| L::unpack(&packed)), expected);
                let plain = lanes.integers().map(|integer| Element::<C>::new(BigInt(integer)));
                assert_eq!(plain, expected);
                // Reduced completely, too.
                assert!(lanes.scatter::<8>().iter().all(|packed| BigInt(*packed) < C::MODULUS));
            };
            same(a().product(b()), &|a, b| a * b);
            same(a().sum(b()).product(a()), &|a, b| (a + b) * a);
            same(a().sum(b()).less::<1>(b()), &|a, _| a);
            same(a().plus(b()), &|a, b| a + b);
            same(a().plus(a()).plus(b()).plus(b()).reduce::<4>(), &|a, b| a.double() + b.double());
            same(a().less::<1>(b()), &|a, b| a - b);
            same(a().less::<4>(b().plus(b())).reduce::<4>(), &|a, b| a - b.double());
            same(a().less::<4>(b().sum(b()).sum(b()).sum(b())), &|a, b| a - b.double().double());
            same(a().signed_less::<2>([u64::MAX; LANES], b()), &|a, b| -a - b);
            same(a().signed_less::<2>([0; LANES], b()), &|a, b| a - b);
            let mixed = a().signed_less::<2>([0, u64::MAX, 0, u64::MAX], b()).scatter::<8>();
            let [first, second, third, fourth] = mixed.map(|packed| L::unpack(&packed));
            let [[a0, b0], [a1, b1], [a2, b2], [a3, b3]] = pairs.map(|(a, b)| [a, b]);
            assert_eq!([first, second, third, fourth], [a0 - b0, -a1 - b1, a2 - b2, -a3 - b3]);
            // At rest, not reduced.
            let loose = a().less::<4>(b()).scatter_loosely();
            assert_eq!(loose.map(|packed| L::unpack(&packed)), pairs.map(|(a, b)| a - b));
            assert!(loose.iter().all(|packed| BigInt(L::reduced(packed)) < C::MODULUS));
            assert_eq!(loose.map(|packed| L::unpack(&L::reduced(&packed))), pairs.map(|(a, b)| a - b));
            // As large as operands of a product get.
            let large = a().less::<8>(b());
            same(large.product(large), &|a, b| (a - b).square());
            assert_eq!(a().scatter_loosely().map(|packed| L::unpack(&packed)), pairs.map(|(a, _)| a));
        }
    }

    impl<C: MontConfig<4>, L: PrimeLanes<C>> Work for Check<'_, C, L> {
        type Output = ();

        fn run(self) {
            self.pairs.iter().for_each(Self::group);
        }
    }

    #[test]
    fn both_forms_compute_as_ark_ff_does() {
        fn check<C: MontConfig<4>>() {
            let samples = samples::<C>();
            let pairs: Vec<_> = samples.iter().flat_map(|a| samples.iter().map(|b| (*a, *b))).collect();
            let pairs = pairs.as_chunks().0;
            Portable::<C>::enter(Check::<C, Portable<C>> { pairs, lanes: PhantomData });
            if Form::best() == Form::Vector {
                Vector::<C>::enter(Check::<C, Vector<C>> { pairs, lanes: PhantomData });
            }
        }
        check::<FqConfig>();
        check::<FrConfig>();
    }

    #[test]
    fn opposites_are_those_of_the_field() {
        fn check<L: Coordinate>(elements: impl Iterator<Item = L::Field>) {
            for element in elements {
                assert!(L::opposite(&L::pack(&element)) == L::pack(&-element));
            }
        }
        let pairs = || samples::<FqConfig>().into_iter().zip(samples::<FqConfig>().into_iter().rev());
        check::<Single<Portable<FqConfig>>>(samples::<FqConfig>().into_iter());
        check::<Single<Vector<FqConfig>>>(samples::<FqConfig>().into_iter());
        check::<Pair<Portable<FqConfig>>>(pairs().map(|(low, high)| Fq2::new(low, high)));
        check::<Pair<Vector<FqConfig>>>(pairs().map(|(low, high)| Fq2::new(low, high)));
    }

    #[test]
    fn packed_elements_are_integers_below_the_modulus() {
        for sample in samples::<FrConfig>() {
            for packed in [Vector::<FrConfig>::pack(&sample), Portable::<FrConfig>::pack(&sample)] {
                assert!(BigInt(packed) < Fr::MODULUS);
            }
        }
    }
}
