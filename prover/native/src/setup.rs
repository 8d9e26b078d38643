//! Development set-up: a proving key whose secrets one process knew and forgot.
//!
//! With `u_i, v_i, w_i` the polynomials of wire `i` in the matrices A, B and C, evaluated at the secret `τ`, the key holds
//! `u_i` and `v_i` times the generators, and `(β·u_i + α·v_i + w_i)` divided by `γ` for public wires and by `δ` for private
//! ones. Rows for the constant and every public wire are appended to A, as snarkjs does: without them a public signal
//! that no constraint uses would not be bound by the proof.
//!
//! `γ` is 1, so that the key looks as after a ceremony of snarkjs, which leaves γ₂ at the generator and randomises `δ`.
//! All secrets and `γ` differ, also in more than sign: where two of `β`, `γ`, `δ` are equal or opposite, anyone can forge.
//!
//! A key made this way is for development only: whoever ran this could have kept the secrets.

use std::path::Path;

use ark_bn254::{Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{AdditiveGroup, FftField, Field};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::binfile::map_file;
use crate::error::{Error, Result};
use crate::fixed::FixedBase;
use crate::r1cs::R1cs;
use crate::secret::{SecretScalar, derived_scalar, random_scalar};
use crate::zkey::MAX_DOMAIN;
use crate::zkey_write::{KeyPoints, write_key};

/// Called with the name of the stage that begins and the share of the work that is done.
pub type Progress<'a> = dyn Fn(&'static str, f64) -> Result<()> + Sync + 'a;

/// What a set-up made.
pub struct Summary {
    /// Number of wires, the constant included.
    pub wires: usize,
    /// Number of public signals.
    pub public: usize,
    /// Number of constraints in the r1cs.
    pub constraints: usize,
    /// Size of the evaluation domain.
    pub domain: usize,
    /// SHA-256 of the r1cs file.
    pub r1cs_sha256: [u8; 32],
    /// SHA-256 of the zkey file.
    pub zkey_sha256: [u8; 32],
    /// Length of the zkey file in bytes.
    pub zkey_bytes: u64,
}

/// The secrets of a set-up.
pub struct Trapdoor {
    tau: SecretScalar,
    alpha: SecretScalar,
    beta: SecretScalar,
    delta: SecretScalar,
}

impl Trapdoor {
    /// Returns fresh secrets from the operating system.
    ///
    /// # Errors
    /// The operating system gives no randomness.
    pub fn random() -> Result<Self> {
        loop {
            let trapdoor = Self {
                tau: random_scalar()?,
                alpha: random_scalar()?,
                beta: random_scalar()?,
                delta: random_scalar()?,
            };
            if trapdoor.is_usable() {
                return Ok(trapdoor);
            }
        }
    }

    /// Returns the secrets that belong to a seed, for reproducible tests.
    ///
    /// Index 3, which the derivation reserves for `γ`, stays unused.
    ///
    /// # Errors
    /// The seed gives secrets that are 0, or up to sign 1 or equal.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self> {
        let trapdoor = Self {
            tau: derived_scalar(seed, 0),
            alpha: derived_scalar(seed, 1),
            beta: derived_scalar(seed, 2),
            delta: derived_scalar(seed, 4),
        };
        if trapdoor.is_usable() { Ok(trapdoor) } else { Err(Error::value("seed", "gives unusable secrets")) }
    }

    /// Returns whether all secrets, 0 and γ = 1 are distinct up to sign, and τ is no root of unity of the domains.
    fn is_usable(&self) -> bool {
        let mut values = Zeroizing::new([*self.tau, *self.alpha, *self.beta, *self.delta, Fr::ONE, Fr::ZERO]);
        values.iter_mut().for_each(|value| *value = value.square());
        values.sort_unstable();
        values.windows(2).all(|pair| pair[0] != pair[1]) && self.tau.pow([2 * MAX_DOMAIN as u64]) != Fr::ONE
    }
}

/// Reads an r1cs file and writes a proving key for it.
///
/// # Errors
/// The r1cs is malformed or too large, the key cannot be written, or `progress` asked to stop.
pub fn dev_setup(
    r1cs_path: &Path,
    zkey_path: &Path,
    trapdoor: &Trapdoor,
    progress: &Progress<'_>,
) -> Result<Summary> {
    progress("read", 0.0)?;
    let map = map_file(r1cs_path)?;
    let r1cs = R1cs::parse(&map)?;
    let r1cs_sha256 = Sha256::digest(&map).into();
    drop(map);
    let domain = domain_size(r1cs.constraints, r1cs.public)?;
    progress("evaluate", 0.1)?;
    let scalars = KeyScalars::evaluate(&r1cs, domain, trapdoor)?;
    let points = multiply(&r1cs, &scalars, trapdoor, progress)?;
    points.check_ic()?;
    progress("write", 0.9)?;
    let key = write_key(zkey_path, &r1cs, domain, &points)?;
    progress("done", 1.0)?;
    let (zkey_sha256, zkey_bytes) = key.commit()?;
    Ok(Summary {
        wires: r1cs.wires,
        public: r1cs.public,
        constraints: r1cs.constraints,
        domain,
        r1cs_sha256,
        zkey_sha256,
        zkey_bytes,
    })
}

/// Returns the smallest power of two, at least 2, with room for the constraints and a row for every public wire.
///
/// # Errors
/// The field has no such domain.
pub fn domain_size(constraints: usize, public: usize) -> Result<usize> {
    constraints
        .checked_add(public + 1)
        .and_then(usize::checked_next_power_of_two)
        .map(|size| size.max(2))
        .filter(|size| *size <= MAX_DOMAIN)
        .ok_or_else(|| Error::value("r1cs", format!("needs a domain of more than {MAX_DOMAIN} points")))
}

