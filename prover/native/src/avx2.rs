//! Lanes in 256-bit vectors.
//!
//! An element is nine limbs of 29 bits, so that the products of limbs, at most 18 of them in a column, add up in 64 bits
//! without a carry. The Montgomery factor is `2^261`: as moduli are below `2^254`, there is room for multiples of the
//! modulus, and sums and differences need no reduction.

use std::arch::x86_64::{
    __m256i, _mm256_add_epi64, _mm256_and_si256, _mm256_blendv_epi8, _mm256_loadu_si256, _mm256_mul_epu32,
    _mm256_or_si256, _mm256_permute2x128_si256, _mm256_set1_epi64x, _mm256_setzero_si256, _mm256_slli_epi64,
    _mm256_srli_epi64, _mm256_storeu_si256, _mm256_sub_epi64, _mm256_unpackhi_epi64, _mm256_unpacklo_epi64,
};
use std::marker::PhantomData;

use ark_ff::{BigInt, MontConfig};

use crate::lanes::{Element, LANES, Packed, PrimeLanes, Work};

const LIMBS: usize = 9;
/// Nine limbs of a constant.
type Limbs = [u64; LIMBS];
/// Nine limbs of four elements.
type Vectors = [__m256i; LIMBS];
const LIMB_BITS: usize = 29;
const MASK: u64 = (1 << LIMB_BITS) - 1;

/// Returns whether this processor has the vectors.
#[must_use]
pub fn available() -> bool {
    std::arch::is_x86_feature_detected!("avx2")
}

/// Four elements of the field with modulus `C`, limb by limb.
///
/// Limbs are below `2^29`, but below `2^30` after a sum; the top limb holds what exceeds 261 bits.
pub struct Avx2<C>(Vectors, PhantomData<C>);

impl<C> Clone for Avx2<C> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Avx2<C> {}

impl<C: MontConfig<4>> Avx2<C> {
    const MODULUS: Limbs = multiple(&C::MODULUS.0, 1);
    /// The negative of the modulus' inverse modulo `2^29`.
    const INVERSE: u64 = C::INV & MASK;
    /// The element whose Montgomery form modulo `2^256` is `2^261`: a product with it packs.
    const SHIFT: Element<C> = Element::new(BigInt([1 << 5, 0, 0, 0]));
    /// The element whose Montgomery form modulo `2^256` is `2^251`: a product with it unpacks.
    const UNSHIFT: Element<C> = Element::new_unchecked(BigInt([0, 0, 0, 1 << 59]));
}

/// Returns the limbs of `k` times a modulus.
#[allow(clippy::cast_possible_truncation)] // the low halves are meant
const fn multiple(modulus: &[u64; 4], k: u64) -> Limbs {
    let (mut words, mut carry) = ([0_u64; 5], 0_u128);
    let mut word = 0;
    while word < 4 {
        let product = modulus[word] as u128 * k as u128 + carry;
        words[word] = product as u64;
        carry = product >> 64;
        word += 1;
    }
    words[4] = carry as u64;
    let mut limbs = [0; LIMBS];
    let mut limb = 0;
    while limb < LIMBS {
        let (word, shift) = (limb * LIMB_BITS / 64, limb * LIMB_BITS % 64);
        let high = if shift > 64 - LIMB_BITS { words[word + 1] << (64 - shift) } else { 0 };
        limbs[limb] = ((words[word] >> shift) | high) & MASK;
        limb += 1;
    }
    limbs
}

/// Returns the limbs of `2^261` less a number.
const fn complement(limbs: &Limbs) -> Limbs {
    let (mut result, mut carry, mut limb) = ([0; LIMBS], 1, 0);
    while limb < LIMBS {
        let sum = (MASK - limbs[limb]) + carry;
        result[limb] = sum & MASK;
        carry = sum >> LIMB_BITS;
        limb += 1;
    }
    result
}

/// Returns the same number with every limb but the top one at least `2^29 − 1`, so that limbs can be taken from it.
const fn lent(limbs: Limbs) -> Limbs {
    let (mut result, mut limb) = (limbs, 1);
    result[0] += 1 << LIMB_BITS;
    while limb < LIMBS - 1 {
        result[limb] += MASK;
        limb += 1;
    }
    result[LIMBS - 1] -= 1;
    result
}

#[target_feature(enable = "avx2")]
#[inline]
fn splat(value: u64) -> __m256i {
    _mm256_set1_epi64x(value.cast_signed())
}

/// Carries what exceeds 29 bits into the next limb.
#[target_feature(enable = "avx2")]
#[inline]
fn carried(mut limbs: Vectors) -> Vectors {
    let mask = splat(MASK);
    for limb in 0..LIMBS - 1 {
        let carry = _mm256_srli_epi64::<29>(limbs[limb]);
        limbs[limb + 1] = _mm256_add_epi64(limbs[limb + 1], carry);
        limbs[limb] = _mm256_and_si256(limbs[limb], mask);
    }
    limbs
}

