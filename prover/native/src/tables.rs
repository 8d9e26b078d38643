//! Tables of multiples of a key's points, within a budget of memory.
//!
//! A table of `2^(g·j)·P` for `j` below the number of columns lets the windows of a scalar share buckets (see
//! [`crate::digits`]): fewer buckets have to be weighted, so that windows can be wider. Two columns give a good part of
//! that, many give all of it; [`Tables::new`] counts which columns of which sums save most for their bytes.
//!
//! Only full scalars gain. Those of the quotient are nearly all full. Of the wires, it is those that hold digests and the
//! like, and so the same ones in every witness of a circuit: the tables of A, B and C are for the wires that were full in
//! one witness. A full scalar without a row of a table is none the worse for it. What the tables tell of that witness is
//! which of its values were above 32 bits.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use ark_bn254::{Fr, g1, g2};
use ark_ff::{AdditiveGroup, BigInt, Field, PrimeField};
use rayon::prelude::*;

use crate::batch::inverses;
use crate::coordinates::{Coordinate, LaneCurve, PointLanes};
use crate::digits::{Layout, SignedDigits};
use crate::form::on_form;
use crate::lanes::{Work, references};
use crate::msm::full_places;
use crate::points::{Bases, Point};
use crate::zkey::ProvingKey;

/// Stands for the row of a point that has none.
pub const NO_ROW: u32 = u32::MAX;
/// Bits of a magnitude: the smaller one of `s` and `r − s`.
const BITS: usize = Fr::MODULUS_BIT_SIZE as usize - 1;
/// Points that are doubled together, enough for a cheap inversion.
const CHUNK: usize = 1024;
/// Products of an addition in G1 and in G2.
const PRODUCTS: [usize; 2] = [6, 17];

/// Multiples of some points of a list.
pub struct Table<P: LaneCurve> {
    /// How scalars are cut.
    pub digits: SignedDigits,
    /// For every point of the list its row, or [`NO_ROW`].
    pub rows: Vec<u32>,
    /// The number of rows.
    pub length: usize,
    /// Column after column, a row for each point.
    pub multiples: Vec<Point<P::Packed>>,
}

impl<P: LaneCurve> Table<P> {
    /// Returns the table of the points at `places`, which are finite.
    #[must_use]
    pub fn new(bases: &Bases<P>, places: &[u32], layout: Layout) -> Self {
        let mut rows = vec![NO_ROW; bases.points.len()];
        for (row, place) in (0..).zip(places) {
            rows[*place as usize] = row;
        }
        let points: Vec<_> = places.iter().map(|place| bases.points[*place as usize]).collect();
        let multiples = on_form!(bases.form, F, N => multiples::<P, P::Lanes<F, N>, N>(&points, layout));
        Self { digits: SignedDigits::new(layout), rows, length: points.len(), multiples }
    }

    /// Returns the memory that a table with `length` rows takes for a list of points.
    fn bytes(layout: &Layout, length: usize, points: usize) -> usize {
        layout.columns * length * size_of::<Point<P::Packed>>() + points * size_of::<u32>()
    }
}

/// Returns the multiples that the columns of a layout count.
fn multiples<P: LaneCurve, L: PointLanes<P, N>, const N: usize>(
    points: &[Point<P::Packed>],
    layout: Layout,
) -> Vec<Point<P::Packed>> {
    let mut multiples = vec![Point::default(); layout.columns * points.len()];
    // For each chunk its part of every column.
    let mut chunks: Vec<Vec<_>> = points.chunks(CHUNK).map(|_| Vec::with_capacity(layout.columns)).collect();
    for column in multiples.chunks_mut(points.len().max(1)) {
        for (parts, part) in chunks.iter_mut().zip(column.chunks_mut(CHUNK)) {
            parts.push(part);
        }
    }
    points.par_chunks(CHUNK).zip(chunks).for_each(|(points, columns)| {
        let mut doubled = points.to_vec();
        doubled.resize(points.len().next_multiple_of(N), points[0]);
        let mut steps = Vec::with_capacity(doubled.len() / N);
        for (number, column) in columns.into_iter().enumerate() {
            if number > 0 {
                let (points, steps, times) = (&mut doubled[..], &mut steps, layout.column_bits());
                L::enter(Doublings::<P::Packed, L, N> { points, steps, times });
            }
            for (multiple, point) in column.iter_mut().zip(&doubled) {
                *multiple = Point { x: L::reduced(&point.x), y: L::reduced(&point.y) };
            }
        }
    });
    multiples
}

