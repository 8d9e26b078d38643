//! The Groth16 verifier: `e(A, B) = e(α, β)·e(Σ public_i·IC_i, γ)·e(C, δ)`.
//!
//! Everything is refused that is not in the one canonical form: reference tools accept shortened lists, coordinates above
//! the modulus and rescaled points, and thereby many spellings of one statement.

use std::collections::HashSet;

use ark_bn254::{Bn254, Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::pairing::Pairing;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::One;

use crate::error::{Error, Result};
use crate::field;
use crate::json;

/// A Groth16 verifying key.
pub struct VerifyingKey {
    /// α in G1.
    pub alpha1: G1Affine,
    /// β in G2.
    pub beta2: G2Affine,
    /// γ in G2.
    pub gamma2: G2Affine,
    /// δ in G2.
    pub delta2: G2Affine,
    /// One point for the constant and every public signal.
    pub ic: Vec<G1Affine>,
}

impl VerifyingKey {
    /// Checks what makes a key sound to use; its points are on their curves and in their groups already.
    ///
    /// Where two of β, γ and δ are equal or opposite, anyone can forge. For `δ = γ`, for one: with `A = α`, `B = β` and
    /// `C = −Σ public_i·IC_i` the equation holds for every statement. Two points of IC that are equal or opposite leave
    /// their signals free to move together.
    ///
    /// # Errors
    /// Infinity anywhere; two of β, γ, δ, or two points of IC, that are equal up to sign.
    pub fn check_shape(&self, file: &'static str) -> Result<()> {
        let named = [("beta2", self.beta2), ("gamma2", self.gamma2), ("delta2", self.delta2)];
        if self.alpha1.is_zero() {
            return Err(Error::format(file, "alpha1", "must not be infinity"));
        }
        for (index, (name, point)) in named.iter().enumerate() {
            if point.is_zero() {
                return Err(Error::format(file, *name, "must not be infinity"));
            }
            // Points with one x are equal or opposite.
            if let Some((other, _)) = named[..index].iter().find(|(_, earlier)| earlier.x == point.x) {
                let rule = format!("equals {other} up to sign: anyone can forge under this key");
                return Err(Error::format(file, *name, rule));
            }
        }
        let mut seen = HashSet::new();
        for (index, point) in self.ic.iter().enumerate() {
            if point.is_zero() {
                return Err(Error::format(file, format!("IC[{index}]"), "must not be infinity"));
            }
            if !seen.insert(point.x) {
                return Err(Error::format(
                    file,
                    format!("IC[{index}]"),
                    "equals an earlier point up to sign",
                ));
            }
        }
        Ok(())
    }
}

/// A Groth16 proof.
#[derive(Clone, Copy)]
pub struct Proof {
    /// A in G1.
    pub a: G1Affine,
    /// B in G2.
    pub b: G2Affine,
    /// C in G1.
    pub c: G1Affine,
}

/// Returns whether a proof holds for a key and as many public signals as the key has.
#[must_use]
pub fn check(key: &VerifyingKey, public: &[Fr], proof: &Proof) -> bool {
    let Some((constant, points)) = key.ic.split_first() else { return false };
    if points.len() != public.len() {
        return false;
    }
    let statement: G1Projective =
        points.iter().zip(public).map(|(point, value)| *point * *value).sum::<G1Projective>() + *constant;
    let left = [proof.a, -key.alpha1, -statement.into_affine(), -proof.c];
    Bn254::multi_pairing(left, [proof.b, key.beta2, key.gamma2, key.delta2]).0.is_one()
}

/// Returns whether a proof holds, all three given in snarkjs's JSON.
///
/// # Errors
/// Anything that is not in canonical form, with the member and the rule.
pub fn verify<S: AsRef<str>>(key: &str, public: &[S], proof: &str) -> Result<bool> {
    let key = json::verifying_key(key)?;
    key.check_shape(json::KEY)?;
    let public = read_signals(&key, public)?;
    Ok(check(&key, &public, &json::proof(proof)?))
}

/// Returns the public signals that a key is for.
///
/// # Errors
/// Another number of them than the key has, or one that is not in canonical form.
pub fn read_signals<S: AsRef<str>>(key: &VerifyingKey, public: &[S]) -> Result<Vec<Fr>> {
    if public.len() != key.ic.len() - 1 {
        let rule = format!("holds {} signals, the key is for {}", public.len(), key.ic.len() - 1);
        return Err(Error::value("public", rule));
    }
    let signals = public.iter().enumerate().map(|(index, text)| {
        field::parse_decimal(text.as_ref())
            .map_err(|rule| Error::format("public", format!("signal {index}"), rule))
    });
    signals.collect()
}
