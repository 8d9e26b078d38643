//! Many proofs under one key, checked together.
//!
//! With coefficients `ρ_i` that no prover can foresee, the equations of all proofs are added up to
//! `Π e(ρ_i·A_i, B_i) = e(Σρ_i·α, β)·e(Σ ρ_i·X_i, γ)·e(Σ ρ_i·C_i, δ)`, where `X_i` is the combination of IC by the signals
//! of proof `i`: one Miller loop a proof, and one final exponentiation in all. Proofs that hold always pass. Where some do
//! not, let `ε_i` be the exponents by which their equations miss, in a group of prime order: `Σ ρ_i·ε_i` vanishes for at
//! most one in 2^128 choices of the coefficient of one that is not zero. `ρ_0` is 1: if `ε_0` is the only one that is not
//! zero, nothing cancels it.

use ark_bn254::{Bn254, Fq12, Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::pairing::{MillerLoopOutput, Pairing};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{AdditiveGroup, BigInt, One, PrimeField};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::json;
use crate::msm::msm_affine;
use crate::verify::{Proof, VerifyingKey, read_signals};

/// Pairs that one task carries through the Miller loop.
const TASK: usize = 16;

/// A proof and the signals that it is for.
pub struct Claim {
    /// Public signals, as many as the key has.
    pub public: Vec<Fr>,
    /// The proof.
    pub proof: Proof,
}

/// Returns the first of many proofs that does not hold, none if all hold; all are given in snarkjs's JSON.
///
/// # Errors
/// Anything that is not in canonical form, with the proof's number, the member and the rule.
pub fn verify_many(key: &str, publics: &[Vec<String>], proofs: &[String]) -> Result<Option<usize>> {
    let key = json::verifying_key(key)?;
    key.check_shape(json::KEY)?;
    if publics.len() != proofs.len() {
        let rule = format!("holds {} lists of signals for {} proofs", publics.len(), proofs.len());
        return Err(Error::value("publics", rule));
    }
    let read = |(number, (public, proof)): (usize, (&Vec<String>, &String))| {
        let claim = || Ok(Claim { public: read_signals(&key, public)?, proof: json::proof(proof)? });
        claim().map_err(|error: Error| error.of(number))
    };
    let claims: Vec<Result<Claim>> = publics.par_iter().zip(proofs).enumerate().map(read).collect();
    first_failure(&key, &claims.into_iter().collect::<Result<Vec<_>>>()?)
}

/// Returns the first claim that does not hold, none if all hold.
///
/// # Errors
/// The operating system gives no randomness.
pub fn first_failure(key: &VerifyingKey, claims: &[Claim]) -> Result<Option<usize>> {
    if all_hold(key, claims)? {
        return Ok(None);
    }
    // All before `first` hold, and one from there to `end` does not.
    let (mut first, mut end) = (0, claims.len());
    while end - first > 1 {
        let middle = first.midpoint(end);
        if all_hold(key, &claims[first..middle])? {
            first = middle;
        } else {
            end = middle;
        }
    }
    Ok(Some(first))
}

fn all_hold(key: &VerifyingKey, claims: &[Claim]) -> Result<bool> {
    if claims.iter().any(|claim| claim.public.len() + 1 != key.ic.len()) {
        return Ok(false);
    }
    let coefficients = coefficients(claims.len())?;
    let mut sums = vec![Fr::ZERO; key.ic.len()];
    for (claim, coefficient) in claims.iter().zip(&coefficients) {
        let coefficient = Fr::from(*coefficient);
        sums[0] += coefficient;
        for (sum, signal) in sums[1..].iter_mut().zip(&claim.public) {
            *sum += coefficient * signal;
        }
    }
    let integers: Vec<BigInt<4>> = sums.iter().map(|sum| sum.into_bigint()).collect();
    let proof_cs: Vec<G1Affine> = claims.iter().map(|claim| claim.proof.c).collect();
    let scaled: Vec<G1Projective> = claims
        .par_iter()
        .zip(&coefficients)
        .map(|(claim, by)| claim.proof.a.mul_bigint(limbs(*by)))
        .collect();
    let narrow: Vec<BigInt<4>> = coefficients.iter().map(|by| Fr::from(*by).into_bigint()).collect();
    let right = [
        (-(key.alpha1 * sums[0]), key.beta2),
        (-msm_affine(&key.ic, &integers), key.gamma2),
        (-msm_affine(&proof_cs, &narrow), key.delta2),
    ];
    let firsts = G1Projective::normalize_batch(&[scaled, right.map(|(point, _)| point).to_vec()].concat());
    let seconds: Vec<G2Affine> =
        claims.iter().map(|claim| claim.proof.b).chain(right.map(|(_, point)| point)).collect();
    Ok(pairings_cancel(&firsts, &seconds))
}

/// Returns whether `Π e(firsts[i], seconds[i]) = 1`.
fn pairings_cancel(firsts: &[G1Affine], seconds: &[G2Affine]) -> bool {
    let product: Fq12 = firsts
        .par_chunks(TASK)
        .zip(seconds.par_chunks(TASK))
        .map(|(firsts, seconds)| Bn254::multi_miller_loop(firsts, seconds).0)
        .product();
    Bn254::final_exponentiation(MillerLoopOutput(product)).is_some_and(|result| result.0.is_one())
}

/// Returns 1 and then coefficients from the operating system.
fn coefficients(count: usize) -> Result<Vec<u128>> {
    let mut bytes = vec![0_u8; count * size_of::<u128>()];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::value("randomness", format!("the operating system gave none: {error}")))?;
    let (numbers, _) = bytes.as_chunks();
    let mut coefficients: Vec<u128> = numbers.iter().map(|bytes| u128::from_le_bytes(*bytes)).collect();
    if let Some(first) = coefficients.first_mut() {
        *first = 1;
    }
    Ok(coefficients)
}

