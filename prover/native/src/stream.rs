//! Field elements and points from a seed, in the way of snarkjs: verifiers of a ceremony derive the same ones.
//!
//! The stream is that of `ChaCha20` with the seed as key, nonce and counter beginning at 0.

use ark_bn254::{Fq, Fq2, Fr, G1Affine, G2Affine, g1, g2};
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{BigInt, Field, PrimeField, Zero};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// `"expand 32-byte k"`, as four words.
const CONSTANTS: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];
const BLOCK_WORDS: usize = 16;

/// A stream of words, wiped from memory when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Stream {
    state: [u32; BLOCK_WORDS],
    block: [u32; BLOCK_WORDS],
    used: usize,
}

impl Stream {
    /// Returns the stream whose key are the first 32 bytes of `seed`, as big-endian words.
    ///
    /// # Panics
    /// The seed has fewer than 32 bytes.
    #[must_use]
    pub fn new(seed: &[u8]) -> Self {
        let mut state = [0; BLOCK_WORDS];
        state[..4].copy_from_slice(&CONSTANTS);
        for (word, bytes) in state[4..12].iter_mut().zip(seed[..32].as_chunks().0) {
            *word = u32::from_be_bytes(*bytes);
        }
        Self { state, block: [0; BLOCK_WORDS], used: BLOCK_WORDS }
    }

    /// Returns the next word.
    fn word(&mut self) -> u32 {
        if self.used == BLOCK_WORDS {
            self.block = self.state;
            for _ in 0..10 {
                for [a, b, c, d] in [[0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15]] {
                    quarter_round(&mut self.block, a, b, c, d);
                }
                for [a, b, c, d] in [[0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14]] {
                    quarter_round(&mut self.block, a, b, c, d);
                }
            }
            for (word, state) in self.block.iter_mut().zip(self.state) {
                *word = word.wrapping_add(state);
            }
            // Nobody takes 2^32 blocks.
            self.state[12] = self.state[12].wrapping_add(1);
            self.used = 0;
        }
        self.used += 1;
        self.block[self.used - 1]
    }

    /// Returns the integer below the modulus that the next words give; too large ones are passed over.
    fn below<F: PrimeField<BigInt = BigInt<4>>>(&mut self) -> BigInt<4> {
        loop {
            let mut limbs = [0; 4];
            for limb in &mut limbs {
                let high = u64::from(self.word()) << 32;
                *limb = high | u64::from(self.word());
            }
            limbs[3] &= u64::MAX >> (256 - F::MODULUS_BIT_SIZE);
            if BigInt(limbs) < F::MODULUS {
                return BigInt(limbs);
            }
        }
    }

    /// Returns the next scalar: the integer is taken for its Montgomery form.
    pub fn scalar(&mut self) -> Fr {
        Fr::new_unchecked(self.below::<Fr>())
    }

    fn coordinate(&mut self) -> Fq {
        Fq::new_unchecked(self.below::<Fq>())
    }

    /// Returns the next point of G1.
    pub fn g1(&mut self) -> G1Affine {
        loop {
            let x = self.coordinate();
            if let Some(point) = lifted::<g1::Config>(x, self.word() & 1 == 1, is_upper) {
                return point;
            }
        }
    }

    /// Returns the next point of G2: a point of the curve times the cofactor.
    pub fn g2(&mut self) -> G2Affine {
        loop {
            let x = Fq2::new(self.coordinate(), self.coordinate());
            let upper = |y: &Fq2| if y.c1.is_zero() { is_upper(&y.c0) } else { is_upper(&y.c1) };
            if let Some(point) = lifted::<g2::Config>(x, self.word() & 1 == 1, upper) {
                return point.mul_by_cofactor_to_group().into_affine();
            }
        }
    }
}

fn quarter_round(block: &mut [u32; BLOCK_WORDS], a: usize, b: usize, c: usize, d: usize) {
    for (to, by, mixed, bits) in [(a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)] {
        block[to] = block[to].wrapping_add(block[by]);
        block[mixed] = (block[mixed] ^ block[to]).rotate_left(bits);
    }
}

/// Returns whether an element is above half the modulus.
fn is_upper(value: &Fq) -> bool {
    value.into_bigint() > Fq::MODULUS_MINUS_ONE_DIV_TWO
}

/// Returns the point of the curve with coordinate `x` and the asked for one of its two `y`, if there is one.
fn lifted<P: SWCurveConfig>(
    x: P::BaseField,
    upper: bool,
    is_upper: impl Fn(&P::BaseField) -> bool,
) -> Option<Affine<P>> {
    let y = (x.square() * x + P::COEFF_B).sqrt()?;
    Some(Affine::new_unchecked(x, if is_upper(&y) == upper { y } else { -y }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_rfc_8439() {
        // Appendix A.1, test vectors 1 and 2: key, nonce and counter 0, then counter 1.
        let mut stream = Stream::new(&[0; 32]);
        assert_eq!([stream.word(), stream.word()], [0xade0_b876, 0x903d_f1a0]);
        for _ in 2..BLOCK_WORDS {
            stream.word();
        }
        assert_eq!([stream.word(), stream.word()], [0xbee7_079f, 0x7a38_5155]);
    }

    #[test]
    fn points_are_in_their_groups_and_repeat() {
        let (mut first, mut second) = (Stream::new(&[7; 64]), Stream::new(&[7; 64]));
        let (point, twist) = (first.g1(), first.g2());
        assert!(
            point.is_on_curve() && twist.is_on_curve() && twist.is_in_correct_subgroup_assuming_on_curve()
        );
        assert_eq!((second.g1(), second.g2(), second.scalar()), (point, twist, first.scalar()));
        assert_ne!(first.g1(), point);
    }
}
