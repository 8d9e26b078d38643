//! Evaluates a constraint system on a witness, so that a false one is refused before any proving.

use ark_bn254::Fr;
use ark_ff::{PrimeField, Zero};
use rayon::prelude::*;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::r1cs::{R1cs, Term};
use crate::wtns;

/// Returns the first constraint that a witness violates, none if all hold.
///
/// # Errors
/// The bytes are no witness file, or one with another number of wires.
pub fn first_violation(system: &R1cs, witness: &[u8]) -> Result<Option<usize>> {
    let witness = wtns::parse(witness)?;
    if witness.len() != system.wires {
        return Err(Error::value(
            "witness",
            format!("has {} wires, must have {}", witness.len(), system.wires),
        ));
    }
    let values: Zeroizing<Vec<Fr>> = Zeroizing::new(
        // Reading has checked that every value is below the prime.
        witness.par_iter().map(|&value| Fr::from_bigint(value).unwrap_or_else(Fr::zero)).collect(),
    );
    let sums: Vec<Zeroizing<Vec<Fr>>> =
        system.matrices.par_iter().map(|matrix| row_sums(matrix, system.constraints, &values)).collect();
    Ok((0..system.constraints).find(|&row| sums[0][row] * sums[1][row] != sums[2][row]))
}

fn row_sums(matrix: &[Term], rows: usize, values: &[Fr]) -> Zeroizing<Vec<Fr>> {
    let mut sums = Zeroizing::new(vec![Fr::zero(); rows]);
    for term in matrix {
        sums[term.row as usize] += term.value * values[term.wire as usize];
    }
    sums
}
