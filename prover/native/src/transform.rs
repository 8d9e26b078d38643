//! The step from values on a domain to values beside it: an inverse and a forward number-theoretic transform in one.
//!
//! The inverse transform goes from the whole to its parts and leaves coefficients in bit-reversed order, the forward one
//! goes from the parts to the whole and takes them in that order. So no order is ever changed, both walk through the
//! same blocks, and a block that fits a cache is finished in one go: down, scaled, and up again. Steps join two layers of
//! butterflies, four elements apart by a quarter of their block.

use std::marker::PhantomData;

use ark_bn254::{Fr, FrConfig};
use ark_ff::{BigInt, FftField, Field};
use rayon::prelude::*;

use crate::butterflies::{center, chunks, quarters, step};
use crate::error::{Error, Result};
use crate::form::{Family, Form, on_form};
use crate::lanes::{Packed, PrimeLanes, Work, gather_group};

/// Smallest domain: its blocks, of even powers of two, are no smaller than four times the lanes of any form.
pub const SMALLEST: usize = 64;
/// Elements of a block that one thread finishes by itself; they fit a second-level cache.
const BLOCK: usize = 1 << 12;
/// Elements of a quarter that one task takes through a step of a larger block.
const SHARE: usize = 1 << 11;

/// Carries values on the powers of `ω²` over to the odd powers of `ω`, a root of unity of order `2n`.
pub struct OddCoset {
    form: Form,
    /// For every order `m`, a power of two up to `n`, from place `m/2` on the first `m/2` powers of the root of that order,
    /// and those of the inverse roots. Each layer of butterflies takes its own one after another: in one table for all, those
    /// of a small block would be pages apart.
    roots: Vec<Packed>,
    inverse_roots: Vec<Packed>,
    /// For each coefficient, in bit-reversed order: `ω^i/n`, and what turns elements of `ark-ff` into packed ones.
    scale: Vec<Packed>,
}

impl OddCoset {
    /// Returns the step for domains of `size` points, a power of two from [`SMALLEST`] on.
    ///
    /// # Errors
    /// The field has no root of unity of twice that order.
    pub fn new(form: Form, size: usize) -> Result<Self> {
        let omega = Fr::get_root_of_unity(2 * size as u64).ok_or_else(|| {
            Error::value("domain", format!("the field has no domain of twice {size} points"))
        })?;
        // `v·shift`, as `ark-ff` holds it, is what `v` is packed to.
        let shift = Fr::new_unchecked(BigInt(packer(form)(&Fr::ONE)));
        let whole = Fr::from(size as u64).inverse().unwrap_or(Fr::ONE);
        let root = omega.square();
        let inverse = root.inverse().unwrap_or(Fr::ONE);
        let table = |root: Fr| {
            let mut table = vec![Packed::default(); size];
            table[size / 2..].copy_from_slice(&powers(root, shift, size / 2));
            // The roots of half an order are every second one of the whole order's.
            for place in (1..size / 2).rev() {
                table[place] = table[2 * place];
            }
            table
        };
        let coefficients = powers(omega, whole * shift.square(), size);
        let bits = size.ilog2();
        let scale = (0..size)
            .into_par_iter()
            .map(|place| coefficients[place.reverse_bits() >> (usize::BITS - bits)])
            .collect();
        Ok(Self { form, roots: table(root), inverse_roots: table(inverse), scale })
    }

    /// Returns the form of the lanes.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// Replaces values on the domain, as `ark-ff` holds them, by values on the odd coset, packed but for a multiple of
    /// the modulus below `4·p`.
    ///
    /// # Panics
    /// The length is not that of the domain.
    pub fn apply(&self, values: &mut [Packed]) {
        assert_eq!(values.len(), self.scale.len(), "the domain has another size");
        on_form!(self.form, F, N => self.apply_on::<<F as Family<N>>::Prime<FrConfig>, N>(values));
    }