/// Doublings of points, a multiple of `N`, in place.
///
/// Coordinates are below `4·p` before and after. In G2, with `(m, n)` for bounds of the two parts as [`Coordinate`] has
/// them, running products and inverses are below (3.4, 6.1), `x·x` below (3.4, 6), other products below (3.6, 6.7), and
/// second parts are multiplied up to 6.1².
struct Doublings<'a, K, L, const N: usize> {
    points: &'a mut [Point<K>],
    /// For each group twice the second coordinates, and the product of those before it.
    steps: &'a mut Vec<[L; 2]>,
    times: usize,
}

impl<L: Coordinate<N>, const N: usize> Work for Doublings<'_, L::Packed, L, N> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { points, steps, times } = self;
        let [zero, one] = [L::Field::ZERO, L::Field::ONE].map(|constant| {
            let packed = L::pack(&constant);
            L::gather([&packed; N])
        });
        let groups = points.as_chunks_mut::<N>().0;
        for _ in 0..times {
            let mut product = one;
            steps.clear();
            for group in &mut *groups {
                let y = L::gather(references(group, |point| &point.y));
                // A sum by differences is one for any use.
                let twice = y.less::<4>(zero.less::<4>(y)).settled::<8>();
                steps.push([twice, product]);
                product = twice.product(product);
            }
            let Some(mut inverse) = inverses(product) else {
                unreachable!("the groups are of odd order, so that no second coordinate is zero")
            };
            for (group, [twice, before]) in groups.iter_mut().zip(&*steps).rev() {
                let x = L::gather(references(group, |point| &point.x));
                let y = L::gather(references(group, |point| &point.y));
                let third = x.product(x).product(inverse.product(*before)).settled::<8>();
                let slope = third.less::<8>(zero.less::<8>(third.sum(third))).settled::<12>();
                inverse = twice.product(inverse);
                let new_x = slope.square().less::<4>(x).settled::<8>().less::<4>(x).settled::<8>();
                let new_y = x.less::<4>(new_x).product(slope).less::<4>(y).settled::<12>();
                let (new_x, new_y) = (new_x.scatter(), new_y.scatter());
                for lane in 0..N {
                    group[lane] = Point { x: new_x[lane], y: new_y[lane] };
                }
            }
        }
    }
}

/// What a table of one sum could be.
#[derive(Clone, Copy)]
struct Choice {
    layout: Layout,
    bytes: usize,
    /// Products that it saves.
    gain: usize,
}

impl Choice {
    /// Returns all that save something, for `length` full ones of a number of points.
    fn all<P: LaneCurve>(length: usize, points: usize, products: usize) -> Vec<Self> {
        let plain = Layout::best(length, BITS, 1).additions(length);
        let choices = (2..=BITS.div_ceil(8)).filter_map(|columns| {
            let layout = Layout::best(length, BITS, columns);
            // Picks are of places below 2^31.
            let fits = (columns * length) >> 31 == 0;
            let gain = plain.checked_sub(layout.additions(length))? * products;
            fits.then(|| Self { layout, bytes: Table::<P>::bytes(&layout, length, points), gain })
        });
        choices.filter(|choice| choice.gain > 0).collect()
    }
}

/// Returns which choice to take for each sum: again and again the one that gains most for each byte more, as long as there
/// is one that the budget has room for.
fn chosen<const N: usize>(sums: &[Vec<Choice>; N], budget: usize) -> [Option<Choice>; N] {
    let mut taken = [None; N];
    let mut used = 0;
    loop {
        let mut best: Option<(usize, Choice, usize, usize)> = None;
        for (sum, choices) in sums.iter().enumerate() {
            let (bytes, gain) = taken[sum].map_or((0, 0), |choice: Choice| (choice.bytes, choice.gain));
            for choice in choices.iter().filter(|choice| choice.gain > gain) {
                let (more, gained) = (choice.bytes.saturating_sub(bytes).max(1), choice.gain - gain);
                // In integers of 128 bits there is no rounding and no overflow.
                let better = |(_, _, best_more, best_gained): &(usize, Choice, usize, usize)| {
                    gained as u128 * *best_more as u128 > *best_gained as u128 * more as u128
                };
                if used - bytes + choice.bytes <= budget && best.as_ref().is_none_or(better) {
                    best = Some((sum, *choice, more, gained));
                }
            }
        }
        let Some((sum, choice, ..)) = best else { return taken };
        used = used - taken[sum].map_or(0, |choice| choice.bytes) + choice.bytes;
        taken[sum] = Some(choice);
    }
}

