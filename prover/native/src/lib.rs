//! Groth16 on BN254 in the file formats of circom and snarkjs.
//!
//! - [`setup`]: r1cs → development proving key
//! - [`contribution`]: proving key → proving key with one more contribution to its second phase
//! - [`check`]: r1cs and witness → the first constraint that does not hold
//! - [`prove`]: proving key and witness → proof
//! - [`verify`]: verifying key, public signals and proof → verdict
//! - [`verify_many`]: the same for many proofs under one key, together
//! - [`poseidon`]: lists of field elements → digests; leaves → Merkle tree
//!
//! Readers ([`r1cs`], [`wtns`], [`zkey`], [`json`]) refuse before anything computes: a malformed file is an
//! [`error::Error`] that names the section and the rule, never a panic. The Python module is in `python.rs`; everything
//! else works without Python.

pub mod affine;
pub mod atomic;
#[cfg(target_arch = "x86_64")]
pub mod avx2;
pub mod batch;
pub mod binfile;
pub mod bucket;
pub mod butterflies;
pub mod check;
pub mod contribution;
pub mod coordinates;
pub mod digits;
pub mod error;
pub mod field;
pub mod fixed;
pub mod form;
#[cfg(target_arch = "x86_64")]
pub mod ifma;
pub mod inversion;
pub mod json;
pub mod lanes;
pub mod limbs;
pub mod matrix;
pub mod msm;
pub mod points;
pub mod pool;
pub mod portable;
pub mod poseidon;
pub mod poseidon_parameters;
pub mod prove;
pub mod quotient;
pub mod r1cs;
pub mod radix52;
pub mod secret;
pub mod setup;
#[cfg(test)]
mod simulated;
pub mod stream;
pub mod tables;
pub mod transform;
pub mod verify;
pub mod verify_many;
pub mod wtns;
pub mod zkey;
pub mod zkey_write;

#[cfg(feature = "python")]
mod python;
