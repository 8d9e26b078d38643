//! The matrices A and B of a proving key, and their products with a witness.
//!
//! A circuit of millions of entries has some ten thousand different values, most of them 1, −1 and powers of two. So an
//! entry names its value by the place in a table, and eight bytes are all it takes.

use std::collections::HashMap;

use ark_bn254::{Fr, FrConfig};
use ark_ff::{AdditiveGroup, BigInt, MontConfig};
use rayon::prelude::*;

use crate::field::{self, FIELD_BYTES};

/// Bytes of an entry in a key: matrix, row, wire, value.
pub const ENTRY_BYTES: usize = 12 + FIELD_BYTES;

/// Places in the table of values that are always there.
const ONE: u32 = 0;
const MINUS_ONE: u32 = 1;

/// A sparse matrix by rows.
pub struct Matrix {
    /// Entry `i` of row `j` is at `starts[j] + i`; one more element than rows.
    starts: Vec<u32>,
    entries: Vec<Entry>,
    /// The different values.
    values: Vec<Fr>,
    /// The same values times R: the product of one with a plain witness value, taken for a Montgomery form, is the
    /// product of value and witness value.
    raised: Vec<Fr>,
}

#[derive(Clone, Copy)]
struct Entry {
    wire: u32,
    /// Place of the value in the table.
    value: u32,
}

/// Why entries are refused; with the place of the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// A matrix, a row or a wire that does not exist.
    Range(usize),
    /// A value that is not below the prime.
    Value(usize),
}

impl Flaw {
    /// Returns the rule that is broken, and where.
    #[must_use]
    pub fn rule(self) -> String {
        match self {
            Self::Range(index) => format!("entry {index} has a matrix, row or wire out of range"),
            Self::Value(index) => format!("entry {index} has a value that is not below the prime"),
        }
    }

    fn index(self) -> usize {
        match self {
            Self::Range(index) | Self::Value(index) => index,
        }
    }
}

/// Reads the matrices A and B with `rows` rows and `wires` columns from the entries of a proving key.
///
/// # Errors
/// The first entry that is refused.
pub fn read(entries: &[[u8; ENTRY_BYTES]], rows: usize, wires: usize) -> Result<[Matrix; 2], Flaw> {
    let both = |entries| {
        rayon::join(|| Matrix::read(entries, 0, rows, wires), || Matrix::read(entries, 1, rows, wires))
    };
    let matrices = match both(entries) {
        (Err(a), Err(b)) => return Err(if a.index() <= b.index() { a } else { b }),
        (Err(flaw), _) | (_, Err(flaw)) => return Err(flaw),
        (Ok(a), Ok(b)) => [a, b],
    };
    if let [Some(a), Some(b)] = matrices {
        return Ok([a, b]);
    }
    // Writers of keys go row by row; entries in another order are as good.
    let mut entries = entries.to_vec();
    entries.sort_by_key(|entry| word(entry, 4));
    match both(&entries) {
        (Ok(Some(a)), Ok(Some(b))) => Ok([a, b]),
        _ => unreachable!("the entries were accepted and are in order"),
    }
}

fn word(entry: &[u8; ENTRY_BYTES], at: usize) -> u32 {
    u32::from_le_bytes([entry[at], entry[at + 1], entry[at + 2], entry[at + 3]])
}

impl Matrix {
    /// Reads the entries of one matrix; `None` where they are not in the order of rows.
    #[allow(clippy::cast_possible_truncation)] // the file counts entries in 32 bits
    fn read(
        entries: &[[u8; ENTRY_BYTES]],
        number: u32,
        rows: usize,
        wires: usize,
    ) -> Result<Option<Self>, Flaw> {
        let mut starts = Vec::with_capacity(rows + 1);
        // Most of the room for the other matrix's entries is never written to, and takes no memory.
        let mut kept = Vec::with_capacity(entries.len());
        let (mut values, mut in_order) = (Values::new(), true);
        for (index, entry) in entries.iter().enumerate() {
            let (matrix, row, wire) = (word(entry, 0), word(entry, 4) as usize, word(entry, 8));
            if matrix > 1 || row >= rows || wire as usize >= wires {
                return Err(Flaw::Range(index));
            }
            if matrix == number {
                let value = field::plain_scalar(&entry[12..]).ok_or(Flaw::Value(index))?;
                in_order &= row + 1 >= starts.len();
                // Rows up to this one begin here, where no entry came before.
                while starts.len() <= row {
                    starts.push(kept.len() as u32);
                }
                kept.push(Entry { wire, value: values.place(value) });
            }
        }
        starts.resize(rows + 1, kept.len() as u32);
        let raised = values.known;
        // A key holds v·R²: the product with 1, taken for a Montgomery form, is v·R.
        let one = Fr::new_unchecked(BigInt::one());
        let values = raised.par_iter().map(|value| *value * one).collect();
        Ok(in_order.then_some(Self { starts, entries: kept, values, raised }))
    }

