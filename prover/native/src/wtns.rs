//! Reader of snarkjs witness files, version 2.

use ark_bn254::Fr;
use ark_ff::{BigInt, PrimeField};
use rayon::prelude::*;
use zeroize::Zeroizing;

use crate::binfile::{Kind, Sections};
use crate::error::Result;
use crate::field::{self, FIELD_BYTES};
use crate::r1cs::expect_field;

static KIND: Kind = Kind {
    name: "wtns",
    magic: *b"wtns",
    version: 2,
    sections: &[(1, "section 1 (header)"), (2, "section 2 (values)")],
};

/// The value of every wire, below the field's prime. Wiped from memory when dropped.
pub type Witness = Zeroizing<Vec<BigInt<4>>>;

/// Reads a witness.
///
/// # Errors
/// The bytes break a rule of the format. Messages name positions and rules, never values.
pub fn parse(bytes: &[u8]) -> Result<Witness> {
    let sections = Sections::parse(&KIND, bytes)?;
    let mut header = sections.required(1)?;
    expect_field(&mut header)?;
    let count = header.u32()? as usize;
    header.finish()?;
    let mut body = sections.required(2)?;
    let values = body.items(count, FIELD_BYTES)?;
    let witness =
        Zeroizing::new(values.par_chunks_exact(FIELD_BYTES).map(field::integer).collect::<Vec<_>>());
    if let Some(wire) = witness.par_iter().position_first(|value| *value >= Fr::MODULUS) {
        return Err(body.fail(format!("wire {wire} has a value that is not below the prime")));
    }
    if witness.first() != Some(&BigInt::from(1_u64)) {
        return Err(body.fail("wire 0 must be the constant 1"));
    }
    body.finish()?;
    Ok(witness)
}
