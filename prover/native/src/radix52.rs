//! Lanes as five limbs of 52 bits, for processors that multiply such limbs.
//!
//! The Montgomery factor is `2^260`: as moduli are below `2^254`, there is room for multiples of the modulus, and most
//! sums and differences need no reduction. A limb has twelve bits to spare for sums that wait for their carries; factors
//! of a product have no bits to spare, because the processor takes 52 of them.
//!
//! The algorithm is written over [`Words`], eight integers of 64 bits side by side. [`crate::ifma`] gives it the vectors
//! of a processor, and tests give it plain integers (`simulated.rs`), so that it is shown right on every machine.

use std::marker::PhantomData;

use ark_ff::{BigInt, MontConfig};

use crate::lanes::{Element, Packed, PrimeLanes, Work};
use crate::limbs;

/// Elements side by side.
pub const LANES: usize = 8;
/// Limbs of an element.
pub const LIMBS: usize = 5;
/// Bits of a limb.
pub const LIMB_BITS: usize = 52;
const MASK: u64 = (1 << LIMB_BITS) - 1;

/// Eight integers of 64 bits side by side, with the operations of a processor.
pub trait Words: Copy + Send + Sync {
    /// Runs work with the instructions of these operations.
    fn enter<W: Work>(work: W) -> W::Output;
    /// Returns the product of two elements with limbs below `2^52`, divided by `2^260`: [`montgomery_product`], or that
    /// as a function of its own.
    #[must_use]
    fn product<C: MontConfig<4>>(left: &[Self; LIMBS], right: &[Self; LIMBS]) -> [Self; LIMBS];
    /// Returns an integer in every lane.
    #[must_use]
    fn splat(value: u64) -> Self;
    /// Returns eight integers.
    #[must_use]
    fn load(words: &[u64; LANES]) -> Self;
    /// Returns the words of one packed element, then those of another.
    #[must_use]
    fn pair(low: &Packed, high: &Packed) -> Self;
    /// Returns the lower four words, then the upper four.
    #[must_use]
    fn halves(self) -> [Packed; 2];
    /// Returns the sum modulo `2^64`.
    #[must_use]
    fn add(self, other: Self) -> Self;
    /// Returns the difference modulo `2^64`.
    #[must_use]
    fn subtract(self, other: Self) -> Self;
    /// Returns the bits that are in both.
    #[must_use]
    fn and(self, other: Self) -> Self;
    /// Returns the bits that are in one of both.
    #[must_use]
    fn or(self, other: Self) -> Self;
    /// Returns the words shifted to the left.
    #[must_use]
    fn shift_left<const BITS: u32>(self) -> Self;
    /// Returns the words shifted to the right, with zeros from the left.
    #[must_use]
    fn shift_right<const BITS: u32>(self) -> Self;
    /// Returns the sum with the lower 52 bits of the product of two integers, of which the lower 52 bits count.
    #[must_use]
    fn add_low_product(self, left: Self, right: Self) -> Self;
    /// Returns the sum with the upper 52 bits of the product of two integers, of which the lower 52 bits count.
    #[must_use]
    fn add_high_product(self, left: Self, right: Self) -> Self;
    /// Returns the first integer where this one is negative in two's complement, the second where it is not.
    #[must_use]
    fn where_negative(self, first: Self, second: Self) -> Self;
    /// Returns words 0, 2, 4 and 6, each with the other's after it.
    #[must_use]
    fn even_words(self, other: Self) -> Self;
    /// Returns words 1, 3, 5 and 7, each with the other's after it.
    #[must_use]
    fn odd_words(self, other: Self) -> Self;
    /// Returns pairs 0 and 2 of words, then pairs 0 and 2 of the other's.
    #[must_use]
    fn even_pairs(self, other: Self) -> Self;
    /// Returns pairs 1 and 3 of words, then pairs 1 and 3 of the other's.
    #[must_use]
    fn odd_pairs(self, other: Self) -> Self;
    /// Returns pairs 0 and 1 of words, each with the other's after it.
    #[must_use]
    fn low_pairs(self, other: Self) -> Self;
    /// Returns pairs 2 and 3 of words, each with the other's after it.
    #[must_use]
    fn high_pairs(self, other: Self) -> Self;
}

/// Elements of the field with modulus `C`, limb by limb.
///
/// Limbs are below `2^52`, after [`PrimeLanes::loose_sum`] below `2^54`; an element is below `2^260`.
pub struct Radix52<C, W>([W; LIMBS], PhantomData<C>);

impl<C, W: Copy> Clone for Radix52<C, W> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<C, W: Copy> Copy for Radix52<C, W> {}