    /// Returns the entries of one row: wire and value.
    pub fn row(&self, row: usize) -> impl Iterator<Item = (usize, Fr)> {
        self.stored(row).iter().map(|entry| (entry.wire as usize, self.values[entry.value as usize]))
    }

    /// Returns the product of one row with a witness.
    #[must_use]
    pub fn row_product(&self, row: usize, witness: &[BigInt<4>]) -> Fr {
        // Most values of a witness are 0 or 1, and most of a matrix 1 or −1: few entries need a product.
        let (mut sum, mut plain) = (Fr::ZERO, Fr::ZERO);
        for entry in self.stored(row) {
            let (value, factor) = (entry.value as usize, witness[entry.wire as usize]);
            match factor.0 {
                [0, 0, 0, 0] => {}
                [1, 0, 0, 0] => sum += self.values[value],
                _ => match entry.value {
                    ONE => plain += Fr::new_unchecked(factor),
                    MINUS_ONE => plain -= Fr::new_unchecked(factor),
                    _ => sum += self.raised[value] * Fr::new_unchecked(factor),
                },
            }
        }
        if plain == Fr::ZERO { sum } else { sum + plain * self.raised[ONE as usize] }
    }

    fn stored(&self, row: usize) -> &[Entry] {
        &self.entries[self.starts[row] as usize..self.starts[row + 1] as usize]
    }
}

/// Different values, in the order in which they came.
struct Values {
    known: Vec<Fr>,
    places: HashMap<BigInt<4>, u32>,
    /// Places of values seen lately, by a few of their bits: asked first, being faster than the map.
    recent: Vec<u32>,
}

impl Values {
    const RECENT: usize = 1 << 12;

    fn new() -> Self {
        // R2 is R² modulo the prime, which is how a key holds 1.
        let one = Fr::new_unchecked(FrConfig::R2);
        let known = vec![one, -one];
        let places = (ONE..).zip(&known).map(|(place, value)| (value.0, place)).collect();
        Self { known, places, recent: vec![ONE; Self::RECENT] }
    }

