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

use crate::error::{Error, Result};
use crate::lanes::{Form, LANES, Packed, PrimeLanes, Vector, Work, gather_group};
use crate::portable::Portable;

/// Smallest domain: one step, and four lanes of four neighbours.
pub const SMALLEST: usize = 4 * LANES;
/// Elements of a block that one thread finishes by itself; they fit a second-level cache.
const BLOCK: usize = 1 << 12;
/// Elements of a quarter that one task takes through a step of a larger block.
const SHARE: usize = 1 << 11;

/// Carries values on the powers of `ω²` over to the odd powers of `ω`, a root of unity of order `2n`.
pub struct OddCoset {
    form: Form,
    /// Powers of the root of order `n` up to half the order, and of its inverse.
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
        let table = |root: Fr| powers(root, shift, size / 2);
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
        match self.form {
            Form::Vector => self.apply_on::<Vector<FrConfig>>(values),
            Form::Portable => self.apply_on::<Portable<FrConfig>>(values),
        }
    }

    fn apply_on<L: PrimeLanes<FrConfig>>(&self, values: &mut [Packed]) {
        let half = values.len() / 2;
        if half.ilog2() % 2 == 1 {
            return self.through::<L>(values, &self.scale);
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
        rayon::join(|| self.through::<L>(low, low_scale), || self.through::<L>(high, high_scale));
        layer(low, high, false);
    }

    /// Takes a block down to its parts, scales it, and takes it up again.
    fn through<L: PrimeLanes<FrConfig>>(&self, block: &mut [Packed], scale: &[Packed]) {
        if block.len() <= BLOCK {
            return L::enter(Lanes(Whole { tables: self, block, scale }, PhantomData::<L>));
        }
        let quarter = block.len() / 4;
        self.step::<L>(block, true);
        let parts = block.par_chunks_mut(quarter).zip(scale.par_chunks(quarter));
        parts.for_each(|(part, scale)| self.through::<L>(part, scale));
        self.step::<L>(block, false);
    }

    fn step<L: PrimeLanes<FrConfig>>(&self, block: &mut [Packed], down: bool) {
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
    match form {
        Form::Vector => <Vector<FrConfig> as PrimeLanes<FrConfig>>::pack,
        Form::Portable => <Portable<FrConfig> as PrimeLanes<FrConfig>>::pack,
    }
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

/// Splits a block into its quarters.
fn quarters(block: &mut [Packed]) -> [&mut [Packed]; 4] {
    let (low, high) = block.split_at_mut(block.len() / 2);
    let ((a, b), (c, d)) = (low.split_at_mut(low.len() / 2), high.split_at_mut(high.len() / 2));
    [a, b, c, d]
}

/// Work on lanes of one form.
struct Lanes<T, L>(T, PhantomData<L>);

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

impl<L: PrimeLanes<FrConfig>> Work for Lanes<Layer<'_>, L> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Layer { tables, halves: [low, high], first, down } = self.0;
        let roots = &tables.roots(down)[first..];
        for (place, (low, high)) in chunks(low).iter_mut().zip(chunks(high)).enumerate() {
            let (x, y, root) = (
                gather_group::<FrConfig, L>(low),
                gather_group::<FrConfig, L>(high),
                strided::<L>(roots, LANES * place, 1),
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

impl<L: PrimeLanes<FrConfig>> Work for Lanes<Step<'_>, L> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Step { tables, quarters, length, first, down } = self.0;
        step::<L>(tables.roots(down), quarters, length, first, down);
    }
}

impl<L: PrimeLanes<FrConfig>> Work for Lanes<Whole<'_>, L> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Whole { tables, block, scale } = self.0;
        let mut length = block.len();
        while length > LANES {
            for part in block.chunks_exact_mut(length) {
                step::<L>(tables.roots(true), quarters(part), length, 0, true);
            }
            length /= 4;
        }
        center::<L>(tables, block, scale);
        while length < block.len() {
            length *= 4;
            for part in block.chunks_exact_mut(length) {
                step::<L>(tables.roots(false), quarters(part), length, 0, false);
            }
        }
    }
}

/// Takes four quarters of a block through two layers of butterflies.
#[inline(always)]
fn step<L: PrimeLanes<FrConfig>>(
    roots: &[Packed],
    [a, b, c, d]: [&mut [Packed]; 4],
    length: usize,
    first: usize,
    down: bool,
) {
    // The roots of order `length` are these apart in the table.
    let stride = 2 * roots.len() / length;
    let (a, b, c, d) = (chunks(a), chunks(b), chunks(c), chunks(d));
    for group in 0..a.len() {
        let place = first + LANES * group;
        let by = [
            strided::<L>(roots, place * stride, stride),
            strided::<L>(roots, (place + length / 4) * stride, stride),
            strided::<L>(roots, 2 * place * stride, 2 * stride),
        ];
        let values = [
            gather_group::<FrConfig, L>(&a[group]),
            gather_group(&b[group]),
            gather_group(&c[group]),
            gather_group(&d[group]),
        ];
        let values = if down { butterflies_down(values, by) } else { butterflies_up(values, by) };
        a[group] = values[0].scatter_loosely();
        b[group] = values[1].scatter_loosely();
        c[group] = values[2].scatter_loosely();
        d[group] = values[3].scatter_loosely();
    }
}