/// Tables for the sums of a proof.
pub struct Tables {
    /// For A.
    pub a: Option<Table<g1::Config>>,
    /// For B in G1.
    pub b1: Option<Table<g1::Config>>,
    /// For B in G2.
    pub b2: Option<Table<g2::Config>>,
    /// For C.
    pub c: Option<Table<g1::Config>>,
    /// For the quotient.
    pub h: Option<Table<g1::Config>>,
    /// Memory that they take.
    pub bytes: usize,
}

impl Tables {
    /// Returns the tables that save most within a budget of bytes, for the wires that are full in a witness.
    #[must_use]
    pub fn new(key: &ProvingKey, witness: &[BigInt<4>], budget: usize) -> Self {
        let private = &witness[key.public() + 1..];
        let g1_places = [(&key.a, witness), (&key.b1, witness), (&key.c, private)]
            .map(|(bases, scalars)| full_places(&bases.points, scalars));
        let b2_places = full_places(&key.b2.points, witness);
        let h_points = key.h.points.iter().zip(0..);
        let h_places: Vec<u32> =
            h_points.filter(|(point, _)| !point.is_infinity()).map(|(_, place)| place).collect();
        let [a_places, b1_places, c_places] = &g1_places;
        let in_g1 = |places: &[u32], bases: &Bases<g1::Config>| {
            Choice::all::<g1::Config>(places.len(), bases.points.len(), PRODUCTS[0])
        };
        let choices = [
            in_g1(a_places, &key.a),
            in_g1(b1_places, &key.b1),
            Choice::all::<g2::Config>(b2_places.len(), key.b2.points.len(), PRODUCTS[1]),
            in_g1(c_places, &key.c),
            in_g1(&h_places, &key.h),
        ];
        let chosen = chosen(&choices, budget);
        let [a, b1, b2, c, h] = chosen.map(|choice| choice.map(|choice| choice.layout));
        Self {
            a: a.map(|layout| Table::new(&key.a, a_places, layout)),
            b1: b1.map(|layout| Table::new(&key.b1, b1_places, layout)),
            b2: b2.map(|layout| Table::new(&key.b2, &b2_places, layout)),
            c: c.map(|layout| Table::new(&key.c, c_places, layout)),
            h: h.map(|layout| Table::new(&key.h, &h_places, layout)),
            bytes: chosen.iter().flatten().map(|choice| choice.bytes).sum(),
        }
    }
}

/// Tables that are made once, by the first proof that comes.
pub struct LazyTables {
    budget: usize,
    begun: AtomicBool,
    tables: OnceLock<Tables>,
}

impl LazyTables {
    /// Returns a place for tables within a budget of bytes; with 0 there will be none.
    #[must_use]
    pub fn new(budget: usize) -> Self {
        Self { budget, begun: AtomicBool::new(budget == 0), tables: OnceLock::new() }
    }

    /// Returns the tables, if they are made.
    #[must_use]
    pub fn get(&self) -> Option<&Tables> {
        self.tables.get()
    }