    fn apply_on<L: PrimeLanes<FrConfig, N>, const N: usize>(&self, values: &mut [Packed]) {
        let half = values.len() / 2;
        if half.ilog2() % 2 == 1 {
            return self.through::<L, N>(values, &self.scale);
        }
        // One layer of butterflies by itself leaves an even number of layers.
        let (low, high) = values.split_at_mut(half);
        let layer = |low: &mut [Packed], high: &mut [Packed], down: bool| {
            let shares = low.par_chunks_mut(SHARE).zip(high.par_chunks_mut(SHARE));
            shares.enumerate().for_each(|(share, halves)| {
                let layer = Layer { tables: self, halves: halves.into(), first: share * SHARE, down };
                L::enter(Lanes(layer, PhantomData::<L>));
            });
        };
        layer(low, high, true);
        let (low_scale, high_scale) = self.scale.split_at(half);
        rayon::join(|| self.through::<L, N>(low, low_scale), || self.through::<L, N>(high, high_scale));
        layer(low, high, false);
    }

    /// Takes a block down to its parts, scales it, and takes it up again.
    fn through<L: PrimeLanes<FrConfig, N>, const N: usize>(&self, block: &mut [Packed], scale: &[Packed]) {
        if block.len() <= BLOCK {
            return L::enter(Lanes(Whole { tables: self, block, scale }, PhantomData::<L>));
        }
        let quarter = block.len() / 4;
        self.step::<L, N>(block, true);
        let parts = block.par_chunks_mut(quarter).zip(scale.par_chunks(quarter));
        parts.for_each(|(part, scale)| self.through::<L, N>(part, scale));
        self.step::<L, N>(block, false);
    }

    fn step<L: PrimeLanes<FrConfig, N>, const N: usize>(&self, block: &mut [Packed], down: bool) {
        let length = block.len();
        let [a, b, c, d] = quarters(block).map(|quarter| quarter.par_chunks_mut(SHARE));
        a.zip(b).zip(c.zip(d)).enumerate().for_each(|(share, ((a, b), (c, d)))| {
            let step = Step { tables: self, quarters: [a, b, c, d], length, first: share * SHARE, down };
            L::enter(Lanes(step, PhantomData::<L>));
        });
    }

    /// Returns the roots of a direction.
    fn roots(&self, down: bool) -> &[Packed] {
        if down { &self.inverse_roots } else { &self.roots }
    }
}

/// Returns what packs elements in a form.
fn packer(form: Form) -> fn(&Fr) -> Packed {
    on_form!(form, F, N => <<F as Family<N>>::Prime<FrConfig> as PrimeLanes<FrConfig, N>>::pack)
}

/// Returns `first·base^i` for `i < count`, as `ark-ff` holds them.
fn powers(base: Fr, first: Fr, count: usize) -> Vec<Packed> {
    let mut powers = vec![Packed::default(); count];
    powers.par_chunks_mut(SHARE).enumerate().for_each(|(share, powers)| {
        let mut next = first * base.pow([(share * SHARE) as u64]);
        for power in powers {
            *power = next.0.0;
            next *= base;
        }
    });
    powers
}

/// Work on lanes of one form.
struct Lanes<T, L, const N: usize>(T, PhantomData<L>);

/// One layer of butterflies between the halves of all values, from place `first` on.
struct Layer<'a> {
    tables: &'a OddCoset,
    halves: [&'a mut [Packed]; 2],
    first: usize,
    down: bool,
}

/// Two layers of butterflies between the quarters of a block of `length`, from place `first` on.
struct Step<'a> {
    tables: &'a OddCoset,
    quarters: [&'a mut [Packed]; 4],
    length: usize,
    first: usize,
    down: bool,
}

/// All layers of a block.
struct Whole<'a> {
    tables: &'a OddCoset,
    block: &'a mut [Packed],
    scale: &'a [Packed],
}

