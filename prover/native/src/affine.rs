//! Sums of many points in affine coordinates.
//!
//! One inversion serves a whole batch of additions (Montgomery's trick), so that an addition costs about six products
//! instead of the eleven of a mixed projective one. Equal points, opposite points and infinity are handled.

use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ff::{AdditiveGroup, Field};

/// Additions that share one inversion: enough to make the inversion cheap, few enough to stay in the cache.
const BATCH: usize = 1024;

/// Sums every run `points[starts[i]..starts[i + 1]]` into its first place; the rest of a run is left undefined.
pub fn sum_runs<P: SWCurveConfig>(points: &mut [Affine<P>], starts: &[usize]) {
    let mut runs: Vec<(usize, usize)> = starts
        .windows(2)
        .map(|pair| (pair[0], pair[1] - pair[0]))
        .filter(|(_, length)| *length > 1)
        .collect();
    let mut adder = BatchAdder::new();
    while !runs.is_empty() {
        for (start, length) in &mut runs {
            // An odd run keeps its first point in place. A sum goes to a place at or before its operands, never to
            // one that a later pair of the round reads.
            let odd = *length % 2;
            for pair in 0..*length / 2 {
                let left = *start + odd + 2 * pair;
                adder.push(points, left, *start + odd + pair);
            }
            *length = *length / 2 + odd;
        }
        adder.flush(points);
        runs.retain(|(_, length)| *length > 1);
    }
}

/// Adds neighbouring points in batches that share one inversion.
struct BatchAdder<P: SWCurveConfig> {
    /// Left operand and place of the sum; the right operand is the left's neighbour.
    pairs: Vec<(usize, usize)>,
    denominators: Vec<P::BaseField>,
    prefixes: Vec<P::BaseField>,
}

impl<P: SWCurveConfig> BatchAdder<P> {
    fn new() -> Self {
        let (pairs, denominators, prefixes) =
            (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
        Self { pairs, denominators, prefixes }
    }

    fn push(&mut self, points: &mut [Affine<P>], left: usize, sum: usize) {
        self.pairs.push((left, sum));
        if self.pairs.len() == BATCH {
            self.flush(points);
        }
    }

    fn flush(&mut self, points: &mut [Affine<P>]) {
        let mut product = P::BaseField::ONE;
        for (left, _) in &self.pairs {
            let denominator = slope_denominator(&points[*left], &points[*left + 1]);
            self.prefixes.push(product);
            product *= denominator;
            self.denominators.push(denominator);
        }
        // No denominator is zero, so neither is the product.
        let mut inverse = product.inverse().unwrap_or(P::BaseField::ONE);
        for (denominator, prefix) in self.denominators.iter_mut().zip(&self.prefixes).rev() {
            let next = inverse * *denominator;
            *denominator = inverse * prefix;
            inverse = next;
        }
        for ((left, sum), inverse) in self.pairs.iter().zip(&self.denominators) {
            points[*sum] = add_affine(&points[*left], &points[*left + 1], *inverse);
        }
        self.pairs.clear();
        self.denominators.clear();
        self.prefixes.clear();
    }
}

/// Returns the denominator of the slope between two points; 1 where the sum needs none.
fn slope_denominator<P: SWCurveConfig>(left: &Affine<P>, right: &Affine<P>) -> P::BaseField {
    if left.is_zero() || right.is_zero() {
        P::BaseField::ONE
    } else if left.x != right.x {
        right.x - left.x
    } else if left.y == right.y {
        // The curves have odd order, so no point has y = 0.
        left.y.double()
    } else {
        P::BaseField::ONE
    }
}

/// Returns the sum of two points, given the inverse of [`slope_denominator`].
fn add_affine<P: SWCurveConfig>(left: &Affine<P>, right: &Affine<P>, inverse: P::BaseField) -> Affine<P> {
    if left.is_zero() {
        return *right;
    }
    if right.is_zero() {
        return *left;
    }
    let slope = if left.x != right.x {
        (right.y - left.y) * inverse
    } else if left.y == right.y {
        let square = left.x.square();
        (square.double() + square) * inverse
    } else {
        return Affine::identity();
    };
    let x = slope.square() - left.x - right.x;
    Affine::new_unchecked(x, slope * (left.x - x) - left.y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::points::tests::multiples;
    use ark_bn254::g1;
    use ark_ec::short_weierstrass::Projective;

    #[test]
    fn affine_sums_cover_every_case() {
        let points = multiples::<g1::Config>(2);
        let (p, q, zero) = (points[0], points[1], Affine::identity());
        for (left, right) in [(p, q), (p, p), (p, -p), (zero, p), (p, zero), (zero, zero)] {
            let inverse = slope_denominator(&left, &right).inverse().unwrap();
            assert_eq!(Projective::from(add_affine(&left, &right, inverse)), left + right);
        }
    }

    fn check(points: &[Affine<g1::Config>]) {
        let mut sums = points.to_vec();
        sum_runs(&mut sums, &[0, points.len()]);
        assert_eq!(Projective::from(sums[0]), points.iter().sum::<Projective<_>>());
    }

    #[test]
    fn runs_of_every_length_are_summed() {
        let points = multiples::<g1::Config>(40);
        for length in 1..=40 {
            check(&points[..length]);
        }
        check(&points.iter().cycle().take(5 * BATCH + 3).copied().collect::<Vec<_>>());
    }
}
