//! Reader of circom's r1cs files, version 1.
//!
//! Section 1 is the header, section 2 the constraints `⟨A,w⟩·⟨B,w⟩ = ⟨C,w⟩`, section 3 the map from wires to labels,
//! which nothing here needs. Custom gates (sections 4 and 5) have no meaning in Groth16 and are refused.

use ark_bn254::Fr;
use ark_ff::PrimeField;

use crate::binfile::{Kind, Reader, Sections};
use crate::error::Result;
use crate::field::{self, FIELD_BYTES};

static KIND: Kind = Kind {
    name: "r1cs",
    magic: *b"r1cs",
    version: 1,
    sections: &[
        (1, "section 1 (header)"),
        (2, "section 2 (constraints)"),
        (3, "section 3 (wire labels)"),
        (4, "section 4 (custom gates)"),
        (5, "section 5 (custom gate uses)"),
    ],
};

/// One entry of a constraint matrix.
#[derive(Clone, Copy)]
pub struct Term {
    /// Index of the constraint.
    pub row: u32,
    /// Index of the wire; wire 0 is the constant 1.
    pub wire: u32,
    /// The coefficient.
    pub value: Fr,
}

/// A constraint system.
pub struct R1cs {
    /// Number of wires, the constant included.
    pub wires: usize,
    /// Number of public wires: outputs, then public inputs; the constant is not counted.
    pub public: usize,
    /// Number of constraints.
    pub constraints: usize,
    /// The matrices A, B and C, each ordered by row.
    pub matrices: [Vec<Term>; 3],
}

impl R1cs {
    /// Reads a constraint system.
    ///
    /// # Errors
    /// The bytes break a rule of the format; the error names the section and the rule.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let sections = Sections::parse(&KIND, bytes)?;
        let mut header = sections.required(1)?;
        expect_field(&mut header)?;
        let wires = header.u32()?;
        let outputs = header.u32()?;
        let public_inputs = header.u32()?;
        let private_inputs = header.u32()?;
        let _labels = header.u64()?;
        let constraints = header.u32()?;
        let named = 1 + u64::from(outputs) + u64::from(public_inputs) + u64::from(private_inputs);
        if named > u64::from(wires) {
            return Err(header.fail(format!("{named} named wires, only {wires} in all")));
        }
        header.finish()?;
        for id in [4, 5] {
            if sections.holds_entries(id) {
                return Err(sections.required(id)?.fail("custom gates cannot be proven"));
            }
        }
        let mut body = sections.required(2)?;
        let mut matrices = [Vec::new(), Vec::new(), Vec::new()];
        for row in 0..constraints {
            for matrix in &mut matrices {
                read_combination(&mut body, row, wires, matrix)?;
            }
        }
        body.finish()?;
        let public = outputs as usize + public_inputs as usize;
        Ok(Self { wires: wires as usize, public, constraints: constraints as usize, matrices })
    }
}

fn read_combination(body: &mut Reader<'_>, row: u32, wires: u32, matrix: &mut Vec<Term>) -> Result<()> {
    let count = body.u32()? as usize;
    if count > body.left() / (4 + FIELD_BYTES) {
        return Err(body.fail(format!("constraint {row} has more terms than bytes are left for")));
    }
    for _ in 0..count {
        let wire = body.u32()?;
        if wire >= wires {
            return Err(body.fail(format!("constraint {row} names wire {wire}, of {wires}")));
        }
        let value = Fr::from_bigint(field::integer(body.take(FIELD_BYTES)?)).ok_or_else(|| {
            body.fail(format!("constraint {row} has a coefficient that is not below the prime"))
        })?;
        matrix.push(Term { row, wire, value });
    }
    Ok(())
}

/// Reads a field size and prime, which must be those of the BN254 scalar field.
///
/// # Errors
/// Another field.
pub fn expect_field(reader: &mut Reader<'_>) -> Result<()> {
    let size = reader.u32()?;
    if size as usize != FIELD_BYTES {
        return Err(reader.fail(format!("field elements have {size} bytes, must have {FIELD_BYTES}")));
    }
    if field::integer(reader.take(FIELD_BYTES)?) != Fr::MODULUS {
        return Err(reader.fail("the prime is not the order of BN254"));
    }
    Ok(())
}
