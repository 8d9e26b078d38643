//! Secret scalars: where they come from and how they go.

use ark_bn254::Fr;
use ark_ff::PrimeField;
use sha2::{Digest, Sha512};
use zeroize::{Zeroize, Zeroizing};

use crate::error::{Error, Result};

/// A scalar that is wiped from memory when dropped.
pub type SecretScalar = Zeroizing<Fr>;

/// Returns a uniform scalar from the operating system.
///
/// 64 random bytes reduced modulo the 254-bit order are within 2^-258 of uniform.
///
/// # Errors
/// The operating system gives no randomness.
pub fn random_scalar() -> Result<SecretScalar> {
    let mut bytes = Zeroizing::new([0_u8; 64]);
    getrandom::fill(bytes.as_mut())
        .map_err(|error| Error::value("randomness", format!("the operating system gave none: {error}")))?;
    Ok(Zeroizing::new(Fr::from_be_bytes_mod_order(bytes.as_ref())))
}

/// Returns `SHA-512("zkm2m/dev-setup/v1" ‖ seed ‖ index)`, big-endian, modulo the group order.
#[must_use]
pub fn derived_scalar(seed: &[u8; 32], index: u8) -> SecretScalar {
    let mut digest: [u8; 64] = Sha512::new()
        .chain_update(b"zkm2m/dev-setup/v1")
        .chain_update(seed)
        .chain_update([index])
        .finalize()
        .into();
    let scalar = Zeroizing::new(Fr::from_be_bytes_mod_order(&digest));
    digest.zeroize();
    scalar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_scalars_differ() {
        assert_ne!(*random_scalar().unwrap(), *random_scalar().unwrap());
    }

    #[test]
    fn derived_scalars_depend_on_seed_and_index() {
        assert_eq!(*derived_scalar(&[7; 32], 0), *derived_scalar(&[7; 32], 0));
        assert_ne!(*derived_scalar(&[7; 32], 0), *derived_scalar(&[7; 32], 1));
        assert_ne!(*derived_scalar(&[7; 32], 0), *derived_scalar(&[8; 32], 0));
    }
}
