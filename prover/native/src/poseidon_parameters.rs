//! Poseidon's constants: drawn by the Grain generator of its paper, as circomlib's were, and brought into a form that is
//! quicker to apply.
//!
//! A partial round raises the first element alone to the fifth power, so everything that leaves the first element
//! untouched can be carried past it. Two rearrangements follow, neither of which changes a result:
//!
//! - of a partial round's constants only the first stays; the others go through the matrix into the next round's;
//! - the matrix `M` of a partial round splits into `S·D` with `D = [1, 0; 0, M̂]` and `S` identity but for its first row
//!   and column. `D` goes backward past the fifth power into the round before, whose matrix `D·M` splits again. What is
//!   left of it after the first partial round joins the matrix of the full round before that.
//!
//! References: Grassi, Khovratovich, Rechberger, Roy, Schofnegger, "Poseidon: A New Hash Function for Zero-Knowledge
//! Proof Systems", USENIX Security 2021, appendix B (sparse matrices) and appendix F (Grain generator).

use std::sync::OnceLock;

use ark_bn254::{Fr, FrConfig};
use ark_ff::{AdditiveGroup, BigInt, BigInteger, Field, MontConfig, PrimeField};

/// Full rounds, half of them before the partial ones and half after.
pub const FULL_ROUNDS: usize = 8;
/// Elements of the largest state.
pub const MAX_WIDTH: usize = 17;
/// Partial rounds for a state of 2 … 17 elements.
const PARTIAL_ROUNDS: [usize; 16] = [56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68];

/// Bits of a field element.
const FIELD_BITS: usize = 254;
const GRAIN_BITS: usize = 80;
const GRAIN_TAPS: u128 = 1 << 62 | 1 << 51 | 1 << 38 | 1 << 23 | 1 << 13 | 1;
const GRAIN_WARM_UP: usize = 160;

/// One Poseidon instance, ready to be applied. Matrices are stored row by row.
pub struct Parameters {
    /// Constants of the full rounds, round by round; those of the first one after the partial rounds hold what the
    /// partial rounds passed on.
    pub full_constants: Vec<Fr>,
    /// Constant of the first element, by partial round.
    pub partial_constants: Vec<Fr>,
    /// Matrix of the full rounds but the last one before the partial rounds.
    pub matrix: Vec<Fr>,
    /// Matrix of the last full round before the partial rounds.
    pub entry: Vec<Fr>,
    /// First rows of the partial rounds' matrices.
    pub rows: Vec<Fr>,
    /// First columns of the partial rounds' matrices, without their first element.
    pub columns: Vec<Fr>,
}

/// Returns the parameters for a state of `width` elements, made at the first call; `None` unless it is 2 … 17.
#[must_use]
pub fn parameters(width: usize) -> Option<&'static Parameters> {
    static ALL: [OnceLock<Option<Parameters>>; 16] = [const { OnceLock::new() }; 16];
    ALL.get(width.checked_sub(2)?)?.get_or_init(|| Parameters::new(width)).as_ref()
}

impl Parameters {
    fn new(width: usize) -> Option<Self> {
        let (mut constants, matrix) = drawn(width);
        let (first, last) = (FULL_ROUNDS / 2, constants.len() / width - FULL_ROUNDS / 2);
        let mut partial_constants = Vec::new();
        for round in first..last {
            let (here, next) = constants[round * width..(round + 2) * width].split_at_mut(width);
            partial_constants.push(here[0]);
            here[0] = Fr::ZERO;
            for (constant, row) in next.iter_mut().zip(matrix.chunks_exact(width)) {
                *constant += dot(row, here);
            }
        }
        constants.drain(first * width..last * width);
        let (mut rows, mut columns) = (Vec::new(), Vec::new());
        let mut entry = matrix.clone();
        for _ in first..last {
            let split = Split::of(&entry, &matrix)?;
            rows.push(split.row);
            columns.push(split.column);
            entry = split.before;
        }
        // They were found from the last partial round to the first.
        rows.reverse();
        columns.reverse();
        let (rows, columns) = (rows.concat(), columns.concat());
        Some(Self { full_constants: constants, partial_constants, matrix, entry, rows, columns })
    }
}

/// A matrix `S·D` taken apart.
struct Split {
    /// First row of `S`.
    row: Vec<Fr>,
    /// First column of `S`, without its first element.
    column: Vec<Fr>,
    /// `D·M`, where `M` is the matrix of the round before.
    before: Vec<Fr>,
}