/// Discrete logarithms of the points of a key.
struct KeyScalars {
    a: Zeroizing<Vec<Fr>>,
    b: Zeroizing<Vec<Fr>>,
    /// `β·u + α·v + w`, over `γ = 1` for public wires and over `δ` for private ones.
    c: Zeroizing<Vec<Fr>>,
    h: Zeroizing<Vec<Fr>>,
}

impl KeyScalars {
    fn evaluate(r1cs: &R1cs, domain: usize, trapdoor: &Trapdoor) -> Result<Self> {
        let inverse_delta = Zeroizing::new(
            trapdoor.delta.inverse().ok_or_else(|| Error::value("seed", "gives unusable secrets"))?,
        );
        let lagrange = Zeroizing::new(lagrange_values(domain, *trapdoor.tau)?);
        let mut sums = [(); 3].map(|()| Zeroizing::new(vec![Fr::ZERO; r1cs.wires]));
        for (sum, matrix) in sums.iter_mut().zip(&r1cs.matrices) {
            for term in matrix {
                sum[term.wire as usize] += lagrange[term.row as usize] * term.value;
            }
        }
        let [mut a, b, mut c] = sums;
        for wire in 0..=r1cs.public {
            a[wire] += lagrange[r1cs.constraints + wire];
        }
        c.par_iter_mut().zip(&*a).zip(&*b).enumerate().for_each(|(wire, ((c, a), b))| {
            *c += *trapdoor.beta * a + *trapdoor.alpha * b;
            if wire > r1cs.public {
                *c *= *inverse_delta;
            }
        });
        let doubled = Zeroizing::new(lagrange_values(2 * domain, *trapdoor.tau)?);
        let h = doubled.iter().skip(1).step_by(2).map(|value| *value * *inverse_delta).collect();
        Ok(Self { a, b, c, h: Zeroizing::new(h) })
    }
}

/// Returns the Lagrange polynomials of a domain at a point outside it.
fn lagrange_values(size: usize, point: Fr) -> Result<Vec<Fr>> {
    let domain = Radix2EvaluationDomain::<Fr>::new(size)
        .filter(|domain| Some(domain.group_gen()) == Fr::get_root_of_unity(size as u64))
        .ok_or_else(|| Error::value("r1cs", format!("the field has no domain of {size} points")))?;
    Ok(domain.evaluate_all_lagrange_coefficients(point))
}

fn multiply(
    r1cs: &R1cs,
    scalars: &KeyScalars,
    trapdoor: &Trapdoor,
    progress: &Progress<'_>,
) -> Result<KeyPoints> {
    progress("points in G1", 0.15)?;
    let count = 3 * r1cs.wires + scalars.h.len();
    let g1 = FixedBase::new(G1Affine::generator(), count);
    let a = g1.multiply(&scalars.a);
    progress("points in G1", 0.25)?;
    let b1 = g1.multiply(&scalars.b);
    progress("points in G1", 0.35)?;
    let mut c = g1.multiply(&scalars.c);
    let private = c.split_off(r1cs.public + 1);
    progress("points in G1", 0.45)?;
    let h = g1.multiply(&scalars.h);
    let header1 = g1.multiply(&[*trapdoor.alpha, *trapdoor.beta, *trapdoor.delta]);
    drop(g1);
    progress("points in G2", 0.55)?;
    let g2 = FixedBase::new(G2Affine::generator(), r1cs.wires);
    let b2 = g2.multiply(&scalars.b);
    let header2 = g2.multiply(&[*trapdoor.beta, *trapdoor.delta]);
    Ok(KeyPoints {
        alpha1: header1[0],
        beta1: header1[1],
        beta2: header2[0],
        gamma2: G2Affine::generator(),
        delta1: header1[2],
        delta2: header2[1],
        ic: c,
        a,
        b1,
        b2,
        c: private,
        h,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_have_room_for_every_row() {
        assert_eq!(domain_size(0, 0).unwrap(), 2);
        assert_eq!(domain_size(1, 0).unwrap(), 2);
        assert_eq!(domain_size(2, 0).unwrap(), 4);
        assert_eq!(domain_size(61, 2).unwrap(), 64);
        assert_eq!(domain_size(61, 3).unwrap(), 128);
        assert!(domain_size(MAX_DOMAIN, 0).is_err());
        assert!(domain_size(usize::MAX - 1, 0).is_err());
    }

    #[test]
    fn secrets_are_distinct_and_seeded_ones_repeat() {
        assert!(Trapdoor::random().unwrap().is_usable());
        let (first, second) =
            (Trapdoor::from_seed(&[1; 32]).unwrap(), Trapdoor::from_seed(&[1; 32]).unwrap());
        assert_eq!(*first.tau, *second.tau);
        assert_eq!(*first.delta, *derived_scalar(&[1; 32], 4));
    }

    #[test]
    fn weak_secrets_are_refused() {
        let value = |number: u64| Zeroizing::new(Fr::from(number));
        let usable = |tau, alpha, beta, delta| Trapdoor { tau, alpha, beta, delta }.is_usable();
        assert!(usable(value(2), value(3), value(4), value(5)));
        assert!(!usable(value(2), value(3), value(4), value(1)));
        assert!(!usable(value(2), value(0), value(4), value(5)));
        assert!(!usable(value(2), value(3), value(3), value(5)));
        assert!(!usable(value(2), value(3), value(5), Zeroizing::new(-Fr::from(5))));
        let root = Zeroizing::new(Fr::get_root_of_unity(8).unwrap());
        assert!(!usable(root, value(3), value(4), value(5)));
    }
}
