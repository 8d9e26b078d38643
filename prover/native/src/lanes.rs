//! Field elements side by side.
//!
//! The inner loops of a proof do the same steps on many elements, so they are written once, over `N` lanes, and run in one
//! of three forms that give identical results: [`crate::ifma`] with eight lanes in 512-bit vectors and products of 52-bit
//! integers, [`crate::avx2`] with four in 256-bit vectors, and [`crate::portable`] with four, one after another. Which of
//! them is chosen when a key is loaded ([`crate::form`]).
//!
//! An element at rest is *packed*: the integer `v·R` below the modulus in four words, with the form's own Montgomery
//! factor `R`. In lanes it may be a few times the modulus `p`: each operation says what it takes and what it gives.

use ark_ff::{BigInt, BigInteger, Fp, MontBackend, MontConfig};

/// A packed element of a prime field.
pub type Packed = [u64; 4];
/// An element of a prime field of four words.
pub type Element<C> = Fp<MontBackend<C, 4>, 4>;

/// Work on lanes, to be run where the instructions of their form may be used.
pub trait Work {
    /// What the work gives.
    type Output;
    /// Does the work; always inlined, so that it is compiled with the form's instructions.
    fn run(self) -> Self::Output;
}

/// `N` elements of a prime field.
///
/// Bounds are multiples of the modulus `p`. The product of operands below `i·p` and `j·p` is below `(e + i·j/84)·p`, with
/// `e` = 1.15 in the base field and 1.5 in the scalar field, for `i` and `j` up to 16: where bounds matter, `R` is at least
/// 84 times `p`. [`crate::avx2`] and [`crate::radix52`] say where `e` comes from.
pub trait PrimeLanes<C: MontConfig<4>, const N: usize>: Copy {
    /// Returns the packed form of an element.
    fn pack(value: &Element<C>) -> Packed;
    /// Returns the element of a packed form; takes a packed element of any size.
    fn unpack(packed: &Packed) -> Element<C>;
    /// Runs work with the form's instructions.
    fn enter<W: Work>(work: W) -> W::Output;
    /// Returns packed elements side by side.
    fn gather(packed: [&Packed; N]) -> Self;
    /// Returns packed elements; takes elements below `BOUND·p`, at most `8·p`.
    #[inline(always)]
    fn scatter<const BOUND: u64>(self) -> [Packed; N] {
        const { assert!(BOUND <= 8, "only multiples up to 8 are reduced") };
        let below_four = if BOUND > 4 { self.reduce::<4>() } else { self };
        let below_two = if BOUND > 2 { below_four.reduce::<2>() } else { below_four };
        below_two.reduce::<1>().scatter_loosely()
    }
    /// Returns elements packed as they are, not reduced; takes elements below `5·p`.
    fn scatter_loosely(self) -> [Packed; N];
    /// Returns the packed element below the modulus; takes one of any size.
    #[must_use]
    fn reduced(packed: &Packed) -> Packed {
        let mut integer = BigInt(*packed);
        while integer >= C::MODULUS {
            integer.sub_with_borrow(&C::MODULUS);
        }
        integer.0
    }
    /// Returns the elements as plain integers; takes elements below `8·p`.
    fn integers(self) -> [Packed; N];
    /// Returns the element less `K·p` where that is not negative.
    #[must_use]
    fn reduce<const K: u64>(self) -> Self;
    /// Returns the product.
    #[must_use]
    fn product(self, other: Self) -> Self;
    /// Becomes the product: what is to stay in memory is neither taken from there nor brought there by a copy.
    #[inline(always)]
    fn set_product(&mut self, left: &Self, right: &Self) {
        *self = left.product(*right);
    }
    /// Returns the sum of two elements, only to be an operand of a product.
    #[must_use]
    fn sum(self, other: Self) -> Self;
    /// Returns the sum of up to four elements, only to be an operand of a difference.
    #[inline(always)]
    #[must_use]
    fn loose_sum(self, other: Self) -> Self {
        self.sum(other)
    }
    /// Returns the sum, for any use.
    #[must_use]
    fn plus(self, other: Self) -> Self;
    /// Returns the difference plus `K·p`; `other` is at most `K·p`.
    #[must_use]
    fn less<const K: u64>(self, other: Self) -> Self;
    /// Returns the opposite where `negative` is all ones, the element where it is 0, less `other`, plus `K·p`; the element
    /// and `other` are at most `K·p` together.
    #[must_use]
    fn signed_less<const K: u64>(self, negative: [u64; N], other: Self) -> Self;
}

/// Returns neighbouring packed elements side by side.
#[inline(always)]
#[must_use]
pub fn gather_group<C: MontConfig<4>, L: PrimeLanes<C, N>, const N: usize>(packed: &[Packed; N]) -> L {
    L::gather(references(packed, |packed| packed))
}

