//! Lanes in 256-bit vectors.
//!
//! An element is nine limbs of 29 bits, so that the products of limbs, at most 18 of them in a column, add up in 64 bits
//! without a carry. The Montgomery factor is `2^261`: as moduli are below `2^254`, there is room for multiples of the
//! modulus, and sums and differences need no reduction.

use std::arch::naked_asm;
use std::arch::x86_64::{
    __m256i, _mm256_add_epi64, _mm256_and_si256, _mm256_blendv_epi8, _mm256_loadu_si256, _mm256_or_si256,
    _mm256_permute2x128_si256, _mm256_set1_epi64x, _mm256_setzero_si256, _mm256_slli_epi64,
    _mm256_srli_epi64, _mm256_storeu_si256, _mm256_sub_epi64, _mm256_unpackhi_epi64, _mm256_unpacklo_epi64,
    _mm256_xor_si256,
};
use std::marker::PhantomData;
use std::mem::MaybeUninit;

use ark_ff::{BigInt, MontConfig};

use crate::lanes::{Element, Packed, PrimeLanes, Work};
use crate::limbs;

/// Elements side by side.
pub const LANES: usize = 4;

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
    /// What products need to know of the modulus.
    const CONSTANTS: Constants = {
        let inverse = C::INV & MASK;
        Constants {
            shifted: repeated(&limbs::raised_and_shifted::<LIMBS, LIMB_BITS>(&C::MODULUS.0, inverse)),
            modulus: repeated(&Self::multiple(1)),
            inverse: [inverse; LANES],
            mask: [MASK; LANES],
        }
    };
    /// Returns the limbs of a multiple of the modulus.
    const fn multiple(k: u64) -> Limbs {
        limbs::multiple::<LIMBS, LIMB_BITS>(&C::MODULUS.0, k)
    }

    /// The element whose Montgomery form modulo `2^256` is `2^261`: a product with it packs.
    const SHIFT: Element<C> = Element::new(BigInt([1 << 5, 0, 0, 0]));
    /// The element whose Montgomery form modulo `2^256` is `2^251`: a product with it unpacks.
    const UNSHIFT: Element<C> = Element::new_unchecked(BigInt([0, 0, 0, 1 << 59]));
}

/// What a product needs to know of a modulus `p`, limbs in every lane; [`montgomery_product`] knows the places.
#[repr(C, align(32))]
struct Constants {
    /// `(M + 1)/2^29` for the multiple `M` of `p` that is `−1` modulo `2^29`.
    shifted: [[u64; LANES]; LIMBS],
    /// `p`.
    modulus: [[u64; LANES]; LIMBS],
    /// `M/p`: the negative of the inverse of `p` modulo `2^29`.
    inverse: [u64; LANES],
    /// The lowest 29 bits.
    mask: [u64; LANES],
}

