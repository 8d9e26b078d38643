//! Contributions to the second phase of a key's set-up, in the format of snarkjs.
//!
//! A contributor multiplies `δ` by a secret `x` and divides the points of sections 8 and 9 by it. Section 10 holds the
//! hash of the circuit and, for each contribution, the new `δ` in G1 with a proof that its maker knew `x`: a point `s`,
//! `x·s`, and `x·t`, where the point `t` of G2 follows from a transcript of all that came before and of `s` and `x·s`.
//! The secret of the last contribution, the beacon, follows from a value that nobody could foresee.

use std::io::{self, Write};
use std::path::Path;

use ark_bn254::{Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{BigInteger, Field, PrimeField};
use blake2::{Blake2b512, Digest};
use rayon::prelude::*;
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use crate::atomic::AtomicFile;
use crate::binfile::{Reader, Sections, map_file};
use crate::error::{Error, Result};
use crate::field::{G1_BYTES, G2_BYTES, g1_bytes, g1_point, g2_bytes};
use crate::stream::Stream;
use crate::zkey::{Header, KIND};

const DIGEST_BYTES: usize = 64;
/// `δ` in G1, `s`, `x·s`, `x·t`.
const PROOF_BYTES: usize = 3 * G1_BYTES + G2_BYTES;
/// Where `δ` in G1 begins in section 2; it is the last but one point.
const DELTA_FROM_END: usize = G1_BYTES + G2_BYTES;
/// Points that one task divides.
const SHARE: usize = 1 << 10;
/// Longest name, in bytes: snarkjs cuts names after 64 characters.
const NAME_BYTES: usize = 64;
const ITERATIONS: std::ops::RangeInclusive<u8> = 10..=63;

/// A value that nobody could foresee, and how often it is hashed.
pub struct Beacon<'a> {
    /// 1 to 255 bytes, published after the last contribution.
    pub value: &'a [u8],
    /// SHA-256 is applied 2 to this power times, 10 to 63.
    pub iterations_exponent: u8,
}

/// What a contribution made.
pub struct Summary {
    /// What the contributor publishes, so that everybody can see that the key holds their contribution.
    pub contribution_hash: [u8; DIGEST_BYTES],
    /// SHA-256 of the new key's file.
    pub zkey_sha256: [u8; 32],
    /// Length of the new key's file in bytes.
    pub zkey_bytes: u64,
}

/// Writes a key with a contribution whose secret is from the operating system and from `entropy`.
///
/// # Errors
/// The key or the name breaks a rule, the files cannot be read or written, or there is no randomness.
pub fn contribute(zkey: &Path, new_zkey: &Path, name: &str, entropy: &[u8]) -> Result<Summary> {
    let mut random = Zeroizing::new([0_u8; DIGEST_BYTES]);
    getrandom::fill(random.as_mut())
        .map_err(|error| Error::value("randomness", format!("the operating system gave none: {error}")))?;
    let mut seed: [u8; DIGEST_BYTES] =
        Blake2b512::new().chain_update(random.as_ref()).chain_update(entropy).finalize().into();
    let stream = Stream::new(&seed);
    seed.zeroize();
    add(zkey, new_zkey, stream, &kind_bytes(name, None)?)
}

/// Writes a key with the contribution of a beacon, which everybody can make again.
///
/// # Errors
/// The key, the name or the beacon breaks a rule, or the files cannot be read or written.
pub fn apply_beacon(zkey: &Path, new_zkey: &Path, name: &str, beacon: &Beacon<'_>) -> Result<Summary> {
    let kind = kind_bytes(name, Some(beacon))?;
    let mut hash: [u8; 32] = Sha256::digest(beacon.value).into();
    for _ in 1..1_u64 << beacon.iterations_exponent {
        hash = Sha256::digest(hash).into();
    }
    add(zkey, new_zkey, Stream::new(&hash), &kind)
}

