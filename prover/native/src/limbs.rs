//! Constants as limbs of equal width: how [`crate::avx2`] and [`crate::radix52`] take them.

/// Returns the limbs of `k` times a modulus.
#[must_use]
pub const fn multiple<const LIMBS: usize, const BITS: usize>(modulus: &[u64; 4], k: u64) -> [u64; LIMBS] {
    limbs::<LIMBS, BITS>(&words(modulus, k, 0))
}

/// Returns the limbs of `(k·modulus + 1)/2^BITS`.
#[must_use]
pub const fn raised_and_shifted<const LIMBS: usize, const BITS: usize>(
    modulus: &[u64; 4],
    k: u64,
) -> [u64; LIMBS] {
    let (words, mut shifted, mut word) = (words(modulus, k, 1), [0; 5], 0);
    while word < 5 {
        let next = if word < 4 { words[word + 1] } else { 0 };
        shifted[word] = (words[word] >> BITS) | (next << (64 - BITS));
        word += 1;
    }
    limbs::<LIMBS, BITS>(&shifted)
}

/// Returns the limbs of `2^(LIMBS·BITS)` less a number.
#[must_use]
pub const fn complement<const LIMBS: usize, const BITS: usize>(limbs: &[u64; LIMBS]) -> [u64; LIMBS] {
    let (mut result, mut carry, mut limb) = ([0; LIMBS], 1, 0);
    while limb < LIMBS {
        let sum = (mask(BITS) - limbs[limb]) + carry;
        result[limb] = sum & mask(BITS);
        carry = sum >> BITS;
        limb += 1;
    }
    result
}

/// Returns the same number with every limb but the top one at least four times `2^BITS − 1`, so that the limbs of four
/// elements can be taken from it.
#[must_use]
pub const fn lent<const LIMBS: usize, const BITS: usize>(limbs: [u64; LIMBS]) -> [u64; LIMBS] {
    let (mut result, mut limb) = (limbs, 1);
    result[0] += 4 << BITS;
    while limb < LIMBS - 1 {
        result[limb] += 4 * mask(BITS);
        limb += 1;
    }
    result[LIMBS - 1] -= 4;
    result
}

/// Returns the words of `k` times a modulus plus a number.
#[allow(clippy::cast_possible_truncation)] // the low halves are meant
#[must_use]
pub const fn words(modulus: &[u64; 4], k: u64, plus: u64) -> [u64; 5] {
    let (mut words, mut carry) = ([0_u64; 5], plus as u128);
    let mut word = 0;
    while word < 4 {
        let product = modulus[word] as u128 * k as u128 + carry;
        words[word] = product as u64;
        carry = product >> 64;
        word += 1;
    }
    words[4] = carry as u64;
    words
}

/// Returns the limbs of a number below `2^(LIMBS·BITS)`.
const fn limbs<const LIMBS: usize, const BITS: usize>(words: &[u64; 5]) -> [u64; LIMBS] {
    let mut limbs = [0; LIMBS];
    let mut limb = 0;
    while limb < LIMBS {
        let (word, shift) = (limb * BITS / 64, limb * BITS % 64);
        let high = if shift > 64 - BITS { words[word + 1] << (64 - shift) } else { 0 };
        limbs[limb] = ((words[word] >> shift) | high) & mask(BITS);
        limb += 1;
    }
    limbs
}

const fn mask(bits: usize) -> u64 {
    (1 << bits) - 1
}