/// Returns limbs in every lane.
const fn repeated(limbs: &Limbs) -> [[u64; LANES]; LIMBS] {
    let (mut lanes, mut limb) = ([[0; LANES]; LIMBS], 0);
    while limb < LIMBS {
        lanes[limb] = [limbs[limb]; LANES];
        limb += 1;
    }
    lanes
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

/// Returns the difference plus a constant that was [`limbs::lent`].
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

/// Instructions that add the product of a register and a vector in memory to a register.
macro_rules! add_product {
    ($factor:literal, $place:literal, $sum:literal, $product:literal) => {
        concat!(
            concat!("vpmuludq ", $product, ", ", $factor, ", [", $place, "]\n"),
            concat!("vpaddq ", $sum, ", ", $sum, ", ", $product, "\n"),
        )
    };
}

/// Instructions that put limb 0 of the right operand times the left one into the columns' registers.
macro_rules! first_row {
    () => {
        concat!(
            "vmovdqu ymm9, [rdx]\n",
            "vpmuludq ymm0, ymm9, [rsi]\n",
            "vpmuludq ymm1, ymm9, [rsi + 32]\n",
            "vpmuludq ymm2, ymm9, [rsi + 64]\n",
            "vpmuludq ymm3, ymm9, [rsi + 96]\n",
            "vpmuludq ymm4, ymm9, [rsi + 128]\n",
            "vpmuludq ymm5, ymm9, [rsi + 160]\n",
            "vpmuludq ymm6, ymm9, [rsi + 192]\n",
            "vpmuludq ymm7, ymm9, [rsi + 224]\n",
            "vpmuludq ymm8, ymm9, [rsi + 256]\n",
        )
    };
}

/// Instructions that add limb `$limb` of the right operand times the left one to columns in registers.
macro_rules! add_row {
    ($limb:literal, $c0:literal $c1:literal $c2:literal $c3:literal $c4:literal $c5:literal $c6:literal $c7:literal $c8:literal) => {
        concat!(
            concat!("vmovdqu ymm9, [rdx + 32*", $limb, "]\n"),
            add_product!("ymm9", "rsi", $c0, "ymm12"),
            add_product!("ymm9", "rsi + 32", $c1, "ymm13"),
            add_product!("ymm9", "rsi + 64", $c2, "ymm14"),
            add_product!("ymm9", "rsi + 96", $c3, "ymm15"),
            add_product!("ymm9", "rsi + 128", $c4, "ymm12"),
            add_product!("ymm9", "rsi + 160", $c5, "ymm13"),
            add_product!("ymm9", "rsi + 192", $c6, "ymm14"),
            add_product!("ymm9", "rsi + 224", $c7, "ymm15"),
            add_product!("ymm9", "rsi + 256", $c8, "ymm12"),
        )
    };
}

/// Instructions that shift the lowest column out; what was its register holds the highest column afterwards.
macro_rules! shift_out {
    ($c0:literal $c1:literal $c2:literal $c3:literal $c4:literal $c5:literal $c6:literal $c7:literal $c8:literal) => {
        concat!(
            concat!("vpand ymm10, ", $c0, ", ymm11\n"),
            concat!("vpsrlq ", $c0, ", ", $c0, ", 29\n"),
            concat!("vpaddq ", $c1, ", ", $c1, ", ", $c0, "\n"),
            add_product!("ymm10", "rcx", $c1, "ymm12"),
            add_product!("ymm10", "rcx + 32", $c2, "ymm13"),
            add_product!("ymm10", "rcx + 64", $c3, "ymm14"),
            add_product!("ymm10", "rcx + 96", $c4, "ymm15"),
            add_product!("ymm10", "rcx + 128", $c5, "ymm12"),
            add_product!("ymm10", "rcx + 160", $c6, "ymm13"),
            add_product!("ymm10", "rcx + 192", $c7, "ymm14"),
            add_product!("ymm10", "rcx + 224", $c8, "ymm15"),
            concat!("vpmuludq ", $c0, ", ymm10, [rcx + 256]\n"),
        )
    };
}

/// Instructions that store a column as a limb and carry what exceeds 29 bits into the next one.
macro_rules! carry_and_store {
    ($limb:literal, $column:literal, $next:literal) => {
        concat!(
            concat!("vpsrlq ymm12, ", $column, ", 29\n"),
            concat!("vpaddq ", $next, ", ", $next, ", ymm12\n"),
            concat!("vpand ", $column, ", ", $column, ", ymm11\n"),
            concat!("vmovdqu [rdi + 32*", $limb, "], ", $column, "\n"),
        )
    };
}

/// Returns the product of two elements, divided by `2^261`.
///
/// It is below `(1 + M/(2^29·p) + i·j/169)·p` for operands below `i·p` and `j·p`.
///
/// A multiple of the modulus makes the lowest column zero, which is then shifted out, row after row. The multiple `M` that
/// is `−1` modulo `2^29` needs no quotient to be computed: with `T = 2^29·t + q`, the next `(T + q·M)/2^29` is
/// `t + q·(M + 1)/2^29`. So a row waits for one product of limbs instead of two. The last row takes the modulus itself,
/// so that `M` weighs only `M/2^29` in the end: 0.142 times the base field's modulus, 0.5 times the scalar field's.
///
/// In assembly, because compilers keep neither the columns in registers nor the operands out of them: nine registers hold
/// the columns, and all 163 products take one factor from memory. A function of its own, because the cache of decoded
/// instructions would not hold a copy for every product.
///
/// The caller's processor has the vectors.
#[unsafe(naked)]
unsafe extern "sysv64" fn montgomery_product(
    result: *mut Vectors,
    left: &Vectors,
    right: &Vectors,
    constants: &Constants,
) {
    // A column collects at most nine products below 2^60 and nine below 2^58, and carries below 2^36.
    // By the convention rdi, rsi, rdx and rcx are the arguments; vectors are the callee's.
    naked_asm!(
        "vmovdqu ymm11, [rcx + 32*19]",
        first_row!(),
        shift_out!("ymm0" "ymm1" "ymm2" "ymm3" "ymm4" "ymm5" "ymm6" "ymm7" "ymm8"),
        add_row!(1, "ymm1" "ymm2" "ymm3" "ymm4" "ymm5" "ymm6" "ymm7" "ymm8" "ymm0"),
        shift_out!("ymm1" "ymm2" "ymm3" "ymm4" "ymm5" "ymm6" "ymm7" "ymm8" "ymm0"),
        add_row!(2, "ymm2" "ymm3" "ymm4" "ymm5" "ymm6" "ymm7" "ymm8" "ymm0" "ymm1"),
        shift_out!("ymm2" "ymm3" "ymm4" "ymm5" "ymm6" "ymm7" "ymm8" "ymm0" "ymm1"),
        add_row!(3, "ymm3" "ymm4" "ymm5" "ymm6" "ymm7" "ymm8" "ymm0" "ymm1" "ymm2"),
        shift_out!("ymm3" "ymm4" "ymm5" "ymm6" "ymm7" "ymm8" "ymm0" "ymm1" "ymm2"),
        add_row!(4, "ymm4" "ymm5" "ymm6" "ymm7" "ymm8" "ymm0" "ymm1" "ymm2" "ymm3"),
        shift_out!("ymm4" "ymm5" "ymm6" "ymm7" "ymm8" "ymm0" "ymm1" "ymm2" "ymm3"),
        add_row!(5, "ymm5" "ymm6" "ymm7" "ymm8" "ymm0" "ymm1" "ymm2" "ymm3" "ymm4"),
        shift_out!("ymm5" "ymm6" "ymm7" "ymm8" "ymm0" "ymm1" "ymm2" "ymm3" "ymm4"),
        add_row!(6, "ymm6" "ymm7" "ymm8" "ymm0" "ymm1" "ymm2" "ymm3" "ymm4" "ymm5"),
        shift_out!("ymm6" "ymm7" "ymm8" "ymm0" "ymm1" "ymm2" "ymm3" "ymm4" "ymm5"),
        add_row!(7, "ymm7" "ymm8" "ymm0" "ymm1" "ymm2" "ymm3" "ymm4" "ymm5" "ymm6"),
        shift_out!("ymm7" "ymm8" "ymm0" "ymm1" "ymm2" "ymm3" "ymm4" "ymm5" "ymm6"),
        add_row!(8, "ymm8" "ymm0" "ymm1" "ymm2" "ymm3" "ymm4" "ymm5" "ymm6" "ymm7"),
        // Column 0 is in ymm8 now, column 1 in ymm0, and so on.
        "vpmuludq ymm10, ymm8, [rcx + 32*18]",
        "vpand ymm10, ymm10, ymm11",
        add_product!("ymm10", "rcx + 32*9", "ymm8", "ymm12"),
        add_product!("ymm10", "rcx + 32*10", "ymm0", "ymm13"),
        add_product!("ymm10", "rcx + 32*11", "ymm1", "ymm14"),
        add_product!("ymm10", "rcx + 32*12", "ymm2", "ymm15"),
        add_product!("ymm10", "rcx + 32*13", "ymm3", "ymm12"),
        add_product!("ymm10", "rcx + 32*14", "ymm4", "ymm13"),
        add_product!("ymm10", "rcx + 32*15", "ymm5", "ymm14"),
        add_product!("ymm10", "rcx + 32*16", "ymm6", "ymm15"),
        add_product!("ymm10", "rcx + 32*17", "ymm7", "ymm12"),
        "vpsrlq ymm8, ymm8, 29",
        "vpaddq ymm0, ymm0, ymm8",
        "vpxor xmm8, xmm8, xmm8",
        carry_and_store!(0, "ymm0", "ymm1"),
        carry_and_store!(1, "ymm1", "ymm2"),
        carry_and_store!(2, "ymm2", "ymm3"),
        carry_and_store!(3, "ymm3", "ymm4"),
        carry_and_store!(4, "ymm4", "ymm5"),
        carry_and_store!(5, "ymm5", "ymm6"),
        carry_and_store!(6, "ymm6", "ymm7"),
        carry_and_store!(7, "ymm7", "ymm8"),
        "vmovdqu [rdi + 32*8], ymm8",
        "ret",
    )
}

#[target_feature(enable = "avx2")]
fn with_vectors<W: Work>(work: W) -> W::Output {
    work.run()
}

// SAFETY of every operation: work that `enter` runs is what calls them, and `enter` has seen that the vectors are there.
impl<C: MontConfig<4>> PrimeLanes<C, LANES> for Avx2<C> {
    fn pack(value: &Element<C>) -> Packed {
        (*value * Self::SHIFT).0.0
    }

    fn unpack(packed: &Packed) -> Element<C> {
        Element::new_unchecked(BigInt(Self::reduced(packed))) * Self::UNSHIFT
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
        let complement = const { limbs::complement::<LIMBS, LIMB_BITS>(&Self::multiple(K)) };
        // SAFETY: above.
        Self(unsafe { reduced(&self.0, &complement) }, PhantomData)
    }

    #[inline(always)]
    fn product(self, other: Self) -> Self {
        let mut result = MaybeUninit::uninit();
        // SAFETY: above; all of the result is written.
        unsafe {
            montgomery_product(result.as_mut_ptr(), &self.0, &other.0, &Self::CONSTANTS);
            Self(result.assume_init(), PhantomData)
        }
    }

    #[inline(always)]
    fn set_product(&mut self, left: &Self, right: &Self) {
        // SAFETY: above.
        unsafe { montgomery_product(&raw mut self.0, &left.0, &right.0, &Self::CONSTANTS) }
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
        let constant = const { limbs::lent::<LIMBS, LIMB_BITS>(Self::multiple(K)) };
        // SAFETY: above.
        Self(unsafe { difference(&self.0, &other.0, &constant) }, PhantomData)
    }

    #[inline(always)]
    fn signed_less<const K: u64>(self, negative: [u64; LANES], other: Self) -> Self {
        let constant = const { limbs::lent::<LIMBS, LIMB_BITS>(Self::multiple(K)) };
        // SAFETY: above.
        unsafe {
            let mask = load(&negative);
            // A limb's opposite is its complement plus one.
            let mut signed = self.0;
            for limb in &mut signed {
                *limb = _mm256_sub_epi64(_mm256_xor_si256(*limb, mask), mask);
            }
            Self(difference(&signed, &other.0, &constant), PhantomData)
        }
    }
}
