//! snarkjs's JSON for proofs and verifying keys, read strictly.
//!
//! Numbers are canonical decimal strings. Objects have exactly their members, once each. Points are affine: the third
//! coordinate is 1, so infinity (which has 0 there) cannot be written.

use ark_bn254::{Fq, Fq2, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::PrimeField;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use crate::error::{Error, Result};
use crate::field::{decimal, g1_on_curve, g2_on_curve, parse_decimal};
use crate::verify::{Proof, VerifyingKey};

/// Name of proofs in messages.
pub const PROOF: &str = "proof";
/// Name of verifying keys in messages.
pub const KEY: &str = "verification key";

/// Longest proof text: a canonical one has some 900 bytes.
const MAX_PROOF_BYTES: usize = 16 << 10;
/// Longest key text: room for some 60,000 public signals.
const MAX_KEY_BYTES: usize = 16 << 20;

type G1Text = [String; 3];
type G2Text = [[String; 2]; 3];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProofText {
    pi_a: G1Text,
    pi_b: G2Text,
    pi_c: G1Text,
    protocol: String,
    curve: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyText {
    protocol: String,
    curve: String,
    #[serde(rename = "nPublic")]
    public: usize,
    vk_alpha_1: G1Text,
    vk_beta_2: G2Text,
    vk_gamma_2: G2Text,
    vk_delta_2: G2Text,
    /// A pairing that snarkjs caches; it follows from α and β, and nothing here reads it.
    #[serde(rename = "vk_alphabeta_12", default, deserialize_with = "present")]
    _alphabeta: Option<[[[String; 2]; 3]; 2]>,
    #[serde(rename = "IC")]
    ic: Vec<G1Text>,
}

/// Reads a proof.
///
/// # Errors
/// The text is not a canonical Groth16 proof on BN254.
pub fn proof(text: &str) -> Result<Proof> {
    let parsed: ProofText = parse(PROOF, text, MAX_PROOF_BYTES)?;
    check_system(PROOF, &parsed.protocol, &parsed.curve)?;
    Ok(Proof {
        a: g1(PROOF, "pi_a", &parsed.pi_a)?,
        b: g2(PROOF, "pi_b", &parsed.pi_b)?,
        c: g1(PROOF, "pi_c", &parsed.pi_c)?,
    })
}

/// Reads a verifying key.
///
/// # Errors
/// The text is not a canonical Groth16 verifying key on BN254.
pub fn verifying_key(text: &str) -> Result<VerifyingKey> {
    let parsed: KeyText = parse(KEY, text, MAX_KEY_BYTES)?;
    check_system(KEY, &parsed.protocol, &parsed.curve)?;
    if parsed.public.checked_add(1) != Some(parsed.ic.len()) {
        let rule = format!(
            "holds {} points, must hold nPublic + 1 for nPublic = {}",
            parsed.ic.len(),
            parsed.public
        );
        return Err(Error::format(KEY, "IC", rule));
    }
    let ic = parsed.ic.iter().enumerate().map(|(index, point)| g1(KEY, &format!("IC[{index}]"), point));
    Ok(VerifyingKey {
        alpha1: g1(KEY, "vk_alpha_1", &parsed.vk_alpha_1)?,
        beta2: g2(KEY, "vk_beta_2", &parsed.vk_beta_2)?,
        gamma2: g2(KEY, "vk_gamma_2", &parsed.vk_gamma_2)?,
        delta2: g2(KEY, "vk_delta_2", &parsed.vk_delta_2)?,
        ic: ic.collect::<Result<_>>()?,
    })
}

/// Returns the decimal strings of a G1 point, which is not infinity.
#[must_use]
pub fn g1_text(point: &G1Affine) -> [String; 3] {
    let (x, y) = point.xy().unwrap_or_default();
    [number(x), number(y), "1".to_owned()]
}

/// Returns the decimal strings of a G2 point, which is not infinity.
#[must_use]
pub fn g2_text(point: &G2Affine) -> [[String; 2]; 3] {
    let (x, y) = point.xy().unwrap_or_default();
    [[number(x.c0), number(x.c1)], [number(y.c0), number(y.c1)], ["1".to_owned(), "0".to_owned()]]
}

fn number(value: Fq) -> String {
    decimal(&value.into_bigint())
}

fn parse<T: DeserializeOwned>(file: &'static str, text: &str, limit: usize) -> Result<T> {
    if text.len() > limit {
        return Err(Error::format(
            file,
            "text",
            format!("has {} bytes, must have at most {limit}", text.len()),
        ));
    }
    // The derived readers would also take an array of the members' values.
    if !text.trim_ascii_start().starts_with('{') {
        return Err(Error::format(file, "JSON", "must be an object"));
    }
    serde_json::from_str(text).map_err(|error| Error::format(file, "JSON", error.to_string()))
}

/// Reads a member that may be left out but not be null.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    reader: D,
) -> std::result::Result<Option<T>, D::Error> {
    T::deserialize(reader).map(Some)
}

fn check_system(file: &'static str, protocol: &str, curve: &str) -> Result<()> {
    if protocol != "groth16" {
        return Err(Error::format(file, "protocol", "must be \"groth16\""));
    }
    if curve != "bn128" {
        return Err(Error::format(file, "curve", "must be \"bn128\""));
    }
    Ok(())
}

fn coordinate(file: &'static str, member: &str, text: &str) -> Result<Fq> {
    parse_decimal(text).map_err(|rule| Error::format(file, member, format!("a coordinate {rule}")))
}

fn g1(file: &'static str, member: &str, [x, y, z]: &G1Text) -> Result<G1Affine> {
    if z != "1" {
        return Err(Error::format(file, member, "the third coordinate must be \"1\""));
    }
    g1_on_curve(coordinate(file, member, x)?, coordinate(file, member, y)?)
        .filter(|point| !point.is_zero())
        .ok_or_else(|| Error::format(file, member, "the point is not on the curve"))
}

fn g2(file: &'static str, member: &str, [x, y, z]: &G2Text) -> Result<G2Affine> {
    if z != &["1", "0"] {
        return Err(Error::format(file, member, "the third coordinate must be [\"1\", \"0\"]"));
    }
    let pair = |[c0, c1]: &[String; 2]| -> Result<Fq2> {
        Ok(Fq2::new(coordinate(file, member, c0)?, coordinate(file, member, c1)?))
    };
    let point = g2_on_curve(pair(x)?, pair(y)?)
        .filter(|point| !point.is_zero())
        .ok_or_else(|| Error::format(file, member, "the point is not on the curve"))?;
    if !point.is_in_correct_subgroup_assuming_on_curve() {
        return Err(Error::format(file, member, "the point is outside the subgroup"));
    }
    Ok(point)
}
