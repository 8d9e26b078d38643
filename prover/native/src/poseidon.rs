//! Domain-separated Poseidon hashes of many lists, and of whole Merkle trees.
//!
//! A hash absorbs blocks of 16 elements, the last of which may be shorter. The capacity element of the first block is
//! `tag·2^32 + length`, that of a later block the digest so far; the digest is the first element of the last state.
//! Elements come and go as 32 little-endian bytes. They may be secret: states are wiped, and no message holds one.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field, PrimeField};
use rayon::prelude::*;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::field::{FIELD_BYTES, integer, integer_bytes};
use crate::poseidon_parameters::{FULL_ROUNDS, MAX_WIDTH, Parameters, dot, parameters};

/// Elements of a block.
const BLOCK: usize = MAX_WIDTH - 1;
/// Deepest tree: its leaves alone are 128 GiB.
const MAX_DEPTH: u32 = 32;
/// Hashes that one task computes at least.
const MIN_TASK: usize = 8;

/// Returns the first element of the permutation of (`capacity`, `block`); a block has 1 … 16 elements.
///
/// # Errors
/// The block has another length.
pub fn compress(capacity: Fr, block: &[Fr]) -> Result<Fr> {
    let width = block.len() + 1;
    let made = parameters(width).ok_or_else(|| Error::value("block", "must have 1 to 16 elements"))?;
    let mut state = Zeroizing::new([Fr::ZERO; MAX_WIDTH]);
    state[0] = capacity;
    state[1..width].copy_from_slice(block);
    Ok(permuted(made, &mut state[..width]))
}

/// Permutes the state but for the last mixing, of which it returns the first element.
fn permuted(made: &Parameters, state: &mut [Fr]) -> Fr {
    let width = state.len();
    let (before, after) = made.full_constants.split_at(FULL_ROUNDS / 2 * width);
    for (round, constants) in before.chunks_exact(width).enumerate() {
        boxes(state, constants);
        mix(state, if round + 1 == FULL_ROUNDS / 2 { &made.entry } else { &made.matrix });
    }
    let sparse = made.rows.chunks_exact(width).zip(made.columns.chunks_exact(width - 1));
    for (constant, (row, column)) in made.partial_constants.iter().zip(sparse) {
        let first = fifth_power(state[0] + constant);
        state[0] = first;
        state[0] = dot(row, state);
        for (element, factor) in state[1..].iter_mut().zip(column) {
            *element += first * factor;
        }
    }
    for (round, constants) in after.chunks_exact(width).enumerate() {
        boxes(state, constants);
        if round + 1 < FULL_ROUNDS / 2 {
            mix(state, &made.matrix);
        }
    }
    dot(&made.matrix[..width], state)
}

fn fifth_power(element: Fr) -> Fr {
    element.square().square() * element
}

fn boxes(state: &mut [Fr], constants: &[Fr]) {
    for (element, constant) in state.iter_mut().zip(constants) {
        *element = fifth_power(*element + constant);
    }
}

fn mix(state: &mut [Fr], matrix: &[Fr]) {
    let width = state.len();
    let mut mixed = Zeroizing::new([Fr::ZERO; MAX_WIDTH]);
    for (element, row) in mixed.iter_mut().zip(matrix.chunks_exact(width)) {
        *element = dot(row, state);
    }
    state.copy_from_slice(&mixed[..width]);
}

/// Returns the capacity element of the first block.
fn first_capacity(tag: u32, length: u32) -> Fr {
    Fr::from(u64::from(tag) << 32 | u64::from(length))
}

/// Returns the element of 32 bytes, of which `place` tells where they stand.
fn element(argument: &'static str, bytes: &[u8], place: impl FnOnce() -> String) -> Result<Fr> {
    Fr::from_bigint(integer(bytes))
        .ok_or_else(|| Error::value(argument, format!("{} is not below the prime", place())))
}

fn digest(tag: u32, length: u32, list: &[u8], number: usize) -> Result<Fr> {
    let mut digest = first_capacity(tag, length);
    let mut block = Zeroizing::new([Fr::ZERO; BLOCK]);
    for (part, bytes) in list.chunks(BLOCK * FIELD_BYTES).enumerate() {
        let count = bytes.len() / FIELD_BYTES;
        for (index, (slot, bytes)) in block.iter_mut().zip(bytes.chunks_exact(FIELD_BYTES)).enumerate() {
            *slot =
                element("elements", bytes, || format!("element {} of list {number}", part * BLOCK + index))?;
        }
        digest = compress(digest, &block[..count])?;
    }
    Ok(digest)
}

/// Returns one digest for each list of `width` elements; the lists follow each other in `elements`.
///
/// # Errors
/// `width` is 0 or has more than 32 bits, the lists are not whole, or an element is not below the prime.
pub fn hash_fields_many(tag: u32, width: usize, elements: &[u8]) -> Result<Vec<u8>> {
    let length = u32::try_from(width)
        .ok()
        .filter(|length| *length > 0)
        .ok_or_else(|| Error::value("width", "must be at least 1 and below 2^32"))?;
    if !elements.len().is_multiple_of(FIELD_BYTES * width) {
        let rule = format!("has {} bytes, must have a multiple of {FIELD_BYTES}*{width}", elements.len());
        return Err(Error::value("elements", rule));
    }
    let digests: Vec<Result<Fr>> = elements
        .par_chunks_exact(FIELD_BYTES * width)
        .enumerate()
        .with_min_len(MIN_TASK)
        .map(|(number, list)| digest(tag, length, list, number))
        .collect();
    let digests = digests.into_iter().collect::<Result<Vec<Fr>>>()?;
    Ok(encoded(&digests))
}

