//! A whole road in one process: r1cs → key → proof → verdict, and every file damaged on the way.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use ark_bn254::{Fq, Fr};
use ark_ec::AffineRepr;
use ark_ff::{BigInteger, PrimeField};
use zkm2m_native::error::{Error, Result};
use zkm2m_native::prove::{prove, prove_with, public_strings};
use zkm2m_native::r1cs::R1cs;
use zkm2m_native::setup::{Trapdoor, dev_setup};
use zkm2m_native::tables::LazyTables;
use zkm2m_native::verify::check;
use zkm2m_native::wtns;
use zkm2m_native::zkey::ProvingKey;

/// Id and payload.
type Section = (u32, Vec<u8>);

fn element(value: Fr) -> Vec<u8> {
    value.into_bigint().to_bytes_le()
}

fn container(magic: [u8; 4], version: u32, sections: &[Section]) -> Vec<u8> {
    let mut bytes = magic.to_vec();
    bytes.extend(version.to_le_bytes());
    bytes.extend(u32::try_from(sections.len()).unwrap().to_le_bytes());
    for (id, payload) in sections {
        bytes.extend(id.to_le_bytes());
        bytes.extend((payload.len() as u64).to_le_bytes());
        bytes.extend(payload);
    }
    bytes
}

fn words(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn prime() -> Vec<u8> {
    [words(&[32]), Fr::MODULUS.to_bytes_le()].concat()
}

fn combination(terms: &[(u32, Fr)]) -> Vec<u8> {
    let mut bytes = words(&[u32::try_from(terms.len()).unwrap()]);
    for (wire, value) in terms {
        bytes.extend(words(&[*wire]));
        bytes.extend(element(*value));
    }
    bytes
}

/// Wires: 1, y (output), u (public, in no constraint), x, s. Constraints: x·x = s and s·(x − 2) = −y.
fn r1cs_sections() -> Vec<Section> {
    let one = Fr::from(1);
    let header = [prime(), words(&[5, 1, 1, 1]), 5_u64.to_le_bytes().to_vec(), words(&[2])].concat();
    let body = [
        combination(&[(3, one)]),
        combination(&[(3, one)]),
        combination(&[(4, one)]),
        combination(&[(4, one)]),
        combination(&[(3, one), (0, -Fr::from(2))]),
        combination(&[(1, -one)]),
    ]
    .concat();
    let labels = (0..5_u64).flat_map(u64::to_le_bytes).collect();
    vec![(2, body), (1, header), (3, labels)]
}

fn r1cs_bytes() -> Vec<u8> {
    container(*b"r1cs", 1, &r1cs_sections())
}

fn witness_bytes(values: &[Fr]) -> Vec<u8> {
    let header = [prime(), words(&[u32::try_from(values.len()).unwrap()])].concat();
    container(*b"wtns", 2, &[(1, header), (2, values.iter().flat_map(|value| element(*value)).collect())])
}

/// The honest witness for x = −3: s = 9, y = 45.
fn honest() -> Vec<Fr> {
    vec![Fr::from(1), Fr::from(45), Fr::from(7), -Fr::from(3), Fr::from(9)]
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("zkm2m-native-files-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn key_bytes(name: &str, seed: u8) -> Vec<u8> {
    let folder = Folder::new(name);
    let (r1cs, zkey) = (folder.0.join("c.r1cs"), folder.0.join("c.zkey"));
    fs::write(&r1cs, r1cs_bytes()).unwrap();
    let summary =
        dev_setup(&r1cs, &zkey, &Trapdoor::from_seed(&[seed; 32]).unwrap(), &|_, _| Ok(())).unwrap();
    assert_eq!((summary.wires, summary.public, summary.constraints, summary.domain), (5, 2, 2, 8));
    let bytes = fs::read(&zkey).unwrap();
    assert_eq!(summary.zkey_bytes, bytes.len() as u64);
    bytes
}

/// Runs a reader over damaged bytes; it may accept or refuse but must not panic.
fn survives<T>(bytes: &[u8], read: &dyn Fn(&[u8]) -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(|| read(bytes))).expect("a reader panicked")
}

fn refuses_truncation<T>(bytes: &[u8], read: &dyn Fn(&[u8]) -> Result<T>) {
    for length in 0..bytes.len() {
        assert!(matches!(survives(&bytes[..length], read), Err(Error::Format { .. })), "length {length}");
    }
}

fn survives_flips<T>(bytes: &[u8], step: usize, read: &dyn Fn(&[u8]) -> Result<T>) {
    for at in (0..bytes.len()).step_by(step) {
        for mask in [0x01, 0x80, 0xff] {
            let mut damaged = bytes.to_vec();
            damaged[at] ^= mask;
            let _ = survives(&damaged, read);
        }
    }
}

#[test]
fn a_proof_holds_for_its_signals_and_no_others() {
    let key = ProvingKey::parse(&key_bytes("holds", 1)).unwrap();
    let (proof, public) = prove(&key, &witness_bytes(&honest())).unwrap();
    assert_eq!(public_strings(&public), ["45", "7"]);
    assert!(check(&key.verifying, &public, &proof));
    for index in 0..2 {
        for change in [Fr::from(1), -Fr::from(1)] {
            let mut other = public.clone();
            // The second signal is in no constraint of the circuit: only the added rows bind it.
            other[index] += change;
            assert!(!check(&key.verifying, &other, &proof), "signal {index}");
        }
    }
    assert!(!check(&key.verifying, &public[..1], &proof));
    let mut moved = proof;
    moved.c = -moved.c;
    assert!(!check(&key.verifying, &public, &moved));
}

#[test]
fn two_proofs_of_one_witness_differ() {
    let key = ProvingKey::parse(&key_bytes("differ", 2)).unwrap();
    let (first, _) = prove(&key, &witness_bytes(&honest())).unwrap();
    let (second, _) = prove(&key, &witness_bytes(&honest())).unwrap();
    assert!(first.a != second.a && first.b != second.b && first.c != second.c);
}

#[test]
fn proofs_by_tables_hold_on_every_budget() {
    let key = ProvingKey::parse(&key_bytes("tables", 4)).unwrap();
    for budget in [0, 1, 4_000, usize::MAX] {
        let tables = LazyTables::new(budget);
        let mut false_values = honest();
        false_values[4] = Fr::from(5);
        assert!(prove_with(&key, &tables, &witness_bytes(&false_values)).is_err());
        assert!(tables.get().is_none(), "made for a false witness");
        for _ in 0..3 {
            let (proof, public) = prove_with(&key, &tables, &witness_bytes(&honest())).unwrap();
            assert!(check(&key.verifying, &public, &proof), "{budget} bytes");
        }
        let bytes = tables.get().map_or(0, |tables| tables.bytes);
        assert!(bytes <= budget && (budget < 4_000 || bytes > 0), "{bytes} of {budget} bytes");
    }
}

#[test]
fn a_false_witness_is_refused_without_its_values() {
    let key = ProvingKey::parse(&key_bytes("false", 3)).unwrap();
    let mut values = honest();
    values[4] = Fr::from(987_654_321);
    let message = prove(&key, &witness_bytes(&values)).err().unwrap().to_string();
    assert!(message.contains("does not satisfy") && !message.contains("987654321"), "{message}");
    values.pop();
    let message = prove(&key, &witness_bytes(&values)).err().unwrap().to_string();
    assert!(message.contains("4 values, the key is for 5 wires"), "{message}");
}

#[test]
fn one_seed_gives_one_key_and_another_seed_another() {
    assert_eq!(key_bytes("seed-a", 4), key_bytes("seed-b", 4));
    assert_ne!(key_bytes("seed-c", 4), key_bytes("seed-d", 5));
}

#[test]
fn gamma_is_the_generator_and_delta_is_not() {
    let key = ProvingKey::parse(&key_bytes("gamma", 6)).unwrap();
    assert_eq!(key.verifying.gamma2, ark_bn254::G2Affine::generator());
    assert_ne!(key.verifying.delta2, ark_bn254::G2Affine::generator());
}

#[test]
fn damaged_files_are_refused_and_never_panic() {
    let r1cs = r1cs_bytes();
    let witness = witness_bytes(&honest());
    let key = key_bytes("damage", 7);
    refuses_truncation(&r1cs, &R1cs::parse);
    refuses_truncation(&witness, &wtns::parse);
    survives_flips(&r1cs, 1, &R1cs::parse);
    survives_flips(&witness, 1, &wtns::parse);
    survives_flips(&key, 5, &ProvingKey::parse);
    for length in (0..key.len()).step_by(7) {
        assert!(survives(&key[..length], &ProvingKey::parse).is_err(), "length {length}");
    }
}

#[test]
fn each_broken_rule_of_an_r1cs_is_named() {
    let refusal = |change: &dyn Fn(&mut Vec<Section>)| {
        let mut sections = r1cs_sections();
        change(&mut sections);
        R1cs::parse(&container(*b"r1cs", 1, &sections)).err().expect("must be refused").to_string()
    };
    // Section order in the file: constraints, header, labels.
    assert!(refusal(&|all| all[1].1[0] = 31).contains("must have 32"));
    assert!(refusal(&|all| all[1].1[4] ^= 1).contains("the prime is not the order of BN254"));
    assert!(refusal(&|all| all[1].1[36] = 3).contains("named wires"));
    assert!(refusal(&|all| all[1].1.push(0)).contains("section 1 (header): 1 bytes too long"));
    assert!(refusal(&|all| all[0].1[4] = 5).contains("names wire 5, of 5"));
    assert!(refusal(&|all| all[0].1[0..4].fill(0xff)).contains("more terms than bytes"));
    assert!(refusal(&|all| all[0].1[8..40].fill(0xff)).contains("not below the prime"));
    assert!(refusal(&|all| all.push((4, words(&[1])))).contains("custom gates"));
    assert!(refusal(&|all| all.truncate(1)).contains("section 1 (header): is missing"));
}

#[test]
fn each_broken_rule_of_a_witness_is_named() {
    let refusal = |bytes: &[u8]| wtns::parse(bytes).expect_err("must be refused").to_string();
    let mut values = honest();
    values[0] = Fr::from(2);
    assert!(refusal(&witness_bytes(&values)).contains("wire 0 must be the constant 1"));
    let mut large = witness_bytes(&honest());
    let end = large.len();
    large[end - 32..].copy_from_slice(&Fr::MODULUS.to_bytes_le());
    assert!(refusal(&large).contains("wire 4 has a value that is not below the prime"));
    assert!(refusal(&witness_bytes(&[])).contains("wire 0"));
}

#[test]
fn each_broken_rule_of_a_key_is_named() {
    let key = key_bytes("rules", 8);
    let refusal = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut damaged = key.clone();
        change(&mut damaged);
        ProvingKey::parse(&damaged).err().expect("must be refused").to_string()
    };
    // File header 12, section 1 at 12 + 12 .. 28, section 2 from 40 on.
    let header = 40;
    let (sizes, alpha1) = (header + 72, header + 84);
    let (beta2, gamma2, delta1, delta2) = (alpha1 + 128, alpha1 + 256, alpha1 + 384, alpha1 + 448);
    let ic = delta2 + 128 + 12;
    assert!(refusal(&|bytes| bytes[24] = 2).contains("the protocol is not Groth16"));
    assert!(refusal(&|bytes| bytes[header + 4] ^= 1).contains("the curve is not BN254"));
    assert!(refusal(&|bytes| bytes[sizes + 4] = 9).contains("9 public signals, only 5 wires"));
    assert!(refusal(&|bytes| bytes[sizes + 8] = 7).contains("domain size 7"));
    assert!(refusal(&|bytes| bytes[alpha1..alpha1 + 64].fill(0)).contains("alpha1 must be a point of G1"));
    assert!(refusal(&|bytes| bytes[beta2] ^= 1).contains("beta2 must be a point of G2"));
    assert!(refusal(&|bytes| bytes.copy_within(gamma2..gamma2 + 128, delta2)).contains("delta1 and delta2"));
    let equal = refusal(&|bytes| {
        let generator = ark_bn254::G1Affine::generator();
        bytes[delta1..delta1 + 64].copy_from_slice(&zkm2m_native::field::g1_bytes(&generator));
        bytes.copy_within(gamma2..gamma2 + 128, delta2);
    });
    assert!(equal.contains("delta2: equals gamma2 up to sign"), "{equal}");
    assert!(refusal(&|bytes| bytes[ic..ic + 64].fill(0)).contains("IC[0]: must not be infinity"));
    assert!(
        refusal(&|bytes| bytes.copy_within(ic..ic + 64, ic + 64)).contains("IC[1]: equals an earlier point")
    );
    assert!(refusal(&|bytes| bytes[ic] ^= 1).contains("point 0 is not on the curve"));
    let q = Fq::MODULUS.to_bytes_le();
    assert!(refusal(&|bytes| bytes[ic..ic + 32].copy_from_slice(&q)).contains("section 3 (IC): point 0"));
}

