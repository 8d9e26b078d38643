//! Signed digits of scalars.
//!
//! A scalar is cut into windows of `c` bits with digits `−2^(c−1) ≤ d ≤ 2^(c−1)`: a point is negated for free, so that
//! half as many multiples have to be kept apart as with plain digits. With `2^(c−1)` added in every window but the top
//! one, the plain digits of the sum, less `2^(c−1)` each, are those digits: no carry runs from one to the next.

use ark_ff::{BigInt, BigInteger};

/// Widest window: its buckets still lie in a cache.
pub const MAX_WIDTH: usize = 18;

/// Returns the number of digits of scalars below `2^bits`.
#[must_use]
pub const fn windows_for(bits: usize, width: usize) -> usize {
    // One bit more than the scalars have: the carry into the top digit.
    (bits + 1).div_ceil(width)
}

/// The signed digits of scalars below `2^bits`, for `bits` up to 254 and windows of 1 to [`MAX_WIDTH`] bits.
pub struct SignedDigits {
    width: usize,
    windows: usize,
    offset: BigInt<4>,
}

impl SignedDigits {
    /// Returns the digits' scheme.
    #[must_use]
    pub fn new(bits: usize, width: usize) -> Self {
        debug_assert!(bits <= 254 && (1..=MAX_WIDTH).contains(&width));
        let windows = windows_for(bits, width);
        // Below 2^bits, as the top window has none: the sum with a scalar has at most 255 bits.
        let mut offset = BigInt([0; 4]);
        for window in 0..windows - 1 {
            let bit = window * width + width - 1;
            offset.0[bit / 64] |= 1 << (bit % 64);
        }
        Self { width, windows, offset }
    }

    /// Returns the number of digits.
    #[must_use]
    pub fn windows(&self) -> usize {
        self.windows
    }

    /// Returns the number of magnitudes that a digit other than zero can have.
    #[must_use]
    pub fn magnitudes(&self) -> usize {
        1 << (self.width - 1)
    }

    /// Makes a scalar ready for [`SignedDigits::digit`].
    pub fn prepare(&self, scalar: &mut BigInt<4>) {
        scalar.add_with_carry(&self.offset);
    }

    /// Returns one digit of a scalar that was made ready; window 0 is the lowest.
    #[inline]
    #[must_use]
    pub fn digit(&self, prepared: &BigInt<4>, window: usize) -> i32 {
        let half = if window + 1 < self.windows { 1 << (self.width - 1) } else { 0 };
        bits_at(prepared, window * self.width, self.width) - half
    }
}

/// Returns `width` bits of a number from bit `at` on.
#[inline]
fn bits_at(number: &BigInt<4>, at: usize, width: usize) -> i32 {
    let (limb, shift) = (at / 64, at % 64);
    let low = number.0.get(limb).map_or(0, |word| word >> shift);
    let high =
        if shift + width > 64 { number.0.get(limb + 1).map_or(0, |word| word << (64 - shift)) } else { 0 };
    // The mask leaves at most MAX_WIDTH bits.
    #[allow(clippy::cast_possible_truncation)]
    {
        ((low | high) & ((1 << width) - 1)) as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::Fr;
    use ark_ff::{Field, PrimeField};

    fn check(value: Fr, bits: usize) {
        for width in 1..=MAX_WIDTH {
            let digits = SignedDigits::new(bits, width);
            let mut prepared = value.into_bigint();
            digits.prepare(&mut prepared);
            let base = Fr::from(1_u64 << width);
            let back = (0..digits.windows()).rev().fold(Fr::from(0), |sum, window| {
                let digit = digits.digit(&prepared, window);
                assert!(digit.unsigned_abs() as usize <= digits.magnitudes(), "width {width}");
                sum * base + Fr::from(digit)
            });
            assert_eq!(back, value, "{bits} bits in windows of {width}");
        }
    }

    #[test]
    fn digits_give_the_scalar_back() {
        let two = Fr::from(2);
        for value in [Fr::from(0), Fr::from(1), -Fr::from(1), Fr::from(u64::MAX), two.pow([253_u64])] {
            check(value, 254);
        }
        for bits in 1..=254 {
            // 2^254 - 1 is above the order.
            let edge = two.pow([bits.min(253)]);
            for value in [edge - Fr::from(1), edge / two, edge / two - Fr::from(1)] {
                check(value, usize::try_from(bits).unwrap());
            }
        }
    }
}
