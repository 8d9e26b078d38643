//! The inverse of a field element, by the division steps of Bernstein and Yang.
//!
//! A division step halves `g`, and leaves `f` odd and the greatest common divisor of both as it was. Which steps come next
//! is seen from the lowest bits alone, so that 62 of them are found on single words and done on the whole numbers at once,
//! by a matrix. Beside `f` and `g` go `d` and `e` with `d·a = f·R²` and `e·a = g·R²` modulo `p`, where `a` is the integer
//! below `p` that `ark-ff` holds for the element, its value times `R`. When `g` is 0, `f` is 1 or −1; then `d` or `−d` is
//! what `ark-ff` holds for the inverse.
//!
//! The time depends on the element, as that of `ark-ff` does: a proof inverts products of differences of coordinates.
//!
//! D. J. Bernstein and B.-Y. Yang, *Fast constant-time gcd computation and modular inversion*, CHES 2019, sections 8 to 11;
//! that δ may begin with 1/2, and that 590 steps are enough then, was found by P. Wuille (`sipa/safegcd-bounds`).

use ark_ff::{AdditiveGroup, BigInt, MontConfig};

use crate::lanes::Element;

/// Division steps that are done together, and bits of a limb.
const BITS: u32 = 62;
const MASK: u64 = (1 << BITS) - 1;
const LIMBS: usize = 5;
/// The number `Σ limbs[i]·2^(62·i)`: limbs are from 0 to `2^62 − 1` but for the highest, which has the sign.
type Limbs = [i64; LIMBS];

/// Returns the inverse of an element, none of zero.
#[must_use]
pub fn inverse<C: MontConfig<4>>(element: &Element<C>) -> Option<Element<C>> {
    if *element == Element::<C>::ZERO {
        return None;
    }
    let modulus = const { limbs(&C::MODULUS.0) };
    let (mut f, mut g) = (modulus, limbs(&element.0.0));
    let (mut d, mut e) = ([0; LIMBS], const { limbs(&C::R2.0) });
    let mut lead = 0;
    // 590 steps, ten rounds, are enough for all numbers below 2^256.
    while g != [0; LIMBS] {
        // The magnitudes of a row are at most 2^62 together: `f` and `g` stay from −p to p, and `d` and `e`, which begin
        // there, get at most p/2 further from 0 in each round. Limbs have room for 2^56 times p.
        let [first, second] = steps(f[0], g[0], &mut lead);
        (f, g) = (combined(first, [&f, &g]), combined(second, [&f, &g]));
        (d, e) = (combined_modulo::<C>(first, [&d, &e]), combined_modulo::<C>(second, [&d, &e]));
    }
    let mut inverse = plus(&[0; LIMBS], f[LIMBS - 1] | 1, &d);
    while inverse[LIMBS - 1] < 0 {
        inverse = plus(&inverse, 1, &modulus);
    }
    loop {
        let less = plus(&inverse, -1, &modulus);
        if less[LIMBS - 1] < 0 {
            return Some(Element::new_unchecked(BigInt(words(&inverse))));
        }
        inverse = less;
    }
}

/// Returns the matrix of the next 62 division steps, times `2^62`, from the lowest limbs of `f` and `g`.
///
/// `lead` is the paper's δ less 1/2, where δ begins with 1/2. The step of an odd `g` is, with a `lead` from 0 on, to
/// `(g, (g − f)/2)` and `−lead`, with another one to `(f, (g + f)/2)` and `lead + 1`; the step of an even `g` is to
/// `(f, g/2)` and `lead + 1`.
fn steps(f: i64, g: i64, lead: &mut i64) -> [[i64; 2]; 2] {
    let (mut f, mut g) = (f.cast_unsigned(), g.cast_unsigned());
    let ([mut u, mut v], [mut q, mut r]) = ([1_u64, 0_u64], [0_u64, 1_u64]);
    let mut left = BITS;
    loop {
        let zeros = (g | 1 << left).trailing_zeros();
        // `f` stays while `g` is halved: its row is doubled.
        (g, u, v) = (g >> zeros, u << zeros, v << zeros);
        *lead += i64::from(zeros);
        left -= zeros;
        if left == 0 {
            return [[u, v], [q, r]].map(|row| row.map(u64::cast_signed));
        }
        if *lead >= 0 {
            // What is left of this step is that of a negative lead.
            *lead = !*lead;
            (f, g) = (g, f.wrapping_neg());
            ([u, v], [q, r]) = ([q, r], [u.wrapping_neg(), v.wrapping_neg()]);
        }
        // So many steps add `f` to `g` where `g` is odd; they are one addition of the multiple of `f` that makes `g` a
        // multiple of 2^count. Modulo 64, the inverse of `f` is f·(2 − f²), as f² is 1 modulo 8.
        let count = (-*lead).min(i64::from(left)).min(6);
        let inverse = f.wrapping_mul(2_u64.wrapping_sub(f.wrapping_mul(f)));
        let factor = g.wrapping_mul(inverse).wrapping_neg() & ((1 << count) - 1);
        g = g.wrapping_add(f.wrapping_mul(factor));
        q = q.wrapping_add(u.wrapping_mul(factor));
        r = r.wrapping_add(v.wrapping_mul(factor));
    }
}

