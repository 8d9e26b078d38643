//! Signed digits of scalars.
//!
//! A scalar is cut into windows of `c` bits with digits `−2^(c−1) < d ≤ 2^(c−1)`: a point is negated for free, so that
//! half as many multiples have to be kept apart as with plain digits.

use ark_ff::BigInt;

/// Widest window: a digit must fit an `i16`.
pub const MAX_WIDTH: usize = 15;

/// Returns the number of digits of scalars below `2^bits`.
#[must_use]
pub const fn windows_for(bits: usize, width: usize) -> usize {
    // One bit more than the scalars have: the carry out of the last digit.
    (bits + 1).div_ceil(width)
}

/// Writes the signed digits of `scalar`, lowest first.
pub fn signed_digits(scalar: &BigInt<4>, width: usize, digits: &mut [i16]) {
    let half = 1_i32 << (width - 1);
    let mut carry = 0;
    for (window, digit) in digits.iter_mut().enumerate() {
        let mut value = bits_at(scalar, window * width, width) + carry;
        carry = i32::from(value > half);
        value -= carry << width;
        // |value| <= 2^14, because the width is at most 15.
        #[allow(clippy::cast_possible_truncation)]
        {
            *digit = value as i16;
        }
    }
    debug_assert_eq!(carry, 0, "a scalar is wider than announced");
}

/// Returns `width` bits of `scalar` from bit `at` on.
fn bits_at(scalar: &BigInt<4>, at: usize, width: usize) -> i32 {
    let (limb, shift) = (at / 64, at % 64);
    let low = scalar.0.get(limb).map_or(0, |word| word >> shift);
    let high =
        if shift + width > 64 { scalar.0.get(limb + 1).map_or(0, |word| word << (64 - shift)) } else { 0 };
    // The mask leaves at most 15 bits.
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

    #[test]
    fn digits_give_the_scalar_back() {
        for width in 1..=MAX_WIDTH {
            for value in
                [Fr::from(0), Fr::from(1), -Fr::from(1), Fr::from(u64::MAX), Fr::from(2).pow([253_u64])]
            {
                let windows = windows_for(254, width);
                let mut digits = vec![0; windows];
                signed_digits(&value.into_bigint(), width, &mut digits);
                let base = Fr::from(1_u64 << width);
                let back = digits.iter().rev().fold(Fr::from(0), |sum, digit| sum * base + Fr::from(*digit));
                assert_eq!(back, value, "width {width}");
            }
        }
    }
}
