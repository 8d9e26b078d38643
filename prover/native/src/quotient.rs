//! The quotient polynomial of Groth16, as values on the odd coset.
//!
//! For a domain of `n = 2^k` points and `ω` a root of unity of order `2n`, let `a`, `b`, `c` be the polynomials of degree
//! below `n` that take the values `A·w`, `B·w` and their products on the powers of `ω²`. Then `p = a·b − c` vanishes on
//! the even powers of `ω`, and as its degree is below `2n` it is fixed by its values on the odd ones. Section 9 of the
//! key holds the Lagrange points of exactly those places, so that no division by the vanishing polynomial is needed.

use std::marker::PhantomData;

use ark_bn254::{Fr, FrConfig};
use ark_ff::{BigInt, FftField, PrimeField};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use rayon::prelude::*;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::form::{Family, Form, on_form};
use crate::lanes::{Packed, PrimeLanes, Work, gather_group};
use crate::transform::{OddCoset, SMALLEST};
use crate::zkey::ProvingKey;

/// Elements that one task combines.
const SHARE: usize = 1 << 12;

/// The step to the odd coset, on lanes where the domain is large enough for them.
pub enum Extension {
    /// On lanes.
    Lanes(OddCoset),
    /// By `ark-poly`.
    Plain(Box<PlainCoset>),
}

impl Extension {
    /// Returns the step for domains of `size` points.
    ///
    /// # Errors
    /// The field has no such domain, or none of its double.
    pub fn new(form: Form, size: usize) -> Result<Self> {
        if size < SMALLEST {
            Ok(Self::Plain(Box::new(PlainCoset::new(size)?)))
        } else {
            Ok(Self::Lanes(OddCoset::new(form, size)?))
        }
    }
}

/// Returns `p(ω^(2i+1))` for `i < n`, as plain integers.
#[must_use]
pub fn odd_values(key: &ProvingKey, witness: &[BigInt<4>]) -> Zeroizing<Vec<BigInt<4>>> {
    let values = key.matrices.each_ref().map(|matrix| {
        let rows = (0..key.domain).into_par_iter().with_min_len(512);
        rows.map(|row| matrix.row_product(row, witness).0.0).collect()
    });
    combine(&key.extension, values)
}

/// Returns the values of `a·b − c` on the odd coset from the values of `a` and `b` on the domain, as `ark-ff` holds them.
fn combine(extension: &Extension, [a, b]: [Vec<Packed>; 2]) -> Zeroizing<Vec<BigInt<4>>> {
    let c = a.par_iter().zip(&b).map(|(a, b)| (element(a) * element(b)).0.0).collect();
    let values = [a, b, c].map(Zeroizing::new);
    match extension {
        Extension::Plain(coset) => {
            let [a, b, c] = values.map(|values| {
                let mut elements = values.iter().map(element).collect();
                coset.apply(&mut elements);
                Zeroizing::new(elements)
            });
            let values = a.iter().zip(&*b).zip(&*c).map(|((a, b), c)| (*a * b - c).into_bigint());
            Zeroizing::new(values.collect())
        }
        Extension::Lanes(coset) => combine_on_lanes(coset, values),
    }
}

/// Returns the element that `ark-ff` holds so.
fn element(held: &Packed) -> Fr {
    Fr::new_unchecked(BigInt(*held))
}

fn combine_on_lanes(coset: &OddCoset, mut values: [Zeroizing<Vec<Packed>>; 3]) -> Zeroizing<Vec<BigInt<4>>> {
    values.par_iter_mut().for_each(|values| coset.apply(values));
    let [a, b, c] = &values;
    let mut combined = Zeroizing::new(vec![BigInt([0; 4]); a.len()]);
    let operands = a.par_chunks(SHARE).zip(b.par_chunks(SHARE)).zip(c.par_chunks(SHARE));
    combined.par_chunks_mut(SHARE).zip(operands).for_each(|(out, ((a, b), c))| {
        on_form!(coset.form(), F, N => {
            type Scalars = <F as Family<N>>::Prime<FrConfig>;
            Scalars::enter(Combination::<Scalars, N> { a, b, c, out, lanes: PhantomData });
        });
    });
    combined
}