/// Returns the low 62 bits of a number, and the number without them, divided by `2^62`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // the low bits are meant
fn split(number: i128) -> (i64, i128) {
    ((number as u64 & MASK).cast_signed(), number >> BITS)
}

/// Returns `(u·x + v·y)/2^62`, which is an integer.
///
/// With `|u| + |v|` at most `2^62`, no sum exceeds 126 bits.
#[inline(never)] // in a loop the compiler forgets that factors have 64 bits, and takes products of 128
#[allow(clippy::cast_possible_truncation)] // the highest limb is one of a number below 2^310
fn combined([u, v]: [i64; 2], [x, y]: [&Limbs; 2]) -> Limbs {
    let sum = |limb: usize| i128::from(u) * i128::from(x[limb]) + i128::from(v) * i128::from(y[limb]);
    let mut result = [0; LIMBS];
    let (_, mut carry) = split(sum(0));
    for limb in 1..LIMBS {
        (result[limb - 1], carry) = split(sum(limb) + carry);
    }
    result[LIMBS - 1] = carry as i64;
    result
}

/// Returns `(u·x + v·y)/2^62` modulo `p`: the multiple of `p` of the least magnitude that makes the sum divisible is added.
#[inline(never)] // as above
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // above, and low bits are meant
fn combined_modulo<C: MontConfig<4>>([u, v]: [i64; 2], [x, y]: [&Limbs; 2]) -> Limbs {
    let modulus = const { limbs(&C::MODULUS.0) };
    let sum = |limb: usize| i128::from(u) * i128::from(x[limb]) + i128::from(v) * i128::from(y[limb]);
    let low = sum(0);
    // `INV` is −1/p modulo 2^64. Shifted up and down, the factor is from −2^61 to 2^61 − 1.
    let factor = (low as u64).wrapping_mul(C::INV << 2).cast_signed() >> 2;
    let multiple = |limb: usize| i128::from(factor) * i128::from(modulus[limb]);
    let mut result = [0; LIMBS];
    let (_, mut carry) = split(low + multiple(0));
    for limb in 1..LIMBS {
        (result[limb - 1], carry) = split(sum(limb) + multiple(limb) + carry);
    }
    result[LIMBS - 1] = carry as i64;
    result
}

/// Returns `x + factor·y`, for a factor of 1 or −1.
fn plus(x: &Limbs, factor: i64, y: &Limbs) -> Limbs {
    let (mut result, mut carry) = ([0; LIMBS], 0);
    for limb in 0..LIMBS {
        let sum = x[limb] + factor * y[limb] + carry;
        (result[limb], carry) = (sum & MASK.cast_signed(), sum >> BITS);
    }
    result[LIMBS - 1] += carry << BITS;
    result
}

/// Returns the limbs of a number in words.
const fn limbs(words: &[u64; 4]) -> Limbs {
    let [a, b, c, d] = *words;
    [
        (a & MASK).cast_signed(),
        ((a >> 62 | b << 2) & MASK).cast_signed(),
        ((b >> 60 | c << 4) & MASK).cast_signed(),
        ((c >> 58 | d << 6) & MASK).cast_signed(),
        (d >> 56).cast_signed(),
    ]
}