#[allow(clippy::cast_possible_truncation)] // the two halves are meant
fn limbs(number: u128) -> [u64; 2] {
    [number as u64, (number >> 64) as u64]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::derived_scalar;
    use crate::verify::check;
    use ark_ff::Field;

    /// A key whose secrets are known, and claims simulated with them.
    struct Simulator {
        alpha: Fr,
        beta: Fr,
        gamma: Fr,
        delta: Fr,
        inputs: [Fr; 3],
    }

    fn g1(scalar: Fr) -> G1Affine {
        (G1Affine::generator() * scalar).into_affine()
    }

    fn g2(scalar: Fr) -> G2Affine {
        (G2Affine::generator() * scalar).into_affine()
    }

    fn random(index: u8) -> Fr {
        *derived_scalar(&[9; 32], index)
    }

    impl Simulator {
        fn new() -> Self {
            let [alpha, beta, gamma, delta] = [0, 1, 2, 3].map(random);
            Self { alpha, beta, gamma, delta, inputs: [4, 5, 6].map(random) }
        }

        fn key(&self) -> VerifyingKey {
            VerifyingKey {
                alpha1: g1(self.alpha),
                beta2: g2(self.beta),
                gamma2: g2(self.gamma),
                delta2: g2(self.delta),
                ic: self.inputs.map(g1).to_vec(),
            }
        }

        fn claim(&self, seed: u8) -> Claim {
            let (public, [a, b]) = ([Fr::from(seed), random(seed)], [100 + seed, 200 + seed].map(random));
            let input = self.inputs[0] + self.inputs[1] * public[0] + self.inputs[2] * public[1];
            let c = (a * b - self.alpha * self.beta - self.gamma * input) * self.delta.inverse().unwrap();
            Claim { public: public.to_vec(), proof: Proof { a: g1(a), b: g2(b), c: g1(c) } }
        }
    }

    fn claims(simulator: &Simulator, count: u8) -> Vec<Claim> {
        (0..count).map(|seed| simulator.claim(seed)).collect()
    }

    #[test]
    fn simulated_claims_hold_one_by_one_and_together() {
        let simulator = Simulator::new();
        let key = simulator.key();
        for count in [0, 1, 2, 3, 20] {
            let claims = claims(&simulator, count);
            assert!(claims.iter().all(|claim| check(&key, &claim.public, &claim.proof)));
            assert_eq!(first_failure(&key, &claims).unwrap(), None);
        }
    }

    #[test]
    fn a_claim_that_does_not_hold_is_named_at_every_place() {
        let simulator = Simulator::new();
        let key = simulator.key();
        for count in [1, 2, 5, 18] {
            for place in 0..usize::from(count) {
                let mut claims = claims(&simulator, count);
                claims[place].public[0] += Fr::from(1);
                assert_eq!(first_failure(&key, &claims).unwrap(), Some(place));
                claims[place].public.pop();
                assert_eq!(first_failure(&key, &claims).unwrap(), Some(place));
            }
        }
    }

    #[test]
    fn errors_that_cancel_with_equal_coefficients_are_found() {
        let simulator = Simulator::new();
        let key = simulator.key();
        let shift = g1(random(7));
        for (first, second) in [(0, 1), (0, 4), (2, 3)] {
            let mut claims = claims(&simulator, 5);
            claims[first].proof.c = (claims[first].proof.c + shift).into_affine();
            claims[second].proof.c = (claims[second].proof.c - shift).into_affine();
            assert_eq!(first_failure(&key, &claims).unwrap(), Some(first));
        }
    }

    #[test]
    fn the_first_coefficient_is_1_and_the_others_differ() {
        let [first, second, third] = coefficients(3).unwrap().try_into().unwrap();
        assert_eq!(first, 1);
        assert_ne!(second, third);
        assert_eq!(coefficients(0).unwrap(), Vec::<u128>::new());
        assert_eq!(limbs(7 << 64 | 5), [5, 7]);
    }
}
