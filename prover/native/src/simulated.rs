//! Lanes of [`crate::radix52`] over plain integers: the algorithm of [`crate::ifma`] on every processor, for tests.

use std::array::from_fn;

use ark_ff::MontConfig;

use crate::lanes::{Packed, Work};
use crate::radix52::{LANES, LIMBS, Radix52, Words, montgomery_product};

/// Elements of the field with modulus `C`.
pub type Simulated<C> = Radix52<C, Plain>;

/// Eight integers; every operation is a function of its own, so that tests compile quickly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plain([u64; LANES]);

impl Plain {
    fn zip(self, other: Self, operation: impl Fn(u64, u64) -> u64) -> Self {
        Self(from_fn(|lane| operation(self.0[lane], other.0[lane])))
    }

    fn pick(self, other: Self, places: [usize; LANES]) -> Self {
        let both = [self.0, other.0].concat();
        Self(places.map(|place| both[place]))
    }
}

/// Returns the product of the lower 52 bits of both.
fn product_of_52_bits(left: u64, right: u64) -> u128 {
    const MASK: u64 = (1 << 52) - 1;
    u128::from(left & MASK) * u128::from(right & MASK)
}

impl Words for Plain {
    fn enter<W: Work>(work: W) -> W::Output {
        work.run()
    }

    #[inline(never)]
    fn product<C: MontConfig<4>>(left: &[Self; LIMBS], right: &[Self; LIMBS]) -> [Self; LIMBS] {
        for limb in left.iter().chain(right) {
            assert!(limb.0.iter().all(|word| word >> 52 == 0), "a factor's limb is above 52 bits");
        }
        montgomery_product::<C, Self>(left, right)
    }

    fn splat(value: u64) -> Self {
        Self([value; LANES])
    }

    fn load(words: &[u64; LANES]) -> Self {
        Self(*words)
    }

    #[inline(never)]
    fn pair(low: &Packed, high: &Packed) -> Self {
        Self(from_fn(|lane| if lane < 4 { low[lane] } else { high[lane - 4] }))
    }

    fn halves(self) -> [Packed; 2] {
        let [a, b, c, d, e, f, g, h] = self.0;
        [[a, b, c, d], [e, f, g, h]]
    }

    #[inline(never)]
    fn add(self, other: Self) -> Self {
        self.zip(other, u64::wrapping_add)
    }

    #[inline(never)]
    fn subtract(self, other: Self) -> Self {
        self.zip(other, u64::wrapping_sub)
    }

    #[inline(never)]
    fn and(self, other: Self) -> Self {
        self.zip(other, |left, right| left & right)
    }

    #[inline(never)]
    fn or(self, other: Self) -> Self {
        self.zip(other, |left, right| left | right)
    }

    #[inline(never)]
    fn shift_left<const BITS: u32>(self) -> Self {
        Self(self.0.map(|word| word << BITS))
    }

    #[inline(never)]
    fn shift_right<const BITS: u32>(self) -> Self {
        Self(self.0.map(|word| word >> BITS))
    }

    #[allow(clippy::cast_possible_truncation)] // the low half is meant
    #[inline(never)]
    fn add_low_product(self, left: Self, right: Self) -> Self {
        let low = |left, right| product_of_52_bits(left, right) as u64 & ((1 << 52) - 1);
        self.zip(left.zip(right, low), |sum, product| sum.checked_add(product).expect("a column overflows"))
    }

    #[allow(clippy::cast_possible_truncation)] // below 2^52
    #[inline(never)]
    fn add_high_product(self, left: Self, right: Self) -> Self {
        let high = |left, right| (product_of_52_bits(left, right) >> 52) as u64;
        self.zip(left.zip(right, high), |sum, product| sum.checked_add(product).expect("a column overflows"))
    }

    #[inline(never)]
    fn where_negative(self, first: Self, second: Self) -> Self {
        Self(from_fn(|lane| if self.0[lane] >> 63 == 1 { first.0[lane] } else { second.0[lane] }))
    }

    #[inline(never)]
    fn even_words(self, other: Self) -> Self {
        self.pick(other, [0, 8, 2, 10, 4, 12, 6, 14])
    }

    #[inline(never)]
    fn odd_words(self, other: Self) -> Self {
        self.pick(other, [1, 9, 3, 11, 5, 13, 7, 15])
    }

    #[inline(never)]
    fn even_pairs(self, other: Self) -> Self {
        self.pick(other, [0, 1, 4, 5, 8, 9, 12, 13])
    }

    #[inline(never)]
    fn odd_pairs(self, other: Self) -> Self {
        self.pick(other, [2, 3, 6, 7, 10, 11, 14, 15])
    }

    #[inline(never)]
    fn low_pairs(self, other: Self) -> Self {
        self.pick(other, [0, 1, 8, 9, 2, 3, 10, 11])
    }

    #[inline(never)]
    fn high_pairs(self, other: Self) -> Self {
        self.pick(other, [4, 5, 12, 13, 6, 7, 14, 15])
    }
}