impl<L: PrimeLanes<FrConfig, N>, const N: usize> Work for Lanes<Layer<'_>, L, N> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Layer { tables, halves: [low, high], first, down } = self.0;
        let roots = tables.roots(down);
        let roots = roots[roots.len() / 2 + first..].as_chunks().0;
        for ((low, high), root) in chunks(low).iter_mut().zip(chunks(high)).zip(roots) {
            let (x, y, root) = (
                gather_group::<FrConfig, L, N>(low),
                gather_group::<FrConfig, L, N>(high),
                gather_group::<FrConfig, L, N>(root),
            );
            // Elements at rest are below 4p, and products with a root below 1.6p.
            let (sum, difference) = if down {
                (x.plus(y).reduce::<4>(), x.less::<4>(y).product(root))
            } else {
                let y = y.product(root);
                (x.plus(y).reduce::<4>(), x.less::<2>(y).reduce::<4>())
            };
            *low = sum.scatter_loosely();
            *high = difference.scatter_loosely();
        }
    }
}

impl<L: PrimeLanes<FrConfig, N>, const N: usize> Work for Lanes<Step<'_>, L, N> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Step { tables, quarters, length, first, down } = self.0;
        step::<L, N>(tables.roots(down), quarters, length, first, down);
    }
}

impl<L: PrimeLanes<FrConfig, N>, const N: usize> Work for Lanes<Whole<'_>, L, N> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Whole { tables, block, scale } = self.0;
        let mut length = block.len();
        while length >= 4 * N {
            for part in block.chunks_exact_mut(length) {
                step::<L, N>(tables.roots(true), quarters(part), length, 0, true);
            }
            length /= 4;
        }
        center::<L, N>([tables.roots(true), tables.roots(false)], block, scale);
        while length < block.len() {
            length *= 4;
            for part in block.chunks_exact_mut(length) {
                step::<L, N>(tables.roots(false), quarters(part), length, 0, false);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quotient::PlainCoset;
    use ark_ff::{BigInteger, PrimeField};

    /// Returns the elements that numbers of four words stand for, be they reduced or not.
    fn unpacked(values: &[Packed], form: Form) -> Vec<Fr> {
        let power = match form {
            #[cfg(target_arch = "x86_64")]
            Form::Ifma => 260_u64,
            #[cfg(target_arch = "x86_64")]
            Form::Avx2 => 261,
            Form::Simulated => 260,
            Form::Portable => 256,
        };
        let (base, factor) = (Fr::from(2).pow([64_u64]), Fr::from(2).pow([power]).inverse().unwrap());
        let value = |packed: &Packed| {
            packed.iter().rev().fold(Fr::from(0), |sum, word| sum * base + Fr::from(*word)) * factor
        };
        values.iter().map(value).collect()
    }

    #[test]
    fn the_steps_give_what_ark_poly_gives() {
        for bits in 6..=15 {
            let size = 1_usize << bits;
            let mut expected: Vec<Fr> =
                (0..size as u64).map(|index| Fr::from(index + 2).pow([200 + index])).collect();
            let (zero, last) = (Fr::from(0), -Fr::from(1));
            (expected[0], expected[1], expected[2]) = (zero, last, last);
            let values: Vec<Packed> = expected.iter().map(|value| value.0.0).collect();
            PlainCoset::new(size).unwrap().apply(&mut expected);
            // The same values, as large as they may be at rest.
            let large = values.iter().map(|value| {
                let mut large = BigInt(*value);
                (0..3).for_each(|_| assert!(!large.add_with_carry(&Fr::MODULUS)));
                large.0
            });
            let large: Vec<Packed> = large.collect();
            for form in Form::available() {
                let step = OddCoset::new(form, size).unwrap();
                // Portable lanes are always reduced.
                let inputs = if form == Form::Portable { [&values; 2] } else { [&values, &large] };
                for values in inputs {
                    let mut values = values.clone();
                    step.apply(&mut values);
                    assert_eq!(unpacked(&values, form), expected, "{form:?}, {size} points");
                    assert!(values.iter().all(|value| BigInt(*value) < Fr::MODULUS << 2));
                }
            }
        }
    }
}
