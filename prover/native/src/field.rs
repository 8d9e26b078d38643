//! Field elements and points as the files store them.
//!
//! Three encodings occur, all little-endian in 32 bytes. With `R = 2^256`:
//!
//! | where | stored integer for the element `v` |
//! |---|---|
//! | witness values, r1cs coefficients | `v` |
//! | coordinates of points in a zkey | `v·R`, Montgomery form |
//! | coefficients in a zkey | `v·R²`, so that one Montgomery product with a plain witness value gives `v·w·R` |
//!
//! An affine point is `x` then `y`; for G2 each coordinate is `c0` then `c1`. The point at infinity is all zeros.

use std::fmt::Write;

use ark_bn254::{Fq, Fq2, Fr, FrConfig, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{AdditiveGroup, BigInt, MontConfig, PrimeField};

/// Bytes of one field element.
pub const FIELD_BYTES: usize = 32;
/// Bytes of one affine G1 point.
pub const G1_BYTES: usize = 64;
/// Bytes of one affine G2 point.
pub const G2_BYTES: usize = 128;

/// Returns the integer that 32 little-endian bytes stand for.
///
/// # Panics
/// `bytes` is shorter than 32 bytes: callers pass exact chunks.
#[inline]
pub fn integer(bytes: &[u8]) -> BigInt<4> {
    let words = bytes[..FIELD_BYTES].as_chunks().0;
    BigInt(std::array::from_fn(|word| u64::from_le_bytes(words[word])))
}

/// Returns the 32 little-endian bytes of an integer.
#[must_use]
pub fn integer_bytes(value: &BigInt<4>) -> [u8; FIELD_BYTES] {
    let mut bytes = [0; FIELD_BYTES];
    for (chunk, limb) in bytes.chunks_exact_mut(8).zip(value.0) {
        chunk.copy_from_slice(&limb.to_le_bytes());
    }
    bytes
}

/// Returns a scalar from its plain encoding, or `None` where it is not below the group order.
#[inline]
#[must_use]
pub fn plain_scalar(bytes: &[u8]) -> Option<BigInt<4>> {
    let value = integer(bytes);
    (value < Fr::MODULUS).then_some(value)
}

/// Returns the element `v·R` that a zkey coefficient for `v` holds, or `None` where it is not reduced.
#[must_use]
pub fn zkey_coefficient(bytes: &[u8]) -> Option<Fr> {
    plain_scalar(bytes).map(Fr::new_unchecked)
}

/// Returns the bytes under which a zkey holds the coefficient `value`.
#[must_use]
pub fn zkey_coefficient_bytes(value: Fr) -> [u8; FIELD_BYTES] {
    // `Fr::R2` read as a Montgomery representation is the element R.
    let r = Fr::new_unchecked(<FrConfig as MontConfig<4>>::R2);
    integer_bytes(&(value * r).0)
}

fn coordinate(bytes: &[u8]) -> Option<Fq> {
    let value = integer(bytes);
    (value < Fq::MODULUS).then(|| Fq::new_unchecked(value))
}

/// Returns a G1 point, or `None` where a coordinate is not reduced or the point is off the curve.
#[must_use]
pub fn g1_point(bytes: &[u8]) -> Option<G1Affine> {
    let (x, y) = (coordinate(&bytes[..32])?, coordinate(&bytes[32..64])?);
    g1_on_curve(x, y)
}

/// Returns a G2 point, or `None` where a coordinate is not reduced or the point is off the curve.
///
/// Membership of the subgroup is not checked here.
#[must_use]
pub fn g2_point(bytes: &[u8]) -> Option<G2Affine> {
    let x = Fq2::new(coordinate(&bytes[..32])?, coordinate(&bytes[32..64])?);
    let y = Fq2::new(coordinate(&bytes[64..96])?, coordinate(&bytes[96..128])?);
    g2_on_curve(x, y)
}

/// Returns the G1 point with these coordinates; `(0, 0)` is infinity.
#[must_use]
pub fn g1_on_curve(x: Fq, y: Fq) -> Option<G1Affine> {
    if x == Fq::ZERO && y == Fq::ZERO {
        return Some(G1Affine::zero());
    }
    let point = G1Affine::new_unchecked(x, y);
    point.is_on_curve().then_some(point)
}

/// Returns the G2 point with these coordinates; `(0, 0)` is infinity. The subgroup is not checked.
#[must_use]
pub fn g2_on_curve(x: Fq2, y: Fq2) -> Option<G2Affine> {
    if x == Fq2::ZERO && y == Fq2::ZERO {
        return Some(G2Affine::zero());
    }
    let point = G2Affine::new_unchecked(x, y);
    point.is_on_curve().then_some(point)
}

/// Returns the zkey bytes of a G1 point.
#[must_use]
pub fn g1_bytes(point: &G1Affine) -> [u8; G1_BYTES] {
    let mut bytes = [0; G1_BYTES];
    if let Some((x, y)) = point.xy() {
        bytes[..32].copy_from_slice(&integer_bytes(&x.0));
        bytes[32..].copy_from_slice(&integer_bytes(&y.0));
    }
    bytes
}

/// Returns the zkey bytes of a G2 point.
#[must_use]
pub fn g2_bytes(point: &G2Affine) -> [u8; G2_BYTES] {
    let mut bytes = [0; G2_BYTES];
    if let Some((x, y)) = point.xy() {
        for (chunk, part) in bytes.chunks_exact_mut(32).zip([x.c0, x.c1, y.c0, y.c1]) {
            chunk.copy_from_slice(&integer_bytes(&part.0));
        }
    }
    bytes
}

/// Returns the element that a canonical decimal string stands for.
///
/// Canonical: ASCII digits, no sign, no leading zero but in `"0"`, and a value below the modulus.
///
/// # Errors
/// The rule that the text breaks.
pub fn parse_decimal<F: PrimeField<BigInt = BigInt<4>>>(text: &str) -> Result<F, &'static str> {
    let digits = text.as_bytes();
    if digits.is_empty() || digits.len() > 78 || !digits.iter().all(u8::is_ascii_digit) {
        return Err("must be a string of 1 to 78 decimal digits");
    }
    if digits[0] == b'0' && digits.len() > 1 {
        return Err("must not begin with a zero");
    }
    // 78 digits need up to 260 bits: any carry out of 256 bits is far above both moduli.
    let mut limbs = [0_u64; 4];
    for digit in digits {
        let mut carry = u128::from(digit - b'0');
        for limb in &mut limbs {
            let product = u128::from(*limb) * 10 + carry;
            #[allow(clippy::cast_possible_truncation)] // the low half is meant
            {
                *limb = product as u64;
            }
            carry = product >> 64;
        }
        if carry != 0 {
            return Err("must be below the modulus");
        }
    }
    F::from_bigint(BigInt(limbs)).ok_or("must be below the modulus")
}