impl<C: MontConfig<4>, W> Radix52<C, W> {
    /// The element whose Montgomery form modulo `2^256` is `2^260`: a product with it packs.
    const SHIFT: Element<C> = Element::new(BigInt([1 << 4, 0, 0, 0]));
    /// The element whose Montgomery form modulo `2^256` is `2^252`: a product with it unpacks.
    const UNSHIFT: Element<C> = Element::new_unchecked(BigInt([0, 0, 0, 1 << 60]));

    /// Returns the limbs of a multiple of the modulus.
    const fn multiple(k: u64) -> [u64; LIMBS] {
        limbs::multiple::<LIMBS, LIMB_BITS>(&C::MODULUS.0, k)
    }

    /// Returns the limbs of the opposite of a multiple of the modulus, of which the top one is negative.
    const fn opposite(k: u64) -> [u64; LIMBS] {
        let mut opposite = limbs::complement::<LIMBS, LIMB_BITS>(&Self::multiple(k));
        opposite[LIMBS - 1] = opposite[LIMBS - 1].wrapping_sub(1 << LIMB_BITS);
        opposite
    }
}

/// Carries what exceeds 52 bits into the next limb.
#[inline(always)]
fn carried<W: Words>(mut limbs: [W; LIMBS]) -> [W; LIMBS] {
    let mask = W::splat(MASK);
    for limb in 0..LIMBS - 1 {
        limbs[limb + 1] = limbs[limb + 1].add(limbs[limb].shift_right::<52>());
        limbs[limb] = limbs[limb].and(mask);
    }
    limbs
}

/// Returns the limbs of a constant in every lane.
#[inline(always)]
fn splat_all<W: Words>(constant: &[u64; LIMBS]) -> [W; LIMBS] {
    let [a, b, c, d, e] = *constant;
    [W::splat(a), W::splat(b), W::splat(c), W::splat(d), W::splat(e)]
}

/// Adds the products of an element's limbs and a factor to columns.
#[inline(always)]
fn add_row<W: Words>(columns: &mut [W], limbs: &[W; LIMBS], factor: W) {
    for (column, limb) in limbs.iter().enumerate() {
        columns[column] = columns[column].add_low_product(*limb, factor);
        columns[column + 1] = columns[column + 1].add_high_product(*limb, factor);
    }
}

/// Returns the product of two elements with limbs below `2^52`, divided by `2^260`.
///
/// It is below `(1 + M/(2^52·p) + i·j/84)·p` for operands below `i·p` and `j·p`, where `M` is the multiple of the modulus
/// that is `−1` modulo `2^52`.
///
/// As in [`crate::avx2`], a multiple of the modulus makes the lowest column zero, which is shifted out, and the multiple
/// is `M` for all columns but the last: with `T = 2^52·t + q`, the next `(T + q·M)/2^52` is `t + q·(M + 1)/2^52`, with
/// the lowest column itself as the quotient `q`. The last column takes the modulus itself, so that `M` weighs only
/// `M/2^52` in the end: 0.127 times the base field's modulus, 0.123 times the scalar field's.
///
/// These are 101 products: 50 of limbs of the operands, 40 of quotients and `M`, and 11 for the last column.
#[inline(always)]
pub fn montgomery_product<C: MontConfig<4>, W: Words>(left: &[W; LIMBS], right: &[W; LIMBS]) -> [W; LIMBS] {
    // (M + 1)/2^52, where M/p is the negative of the inverse of p modulo 2^52.
    let shifted = const { limbs::raised_and_shifted::<LIMBS, LIMB_BITS>(&C::MODULUS.0, C::INV & MASK) };
    let modulus = const { limbs::multiple::<LIMBS, LIMB_BITS>(&C::MODULUS.0, 1) };
    // A column collects at most ten halves of products of the operands' limbs and ten of quotients, all below 2^52, and
    // a carry below 2^5.
    let mut columns = [W::splat(0); 2 * LIMBS];
    for (row, right) in right.iter().enumerate() {
        add_row(&mut columns[row..], left, *right);
    }
    for row in 0..LIMBS - 1 {
        // Products take its lowest 52 bits.
        let quotient = columns[row];
        columns[row + 1] = columns[row + 1].add(quotient.shift_right::<52>());
        add_row(&mut columns[row + 1..], &splat_all(&shifted), quotient);
    }
    let lowest = columns[LIMBS - 1];
    let quotient = W::splat(0).add_low_product(lowest, W::splat(C::INV & MASK));
    add_row(&mut columns[LIMBS - 1..], &splat_all(&modulus), quotient);
    let [_, _, _, _, zero, mut a, b, c, d, e] = columns;
    a = a.add(zero.shift_right::<52>());
    carried([a, b, c, d, e])
}