impl Split {
    /// Splits `product = S·D`; `None` where `D` has no inverse, which no matrix of ours meets.
    ///
    /// With `product = [a, v; w, D̂]` the parts are `S = [a, v·D̂⁻¹; w, 1]` and `D = [1, 0; 0, D̂]`.
    fn of(product: &[Fr], matrix: &[Fr]) -> Option<Self> {
        let width = product.len().isqrt();
        let block: Vec<&[Fr]> = product.chunks_exact(width).skip(1).map(|row| &row[1..]).collect();
        let transposed = (0..width - 1).map(|j| block.iter().map(|row| row[j]).collect()).collect();
        let mut row = vec![product[0]];
        row.extend(solved(transposed, product[1..width].to_vec())?);
        let column = product.chunks_exact(width).skip(1).map(|row| row[0]).collect();
        let mut before = matrix[..width].to_vec();
        for row in &block {
            before.extend((0..width).map(|j| {
                let below = matrix.chunks_exact(width).skip(1).map(|row| row[j]);
                row.iter().zip(below).map(|(left, right)| *left * right).sum::<Fr>()
            }));
        }
        Some(Self { row, column, before })
    }
}

/// Returns `x` with `matrix·x = right`, by elimination; `None` where the matrix has no inverse.
fn solved(mut matrix: Vec<Vec<Fr>>, mut right: Vec<Fr>) -> Option<Vec<Fr>> {
    let size = right.len();
    for column in 0..size {
        let pivot = (column..size).find(|row| matrix[*row][column] != Fr::ZERO)?;
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        let inverse = matrix[column][column].inverse()?;
        let (upper, lower) = matrix.split_at_mut(column + 1);
        for (offset, row) in lower.iter_mut().enumerate() {
            let factor = row[column] * inverse;
            for (element, above) in row[column..].iter_mut().zip(&upper[column][column..]) {
                *element -= factor * above;
            }
            let above = right[column];
            right[column + 1 + offset] -= factor * above;
        }
    }
    for column in (0..size).rev() {
        let known = dot(&matrix[column][column + 1..], &right[column + 1..]);
        right[column] = (right[column] - known) * matrix[column][column].inverse()?;
    }
    Some(right)
}

/// Returns `Σ left[i]·right[i]` for at most 17 terms.
///
/// One Montgomery reduction serves all of them: with r < 0.19·2^256 the sum of 17 products is below 2^516, and what it
/// reduces to below 17·0.19·r + r < 4.3·r, which fits 256 bits.
#[must_use]
pub fn dot(left: &[Fr], right: &[Fr]) -> Fr {
    debug_assert!(left.len() <= MAX_WIDTH);
    let mut sum = [0_u64; 9];
    for (left, right) in left.iter().zip(right) {
        let product = product(&left.0.0, &right.0.0);
        let mut carry = false;
        for (limb, addend) in sum.iter_mut().zip(product) {
            (*limb, carry) = limb.carrying_add(addend, carry);
        }
        sum[8] += u64::from(carry);
    }
    for place in 0..4 {
        let factor = sum[place].wrapping_mul(FrConfig::INV);
        let mut carry = 0;
        for (limb, modulus) in sum[place..].iter_mut().zip(Fr::MODULUS.0) {
            (*limb, carry) = factor.carrying_mul_add(modulus, *limb, carry);
        }
        let mut carry_bit;
        (sum[place + 4], carry_bit) = sum[place + 4].overflowing_add(carry);
        for limb in &mut sum[place + 5..] {
            (*limb, carry_bit) = limb.carrying_add(0, carry_bit);
        }
    }
    let mut reduced = BigInt([sum[4], sum[5], sum[6], sum[7]]);
    while reduced >= Fr::MODULUS {
        reduced.sub_with_borrow(&Fr::MODULUS);
    }
    Fr::new_unchecked(reduced)
}

/// Returns the limbs of a product.
fn product(left: &[u64; 4], right: &[u64; 4]) -> [u64; 8] {
    let mut product = [0; 8];
    for (place, factor) in left.iter().enumerate() {
        let mut carry = 0;
        for (limb, other) in product[place..].iter_mut().zip(right) {
            (*limb, carry) = factor.carrying_mul_add(*other, *limb, carry);
        }
        product[place + 4] = carry;
    }
    product
}

