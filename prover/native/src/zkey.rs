//! Reader of snarkjs Groth16 proving keys (`.zkey`, version 1).
//!
//! | section | content |
//! |---|---|
//! | 1 | protocol, 1 for Groth16 |
//! | 2 | fields, sizes, and the points α₁ β₁ β₂ γ₂ δ₁ δ₂ |
//! | 3 | `IC`: one G1 point for the constant and for every public signal |
//! | 4 | entries of the matrices A and B: matrix, row, wire, value |
//! | 5, 6, 7 | a point for every wire: A in G1, B in G1, B in G2 |
//! | 8 | a G1 point for every private wire |
//! | 9 | a G1 point for every value of the quotient on the odd coset |
//! | 10 | circuit hash and contributions to the second phase |

use std::path::Path;

use ark_bn254::{Bn254, Fq, G1Affine, G2Affine, g1, g2};
use ark_ec::AffineRepr;
use ark_ec::pairing::Pairing;
use ark_ff::PrimeField;

use crate::binfile::{Kind, Reader, Sections, map_file};
use crate::coordinates::LaneCurve;
use crate::error::Result;
use crate::field::{self, FIELD_BYTES, G1_BYTES, G2_BYTES};
use crate::form::Form;
use crate::matrix::{self, ENTRY_BYTES, Matrix};
use crate::points::{Bases, Parts};
use crate::quotient::Extension;
use crate::r1cs::expect_field;
use crate::verify::VerifyingKey;

pub(crate) static KIND: Kind = Kind {
    name: "zkey",
    magic: *b"zkey",
    version: 1,
    sections: &[
        (1, "section 1 (protocol)"),
        (2, "section 2 (header)"),
        (3, "section 3 (IC)"),
        (4, "section 4 (coefficients)"),
        (5, "section 5 (points A)"),
        (6, "section 6 (points B1)"),
        (7, "section 7 (points B2)"),
        (8, "section 8 (points C)"),
        (9, "section 9 (points H)"),
        (10, "section 10 (contributions)"),
    ],
};

/// Largest domain: the quotient needs a root of unity of twice its size, and the field has 2^28 of them.
pub const MAX_DOMAIN: usize = 1 << 27;

/// A Groth16 proving key.
pub struct ProvingKey {
    /// Number of wires, the constant included.
    pub wires: usize,
    /// Size of the evaluation domain, a power of two.
    pub domain: usize,
    /// The verifying key that belongs to it.
    pub verifying: VerifyingKey,
    /// β in G1.
    pub beta1: G1Affine,
    /// δ in G1.
    pub delta1: G1Affine,
    /// Rows of A, then of B.
    pub matrices: [Matrix; 2],
    /// Points for A, by wire.
    pub a: Bases<g1::Config>,
    /// Points for B in G1, by wire.
    pub b1: Bases<g1::Config>,
    /// Points for B in G2, by wire.
    pub b2: Bases<g2::Config>,
    /// Points for C, by private wire.
    pub c: Bases<g1::Config>,
    /// Points for the quotient.
    pub h: Bases<g1::Config>,
    /// What carries values over to the places of those points.
    pub extension: Extension,
}

impl ProvingKey {
    /// Reads a proving key from a file.
    ///
    /// # Errors
    /// The file cannot be read or breaks a rule of the format.
    pub fn open(path: &Path) -> Result<Self> {
        Self::parse(&map_file(path)?)
    }

    /// Returns the number of public signals.
    #[must_use]
    pub fn public(&self) -> usize {
        self.verifying.ic.len() - 1
    }

    /// Reads a proving key.
    ///
    /// Every point is checked to be on its curve, those of the header also to be in the subgroup, and the header's
    /// pairs in G1 and G2 to agree. Membership of section 7 in the subgroup is not checked: the key's hash is what
    /// binds it, and [`crate::prove`] verifies every proof it makes.
    ///
    /// # Errors
    /// The bytes break a rule of the format; the error names the section and the rule.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let sections = Sections::parse(&KIND, bytes)?;
        let mut protocol = sections.required(1)?;
        if protocol.u32()? != 1 {
            return Err(protocol.fail("the protocol is not Groth16"));
        }
        protocol.finish()?;
        let header = Header::read(sections.required(2)?)?;
        let (wires, public, domain) = (header.wires, header.public, header.domain);