/// Returns the decimal string of an integer.
#[must_use]
pub fn decimal(value: &BigInt<4>) -> String {
    const CHUNK: u64 = 10_000_000_000_000_000_000;
    let mut limbs = value.0;
    let mut groups = Vec::new();
    while limbs.iter().any(|limb| *limb != 0) {
        let mut remainder = 0_u128;
        for limb in limbs.iter_mut().rev() {
            let dividend = (remainder << 64) | u128::from(*limb);
            #[allow(clippy::cast_possible_truncation)] // remainder < CHUNK, so the quotient fits 64 bits
            {
                *limb = (dividend / u128::from(CHUNK)) as u64;
            }
            remainder = dividend % u128::from(CHUNK);
        }
        groups.push(remainder);
    }
    let Some(first) = groups.pop() else { return "0".to_owned() };
    let mut text = first.to_string();
    for group in groups.iter().rev() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{group:019}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ec::CurveGroup;
    use ark_ff::Field;

    #[test]
    fn decimals_round_trip() {
        for value in [Fr::from(0), Fr::from(1), Fr::from(u64::MAX), -Fr::from(1), Fr::from(10).pow([19_u64])]
        {
            let text = decimal(&value.into_bigint());
            assert_eq!(text, value.into_bigint().to_string());
            assert_eq!(parse_decimal::<Fr>(&text), Ok(value));
        }
    }

    #[test]
    fn loose_decimals_are_refused() {
        let modulus = Fr::MODULUS.to_string();
        for text in ["", "+1", "-1", " 1", "1 ", "01", "00", "0x1", "1e3", "1.0", "١", "１"] {
            assert!(parse_decimal::<Fr>(text).is_err(), "{text:?}");
        }
        assert_eq!(parse_decimal::<Fr>(&modulus), Err("must be below the modulus"));
        assert_eq!(parse_decimal::<Fr>(&"9".repeat(78)), Err("must be below the modulus"));
        assert!(parse_decimal::<Fr>(&"9".repeat(79)).is_err());
    }

    #[test]
    fn a_coefficient_times_a_plain_value_is_the_product() {
        let (value, witness) = (Fr::from(12_345), -Fr::from(7));
        let stored = zkey_coefficient(&zkey_coefficient_bytes(value)).unwrap();
        assert_eq!(stored * Fr::new_unchecked(witness.into_bigint()), value * witness);
    }

    #[test]
    fn points_round_trip_and_bad_points_are_refused() {
        let g1 = (G1Affine::generator() * Fr::from(9)).into_affine();
        let g2 = (G2Affine::generator() * Fr::from(9)).into_affine();
        assert_eq!(g1_point(&g1_bytes(&g1)), Some(g1));
        assert_eq!(g2_point(&g2_bytes(&g2)), Some(g2));
        assert_eq!(g1_point(&[0; G1_BYTES]), Some(G1Affine::zero()));
        assert_eq!(g2_bytes(&G2Affine::zero()), [0; G2_BYTES]);
        let mut off = g1_bytes(&g1);
        off[0] ^= 1;
        assert_eq!(g1_point(&off), None);
        assert_eq!(g1_point(&[0xff; G1_BYTES]), None);
        assert_eq!(g2_point(&[0xff; G2_BYTES]), None);
    }
}
