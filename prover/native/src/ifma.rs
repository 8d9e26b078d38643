//! Lanes in 512-bit vectors, with the processor's products of 52-bit integers (AVX-512 IFMA).

use std::arch::x86_64::{
    __m512i, _mm256_loadu_si256, _mm256_storeu_si256, _mm512_add_epi64, _mm512_and_si512,
    _mm512_castsi256_si512, _mm512_castsi512_si256, _mm512_cmplt_epi64_mask, _mm512_extracti64x4_epi64,
    _mm512_inserti64x4, _mm512_loadu_si512, _mm512_madd52hi_epu64, _mm512_madd52lo_epu64,
    _mm512_mask_blend_epi64, _mm512_or_si512, _mm512_permutex2var_epi64, _mm512_set_epi64, _mm512_set1_epi64,
    _mm512_setzero_si512, _mm512_shuffle_i64x2, _mm512_slli_epi64, _mm512_srli_epi64, _mm512_sub_epi64,
    _mm512_unpackhi_epi64, _mm512_unpacklo_epi64,
};

use ark_ff::MontConfig;

use crate::lanes::{Packed, Work};
use crate::radix52::{LANES, LIMBS, Radix52, Words, montgomery_product};

/// Elements of the field with modulus `C`.
pub type Ifma<C> = Radix52<C, Vector>;

/// A vector of 512 bits.
#[derive(Clone, Copy)]
pub struct Vector(__m512i);