/// Returns where the payload of a section begins.
fn payload(bytes: &[u8], id: u32) -> usize {
    let mut at = 12;
    loop {
        let length = u64::from_le_bytes(bytes[at + 4..at + 12].try_into().unwrap());
        if bytes[at..at + 4] == id.to_le_bytes() {
            return at + 12;
        }
        at += 12 + usize::try_from(length).unwrap();
    }
}

#[test]
fn a_bad_point_or_entry_of_a_key_is_named() {
    let key = key_bytes("places", 9);
    let sections = [
        (5, 64, "section 5 (points A)"),
        (6, 64, "section 6 (points B1)"),
        (7, 128, "section 7 (points B2)"),
        (8, 64, "section 8 (points C)"),
        (9, 64, "section 9 (points H)"),
    ];
    for (id, size, name) in sections {
        for (index, change) in [(0, 0x01), (1, 0x01), (1, 0xff)] {
            let mut damaged = key.clone();
            let at = payload(&key, id) + index * size;
            damaged[at..at + size].iter_mut().for_each(|byte| *byte |= change);
            let message = ProvingKey::parse(&damaged).err().unwrap().to_string();
            assert!(message.contains(&format!("{name}: point {index} is not on the curve")), "{message}");
        }
    }
    for (at, byte, rule) in [
        (0, 2, "entry 1 has a matrix, row or wire out of range"),
        (4, 8, "entry 1 has a matrix, row or wire out of range"),
        (8, 5, "entry 1 has a matrix, row or wire out of range"),
        (43, 0xff, "entry 1 has a value that is not below the prime"),
    ] {
        let mut damaged = key.clone();
        damaged[payload(&key, 4) + 4 + 44 + at] = byte;
        let message = ProvingKey::parse(&damaged).err().unwrap().to_string();
        assert!(message.contains(&format!("section 4 (coefficients): {rule}")), "{message}");
    }
}