/// `a·b − c` for a share of the values, as plain integers.
struct Combination<'a, L, const N: usize> {
    a: &'a [Packed],
    b: &'a [Packed],
    c: &'a [Packed],
    out: &'a mut [BigInt<4>],
    lanes: PhantomData<L>,
}

impl<L: PrimeLanes<FrConfig, N>, const N: usize> Work for Combination<'_, L, N> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let [a, b, c] = [self.a.as_chunks().0, self.b.as_chunks().0, self.c.as_chunks().0];
        let groups = a.iter().zip(b).zip(c).zip(self.out.as_chunks_mut::<N>().0);
        for (((a, b), c), out) in groups {
            let (a, b, c): (L, L, L) = (gather_group(a), gather_group(b), gather_group(c));
            // Below 4p each, so that the product is below 1.7p.
            *out = a.product(b).less::<4>(c).integers().map(BigInt);
        }
    }
}

/// The same as [`OddCoset`], by the transforms of `ark-poly`.
pub struct PlainCoset {
    domain: Radix2EvaluationDomain<Fr>,
    coset: Radix2EvaluationDomain<Fr>,
}

impl PlainCoset {
    /// Returns the step for domains of `size` points.
    ///
    /// # Errors
    /// The field has no such domain, or none of its double.
    pub fn new(size: usize) -> Result<Self> {
        let missing =
            || Error::value("domain", format!("the field has no domain of {size} points and its double"));
        let domain = Radix2EvaluationDomain::new(size).ok_or_else(missing)?;
        let shift = Fr::get_root_of_unity(2 * size as u64).ok_or_else(missing)?;
        let coset = domain.get_coset(shift).ok_or_else(missing)?;
        Ok(Self { domain, coset })
    }

    /// Replaces values on the domain by values on the odd coset.
    pub fn apply(&self, values: &mut Vec<Fr>) {
        self.domain.ifft_in_place(values);
        self.coset.fft_in_place(values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::Field;
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
            PlainCoset::new(size).unwrap().apply(&mut values);
            let omega = Fr::get_root_of_unity(2 * size as u64).unwrap();
            for (index, value) in values.iter().enumerate() {
                assert_eq!(*value, polynomial.evaluate(&omega.pow([2 * index as u64 + 1])));
            }
        }
    }

    #[test]
    fn the_combination_is_a_times_b_less_c() {
        for (form, size) in
            Form::available().into_iter().flat_map(|form| [2, 8, 32, 64, 128, 256].map(|size| (form, size)))
        {
            check_combination(form, size);
        }
    }

    fn check_combination(form: Form, size: u64) {
        let extension = Extension::new(form, usize::try_from(size).unwrap()).unwrap();
        let (a, b) = (scattered(size), scattered(size).into_iter().rev().collect::<Vec<_>>());
        let domain = Radix2EvaluationDomain::<Fr>::new(a.len()).unwrap();
        let interpolate = |values: &[Fr]| DensePolynomial::from_coefficients_vec(domain.ifft(values));
        let products: Vec<Fr> = a.iter().zip(&b).map(|(left, right)| *left * right).collect();
        let polynomial = &(&interpolate(&a) * &interpolate(&b)) - &interpolate(&products);
        let omega = Fr::get_root_of_unity(2 * size).unwrap();
        let values = [a, b].map(|values| values.iter().map(|value| value.0.0).collect());
        for (index, value) in combine(&extension, values).iter().enumerate() {
            assert_eq!(*value, polynomial.evaluate(&omega.pow([2 * index as u64 + 1])).into_bigint());
            assert_eq!(polynomial.evaluate(&omega.pow([2 * index as u64])), Fr::from(0));
        }
    }
}