/// Returns limbs less a constant where that is not negative, given `2^261` less the constant.
#[target_feature(enable = "avx2")]
#[inline]
fn reduced(limbs: &Vectors, complement: &Limbs) -> Vectors {
    // Adding the complement carries out of the top limb exactly where the number is at least the constant.
    let (mask, mut carry, mut less) = (splat(MASK), _mm256_setzero_si256(), *limbs);
    for limb in 0..LIMBS {
        let sum = _mm256_add_epi64(_mm256_add_epi64(limbs[limb], splat(complement[limb])), carry);
        carry = _mm256_srli_epi64::<29>(sum);
        less[limb] = _mm256_and_si256(sum, mask);
    }
    chosen(limbs, &less, _mm256_sub_epi64(_mm256_setzero_si256(), carry))
}

/// Returns the second limbs where the mask is all ones, the first ones where it is 0.
#[target_feature(enable = "avx2")]
#[inline]
fn chosen(first: &Vectors, second: &Vectors, mask: __m256i) -> Vectors {
    let mut limbs = *first;
    for limb in 0..LIMBS {
        limbs[limb] = _mm256_blendv_epi8(first[limb], second[limb], mask);
    }
    limbs
}

/// Returns the difference plus a constant that was [`lent`].
#[target_feature(enable = "avx2")]
#[inline]
fn difference(left: &Vectors, right: &Vectors, constant: &Limbs) -> Vectors {
    let mut limbs = *left;
    for limb in 0..LIMBS {
        limbs[limb] = _mm256_sub_epi64(_mm256_add_epi64(left[limb], splat(constant[limb])), right[limb]);
    }
    carried(limbs)
}

/// Returns four rows of four words with rows and columns exchanged.
#[target_feature(enable = "avx2")]
#[inline]
fn transposed([a, b, c, d]: [__m256i; 4]) -> [__m256i; 4] {
    let (even, odd) = (_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
    let (even_high, odd_high) = (_mm256_unpacklo_epi64(c, d), _mm256_unpackhi_epi64(c, d));
    [
        _mm256_permute2x128_si256::<0x20>(even, even_high),
        _mm256_permute2x128_si256::<0x20>(odd, odd_high),
        _mm256_permute2x128_si256::<0x31>(even, even_high),
        _mm256_permute2x128_si256::<0x31>(odd, odd_high),
    ]
}

#[target_feature(enable = "avx2")]
#[inline]
fn load(words: &[u64; 4]) -> __m256i {
    // SAFETY: reads the 32 bytes of the reference.
    unsafe { _mm256_loadu_si256(std::ptr::from_ref(words).cast()) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn store(vector: __m256i) -> [u64; 4] {
    let mut words = [0; 4];
    // SAFETY: writes the 32 bytes of the array.
    unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), vector) };
    words
}

/// Returns the limbs of four packed elements.
#[target_feature(enable = "avx2")]
#[inline]
fn gathered(packed: [&Packed; LANES]) -> Vectors {
    let rows = [load(packed[0]), load(packed[1]), load(packed[2]), load(packed[3])];
    let ([a, b, c, d], mask) = (transposed(rows), splat(MASK));
    let across = |low, high| _mm256_and_si256(_mm256_or_si256(low, high), mask);
    [
        _mm256_and_si256(a, mask),
        _mm256_and_si256(_mm256_srli_epi64::<29>(a), mask),
        across(_mm256_srli_epi64::<58>(a), _mm256_slli_epi64::<6>(b)),
        _mm256_and_si256(_mm256_srli_epi64::<23>(b), mask),
        across(_mm256_srli_epi64::<52>(b), _mm256_slli_epi64::<12>(c)),
        _mm256_and_si256(_mm256_srli_epi64::<17>(c), mask),
        across(_mm256_srli_epi64::<46>(c), _mm256_slli_epi64::<18>(d)),
        _mm256_and_si256(_mm256_srli_epi64::<11>(d), mask),
        _mm256_srli_epi64::<40>(d),
    ]
}

/// Returns four packed elements from their limbs, which are below `2^256` together.
#[target_feature(enable = "avx2")]
#[inline]
fn scattered(&[l0, l1, l2, l3, l4, l5, l6, l7, l8]: &Vectors) -> [Packed; LANES] {
    let join = |low, middle, high| _mm256_or_si256(_mm256_or_si256(low, middle), high);
    let [a, b, c, d] = transposed([
        join(l0, _mm256_slli_epi64::<29>(l1), _mm256_slli_epi64::<58>(l2)),
        join(_mm256_srli_epi64::<6>(l2), _mm256_slli_epi64::<23>(l3), _mm256_slli_epi64::<52>(l4)),
        join(_mm256_srli_epi64::<12>(l4), _mm256_slli_epi64::<17>(l5), _mm256_slli_epi64::<46>(l6)),
        join(_mm256_srli_epi64::<18>(l6), _mm256_slli_epi64::<11>(l7), _mm256_slli_epi64::<40>(l8)),
    ]);
    [store(a), store(b), store(c), store(d)]
}