/// Returns references to a part of each item; the loop is unrolled wherever `N` is known.
#[inline(always)]
#[must_use]
pub fn references<T, U, const N: usize>(items: &[T; N], part: impl Fn(&T) -> &U) -> [&U; N] {
    let mut references = [part(&items[0]); N];
    for (reference, item) in references.iter_mut().zip(items) {
        *reference = part(item);
    }
    references
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::form::{Family, Form, on_form};
    use ark_bn254::{Fq, FqConfig, Fr, FrConfig};
    use ark_ff::{AdditiveGroup, Field, PrimeField};
    use std::array::from_fn;
    use std::marker::PhantomData;

    /// Edges of the field and of the limbs, and scattered elements.
    #[must_use]
    pub fn samples<C: MontConfig<4>>() -> Vec<Element<C>> {
        let (one, two) = (Element::<C>::ONE, Element::<C>::from(2_u64));
        let mut samples = vec![Element::<C>::ZERO, one, -one, -two];
        for power in [28_u64, 29, 52, 58, 63, 64, 104, 128, 156, 192, 208, 232, 253] {
            let edge = two.pow([power]);
            samples.extend([edge - one, edge, edge + one, -edge]);
        }
        // Elements whose packed form is an edge, in every form of the lanes.
        let edges = samples.clone();
        for power in [256_u64, 260, 261] {
            let factor = two.pow([power]).inverse().unwrap();
            let edges: Vec<_> = edges.iter().map(|sample| *sample * factor).collect();
            samples.extend(edges);
        }
        samples.extend((0..40_u64).map(|index| Element::<C>::from(index + 2).pow([201 + index])));
        samples
    }

    /// Every operation on lanes, for groups of pairs.
    struct Check<'a, C: MontConfig<4>, L, const N: usize> {
        pairs: &'a [[(Element<C>, Element<C>); N]],
        lanes: PhantomData<L>,
    }

    impl<C: MontConfig<4>, L: PrimeLanes<C, N>, const N: usize> Check<'_, C, L, N> {
        fn group(pairs: &[(Element<C>, Element<C>); N]) {
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
            let mut set = a();
            set.set_product(&a(), &b());
            same(set, &|a, b| a * b);
            same(a().sum(b()).product(a()), &|a, b| (a + b) * a);
            same(a().loose_sum(b()).less::<1>(b()), &|a, _| a);
            same(a().plus(b()), &|a, b| a + b);
            same(a().plus(a()).plus(b()).plus(b()).reduce::<4>(), &|a, b| a.double() + b.double());
            same(a().less::<1>(b()), &|a, b| a - b);
            same(a().less::<4>(b().plus(b())).reduce::<4>(), &|a, b| a - b.double());
            same(a().less::<4>(b().loose_sum(b()).loose_sum(b()).loose_sum(b())), &|a, b| {
                a - b.double().double()
            });
            same(a().signed_less::<2>([u64::MAX; N], b()), &|a, b| -a - b);
            same(a().signed_less::<2>([0; N], b()), &|a, b| a - b);
            let alternating = from_fn(|lane| if lane % 2 == 1 { u64::MAX } else { 0 });
            let mixed = a().signed_less::<2>(alternating, b()).scatter::<8>();
            let expected = from_fn(|lane| match pairs[lane] {
                (a, b) if lane % 2 == 1 => -a - b,
                (a, b) => a - b,
            });
            assert_eq!(mixed.map(|packed| L::unpack(&packed)), expected);
            // At rest, not reduced.
            let loose = a().less::<4>(b()).scatter_loosely();
            assert_eq!(loose.map(|packed| L::unpack(&packed)), pairs.map(|(a, b)| a - b));
            assert!(loose.iter().all(|packed| BigInt(L::reduced(packed)) < C::MODULUS));
            assert_eq!(loose.map(|packed| L::unpack(&L::reduced(&packed))), pairs.map(|(a, b)| a - b));
            assert_eq!(a().scatter_loosely().map(|packed| L::unpack(&packed)), pairs.map(|(a, _)| a));
            // As large as operands of a product get; the result is within its bound.
            let zero = L::pack(&Element::<C>::ZERO);
            let zero = || L::gather([&zero; N]);
            let product = a().less::<15>(zero()).product(b().less::<15>(zero()));
            same(product, &|a, b| a * b);
            let bound = if C::MODULUS == Fq::MODULUS { 1.15 } else { 1.5 } + 256.0 / 84.0;
            assert!(product.scatter_loosely().iter().all(|packed| ratio::<C>(packed) < bound));
            // As much as is taken away from the least, and the least from the most.
            let four = b().loose_sum(b()).loose_sum(b()).loose_sum(b());
            same(zero().less::<4>(four), &|_, b| -b.double().double());
            same(four.less::<4>(zero()), &|_, b| b.double().double());
            same(zero().signed_less::<2>([u64::MAX; N], b().loose_sum(b())), &|_, b| -b.double());
        }
    }

    /// Returns a packed element as a multiple of the modulus.
    #[allow(clippy::cast_precision_loss)] // 53 bits are enough
    fn ratio<C: MontConfig<4>>(packed: &Packed) -> f64 {
        let number =
            |words: &Packed| words.iter().rev().fold(0.0, |sum, word| sum * 2_f64.powi(64) + *word as f64);
        number(packed) / number(&C::MODULUS.0)
    }

    impl<C: MontConfig<4>, L: PrimeLanes<C, N>, const N: usize> Work for Check<'_, C, L, N> {
        type Output = ();

        fn run(self) {
            self.pairs.iter().for_each(Self::group);
        }
    }

    #[test]
    fn every_form_computes_as_ark_ff_does() {
        fn check<C: MontConfig<4>>() {
            let samples = samples::<C>();
            let pairs: Vec<_> = samples.iter().flat_map(|a| samples.iter().map(|b| (*a, *b))).collect();
            for form in Form::available() {
                on_form!(form, F, N => {
                    type Lanes<C> = <F as Family<N>>::Prime<C>;
                    Lanes::<C>::enter(Check::<C, Lanes<C>, N> { pairs: pairs.as_chunks().0, lanes: PhantomData });
                });
            }
        }
        check::<FqConfig>();
        check::<FrConfig>();
    }

    #[test]
    fn packed_elements_are_integers_below_the_modulus() {
        for sample in samples::<FrConfig>() {
            for form in Form::available() {
                let packed = on_form!(form, F, N => <F as Family<N>>::Prime::<FrConfig>::pack(&sample));
                assert!(BigInt(packed) < Fr::MODULUS);
            }
        }
    }
}