/// Returns the constants, round by round, and the matrix as the paper has them.
///
/// The matrix is a Cauchy one, `1 / (x_i + y_j)`.
fn drawn(width: usize) -> (Vec<Fr>, Vec<Fr>) {
    let partial_rounds = PARTIAL_ROUNDS[width - 2];
    let mut grain = Grain::new(width, partial_rounds);
    let wanted = (FULL_ROUNDS + partial_rounds) * width;
    // What is not below the modulus is drawn again for a constant, and reduced for the matrix.
    let constants =
        std::iter::repeat_with(|| Fr::from_bigint(grain.number())).flatten().take(wanted).collect();
    let points: Vec<Fr> =
        (0..2 * width).map(|_| Fr::from_le_bytes_mod_order(&grain.number().to_bytes_le())).collect();
    let (xs, ys) = points.split_at(width);
    let sums = xs.iter().flat_map(|x| ys.iter().map(move |y| *x + y));
    // A sum of zero would make no Cauchy matrix; splitting it refuses it.
    (constants, sums.map(|sum| sum.inverse().unwrap_or_default()).collect())
}

/// The self-shrinking generator over a linear feedback shift register.
struct Grain {
    /// The last 80 bits, the oldest lowest.
    register: u128,
}

impl Grain {
    fn new(width: usize, partial_rounds: usize) -> Self {
        let header = [
            (1, 2),
            (0, 4),
            (FIELD_BITS, 12),
            (width, 12),
            (FULL_ROUNDS, 10),
            (partial_rounds, 10),
            ((1 << 30) - 1, 30),
        ];
        let bits =
            header.into_iter().flat_map(|(value, bits)| (0..bits).rev().map(move |bit| value >> bit & 1));
        let register = bits.enumerate().fold(0, |register, (place, bit)| register | (bit as u128) << place);
        let mut grain = Self { register };
        for _ in 0..GRAIN_WARM_UP {
            grain.step();
        }
        grain
    }

    fn step(&mut self) -> bool {
        let bit = (self.register & GRAIN_TAPS).count_ones() % 2 == 1;
        self.register = self.register >> 1 | u128::from(bit) << (GRAIN_BITS - 1);
        bit
    }

    /// Returns the next filtered bit: of each pair the second where the first is 1.
    fn bit(&mut self) -> bool {
        loop {
            let (keep, bit) = (self.step(), self.step());
            if keep {
                return bit;
            }
        }
    }

    /// Returns the next 254 bits, the highest first.
    fn number(&mut self) -> BigInt<4> {
        let mut number = BigInt::zero();
        for _ in 0..FIELD_BITS {
            number.mul2();
            number.0[0] |= u64::from(self.bit());
        }
        number
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The permutation as the paper states it.
    pub(crate) fn plain_permutation(state: &mut Vec<Fr>) {
        let width = state.len();
        let (constants, matrix) = drawn(width);
        let rounds = constants.len() / width;
        for (round, constants) in constants.chunks_exact(width).enumerate() {
            let full = round < FULL_ROUNDS / 2 || round >= rounds - FULL_ROUNDS / 2;
            for (place, (element, constant)) in state.iter_mut().zip(constants).enumerate() {
                *element += constant;
                if full || place == 0 {
                    *element = element.pow([5_u64]);
                }
            }
            let products = |row: &[Fr]| row.iter().zip(state.iter()).map(|(left, right)| *left * right).sum();
            *state = matrix.chunks_exact(width).map(products).collect();
        }
    }

    #[test]
    fn only_states_of_2_to_17_elements_have_parameters() {
        for width in [0, 1, 18, usize::MAX] {
            assert!(parameters(width).is_none(), "{width}");
        }
        for width in 2..=MAX_WIDTH {
            let made = parameters(width).unwrap();
            assert_eq!(made.full_constants.len(), FULL_ROUNDS * width);
            assert_eq!(made.rows.len(), made.partial_constants.len() * width);
            assert_eq!(made.columns.len(), made.partial_constants.len() * (width - 1));
        }
    }

    #[test]
    fn a_matrix_without_inverse_is_not_solved() {
        let (one, two) = (Fr::from(1), Fr::from(2));
        assert_eq!(solved(vec![vec![one, two], vec![two, two.double()]], vec![one, one]), None);
        let swapped = vec![vec![Fr::ZERO, one], vec![two, one]];
        assert_eq!(solved(swapped, vec![one, Fr::from(5)]), Some(vec![two, one]));
    }

    #[test]
    fn dot_products_of_every_length_are_sums_of_products() {
        let largest = -Fr::from(1);
        for length in 0..=MAX_WIDTH {
            let left: Vec<Fr> = (0..length as u64).map(|index| largest - Fr::from(index)).collect();
            let right = vec![largest; length];
            let sum: Fr = left.iter().zip(&right).map(|(left, right)| *left * right).sum();
            assert_eq!(dot(&left, &right), sum);
        }
    }
}
