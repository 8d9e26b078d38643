//! Many multiples of one point.
//!
//! A table holds `d·2^(c·j)·G` for every window `j` and every digit `0 < d ≤ 2^(c−1)`; a multiple is then a sum of one
//! entry, or its opposite, for each window. The sums of many scalars are made together by [`crate::affine`].

use ark_bn254::Fr;
use ark_ec::CurveGroup;
use ark_ec::short_weierstrass::{Affine, Projective, SWCurveConfig};
use ark_ff::{AdditiveGroup, PrimeField};
use rayon::prelude::*;
use zeroize::Zeroizing;

use crate::affine::sum_runs;
use crate::digits::{Layout, SignedDigits};

const BITS: usize = 254;
/// Scalars that are summed together: their table entries stay in the cache.
const CHUNK: usize = 256;
/// Widest window: its table has some 4 MB in G1.
const WIDEST: usize = 12;

/// A table of multiples of one point.
pub struct FixedBase<P: SWCurveConfig> {
    digits: SignedDigits,
    table: Vec<Vec<Affine<P>>>,
}

impl<P: SWCurveConfig<ScalarField = Fr>> FixedBase<P> {
    /// Returns a table of `base` that suits `count` scalars.
    #[must_use]
    pub fn new(base: Affine<P>, count: usize) -> Self {
        // An entry of the table costs about three additions of a sum.
        let layout = |width| Layout::new(BITS, (BITS + 1).div_ceil(width), 1);
        let layout = (2..=WIDEST)
            .map(layout)
            .min_by_key(|layout| layout.columns * (count + 3 * layout.magnitudes(0)))
            .unwrap_or(layout(WIDEST));
        let mut place = Projective::from(base);
        let places: Vec<_> = (0..layout.columns)
            .map(|_| {
                let here = place;
                for _ in 0..layout.column_bits() {
                    place.double_in_place();
                }
                here
            })
            .collect();
        let table = places
            .into_par_iter()
            .map(|place| {
                let step = place.into_affine();
                let multiples = std::iter::successors(Some(place), |last| Some(*last + step));
                Projective::normalize_batch(&multiples.take(layout.magnitudes(0)).collect::<Vec<_>>())
            })
            .collect();
        Self { digits: SignedDigits::new(layout), table }
    }

    /// Returns the multiples by all scalars; that by zero is infinity.
    #[must_use]
    pub fn multiply(&self, scalars: &[Fr]) -> Vec<Affine<P>> {
        scalars.par_chunks(CHUNK).flat_map_iter(|chunk| self.multiply_chunk(chunk)).collect()
    }

    fn multiply_chunk(&self, scalars: &[Fr]) -> Vec<Affine<P>> {
        let mut terms = Vec::with_capacity(scalars.len() * self.table.len());
        let mut starts = vec![0];
        for scalar in scalars {
            let mut scalar = Zeroizing::new(scalar.into_bigint());
            self.digits.prepare(&mut scalar);
            for (window, multiples) in self.digits.set(0).zip(&self.table) {
                let digit = SignedDigits::digit(&scalar, window);
                if digit != 0 {
                    let multiple = multiples[digit.unsigned_abs() as usize - 1];
                    terms.push(if digit < 0 { -multiple } else { multiple });
                }
            }
            starts.push(terms.len());
        }
        sum_runs(&mut terms, &starts);
        starts
            .windows(2)
            .map(|run| if run[0] == run[1] { Affine::identity() } else { terms[run[0]] })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::{g1, g2};
    use ark_ec::AffineRepr;
    use ark_ff::Field;

    fn check<P: SWCurveConfig<ScalarField = Fr>>(count: usize) {
        let base = Affine::<P>::generator();
        let edges = [Fr::from(0), Fr::from(1), -Fr::from(1), Fr::from(2).pow([253_u64])];
        let scalars: Vec<Fr> = edges
            .into_iter()
            .chain((0..).map(|index| Fr::from(index + 2).pow([211_u64])))
            .take(count)
            .collect();
        let expected: Vec<_> = scalars.iter().map(|scalar| (base * *scalar).into_affine()).collect();
        assert_eq!(FixedBase::new(base, count).multiply(&scalars), expected);
    }

    #[test]
    fn multiples_agree_with_plain_ones_in_both_groups() {
        for count in [0, 1, 5, CHUNK + 7] {
            check::<g1::Config>(count);
            check::<g2::Config>(count);
        }
    }

    #[test]
    fn a_table_for_many_scalars_agrees_too() {
        let base = Affine::<g1::Config>::generator();
        let scalars = [Fr::from(0), -Fr::from(1), Fr::from(3).pow([200_u64])];
        let expected: Vec<_> = scalars.iter().map(|scalar| (base * *scalar).into_affine()).collect();
        let table = FixedBase::new(base, 1 << 20);
        assert_eq!((table.digits.layout().column_bits(), table.multiply(&scalars)), (WIDEST, expected));
    }
}
