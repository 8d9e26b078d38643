//! Layers of butterflies of the transforms in [`crate::transform`], on lanes.

use ark_bn254::FrConfig;

use crate::lanes::{Packed, PrimeLanes, gather_group};

/// Splits a block into its quarters.
#[must_use]
pub fn quarters(block: &mut [Packed]) -> [&mut [Packed]; 4] {
    let (low, high) = block.split_at_mut(block.len() / 2);
    let ((a, b), (c, d)) = (low.split_at_mut(low.len() / 2), high.split_at_mut(high.len() / 2));
    [a, b, c, d]
}

/// Takes four quarters of a block of `length`, from place `first` on, through two layers of butterflies.
#[inline(always)]
pub fn step<L: PrimeLanes<FrConfig, N>, const N: usize>(
    roots: &[Packed],
    [a, b, c, d]: [&mut [Packed]; 4],
    length: usize,
    first: usize,
    down: bool,
) {
    // The roots of order `length`, those from a quarter turn on, and the roots of half that order.
    let [by, turned, squared] =
        [length / 2, 3 * length / 4, length / 4].map(|place| roots[place + first..].as_chunks::<N>().0);
    let (a, b, c, d) = (chunks(a), chunks(b), chunks(c), chunks(d));
    for group in 0..a.len() {
        let by = [
            gather_group::<FrConfig, L, N>(&by[group]),
            gather_group(&turned[group]),
            gather_group(&squared[group]),
        ];
        let values = [
            gather_group::<FrConfig, L, N>(&a[group]),
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

/// Takes blocks that are too small for [`step`] through their last layers down, scales them, and takes them up again: blocks
/// of four, and where a quarter of sixteen has fewer elements than there are lanes, blocks of sixteen before.
#[inline(always)]
pub fn center<L: PrimeLanes<FrConfig, N>, const N: usize>(
    [inverse_roots, roots]: [&[Packed]; 2],
    block: &mut [Packed],
    scale: &[Packed],
) {
    const { assert!(N == 4 || N == 8, "a group is one block of sixteen, or two") };
    let (down, up) = (InnermostRoots::<L, N>::new(inverse_roots), InnermostRoots::<L, N>::new(roots));
    for (group, scale) in block.chunks_exact_mut(4 * N).zip(scale.chunks_exact(4 * N)) {
        if N > 4 {
            put(group, beside, butterflies_down(take::<L, N>(group, beside), down.beside));
        }
        let [a, b, c, d] = butterflies_down(take::<L, N>(group, apart), down.apart);
        let [by_a, by_b, by_c, by_d] = take::<L, N>(scale, apart);
        let scaled = [a.product(by_a), b.product(by_b), c.product(by_c), d.product(by_d)];
        put(group, apart, butterflies_up(scaled, up.apart));
        if N > 4 {
            put(group, beside, butterflies_up(take::<L, N>(group, beside), up.beside));
        }
    }
}

/// Roots of the innermost layers.
struct InnermostRoots<L, const N: usize> {
    /// Between the quarters of blocks of sixteen.
    beside: [L; 3],
    /// Between the elements of blocks of four.
    apart: [L; 3],
}

impl<L: PrimeLanes<FrConfig, N>, const N: usize> InnermostRoots<L, N> {
    #[inline(always)]
    fn new(roots: &[Packed]) -> Self {
        Self {
            beside: [
                Self::powers(roots, [0, 1, 2, 3]),
                Self::powers(roots, [4, 5, 6, 7]),
                Self::powers(roots, [0, 2, 4, 6]),
            ],
            apart: [Self::powers(roots, [0; 4]), Self::powers(roots, [4; 4]), Self::powers(roots, [0; 4])],
        }
    }

    /// Returns powers of the root of order 16, the same for every four lanes.
    #[inline(always)]
    fn powers(roots: &[Packed], exponents: [usize; 4]) -> L {
        let mut lanes = [&roots[0]; N];
        for (lane, power) in lanes.iter_mut().enumerate() {
            *power = &roots[8 + exponents[lane % 4]];
        }
        L::gather(lanes)
    }
}

/// The place of element `lane` of vector `number` where four lanes are a quarter of one block of sixteen, and the next four
/// that of another.
#[inline(always)]
fn beside(number: usize, lane: usize) -> usize {
    lane / 4 * 16 + 4 * number + lane % 4
}

/// The place of element `lane` of vector `number` where the vectors hold neighbours.
#[inline(always)]
fn apart(number: usize, lane: usize) -> usize {
    4 * lane + number
}

/// Returns four vectors of elements at given places.
#[inline(always)]
fn take<L: PrimeLanes<FrConfig, N>, const N: usize>(
    packed: &[Packed],
    place: fn(usize, usize) -> usize,
) -> [L; 4] {
    let taken = |number| {
        let mut lanes = [&packed[0]; N];
        for (lane, element) in lanes.iter_mut().enumerate() {
            *element = &packed[place(number, lane)];
        }
        L::gather(lanes)
    };
    [taken(0), taken(1), taken(2), taken(3)]
}

/// Writes four vectors of elements below `5·p` to given places.
#[inline(always)]
fn put<L: PrimeLanes<FrConfig, N>, const N: usize>(
    packed: &mut [Packed],
    place: fn(usize, usize) -> usize,
    values: [L; 4],
) {
    for (number, value) in values.into_iter().enumerate() {
        for (lane, element) in value.scatter_loosely().into_iter().enumerate() {
            packed[place(number, lane)] = element;
        }
    }
}

/// Two layers of the inverse transform; takes and gives elements below `4·p`.
#[inline(always)]
fn butterflies_down<L: PrimeLanes<FrConfig, N>, const N: usize>(
    [a, b, c, d]: [L; 4],
    [by, turned, squared]: [L; 3],
) -> [L; 4] {
    let (e, f) = (a.plus(c).reduce::<4>(), b.plus(d).reduce::<4>());
    let (g, h) = (a.less::<4>(c).product(by), b.less::<4>(d).product(turned));
    // e and f are below 4p, g and h below 1.6p.
    [e.plus(f).reduce::<4>(), e.less::<4>(f).product(squared), g.plus(h), g.less::<2>(h).product(squared)]
}

/// Two layers of the forward transform; takes and gives elements below `4·p`.
#[inline(always)]
fn butterflies_up<L: PrimeLanes<FrConfig, N>, const N: usize>(
    [a, b, c, d]: [L; 4],
    [by, turned, squared]: [L; 3],
) -> [L; 4] {
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
#[must_use]
pub fn chunks<const N: usize>(values: &mut [Packed]) -> &mut [[Packed; N]] {
    values.as_chunks_mut().0
}