        let ic = g1_points(sections.required(3)?, public + 1)?;
        let verifying = VerifyingKey {
            alpha1: header.alpha1,
            beta2: header.beta2,
            gamma2: header.gamma2,
            delta2: header.delta2,
            ic,
        };
        verifying.check_shape("zkey")?;
        read_contributions(sections.required(10)?)?;
        let ((matrices, extension), points) = rayon::join(
            || {
                rayon::join(
                    || read_matrices(sections.required(4)?, domain, wires),
                    || Extension::new(Form::best(), domain),
                )
            },
            || -> Result<_> {
                let (a, b1) = (bases(sections.required(5)?, wires)?, bases(sections.required(6)?, wires)?);
                let b2 = bases(sections.required(7)?, wires)?;
                let c = bases(sections.required(8)?, wires - public - 1)?;
                Ok((a, b1, b2, c, bases(sections.required(9)?, domain)?))
            },
        );
        let (matrices, (a, b1, b2, c, h)) = (matrices?, points?);
        Ok(Self {
            matrices,
            a,
            b1,
            b2,
            c,
            h,
            extension: extension?,
            wires,
            domain,
            verifying,
            beta1: header.beta1,
            delta1: header.delta1,
        })
    }
}

/// Section 2 of a key.
pub(crate) struct Header {
    wires: usize,
    public: usize,
    domain: usize,
    alpha1: G1Affine,
    beta1: G1Affine,
    beta2: G2Affine,
    gamma2: G2Affine,
    pub(crate) delta1: G1Affine,
    pub(crate) delta2: G2Affine,
}

impl Header {
    pub(crate) fn read(mut reader: Reader<'_>) -> Result<Self> {
        let size = reader.u32()?;
        if size as usize != FIELD_BYTES || field::integer(reader.take(FIELD_BYTES)?) != Fq::MODULUS {
            return Err(reader.fail("the curve is not BN254"));
        }
        expect_field(&mut reader)?;
        let wires = reader.u32()? as usize;
        let public = reader.u32()? as usize;
        let domain = reader.u32()? as usize;
        if public >= wires {
            return Err(reader.fail(format!("{public} public signals, only {wires} wires")));
        }
        if !domain.is_power_of_two() || !(2..=MAX_DOMAIN).contains(&domain) {
            return Err(
                reader.fail(format!("domain size {domain} is not a power of two from 2 to {MAX_DOMAIN}"))
            );
        }
        let header = Self {
            wires,
            public,
            domain,
            alpha1: header_g1(&mut reader, "alpha1")?,
            beta1: header_g1(&mut reader, "beta1")?,
            beta2: header_g2(&mut reader, "beta2")?,
            gamma2: header_g2(&mut reader, "gamma2")?,
            delta1: header_g1(&mut reader, "delta1")?,
            delta2: header_g2(&mut reader, "delta2")?,
        };
        for (name, g1, g2) in [("beta", header.beta1, header.beta2), ("delta", header.delta1, header.delta2)]
        {
            if Bn254::pairing(g1, G2Affine::generator()) != Bn254::pairing(G1Affine::generator(), g2) {
                return Err(reader.fail(format!("{name}1 and {name}2 are not multiples by one scalar")));
            }
        }
        reader.finish()?;
        Ok(header)
    }
}

fn header_g1(reader: &mut Reader<'_>, name: &str) -> Result<G1Affine> {
    field::g1_point(reader.take(G1_BYTES)?)
        .filter(|point| !point.is_zero())
        .ok_or_else(|| reader.fail(format!("{name} must be a point of G1 other than infinity")))
}

fn header_g2(reader: &mut Reader<'_>, name: &str) -> Result<G2Affine> {
    field::g2_point(reader.take(G2_BYTES)?)
        .filter(|point| !point.is_zero() && point.is_in_correct_subgroup_assuming_on_curve())
        .ok_or_else(|| reader.fail(format!("{name} must be a point of G2 other than infinity")))
}

fn g1_points(mut reader: Reader<'_>, count: usize) -> Result<Vec<G1Affine>> {
    let points = reader.items(count, G1_BYTES)?.chunks_exact(G1_BYTES).enumerate();
    points.map(|(index, bytes)| field::g1_point(bytes).ok_or_else(|| off_curve(&reader, index))).collect()
}

fn bases<P: LaneCurve<Packed: Parts>>(mut reader: Reader<'_>, count: usize) -> Result<Bases<P>> {
    let bytes = reader.items(count, Bases::<P>::POINT_BYTES)?;
    Bases::read(Form::best(), bytes).map_err(|index| off_curve(&reader, index))
}

fn off_curve(reader: &Reader<'_>, index: usize) -> crate::error::Error {
    reader.fail(format!("point {index} is not on the curve"))
}

fn read_matrices(mut reader: Reader<'_>, domain: usize, wires: usize) -> Result<[Matrix; 2]> {
    let count = reader.u32()? as usize;
    let entries = reader.items(count, ENTRY_BYTES)?.as_chunks().0;
    matrix::read(entries, domain, wires).map_err(|flaw| reader.fail(flaw.rule()))
}

/// Checks that the section begins with a circuit hash and a count; a ceremony's transcript is verified elsewhere.
fn read_contributions(mut reader: Reader<'_>) -> Result<()> {
    reader.take(64)?;
    let count = reader.u32()?;
    if (count == 0) != (reader.left() == 0) {
        return Err(reader.fail("the number of contributions does not fit the length"));
    }
    Ok(())
}