impl<C: MontConfig<4>, W: Words> PrimeLanes<C, LANES> for Radix52<C, W> {
    fn pack(value: &Element<C>) -> Packed {
        (*value * Self::SHIFT).0.0
    }

    fn unpack(packed: &Packed) -> Element<C> {
        Element::new_unchecked(BigInt(Self::reduced(packed))) * Self::UNSHIFT
    }

    #[inline(always)]
    fn enter<T: Work>(work: T) -> T::Output {
        W::enter(work)
    }

    #[inline(always)]
    fn gather([a, b, c, d, e, f, g, h]: [&Packed; LANES]) -> Self {
        let [ac, bd, eg, fh] = [W::pair(a, c), W::pair(b, d), W::pair(e, g), W::pair(f, h)];
        let (even, odd) = (ac.even_words(bd), ac.odd_words(bd));
        let (even_high, odd_high) = (eg.even_words(fh), eg.odd_words(fh));
        let words = [
            even.even_pairs(even_high),
            odd.even_pairs(odd_high),
            even.odd_pairs(even_high),
            odd.odd_pairs(odd_high),
        ];
        let mask = W::splat(MASK);
        let limbs = [
            words[0].and(mask),
            words[0].shift_right::<52>().or(words[1].shift_left::<12>()).and(mask),
            words[1].shift_right::<40>().or(words[2].shift_left::<24>()).and(mask),
            words[2].shift_right::<28>().or(words[3].shift_left::<36>()).and(mask),
            words[3].shift_right::<16>(),
        ];
        Self(limbs, PhantomData)
    }

    #[inline(always)]
    fn scatter_loosely(self) -> [Packed; LANES] {
        let limbs = self.0;
        let words = [
            limbs[0].or(limbs[1].shift_left::<52>()),
            limbs[1].shift_right::<12>().or(limbs[2].shift_left::<40>()),
            limbs[2].shift_right::<24>().or(limbs[3].shift_left::<28>()),
            limbs[3].shift_right::<36>().or(limbs[4].shift_left::<16>()),
        ];
        let (even, odd) = (words[0].even_words(words[1]), words[0].odd_words(words[1]));
        let (even_high, odd_high) = (words[2].even_words(words[3]), words[2].odd_words(words[3]));
        let [a, c] = even.low_pairs(even_high).halves();
        let [b, d] = odd.low_pairs(odd_high).halves();
        let [e, g] = even.high_pairs(even_high).halves();
        let [f, h] = odd.high_pairs(odd_high).halves();
        [a, b, c, d, e, f, g, h]
    }

    #[inline(always)]
    fn integers(self) -> [Packed; LANES] {
        // The product of v·R and 1, divided by R.
        let mut one = [W::splat(0); LIMBS];
        one[0] = W::splat(1);
        self.product(Self(one, PhantomData)).scatter::<2>()
    }

    #[inline(always)]
    fn reduce<const K: u64>(self) -> Self {
        let opposite = const { Self::opposite(K) };
        let mut less = self.0;
        for limb in 0..LIMBS {
            less[limb] = less[limb].add(W::splat(opposite[limb]));
        }
        let less = carried(less);
        let top = less[LIMBS - 1];
        let mut limbs = self.0;
        for limb in 0..LIMBS {
            limbs[limb] = top.where_negative(limbs[limb], less[limb]);
        }
        Self(limbs, PhantomData)
    }

    #[inline(always)]
    fn product(self, other: Self) -> Self {
        Self(W::product::<C>(&self.0, &other.0), PhantomData)
    }

    #[inline(always)]
    fn sum(self, other: Self) -> Self {
        self.plus(other)
    }

    #[inline(always)]
    fn loose_sum(mut self, other: Self) -> Self {
        for limb in 0..LIMBS {
            self.0[limb] = self.0[limb].add(other.0[limb]);
        }
        self
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Self(carried(self.loose_sum(other).0), PhantomData)
    }

    #[inline(always)]
    fn less<const K: u64>(mut self, other: Self) -> Self {
        let constant = const { limbs::lent::<LIMBS, LIMB_BITS>(Self::multiple(K)) };
        for (limb, constant) in constant.into_iter().enumerate() {
            self.0[limb] = self.0[limb].add(W::splat(constant)).subtract(other.0[limb]);
        }
        Self(carried(self.0), PhantomData)
    }

    #[inline(always)]
    fn signed_less<const K: u64>(mut self, negative: [u64; LANES], other: Self) -> Self {
        let sign = W::load(&negative);
        for limb in &mut self.0 {
            *limb = sign.where_negative(W::splat(0).subtract(*limb), *limb);
        }
        self.less::<K>(other)
    }
}