/// Returns whether this processor has the vectors and the products.
#[must_use]
pub fn available() -> bool {
    std::arch::is_x86_feature_detected!("avx512f") && std::arch::is_x86_feature_detected!("avx512ifma")
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn with_vectors<W: Work>(work: W) -> W::Output {
    work.run()
}

/// [`montgomery_product`] as a function of its own, because the cache of decoded instructions would not hold a copy for
/// every product.
///
/// It has 160 instructions, of which 101 are products, ten load operands, and five store the result; nothing is spilled.
/// The compiler heeds `inline(never)` of a function with a target feature only where the caller has the feature, too, and
/// the callers get it by being inlined; so this function, which never is, has none and calls the one that has.
///
/// # Safety
/// The processor has the instructions.
#[inline(never)]
unsafe fn product<C: MontConfig<4>>(left: &[Vector; LIMBS], right: &[Vector; LIMBS]) -> [Vector; LIMBS] {
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn with_features<C: MontConfig<4>>(left: &[Vector; LIMBS], right: &[Vector; LIMBS]) -> [Vector; LIMBS] {
        montgomery_product::<C, Vector>(left, right)
    }
    // SAFETY: above.
    unsafe { with_features::<C>(left, right) }
}

// SAFETY of every operation: work that `enter` runs is what calls them, and `enter` has seen that the instructions are
// there.
impl Words for Vector {
    fn enter<W: Work>(work: W) -> W::Output {
        assert!(available(), "this processor has no 512-bit vectors with products of 52-bit integers");
        // SAFETY: it has them.
        unsafe { with_vectors(work) }
    }

    #[inline(always)]
    fn product<C: MontConfig<4>>(left: &[Self; LIMBS], right: &[Self; LIMBS]) -> [Self; LIMBS] {
        // SAFETY: above.
        unsafe { product::<C>(left, right) }
    }

    #[inline(always)]
    fn splat(value: u64) -> Self {
        // SAFETY: above.
        Self(unsafe { _mm512_set1_epi64(value.cast_signed()) })
    }

    #[inline(always)]
    fn load(words: &[u64; LANES]) -> Self {
        // SAFETY: above; reads the 64 bytes of the reference.
        Self(unsafe { _mm512_loadu_si512(std::ptr::from_ref(words).cast()) })
    }

    #[inline(always)]
    fn pair(low: &Packed, high: &Packed) -> Self {
        // SAFETY: above; reads the 32 bytes of each reference.
        unsafe {
            let low = _mm256_loadu_si256(std::ptr::from_ref(low).cast());
            let high = _mm256_loadu_si256(std::ptr::from_ref(high).cast());
            Self(_mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high))
        }
    }

    #[inline(always)]
    fn halves(self) -> [Packed; 2] {
        let mut halves = [[0; 4]; 2];
        // SAFETY: above; writes the 32 bytes of each array.
        unsafe {
            _mm256_storeu_si256(halves[0].as_mut_ptr().cast(), _mm512_castsi512_si256(self.0));
            _mm256_storeu_si256(halves[1].as_mut_ptr().cast(), _mm512_extracti64x4_epi64::<1>(self.0));
        }
        halves
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: above.
        Self(unsafe { _mm512_add_epi64(self.0, other.0) })
    }

    #[inline(always)]
    fn subtract(self, other: Self) -> Self {
        // SAFETY: above.
        Self(unsafe { _mm512_sub_epi64(self.0, other.0) })
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        // SAFETY: above.
        Self(unsafe { _mm512_and_si512(self.0, other.0) })
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        // SAFETY: above.
        Self(unsafe { _mm512_or_si512(self.0, other.0) })
    }

    #[inline(always)]
    fn shift_left<const BITS: u32>(self) -> Self {
        // SAFETY: above.
        Self(unsafe { _mm512_slli_epi64::<BITS>(self.0) })
    }

    #[inline(always)]
    fn shift_right<const BITS: u32>(self) -> Self {
        // SAFETY: above.
        Self(unsafe { _mm512_srli_epi64::<BITS>(self.0) })
    }

    #[inline(always)]
    fn add_low_product(self, left: Self, right: Self) -> Self {
        // SAFETY: above.
        Self(unsafe { _mm512_madd52lo_epu64(self.0, left.0, right.0) })
    }

    #[inline(always)]
    fn add_high_product(self, left: Self, right: Self) -> Self {
        // SAFETY: above.
        Self(unsafe { _mm512_madd52hi_epu64(self.0, left.0, right.0) })
    }

    #[inline(always)]
    fn where_negative(self, first: Self, second: Self) -> Self {
        // SAFETY: above.
        unsafe {
            let negative = _mm512_cmplt_epi64_mask(self.0, _mm512_setzero_si512());
            Self(_mm512_mask_blend_epi64(negative, second.0, first.0))
        }
    }

    #[inline(always)]
    fn even_words(self, other: Self) -> Self {
        // SAFETY: above.
        Self(unsafe { _mm512_unpacklo_epi64(self.0, other.0) })
    }

    #[inline(always)]
    fn odd_words(self, other: Self) -> Self {
        // SAFETY: above.
        Self(unsafe { _mm512_unpackhi_epi64(self.0, other.0) })
    }

    #[inline(always)]
    fn even_pairs(self, other: Self) -> Self {
        // SAFETY: above.
        Self(unsafe { _mm512_shuffle_i64x2::<0b10_00_10_00>(self.0, other.0) })
    }

    #[inline(always)]
    fn odd_pairs(self, other: Self) -> Self {
        // SAFETY: above.
        Self(unsafe { _mm512_shuffle_i64x2::<0b11_01_11_01>(self.0, other.0) })
    }

    #[inline(always)]
    fn low_pairs(self, other: Self) -> Self {
        // SAFETY: above; the other's words are those from 8 on.
        unsafe {
            let order = _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0);
            Self(_mm512_permutex2var_epi64(self.0, order, other.0))
        }
    }

    #[inline(always)]
    fn high_pairs(self, other: Self) -> Self {
        // SAFETY: above; the other's words are those from 8 on.
        unsafe {
            let order = _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4);
            Self(_mm512_permutex2var_epi64(self.0, order, other.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulated::Plain;
    use std::array::from_fn;
    use std::marker::PhantomData;

    /// Every operation on words of these patterns.
    struct Operations<W>([[u64; LANES]; 3], PhantomData<W>);

    impl<W: Words> Work for Operations<W> {
        type Output = Vec<[Packed; 2]>;

        #[inline(always)]
        fn run(self) -> Self::Output {
            let [a, b, c] = self.0.map(|words| W::load(&words));
            let [low, high] = b.halves();
            let results = [
                W::splat(self.0[0][0]),
                W::pair(&low, &high),
                W::pair(&high, &low),
                a.add(b),
                a.subtract(b),
                a.and(b),
                a.or(b),
                a.shift_left::<12>(),
                a.shift_left::<52>(),
                a.shift_right::<16>(),
                a.shift_right::<52>(),
                // A column never overflows.
                a.shift_right::<12>().add_low_product(b, c),
                a.shift_right::<12>().add_high_product(b, c),
                a.where_negative(b, c),
                a.even_words(b),
                a.odd_words(b),
                a.even_pairs(b),
                a.odd_pairs(b),
                a.low_pairs(b),
                a.high_pairs(b),
            ];
            results.map(Words::halves).to_vec()
        }
    }

    #[test]
    fn the_instructions_do_what_plain_integers_do() {
        if !available() {
            return;
        }
        let mut state = 1_u64;
        let mut next = || {
            // xorshift64
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        for _ in 0..1_000 {
            let words: [[u64; LANES]; 3] = from_fn(|_| {
                from_fn(|_| match next() % 8 {
                    0 => u64::MAX,
                    1 => 0,
                    2 => (1 << 52) - 1,
                    3 => 1 << 63,
                    _ => next(),
                })
            });
            let expected = Plain::enter(Operations::<Plain>(words, PhantomData));
            assert_eq!(Vector::enter(Operations::<Vector>(words, PhantomData)), expected);
        }
    }
}