/// Returns the words of a number from 0 to `2^256 − 1`.
const fn words(limbs: &Limbs) -> [u64; 4] {
    let [a, b, c, d, e] = *limbs;
    let [a, b, c, d, e] =
        [a.cast_unsigned(), b.cast_unsigned(), c.cast_unsigned(), d.cast_unsigned(), e.cast_unsigned()];
    [a | b << 62, b >> 2 | c << 60, c >> 4 | d << 58, d >> 6 | e << 56]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::{FqConfig, FrConfig};
    use ark_ff::{BigInteger, Field};

    /// Returns the elements that `ark-ff` holds as edges: small and large integers, powers of two and runs of ones.
    fn edges<C: MontConfig<4>>() -> Vec<Element<C>> {
        let mut integers: Vec<BigInt<4>> = (0..70_u64).map(BigInt::from).collect();
        for bit in 0..254 {
            let power = BigInt::from(1_u64) << bit;
            let (mut below, mut above) = (power, power);
            below.sub_with_borrow(&BigInt::from(1_u64));
            above.add_with_carry(&BigInt::from(1_u64));
            integers.extend([below, power, above]);
        }
        let mut run = BigInt([u64::MAX; 4]);
        for _ in 0..254 {
            run >>= 1;
            integers.extend([run, BigInt(run.0.map(|word| word & 0x5555_5555_5555_5555))]);
        }
        let opposites: Vec<BigInt<4>> = integers
            .iter()
            .filter(|integer| **integer <= C::MODULUS)
            .map(|integer| {
                let mut opposite = C::MODULUS;
                opposite.sub_with_borrow(integer);
                opposite
            })
            .collect();
        integers.extend(opposites);
        integers.into_iter().filter(|integer| *integer < C::MODULUS).map(Element::new_unchecked).collect()
    }

    #[test]
    fn edges_are_inverted_as_ark_ff_inverts_them() {
        fn check<C: MontConfig<4>>() {
            assert_eq!(inverse(&Element::<C>::ZERO), None);
            let (one, two) = (Element::<C>::ONE, Element::<C>::from(2_u64));
            let powers = (0..300_u64).flat_map(|power| [two.pow([power]), -two.pow([power])]);
            let edges = edges::<C>();
            assert!(edges.len() > 1_000);
            for element in edges.into_iter().chain(powers).chain([one, -one]) {
                assert_eq!(inverse(&element), element.inverse(), "{}", element.0);
            }
        }
        check::<FqConfig>();
        check::<FrConfig>();
    }

    #[test]
    fn scattered_elements_are_inverted_as_ark_ff_inverts_them() {
        fn check<C: MontConfig<4>>() {
            let step = Element::<C>::from(3_u64).pow([201_u64]);
            let mut element = step;
            for _ in 0..20_000 {
                let inverted = inverse(&element).unwrap();
                assert_eq!(Some(inverted), element.inverse(), "{}", element.0);
                assert_eq!(inverse(&inverted), Some(element));
                assert_eq!(inverse(&-element), Some(-inverted));
                element = element * step + inverted;
            }
        }
        check::<FqConfig>();
        check::<FrConfig>();
    }

    /// Takes single steps, as the paper has them, with twice its δ; returns their matrix, times `2^62`.
    fn single_steps(mut f: i128, mut g: i128, delta: &mut i64) -> [[i128; 2]; 2] {
        let ([mut u, mut v], [mut q, mut r]) = ([1, 0], [0, 1]);
        for _ in 0..BITS {
            if *delta > 0 && g & 1 == 1 {
                (*delta, f, g) = (2 - *delta, g, (g - f) >> 1);
                ([u, v], [q, r]) = ([2 * q, 2 * r], [q - u, r - v]);
            } else {
                let odd = g & 1;
                (*delta, g) = (2 + *delta, (g + odd * f) >> 1);
                ([u, v], [q, r]) = ([2 * u, 2 * v], [q + odd * u, r + odd * v]);
            }
        }
        [[u, v], [q, r]]
    }

    #[test]
    fn steps_together_are_single_steps_and_keep_to_their_bound() {
        let (mut lead, mut delta) = (0, 1);
        let mut state = Element::<FqConfig>::from(5_u64);
        for round in 0..20_000_u64 {
            // After some rounds the lead begins again, or far on either side.
            if round % 16 == 0 {
                lead = i64::try_from(round / 16 % 129).unwrap() - 64;
                delta = 2 * lead + 1;
            }
            state = state.square() + Element::<FqConfig>::from(round);
            let [f, g, ..] = state.0.0.map(|word| (word & MASK).cast_signed());
            let (f, g) = (f | 1, if round % 5 == 0 { g & -(1 << (round % 60)) } else { g });
            let matrix = steps(f, g, &mut lead);
            assert_eq!(matrix.map(|row| row.map(i128::from)), single_steps(f.into(), g.into(), &mut delta));
            assert_eq!(delta, 2 * lead + 1);
            for [left, right] in matrix {
                assert!(left.unsigned_abs() + right.unsigned_abs() <= 1 << BITS);
                let low = i128::from(left) * i128::from(f) + i128::from(right) * i128::from(g);
                assert_eq!(split(low).0, 0);
            }
        }
    }
}