/// Returns the end of a contribution: its type, and its parameters behind their length.
fn kind_bytes(name: &str, beacon: Option<&Beacon<'_>>) -> Result<Vec<u8>> {
    let mut parameters = Vec::new();
    if name.len() > NAME_BYTES {
        return Err(Error::value("name", format!("must have at most {NAME_BYTES} bytes")));
    }
    let length = |bytes: &[u8]| {
        u8::try_from(bytes.len()).map_err(|_| Error::value("beacon", "must have at most 255 bytes"))
    };
    if !name.is_empty() {
        parameters.extend([1, length(name.as_bytes())?]);
        parameters.extend(name.as_bytes());
    }
    if let Some(beacon) = beacon {
        if beacon.value.is_empty() {
            return Err(Error::value("beacon", "must not be empty"));
        }
        if !ITERATIONS.contains(&beacon.iterations_exponent) {
            return Err(Error::value("iterations_exponent", "must be from 10 to 63"));
        }
        parameters.extend([2, beacon.iterations_exponent, 3, length(beacon.value)?]);
        parameters.extend(beacon.value);
    }
    let kind = u32::from(beacon.is_some());
    // Below 400 bytes.
    let count = u32::try_from(parameters.len()).unwrap_or(u32::MAX);
    Ok([&kind.to_le_bytes()[..], &count.to_le_bytes(), &parameters].concat())
}

fn add(zkey: &Path, new_zkey: &Path, mut stream: Stream, kind: &[u8]) -> Result<Summary> {
    let map = map_file(zkey)?;
    let sections = Sections::parse(&KIND, &map)?;
    let mut protocol = sections.required(1)?;
    if protocol.u32()? != 1 {
        return Err(protocol.fail("the protocol is not Groth16"));
    }
    protocol.finish()?;
    let header = Header::read(sections.required(2)?)?;
    let history = History::read(sections.required(10)?)?;

    let secret = Zeroizing::new(stream.scalar());
    let inverse =
        Zeroizing::new(secret.inverse().ok_or_else(|| Error::value("randomness", "gave the secret 0"))?);
    let delta1 = (header.delta1 * *secret).into_affine();
    let delta2 = (header.delta2 * *secret).into_affine();
    let s = stream.g1();
    let sx = (s * *secret).into_affine();
    let mut transcript = history.transcript.clone();
    for point in [&s, &sx] {
        transcript.update(big_endian_g1(point));
    }
    let transcript: [u8; DIGEST_BYTES] = transcript.finalize().into();
    let tx = (Stream::new(&transcript).g2() * *secret).into_affine();

    let mut contribution = Blake2b512::new();
    for point in [&delta1, &s, &sx] {
        contribution.update(big_endian_g1(point));
    }
    let contribution_hash =
        contribution.chain_update(big_endian_g2(&tx)).chain_update(transcript).finalize().into();
    let points = [&g1_bytes(&delta1)[..], &g1_bytes(&s), &g1_bytes(&sx), &g2_bytes(&tx)].concat();
    let entry = [&points, &transcript[..], kind].concat();

    let mut file = AtomicFile::create(new_zkey)?;
    file.write_all(b"zkey\x01\0\0\0\x0a\0\0\0").map_err(file.failure())?;
    for id in 1..=10 {
        let old = sections.required(id)?.rest();
        let section = match id {
            2 => {
                let kept = &old[..old.len() - DELTA_FROM_END];
                Some([kept, &g1_bytes(&delta1), &g2_bytes(&delta2)].concat())
            }
            8 | 9 => Some(multiplied(old, &inverse).map_err(|index| {
                Error::format("zkey", format!("section {id}"), format!("point {index} is not on the curve"))
            })?),
            10 => Some(history.with(&entry)),
            _ => None,
        };
        let failure = file.failure();
        write_section(&mut file, id, section.as_deref().unwrap_or(old)).map_err(failure)?;
    }
    let (zkey_sha256, zkey_bytes) = file.commit()?;
    Ok(Summary { contribution_hash, zkey_sha256, zkey_bytes })
}

