//! Writer of snarkjs Groth16 proving keys; [`crate::zkey`] has the layout.

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::Path;

use ark_bn254::{Fq, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{Field, PrimeField};
use sha2::{Digest, Sha512};

use crate::atomic::AtomicFile;
use crate::error::{Error, Result};
use crate::field::{
    FIELD_BYTES, G1_BYTES, G2_BYTES, g1_bytes, g2_bytes, integer_bytes, zkey_coefficient_bytes,
};
use crate::r1cs::{R1cs, Term};

/// The points of a proving key, by section.
pub struct KeyPoints {
    /// α in G1.
    pub alpha1: G1Affine,
    /// β in G1.
    pub beta1: G1Affine,
    /// β in G2.
    pub beta2: G2Affine,
    /// γ in G2.
    pub gamma2: G2Affine,
    /// δ in G1.
    pub delta1: G1Affine,
    /// δ in G2.
    pub delta2: G2Affine,
    /// One point for the constant and every public wire.
    pub ic: Vec<G1Affine>,
    /// A by wire.
    pub a: Vec<G1Affine>,
    /// B in G1 by wire.
    pub b1: Vec<G1Affine>,
    /// B in G2 by wire.
    pub b2: Vec<G2Affine>,
    /// C by private wire.
    pub c: Vec<G1Affine>,
    /// Quotient points.
    pub h: Vec<G1Affine>,
}

impl KeyPoints {
    /// Checks that every public wire is bound: no point of IC is infinity, and no two are equal up to sign.
    ///
    /// # Errors
    /// A public wire is not bound.
    pub fn check_ic(&self) -> Result<()> {
        let mut seen = HashSet::new();
        for (wire, point) in self.ic.iter().enumerate() {
            if point.is_zero() || !seen.insert(point.x) {
                return Err(Error::value(
                    "r1cs",
                    format!("public wire {wire} is not bound by a point of its own"),
                ));
            }
        }
        Ok(())
    }
}

/// Writes a key under a temporary name and returns it, to be committed.
///
/// # Errors
/// The file cannot be written.
pub fn write_key(path: &Path, r1cs: &R1cs, domain: usize, points: &KeyPoints) -> Result<AtomicFile> {
    let mut file = AtomicFile::create(path)?;
    let failure = file.failure();
    write_sections(&mut file, r1cs, domain, points).map_err(failure)?;
    Ok(file)
}

fn write_sections(out: &mut AtomicFile, r1cs: &R1cs, domain: usize, points: &KeyPoints) -> io::Result<()> {
    out.write_all(b"zkey")?;
    out.write_all(&1_u32.to_le_bytes())?;
    out.write_all(&10_u32.to_le_bytes())?;

    begin(out, 1, 4)?;
    out.write_all(&1_u32.to_le_bytes())?;

    let header = header_bytes(r1cs, domain, points)?;
    begin(out, 2, header.len())?;
    out.write_all(&header)?;

    write_g1(out, 3, &points.ic)?;
    write_coefficients(out, r1cs)?;
    write_g1(out, 5, &points.a)?;
    write_g1(out, 6, &points.b1)?;
    begin(out, 7, points.b2.len() * G2_BYTES)?;
    for point in &points.b2 {
        out.write_all(&g2_bytes(point))?;
    }
    write_g1(out, 8, &points.c)?;
    write_g1(out, 9, &points.h)?;

    // In place of the hash that snarkjs chains its contributions to: there are none, and none can be added to a key
    // that did not come from a phase-1 file.
    begin(out, 10, 68)?;
    out.write_all(&Sha512::new().chain_update(b"zkm2m/dev-setup/v1").chain_update(&header).finalize())?;
    out.write_all(&0_u32.to_le_bytes())
}

fn begin(out: &mut AtomicFile, id: u32, length: usize) -> io::Result<()> {
    out.write_all(&id.to_le_bytes())?;
    out.write_all(&(length as u64).to_le_bytes())
}

fn word(value: usize) -> io::Result<[u8; 4]> {
    u32::try_from(value).map(u32::to_le_bytes).map_err(|_| io::Error::other("a count does not fit 32 bits"))
}

fn header_bytes(r1cs: &R1cs, domain: usize, points: &KeyPoints) -> io::Result<Vec<u8>> {
    let mut header = Vec::new();
    for modulus in [Fq::MODULUS, Fr::MODULUS] {
        header.extend(word(FIELD_BYTES)?);
        header.extend(integer_bytes(&modulus));
    }
    for count in [r1cs.wires, r1cs.public, domain] {
        header.extend(word(count)?);
    }
    header.extend(g1_bytes(&points.alpha1));
    header.extend(g1_bytes(&points.beta1));
    header.extend(g2_bytes(&points.beta2));
    header.extend(g2_bytes(&points.gamma2));
    header.extend(g1_bytes(&points.delta1));
    header.extend(g2_bytes(&points.delta2));
    Ok(header)
}

fn write_g1(out: &mut AtomicFile, id: u32, points: &[G1Affine]) -> io::Result<()> {
    begin(out, id, points.len() * G1_BYTES)?;
    for point in points {
        out.write_all(&g1_bytes(point))?;
    }
    Ok(())
}

/// Writes A and B row by row, then the rows that bind the constant and the public wires.
fn write_coefficients(out: &mut AtomicFile, r1cs: &R1cs) -> io::Result<()> {
    let [a, b, _] = &r1cs.matrices;
    let count = a.len() + b.len() + r1cs.public + 1;
    begin(out, 4, 4 + count * (12 + FIELD_BYTES))?;
    out.write_all(&word(count)?)?;
    let (mut a, mut b) = (a.as_slice(), b.as_slice());
    while let Some(row) = [a.first(), b.first()].into_iter().flatten().map(|term| term.row).min() {
        for (matrix, rest) in [(0, &mut a), (1, &mut b)] {
            let (here, later) = rest.split_at(rest.partition_point(|term| term.row == row));
            for term in here {
                write_coefficient(out, matrix, term)?;
            }
            *rest = later;
        }
    }
    let binding = |wire: usize| -> io::Result<Term> {
        let number = |value: usize| u32::try_from(value).map_err(io::Error::other);
        Ok(Term { row: number(r1cs.constraints + wire)?, wire: number(wire)?, value: Fr::ONE })
    };
    (0..=r1cs.public).try_for_each(|wire| write_coefficient(out, 0, &binding(wire)?))
}

fn write_coefficient(out: &mut AtomicFile, matrix: u32, term: &Term) -> io::Result<()> {
    out.write_all(&matrix.to_le_bytes())?;
    out.write_all(&term.row.to_le_bytes())?;
    out.write_all(&term.wire.to_le_bytes())?;
    out.write_all(&zkey_coefficient_bytes(term.value))
}
