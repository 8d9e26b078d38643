//! The Groth16 prover.
//!
//! With `r` and `s` fresh secrets, a proof is
//!
//! - `A = α + Σ w_i·A_i + r·δ`
//! - `B = β + Σ w_i·B_i + s·δ`
//! - `C = Σ_private w_i·C_i + Σ_j p_j·H_j + s·A + r·B − r·s·δ`
//!
//! where `p_j` are the values of [`crate::quotient`].

use ark_bn254::{Fr, G1Affine, G1Projective, G2Projective, g1};
use ark_ec::CurveGroup;
use ark_ff::{BigInt, PrimeField};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::msm::msm;
use crate::quotient::odd_values;
use crate::secret::random_scalar;
use crate::tables::{LazyTables, Table, Tables};
use crate::verify::{Proof, check};
use crate::wtns;
use crate::zkey::ProvingKey;

/// Returns a proof for a witness file, and the public signals it is for, without tables.
///
/// # Errors
/// As [`prove_with`].
pub fn prove(key: &ProvingKey, wtns: &[u8]) -> Result<(Proof, Vec<Fr>)> {
    prove_with(key, &LazyTables::new(0), wtns)
}

/// Returns a proof for a witness file, and the public signals it is for.
///
/// The proof is verified before it is returned. The first one makes the tables, which the later ones use.
///
/// # Errors
/// The witness is malformed, belongs to another circuit, or does not satisfy the constraints.
pub fn prove_with(key: &ProvingKey, tables: &LazyTables, wtns: &[u8]) -> Result<(Proof, Vec<Fr>)> {
    let witness = wtns::parse(wtns)?;
    if witness.len() != key.wires {
        let rule = format!("holds {} values, the key is for {} wires", witness.len(), key.wires);
        return Err(Error::format("wtns", "section 2 (values)", rule));
    }
    let proof = prove_values(key, tables.get(), &witness)?;
    let public: Vec<Fr> = witness[1..=key.public()].iter().map(|value| Fr::new(*value)).collect();
    if !check(&key.verifying, &public, &proof) {
        return Err(Error::format(
            "wtns",
            "section 2 (values)",
            "the witness does not satisfy the key's constraints",
        ));
    }
    tables.make(key, &witness);
    Ok((proof, public))
}

fn prove_values(key: &ProvingKey, tables: Option<&Tables>, witness: &[BigInt<4>]) -> Result<Proof> {
    let table = |of: fn(&Tables) -> &Option<Table<g1::Config>>| tables.and_then(|tables| of(tables).as_ref());
    let private = &witness[key.public() + 1..];
    let (quotient, (b2, (a, (b1, c)))): (G1Projective, (G2Projective, _)) = rayon::join(
        || msm(&key.h, table(|tables| &tables.h), &odd_values(key, witness)),
        || {
            rayon::join(
                || msm(&key.b2, tables.and_then(|tables| tables.b2.as_ref()), witness),
                || {
                    rayon::join(
                        || msm(&key.a, table(|tables| &tables.a), witness),
                        || {
                            rayon::join(
                                || msm(&key.b1, table(|tables| &tables.b1), witness),
                                || msm(&key.c, table(|tables| &tables.c), private),
                            )
                        },
                    )
                },
            )
        },
    );
    blind(key, a, b1, b2, c + quotient)
}

fn blind(
    key: &ProvingKey,
    a: G1Projective,
    b1: G1Projective,
    b2: G2Projective,
    c: G1Projective,
) -> Result<Proof> {
    let (r, s) = (random_scalar()?, random_scalar()?);
    let product = Zeroizing::new(*r * *s);
    let times = |point: G1Affine, scalar: &Fr| point * *scalar;
    let a = a + key.verifying.alpha1 + times(key.delta1, &r);
    let b1 = b1 + key.beta1 + times(key.delta1, &s);
    let b2 = b2 + key.verifying.beta2 + key.verifying.delta2 * *s;
    let c = c + a * *s + b1 * *r - times(key.delta1, &product);
    Ok(Proof { a: a.into_affine(), b: b2.into_affine(), c: c.into_affine() })
}

/// Returns the decimal strings of public signals.
#[must_use]
pub fn public_strings(public: &[Fr]) -> Vec<String> {
    public.iter().map(|value| crate::field::decimal(&value.into_bigint())).collect()
}