    /// Returns the place of a value, a new one where it was not seen before.
    #[allow(clippy::cast_possible_truncation)] // there are at most as many values as entries
    fn place(&mut self, value: BigInt<4>) -> u32 {
        let mixed = (value.0[0] ^ value.0[2].rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let recent = &mut self.recent[(mixed >> 52) as usize];
        if self.known[*recent as usize].0 != value {
            *recent = *self.places.entry(value).or_insert_with(|| {
                self.known.push(Fr::new_unchecked(value));
                self.known.len() as u32 - 1
            });
        }
        *recent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::{Field, PrimeField};

    const ROWS: u32 = 5;
    const WIRES: u32 = 7;

    fn entry(matrix: u32, row: u32, wire: u32, value: Fr) -> [u8; ENTRY_BYTES] {
        let words = [matrix, row, wire].map(u32::to_le_bytes).concat();
        [words, field::zkey_coefficient_bytes(value).to_vec()].concat().try_into().unwrap()
    }

    /// Entries of every kind of value in both matrices; row 1 of A and rows 0 and 4 of B are empty.
    fn entries() -> Vec<(u32, u32, u32, Fr)> {
        let values =
            [Fr::ONE, -Fr::ONE, Fr::ZERO, Fr::from(2), -Fr::from(1_u64 << 40), Fr::from(3) / Fr::from(7)];
        let row = |matrix, row| {
            let values = values.iter().cycle().skip(row as usize).zip(0..WIRES);
            values.map(move |(value, wire)| (matrix, row, wire, *value)).collect::<Vec<_>>()
        };
        [row(0, 0), row(1, 1), row(0, 2), row(1, 2), row(0, 3), row(1, 3), row(0, 4)].concat()
    }

    fn bytes(entries: &[(u32, u32, u32, Fr)]) -> Vec<[u8; ENTRY_BYTES]> {
        entries.iter().map(|(matrix, row, wire, value)| entry(*matrix, *row, *wire, *value)).collect()
    }

    fn rows(matrices: &[Matrix; 2]) -> Vec<(u32, u32, u32, Fr)> {
        let row = |matrix: u32, row: u32| {
            let entries = matrices[matrix as usize].row(row as usize);
            entries.map(move |(wire, value)| (matrix, row, u32::try_from(wire).unwrap(), value)).collect()
        };
        (0..ROWS).flat_map(|index| [0, 1].map(|matrix| row(matrix, index))).collect::<Vec<Vec<_>>>().concat()
    }

    #[test]
    fn entries_come_back_by_rows() {
        let entries = entries();
        assert_eq!(rows(&read(&bytes(&entries), ROWS as usize, WIRES as usize).unwrap()), entries);
        // In another order of rows, within which the order stays.
        let (first, second) = entries.split_at(4 * WIRES as usize);
        let moved = [second, first].concat();
        assert_eq!(rows(&read(&bytes(&moved), ROWS as usize, WIRES as usize).unwrap()), entries);
        assert!(rows(&read(&[], ROWS as usize, WIRES as usize).unwrap()).is_empty());
    }

    #[test]
    fn products_are_those_of_the_values() {
        let matrices = read(&bytes(&entries()), ROWS as usize, WIRES as usize).unwrap();
        let edges = [0, 1, 2, u64::MAX].map(Fr::from);
        let edges =
            [edges.to_vec(), edges.iter().map(|edge| -*edge).collect(), vec![Fr::from(5) / Fr::from(9)]]
                .concat();
        for shift in 0..edges.len() {
            let witness: Vec<Fr> = edges.iter().cycle().skip(shift).take(WIRES as usize).copied().collect();
            let plain: Vec<_> = witness.iter().map(|value| value.into_bigint()).collect();
            for (matrix, row) in
                matrices.iter().flat_map(|matrix| (0..ROWS as usize).map(move |row| (matrix, row)))
            {
                let expected: Fr = matrix.row(row).map(|(wire, value)| witness[wire] * value).sum();
                assert_eq!(matrix.row_product(row, &plain), expected);
            }
        }
    }

    #[test]
    fn many_values_keep_their_places() {
        let value = |index: u32| Fr::from(u64::from(index % 9973) + 1) / Fr::from(5);
        let entries: Vec<_> = (0..30_000).map(|index| (0, index / 10_000, index % 7, value(index))).collect();
        let [a, _] = read(&bytes(&entries), 3, WIRES as usize).unwrap();
        assert_eq!(a.values.len(), 9973 + 2 - 1, "5/5 is 1, which is always there");
        let read = (0..3).flat_map(|row| a.row(row));
        assert!(read.eq(entries.iter().map(|(_, _, wire, value)| (*wire as usize, *value))));
    }

    #[test]
    fn the_first_entry_out_of_range_is_named() {
        let refusal = |change: &dyn Fn(&mut Vec<[u8; ENTRY_BYTES]>)| {
            let mut entries = bytes(&entries());
            change(&mut entries);
            read(&entries, ROWS as usize, WIRES as usize).err().unwrap()
        };
        assert_eq!(refusal(&|entries| entries[9][0] = 2), Flaw::Range(9));
        assert_eq!(refusal(&|entries| entries[9][4] = 5), Flaw::Range(9));
        assert_eq!(refusal(&|entries| entries[9][8] = 7), Flaw::Range(9));
        assert_eq!(refusal(&|entries| entries[9][12..].copy_from_slice(&[0xff; 32])), Flaw::Value(9));
        for (first, second) in [(3, 9), (9, 3)] {
            let both = refusal(&|entries| {
                entries[first][12..].copy_from_slice(&field::integer_bytes(&Fr::MODULUS));
                entries[second][12..].fill(0xff);
            });
            assert_eq!(both, Flaw::Value(3));
        }
        assert!(Flaw::Range(1).rule().contains("entry 1 has a matrix, row or wire out of range"));
        assert!(Flaw::Value(2).rule().contains("entry 2 has a value that is not below the prime"));
    }
}
