//! The quotient polynomial of Groth16, as values on the odd coset.
//!
//! For a domain of `n = 2^k` points and `ω` a root of unity of order `2n`, let `a`, `b`, `c` be the polynomials of degree
//! below `n` that take the values `A·w`, `B·w` and their products on the powers of `ω²`. Then `p = a·b − c` vanishes on
//! the even powers of `ω`, and as its degree is below `2n` it is fixed by its values on the odd ones. Section 9 of the
//! key holds the Lagrange points of exactly those places, so that no division by the vanishing polynomial is needed.

use ark_bn254::Fr;
use ark_ff::{BigInt, FftField, Field, PrimeField};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use rayon::prelude::*;
use zeroize::{Zeroize, Zeroizing};

use crate::error::{Error, Result};
use crate::zkey::ProvingKey;

/// Returns `p(ω^(2i+1))` for `i < n`, as plain integers.
///
/// # Errors
/// The key's domain does not exist in the field; keys that were read are never refused.
pub fn odd_values(key: &ProvingKey, witness: &[BigInt<4>]) -> Result<Zeroizing<Vec<BigInt<4>>>> {
    let [a_rows, b_rows] = &key.matrices;
    let rows = (0..key.domain).into_par_iter().with_min_len(512);
    let a: Vec<Fr> = rows.clone().map(|row| a_rows.row_product(row, witness)).collect();
    let b: Vec<Fr> = rows.map(|row| b_rows.row_product(row, witness)).collect();
    combine(a, b)
}

/// Returns the values of `a·b − c` on the odd coset from the values of `a` and `b` on the domain.
fn combine(mut a: Vec<Fr>, mut b: Vec<Fr>) -> Result<Zeroizing<Vec<BigInt<4>>>> {
    let mut c: Vec<Fr> = a.par_iter().zip(&b).map(|(left, right)| *left * right).collect();
    let extend = OddCoset::new(a.len())?;
    rayon::join(|| extend.apply(&mut a), || rayon::join(|| extend.apply(&mut b), || extend.apply(&mut c)));
    let values = a.par_iter().zip(&b).zip(&c).map(|((a, b), c)| (*a * b - c).into_bigint()).collect();
    a.zeroize();
    b.zeroize();
    c.zeroize();
    Ok(Zeroizing::new(values))
}

/// Carries values on the powers of `ω²` over to the odd powers of `ω`.
struct OddCoset {
    domain: Radix2EvaluationDomain<Fr>,
    coset: Radix2EvaluationDomain<Fr>,
}

impl OddCoset {
    fn new(size: usize) -> Result<Self> {
        let missing =
            || Error::value("domain", format!("the field has no domain of {size} points and its double"));
        let domain = Radix2EvaluationDomain::new(size).ok_or_else(missing)?;
        let shift = Fr::get_root_of_unity(2 * size as u64).ok_or_else(missing)?;
        debug_assert_eq!(shift.square(), domain.group_gen());
        let coset = domain.get_coset(shift).ok_or_else(missing)?;
        Ok(Self { domain, coset })
    }

    fn apply(&self, values: &mut Vec<Fr>) {
        self.domain.ifft_in_place(values);
        self.coset.fft_in_place(values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_poly::{DenseUVPolynomial, Polynomial, univariate::DensePolynomial};

    fn scattered(count: u64) -> Vec<Fr> {
        (0..count).map(|index| Fr::from(index + 2).pow([200 + index])).collect()
    }

    #[test]
    fn the_extension_evaluates_on_the_odd_powers() {
        for size in [2_usize, 8, 64] {
            let coefficients = scattered(size as u64);
            let polynomial = DensePolynomial::from_coefficients_vec(coefficients.clone());
            let domain = Radix2EvaluationDomain::<Fr>::new(size).unwrap();
            let mut values = domain.fft(&coefficients);
            OddCoset::new(size).unwrap().apply(&mut values);
            let omega = Fr::get_root_of_unity(2 * size as u64).unwrap();
            for (index, value) in values.iter().enumerate() {
                assert_eq!(*value, polynomial.evaluate(&omega.pow([2 * index as u64 + 1])));
            }
        }
    }

    #[test]
    fn the_combination_is_a_times_b_less_c() {
        let size = 16;
        let (a, b) = (scattered(size), scattered(size).into_iter().rev().collect::<Vec<_>>());
        let domain = Radix2EvaluationDomain::<Fr>::new(a.len()).unwrap();
        let interpolate = |values: &[Fr]| DensePolynomial::from_coefficients_vec(domain.ifft(values));
        let products: Vec<Fr> = a.iter().zip(&b).map(|(left, right)| *left * right).collect();
        let polynomial = &(&interpolate(&a) * &interpolate(&b)) - &interpolate(&products);
        let omega = Fr::get_root_of_unity(2 * size).unwrap();
        for (index, value) in combine(a, b).unwrap().iter().enumerate() {
            assert_eq!(*value, polynomial.evaluate(&omega.pow([2 * index as u64 + 1])).into_bigint());
            assert_eq!(polynomial.evaluate(&omega.pow([2 * index as u64])), Fr::from(0));
        }
    }
}
