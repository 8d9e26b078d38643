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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordinates::LaneCurve;
    use crate::form::Form;
    use crate::points::Bases;
    use crate::quotient::Extension;
    use crate::setup::{Trapdoor, dev_setup};
    use ark_ec::short_weierstrass::Affine;
    use ark_ff::{BigInteger, Field};
    use std::fs;

    /// Squarings one after another: enough for a domain on lanes, with an odd number of layers.
    const SQUARINGS: u32 = 70;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    fn prime() -> Vec<u8> {
        [words(&[32]), Fr::MODULUS.to_bytes_le()].concat()
    }

    fn container(magic: [u8; 4], version: u32, sections: &[(u32, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = magic.to_vec();
        bytes.extend(words(&[version, u32::try_from(sections.len()).unwrap()]));
        for (id, payload) in sections {
            bytes.extend(id.to_le_bytes());
            bytes.extend((payload.len() as u64).to_le_bytes());
            bytes.extend(payload);
        }
        bytes
    }

    /// Wires: 1, the last square, the first number, and the squares between them.
    fn r1cs() -> Vec<u8> {
        let wires = SQUARINGS + 2;
        let labels = (0..u64::from(wires)).flat_map(u64::to_le_bytes).collect();
        let sizes = [words(&[wires, 1, 0, 1]), u64::from(wires).to_le_bytes().to_vec(), words(&[SQUARINGS])];
        let combination = |wire: u32| [words(&[1, wire]), Fr::from(1).into_bigint().to_bytes_le()].concat();
        let constraint = |index: u32| {
            let square = if index + 1 == SQUARINGS { 1 } else { index + 3 };
            [combination(index + 2), combination(index + 2), combination(square)].concat()
        };
        let constraints = (0..SQUARINGS).flat_map(constraint).collect();
        let header = [prime(), sizes.concat()].concat();
        container(*b"r1cs", 1, &[(1, header), (2, constraints), (3, labels)])
    }

    fn witness() -> Vec<u8> {
        let squares: Vec<Fr> = std::iter::successors(Some(Fr::from(3)), |last| Some(last.square()))
            .take(SQUARINGS as usize)
            .collect();
        let last = squares[squares.len() - 1].square();
        let values = [vec![Fr::from(1), last], squares].concat();
        let count = u32::try_from(values.len()).unwrap();
        let values = values.iter().flat_map(|value| value.into_bigint().to_bytes_le()).collect();
        container(*b"wtns", 2, &[(1, [prime(), words(&[count])].concat()), (2, values)])
    }

    fn key() -> ProvingKey {
        let folder = std::env::temp_dir().join(format!("zkm2m-native-prove-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (r1cs_path, zkey) = (folder.join("c.r1cs"), folder.join("c.zkey"));
        fs::write(&r1cs_path, r1cs()).unwrap();
        dev_setup(&r1cs_path, &zkey, &Trapdoor::from_seed(&[7; 32]).unwrap(), &|_, _| Ok(())).unwrap();
        let key = ProvingKey::open(&zkey).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        key
    }

    #[test]
    fn every_form_proves() {
        fn repacked<P: LaneCurve>(bases: &Bases<P>, form: Form) -> Bases<P> {
            let points: Vec<Affine<P>> = bases.unpacked();
            Bases::new(form, &points)
        }
        let mut key = key();
        assert_eq!(key.domain, 128);
        for form in Form::available() {
            for bases in [&mut key.a, &mut key.b1, &mut key.c, &mut key.h] {
                *bases = repacked(bases, form);
            }
            key.b2 = repacked(&key.b2, form);
            key.extension = Extension::new(form, key.domain).unwrap();
            // Verified before it is returned.
            prove(&key, &witness()).unwrap_or_else(|error| panic!("{form:?}: {error}"));
        }
    }
}