/// Returns all levels above the leaves of a complete binary tree, the lowest first.
///
/// # Errors
/// There are not exactly 2^depth leaves, or one is not below the prime.
pub fn merkle_levels(tag: u32, leaves: &[u8], depth: u32) -> Result<Vec<u8>> {
    if depth > MAX_DEPTH {
        return Err(Error::value("depth", format!("is {depth}, must be at most {MAX_DEPTH}")));
    }
    let wanted = FIELD_BYTES << depth;
    if leaves.len() != wanted {
        let rule = format!("has {} bytes, must have {wanted} for a depth of {depth}", leaves.len());
        return Err(Error::value("leaves", rule));
    }
    let mut level = leaves
        .chunks_exact(FIELD_BYTES)
        .enumerate()
        .map(|(number, bytes)| element("leaves", bytes, || format!("leaf {number}")))
        .collect::<Result<Vec<Fr>>>()?;
    let mut levels = Vec::with_capacity(wanted - FIELD_BYTES);
    for _ in 0..depth {
        let parents = level
            .par_chunks_exact(2)
            .with_min_len(MIN_TASK)
            .map(|pair| compress(first_capacity(tag, 2), pair));
        level = parents.collect::<Result<_>>()?;
        levels.extend(encoded(&level));
    }
    Ok(levels)
}

fn encoded(elements: &[Fr]) -> Vec<u8> {
    elements.iter().flat_map(|element| integer_bytes(&element.into_bigint())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::parse_decimal;
    use crate::poseidon_parameters::tests::plain_permutation;

    fn number(text: &str) -> Fr {
        parse_decimal(text).unwrap()
    }

    fn scattered(count: usize) -> Vec<Fr> {
        (0..count as u64).map(|index| Fr::from(index + 3).pow([300 + index])).collect()
    }

    fn decoded(bytes: &[u8]) -> Vec<Fr> {
        bytes.chunks_exact(FIELD_BYTES).map(|bytes| Fr::new(integer(bytes))).collect()
    }

    #[test]
    fn the_digests_of_circomlib_come_out() {
        // test/poseidoncircuit.js of circomlib.
        for (block, digest) in [
            (vec![1, 2], "7853200120776062878684798364095072458815029376092732009249414926327459813530"),
            (vec![3, 4], "14763215145315200506921711489642608356394854266165572616578112107564877678998"),
            (
                vec![1, 2, 0, 0, 0],
                "1018317224307729531995786483840663576608797660851238720571059489595066344487",
            ),
            (
                vec![1, 2, 0, 0, 0, 0],
                "15336558801450556532856248569924170992202208561737609669134139141992924267169",
            ),
        ] {
            let block: Vec<Fr> = block.into_iter().map(Fr::from).collect();
            assert_eq!(compress(Fr::ZERO, &block).unwrap(), number(digest));
        }
    }

    #[test]
    fn the_quick_form_is_the_plain_permutation_for_every_width() {
        for width in 2..=MAX_WIDTH {
            for mut state in [vec![Fr::ZERO; width], vec![-Fr::from(1); width], scattered(width)] {
                let quick = compress(state[0], &state[1..]).unwrap();
                plain_permutation(&mut state);
                assert_eq!(quick, state[0], "{width}");
            }
        }
    }

    #[test]
    fn a_block_of_another_length_is_refused() {
        assert!(compress(Fr::ZERO, &[]).is_err());
        assert!(compress(Fr::ZERO, &[Fr::ZERO; BLOCK + 1]).is_err());
    }

    #[test]
    fn long_lists_are_chained_block_by_block() {
        for width in [1, 15, 16, 17, 32, 33] {
            let lists = scattered(3 * width);
            let digests = hash_fields_many(5, width, &encoded(&lists)).unwrap();
            let expected: Vec<Fr> = lists
                .chunks_exact(width)
                .map(|list| {
                    let capacity = first_capacity(5, u32::try_from(width).unwrap());
                    list.chunks(BLOCK).fold(capacity, |digest, block| compress(digest, block).unwrap())
                })
                .collect();
            assert_eq!(decoded(&digests), expected);
        }
        assert!(hash_fields_many(5, 3, &[]).unwrap().is_empty());
    }

    #[test]
    fn the_levels_of_a_tree_are_its_nodes_from_the_lowest_up() {
        let leaves = scattered(8);
        let levels = decoded(&merkle_levels(6, &encoded(&leaves), 3).unwrap());
        assert_eq!(levels.len(), 7);
        let below: Vec<Fr> = [leaves.as_slice(), &levels].concat();
        for (pair, parent) in below.chunks_exact(2).zip(&levels) {
            assert_eq!(compress(first_capacity(6, 2), pair).unwrap(), *parent);
        }
        assert!(merkle_levels(6, &encoded(&leaves[..1]), 0).unwrap().is_empty());
    }

    #[test]
    fn what_is_not_reduced_or_not_whole_is_refused() {
        let modulus = integer_bytes(&Fr::MODULUS);
        let lists = [[0; FIELD_BYTES], modulus].concat();
        let message = hash_fields_many(1, 1, &lists).unwrap_err().to_string();
        assert_eq!(message, "elements: element 0 of list 1 is not below the prime");
        let message = merkle_levels(1, &lists, 1).unwrap_err().to_string();
        assert_eq!(message, "leaves: leaf 1 is not below the prime");
        for (width, bytes) in [(0, 0), (0, 32), (1, 31), (2, 96), (1 << 32, 0)] {
            assert!(hash_fields_many(1, width, &vec![0; bytes]).is_err(), "{width} {bytes}");
        }
        for (depth, bytes) in [(0, 0), (0, 64), (1, 32), (1, 63), (33, 0), (u32::MAX, 0)] {
            assert!(merkle_levels(1, &vec![0; bytes], depth).is_err(), "{depth} {bytes}");
        }
    }
}