/// Returns the product of two elements, divided by `2^261`.
///
/// A function of its own, because its four hundred instructions would not stay decoded if every product had a copy.
#[target_feature(enable = "avx2")]
#[inline(never)]
fn montgomery_product(left: &Vectors, right: &Vectors, modulus: &Limbs, inverse: u64) -> Vectors {
    let (mask, inverse) = (splat(MASK), splat(inverse));
    let mut columns = [_mm256_setzero_si256(); LIMBS];
    macro_rules! row {
        ($row:literal) => {{
            // A column collects at most nine products below 2^60 and nine below 2^58, and carries below 2^36.
            for limb in 0..LIMBS {
                columns[limb] = _mm256_add_epi64(columns[limb], _mm256_mul_epu32(left[limb], right[$row]));
            }
            // The multiple of the modulus that makes the lowest limb zero, which is then shifted out.
            let quotient = _mm256_and_si256(_mm256_mul_epu32(columns[0], inverse), mask);
            let times = |limb: usize| _mm256_mul_epu32(quotient, splat(modulus[limb]));
            let carry = _mm256_srli_epi64::<29>(_mm256_add_epi64(columns[0], times(0)));
            for limb in 1..LIMBS {
                columns[limb - 1] = _mm256_add_epi64(columns[limb], times(limb));
            }
            columns[0] = _mm256_add_epi64(columns[0], carry);
            columns[LIMBS - 1] = _mm256_setzero_si256();
        }};
    }
    // Written out, because the compiler does not unroll a loop of this size.
    row!(0);
    row!(1);
    row!(2);
    row!(3);
    row!(4);
    row!(5);
    row!(6);
    row!(7);
    row!(8);
    carried(columns)
}

#[target_feature(enable = "avx2")]
fn with_vectors<W: Work>(work: W) -> W::Output {
    work.run()
}

// SAFETY of every operation: work that `enter` runs is what calls them, and `enter` has seen that the vectors are there.
impl<C: MontConfig<4>> PrimeLanes<C> for Avx2<C> {
    fn pack(value: &Element<C>) -> Packed {
        (*value * Self::SHIFT).0.0
    }

    fn unpack(packed: &Packed) -> Element<C> {
        Element::new_unchecked(BigInt(*packed)) * Self::UNSHIFT
    }

    fn enter<W: Work>(work: W) -> W::Output {
        assert!(available(), "this processor has no 256-bit vectors");
        // SAFETY: it has them.
        unsafe { with_vectors(work) }
    }

    #[inline(always)]
    fn gather(packed: [&Packed; LANES]) -> Self {
        // SAFETY: above.
        Self(unsafe { gathered(packed) }, PhantomData)
    }

    #[inline(always)]
    fn scatter<const BOUND: u64>(self) -> [Packed; LANES] {
        const { assert!(BOUND <= 8, "only multiples up to 8 are reduced") };
        let below_four = if BOUND > 4 { self.reduce::<4>() } else { self };
        let below_two = if BOUND > 2 { below_four.reduce::<2>() } else { below_four };
        below_two.reduce::<1>().scatter_loosely()
    }

    #[inline(always)]
    fn scatter_loosely(self) -> [Packed; LANES] {
        // SAFETY: above.
        unsafe { scattered(&self.0) }
    }

    #[inline(always)]
    fn integers(self) -> [Packed; LANES] {
        // The product of v·R and 1, divided by R.
        // SAFETY: above.
        let one = unsafe {
            let mut limbs = [_mm256_setzero_si256(); LIMBS];
            limbs[0] = splat(1);
            Self(limbs, PhantomData)
        };
        self.product(one).scatter::<2>()
    }

    #[inline(always)]
    fn reduce<const K: u64>(self) -> Self {
        let complement = const { complement(&multiple(&C::MODULUS.0, K)) };
        // SAFETY: above.
        Self(unsafe { reduced(&self.0, &complement) }, PhantomData)
    }

    #[inline(always)]
    fn product(self, other: Self) -> Self {
        // SAFETY: above.
        Self(unsafe { montgomery_product(&self.0, &other.0, &Self::MODULUS, Self::INVERSE) }, PhantomData)
    }

    #[inline(always)]
    fn sum(mut self, other: Self) -> Self {
        for limb in 0..LIMBS {
            // SAFETY: above.
            self.0[limb] = unsafe { _mm256_add_epi64(self.0[limb], other.0[limb]) };
        }
        self
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        // SAFETY: above.
        Self(unsafe { carried(self.sum(other).0) }, PhantomData)
    }

    #[inline(always)]
    fn less<const K: u64>(self, other: Self) -> Self {
        let constant = const { lent(multiple(&C::MODULUS.0, K)) };
        // SAFETY: above.
        Self(unsafe { difference(&self.0, &other.0, &constant) }, PhantomData)
    }

    #[inline(always)]
    fn signed(self, negative: [u64; LANES]) -> Self {
        let constant = const { lent(multiple(&C::MODULUS.0, 1)) };
        // SAFETY: above.
        unsafe {
            let opposite = difference(&[_mm256_setzero_si256(); LIMBS], &self.0, &constant);
            Self(chosen(&self.0, &opposite, load(&negative)), PhantomData)
        }
    }
}