fn write_section(file: &mut AtomicFile, id: u32, payload: &[u8]) -> io::Result<()> {
    file.write_all(&id.to_le_bytes())?;
    file.write_all(&(payload.len() as u64).to_le_bytes())?;
    file.write_all(payload)
}

/// Returns the bytes of G1 points times a scalar; the error is the index of a bad one.
fn multiplied(bytes: &[u8], by: &Fr) -> std::result::Result<Vec<u8>, usize> {
    let shares = bytes.par_chunks(SHARE * G1_BYTES).enumerate().map(|(share, bytes)| {
        let points = bytes
            .chunks_exact(G1_BYTES)
            .enumerate()
            .map(|(index, chunk)| g1_point(chunk).map(|point| point * *by).ok_or(share * SHARE + index));
        let products = points.collect::<std::result::Result<Vec<_>, usize>>()?;
        Ok(G1Projective::normalize_batch(&products).iter().flat_map(g1_bytes).collect::<Vec<u8>>())
    });
    Ok(shares.collect::<std::result::Result<Vec<_>, usize>>()?.concat())
}

/// Section 10 as it was: the circuit's hash, and all contributions.
struct History<'a> {
    circuit_hash: &'a [u8],
    count: u32,
    entries: &'a [u8],
    /// Of the circuit's hash and everything that the contributions published.
    transcript: Blake2b512,
}

impl<'a> History<'a> {
    fn read(mut reader: Reader<'a>) -> Result<Self> {
        let circuit_hash = reader.take(DIGEST_BYTES)?;
        let count = reader.u32()?;
        let entries = reader.rest();
        let mut transcript = Blake2b512::new().chain_update(circuit_hash);
        for index in 0..count {
            let points = reader.take(PROOF_BYTES)?;
            for bytes in points[..3 * G1_BYTES].chunks_exact(G1_BYTES) {
                let point = g1_point(bytes)
                    .ok_or_else(|| reader.fail(format!("contribution {index} has a point off the curve")))?;
                transcript.update(big_endian_g1(&point));
            }
            let point = crate::field::g2_point(&points[3 * G1_BYTES..])
                .ok_or_else(|| reader.fail(format!("contribution {index} has a point off the curve")))?;
            transcript.update(big_endian_g2(&point));
            transcript.update(reader.take(DIGEST_BYTES)?);
            reader.u32()?;
            let parameters = reader.u32()? as usize;
            reader.take(parameters)?;
        }
        reader.finish()?;
        Ok(Self { circuit_hash, count, entries, transcript })
    }

    /// Returns the section with one more entry.
    fn with(&self, entry: &[u8]) -> Vec<u8> {
        [self.circuit_hash, &(self.count + 1).to_le_bytes(), self.entries, entry].concat()
    }
}

/// Returns the bytes under which a point of G1 is hashed: both coordinates, big-endian.
fn big_endian_g1(point: &G1Affine) -> Vec<u8> {
    point.xy().map_or_else(infinity::<G1_BYTES>, |(x, y)| {
        [x, y].iter().flat_map(|part| part.into_bigint().to_bytes_be()).collect()
    })
}

/// Returns the bytes under which a point of G2 is hashed: of each coordinate the part with `u` comes first.
fn big_endian_g2(point: &G2Affine) -> Vec<u8> {
    point.xy().map_or_else(infinity::<G2_BYTES>, |(x, y)| {
        [x.c1, x.c0, y.c1, y.c0].iter().flat_map(|part| part.into_bigint().to_bytes_be()).collect()
    })
}

fn infinity<const BYTES: usize>() -> Vec<u8> {
    let mut bytes = vec![0; BYTES];
    bytes[0] = 0x40;
    bytes
}