    /// Makes the tables, for the wires that are full in a witness, unless that was begun before.
    ///
    /// Nobody waits for another one to make them: who comes meanwhile goes on without.
    pub fn make(&self, key: &ProvingKey, witness: &[BigInt<4>]) {
        if !self.begun.swap(true, Ordering::Relaxed) {
            let tables = Tables::new(key, witness, self.budget);
            self.tables.get_or_init(|| tables);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::Form;
    use crate::msm::msm;
    use crate::points::tests::{multiples as small_multiples, plain_msm};
    use ark_ec::short_weierstrass::Affine;
    use ark_ec::{AffineRepr, CurveGroup};

    fn every_place(count: usize) -> Vec<u32> {
        (0..).take(count).collect()
    }

    #[test]
    fn columns_hold_the_multiples() {
        fn check<P: LaneCurve>(counts: &[u64]) {
            for (count, form) in
                counts.iter().flat_map(|count| Form::available().into_iter().map(|form| (*count, form)))
            {
                let points = small_multiples::<P>(count);
                let layout = Layout::new(BITS, 5, 3);
                let table = Table::<P>::new(&Bases::new(form, &points), &every_place(points.len()), layout);
                let made = Bases::<P> { form, points: table.multiples };
                let mut factor = Fr::ONE;
                let step = Fr::from(2).pow([layout.column_bits() as u64]);
                for column in made.unpacked().chunks(points.len()) {
                    for (point, multiple) in points.iter().zip(column) {
                        assert_eq!((*point * factor).into_affine(), *multiple, "{count} points, {form:?}");
                    }
                    factor *= step;
                }
            }
        }
        check::<g1::Config>(&[1, 2, 9, 1_030]);
        check::<g2::Config>(&[1, 5, 16]);
    }

    /// Compares sums by tables, of all places and of some of them, with the plain one.
    fn check_sum<P: LaneCurve>(points: &[Affine<P>], scalars: &[Fr]) {
        let integers: Vec<_> = scalars.iter().map(|scalar| scalar.into_bigint()).collect();
        let expected = plain_msm(points, scalars);
        for form in Form::available() {
            let bases = Bases::new(form, points);
            let finite = |place: &u32| !points[*place as usize].is_zero();
            let all: Vec<u32> = every_place(points.len()).into_iter().filter(finite).collect();
            let some = all.iter().copied().filter(|place| place % 3 != 1).collect();
            for (columns, places) in [(2, &all), (8, &all), (15, &all), (3, &some), (32, &vec![])] {
                let table = Table::new(&bases, places, Layout::best(points.len(), BITS, columns));
                assert_eq!(msm(&bases, Some(&table), &integers), expected, "{form:?}, {columns} columns");
            }
        }
    }

    #[test]
    fn sums_by_tables_are_the_plain_ones() {
        fn both<P: LaneCurve>() {
            let two = Fr::from(2);
            let mut scalars =
                vec![Fr::ZERO, Fr::ONE, -Fr::ONE, two.inverse().unwrap(), -two.inverse().unwrap()];
            for power in [1_u64, 32, 33, 64, 128, 200, 252, 253] {
                let edge = two.pow([power]);
                scalars.extend([edge - Fr::ONE, edge, edge + Fr::ONE, -edge, Fr::ONE - edge]);
            }
            let mut points = small_multiples::<P>(scalars.len() as u64);
            check_sum(&points, &scalars);
            for (point, scalar) in points.iter().zip(&scalars).step_by(7) {
                check_sum(&[*point], &[*scalar]);
            }
            points[20] = Affine::identity();
            let same = points[7];
            points[8..12].fill(same);
            points[12..14].fill(-same);
            scalars[6..14].fill(Fr::from(3).pow([150_u64]));
            check_sum(&points, &scalars);
            check_sum::<P>(&[], &[]);
        }
        both::<g1::Config>();
        both::<g2::Config>();
    }

    #[test]
    fn choices_keep_to_the_budget_and_use_it() {
        let sums = || {
            [
                Choice::all::<g1::Config>(70_000, 450_000, PRODUCTS[0]),
                Choice::all::<g2::Config>(50_000, 450_000, PRODUCTS[1]),
                Choice::all::<g1::Config>(1 << 19, 1 << 19, PRODUCTS[0]),
                Choice::all::<g1::Config>(0, 450_000, PRODUCTS[0]),
            ]
        };
        assert!(chosen(&sums(), 0).iter().all(Option::is_none));
        let mut last = 0;
        for budget in [1_usize << 20, 1 << 25, 1 << 27, 1 << 28, 1 << 30, usize::MAX] {
            let taken = chosen(&sums(), budget);
            let bytes: usize = taken.iter().flatten().map(|choice| choice.bytes).sum();
            let gain: usize = taken.iter().flatten().map(|choice| choice.gain).sum();
            assert!(bytes <= budget, "{bytes} of {budget}");
            assert!(gain >= last, "{gain} with {budget} bytes");
            last = gain;
        }
        let most = |choices: &Vec<Choice>| choices.iter().map(|choice| choice.gain).max().unwrap_or(0);
        assert_eq!(last, sums().iter().map(most).sum::<usize>());
    }
}