#[test]
fn a_key_whose_entries_are_in_another_order_proves_as_well() {
    let mut key = key_bytes("order", 10);
    let first = payload(&key, 4) + 4;
    let count = u32::from_le_bytes(key[first - 4..first].try_into().unwrap()) as usize;
    let entries =
        key[first..first + 44 * count].chunks_exact(44).rev().flatten().copied().collect::<Vec<_>>();
    key[first..first + entries.len()].copy_from_slice(&entries);
    let (proof, public) = prove(&ProvingKey::parse(&key).unwrap(), &witness_bytes(&honest())).unwrap();
    assert_eq!((public_strings(&public), proof.a.is_zero()), (vec!["45".to_owned(), "7".to_owned()], false));
}

#[test]
fn a_callback_can_stop_a_setup_and_nothing_is_left() {
    let folder = Folder::new("stop");
    let (r1cs, zkey) = (folder.0.join("c.r1cs"), folder.0.join("c.zkey"));
    fs::write(&r1cs, r1cs_bytes()).unwrap();
    for last in ["read", "points in G2", "write", "done"] {
        let stop = |stage: &str, _: f64| if stage == last { Err(Error::Interrupted) } else { Ok(()) };
        let result = dev_setup(&r1cs, &zkey, &Trapdoor::random().unwrap(), &stop);
        assert!(matches!(result, Err(Error::Interrupted)), "{last}");
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1, "{last}");
    }
}