/// Takes every four neighbours through the last two layers down, scales them, and takes them up the first two.
#[inline(always)]
fn center<L: PrimeLanes<FrConfig>>(tables: &OddCoset, block: &mut [Packed], scale: &[Packed]) {
    let turn = |roots: &[Packed]| {
        let quarter = roots.len() / 2;
        [L::gather([&roots[0]; LANES]), L::gather([&roots[quarter]; LANES]), L::gather([&roots[0]; LANES])]
    };
    let (down, up) = (turn(&tables.inverse_roots), turn(&tables.roots));
    let groups = block.as_chunks_mut::<SMALLEST>().0.iter_mut();
    for (group, scale) in groups.zip(scale.as_chunks::<SMALLEST>().0) {
        // Lanes are four apart here, so that neighbours are in different vectors.
        let apart = |packed: &[Packed; SMALLEST], place: usize| {
            L::gather([&packed[place], &packed[place + 4], &packed[place + 8], &packed[place + 12]])
        };
        let values = [apart(group, 0), apart(group, 1), apart(group, 2), apart(group, 3)];
        let [a, b, c, d] = butterflies_down(values, down);
        let scaled = [
            a.product(apart(scale, 0)),
            b.product(apart(scale, 1)),
            c.product(apart(scale, 2)),
            d.product(apart(scale, 3)),
        ];
        let [a, b, c, d] = butterflies_up(scaled, up);
        let rows = [a.scatter_loosely(), b.scatter_loosely(), c.scatter_loosely(), d.scatter_loosely()];
        for place in 0..SMALLEST {
            group[place] = rows[place % 4][place / 4];
        }
    }
}

/// Two layers of the inverse transform; takes and gives elements below `4·p`.
#[inline(always)]
fn butterflies_down<L: PrimeLanes<FrConfig>>([a, b, c, d]: [L; 4], [by, turned, squared]: [L; 3]) -> [L; 4] {
    let (e, f) = (a.plus(c).reduce::<4>(), b.plus(d).reduce::<4>());
    let (g, h) = (a.less::<4>(c).product(by), b.less::<4>(d).product(turned));
    // e and f are below 4p, g and h below 1.6p.
    [e.plus(f).reduce::<4>(), e.less::<4>(f).product(squared), g.plus(h), g.less::<2>(h).product(squared)]
}

/// Two layers of the forward transform; takes and gives elements below `4·p`.
#[inline(always)]
fn butterflies_up<L: PrimeLanes<FrConfig>>([a, b, c, d]: [L; 4], [by, turned, squared]: [L; 3]) -> [L; 4] {
    let (b, d) = (b.product(squared), d.product(squared));
    // b and d are below 1.6p, so that e and g stay below 5.6p, f and h below 6p, and the results below 8p.
    let (e, f) = (a.plus(b), a.less::<2>(b));
    let (g, h) = (c.sum(d), c.less::<2>(d));
    let (g, h) = (g.product(by), h.product(turned));
    [
        e.plus(g).reduce::<4>(),
        f.plus(h).reduce::<4>(),
        e.less::<2>(g).reduce::<4>(),
        f.less::<2>(h).reduce::<4>(),
    ]
}

/// Returns groups of neighbours.
#[inline(always)]
fn chunks(values: &mut [Packed]) -> &mut [[Packed; LANES]] {
    values.as_chunks_mut().0
}

#[inline(always)]
fn strided<L: PrimeLanes<FrConfig>>(values: &[Packed], place: usize, stride: usize) -> L {
    L::gather([
        &values[place],
        &values[place + stride],
        &values[place + 2 * stride],
        &values[place + 3 * stride],
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quotient::PlainCoset;

    /// Returns the elements that numbers of four words stand for, be they reduced or not.
    fn unpacked(values: &[Packed], form: Form) -> Vec<Fr> {
        let power = match form {
            Form::Vector => 261_u64,
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
        for bits in 4..=15 {
            let size = 1_usize << bits;
            let mut expected: Vec<Fr> =
                (0..size as u64).map(|index| Fr::from(index + 2).pow([200 + index])).collect();
            let (zero, last) = (Fr::from(0), -Fr::from(1));
            (expected[0], expected[1], expected[2]) = (zero, last, last);
            let values: Vec<Packed> = expected.iter().map(|value| value.0.0).collect();
            PlainCoset::new(size).unwrap().apply(&mut expected);
            for form in [Form::best(), Form::Portable] {
                let mut values = values.clone();
                OddCoset::new(form, size).unwrap().apply(&mut values);
                assert_eq!(unpacked(&values, form), expected, "{form:?}, {size} points");
            }
        }
    }
}
