//! Additions of points in affine coordinates, several side by side, many to one inversion.

use ark_ff::Field;
use zeroize::DefaultIsZeroes;

use crate::coordinates::Coordinate;
use crate::lanes::{Work, references};
use crate::points::Point;

/// A point of a list, or its opposite.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Pick(u32);

/// A scalar's sign is in a pick, so picks are wiped as scalars are.
impl DefaultIsZeroes for Pick {}

impl Pick {
    /// Returns the pick of the point at `place`, which is below 2^31: no key has a domain above 2^27.
    #[inline]
    #[must_use]
    pub fn new(place: usize, negative: bool) -> Self {
        debug_assert!(place >> 31 == 0);
        #[allow(clippy::cast_possible_truncation)] // above
        Self((place as u32) << 1 | u32::from(negative))
    }

    /// Returns the opposite pick where `negative`.
    #[inline]
    #[must_use]
    pub fn signed(self, negative: bool) -> Self {
        Self(self.0 ^ u32::from(negative))
    }

    /// Returns the pick of the point `places` further on, with the same sign.
    #[inline]
    #[must_use]
    pub fn further(self, places: usize) -> Self {
        Self::new(self.place() + places, self.negative())
    }

    /// Returns the place of the point.
    #[inline]
    #[must_use]
    pub fn place(self) -> usize {
        (self.0 >> 1) as usize
    }

    /// Returns whether the opposite is meant.
    #[inline]
    #[must_use]
    pub fn negative(self) -> bool {
        self.0 & 1 == 1
    }
}

/// One addition: of the picked point to a bucket.
#[derive(Clone, Copy, Default)]
pub struct Addition {
    /// The bucket.
    pub bucket: u32,
    /// The point.
    pub pick: Pick,
}

impl DefaultIsZeroes for Addition {}

/// What one group of additions keeps between the two passes over a batch.
#[derive(Clone, Copy)]
pub struct Step<L> {
    /// Difference of the first coordinates.
    difference: L,
    /// Product of the differences up to this one; later its inverse.
    product: L,
}

/// The additions of a batch, a multiple of `N`, to different buckets that are not empty.
///
/// An addition may be in its group more than once. Points are reduced; buckets are below `4·p`, so that a sum is reduced
/// once, and only as far as its parts need. In G2, where bounds are the tightest, and with `(m, n)` for bounds of the two
/// parts as [`Coordinate`] has them:
///
/// - differences are below (5, 5), their running products and the inverses below (3.4, 6.4): after such a running product
///   the next one is below (3.15 + 5·3.4/84, 5.15 + 10·9.8/84), which is below (3.36, 6.32);
/// - the inverse of one difference is below (3.15 + 3.4²/84, 5.15 + 9.8²/84), which is below (3.29, 6.3);
/// - a slope is below (3.15 + 6·3.29/84, 5.15 + 12·9.59/84), which is below (3.39, 6.53), and its square below 3p;
/// - the new `x` is below 8p before it is reduced, the product for the new `y` below
///   (3.15 + 8·3.39/84, 5.15 + 16·9.92/84), and the new `y` below 11.1p before it is reduced.
///
/// Second parts are multiplied up to 5·6.4, 6.4², 6·6.3 and 8·6.53, all below 64.
pub struct Batch<'a, K, L, const N: usize> {
    /// What is picked from.
    pub points: &'a [Point<K>],
    /// The additions.
    pub additions: &'a [Addition],
    /// The buckets.
    pub sums: &'a mut [Point<K>],
    /// Room for the work; what is in it does not matter.
    pub steps: &'a mut Vec<Step<L>>,
}

impl<L: Coordinate<N>, const N: usize> Work for Batch<'_, L::Packed, L, N> {
    /// Whether the additions were done; they were not where one is of a point to an equal or opposite one.
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        let Self { points, additions, sums, steps } = self;
        let one = L::pack(&L::Field::ONE);
        let one = L::gather([&one; N]);
        let groups = additions.as_chunks::<N>().0;
        if steps.len() <= groups.len() {
            steps.resize(groups.len() + 1, Step { difference: one, product: one });
        }
        steps[0].product = one;
        for (place, group) in groups.iter().enumerate() {
            let [sum, point] = operands(group, sums, points);
            let [.., before, step] = &mut steps[..place + 2] else { unreachable!("there is one step more") };
            step.difference = gather_x::<L, N>(point).less::<4>(gather_x::<L, N>(sum));
            step.product.set_product(&step.difference, &before.product);
        }
        let last = &mut steps[groups.len()].product;
        let Some(inverse) = inverses(*last) else { return false };
        *last = inverse;
        let [mut reciprocal, mut slope, mut square, mut rise] = [one; 4];
        for (place, group) in groups.iter().enumerate().rev() {
            let [sum, point] = operands(group, sums, points);
            // Going back, the inverse of each product takes its place.
            let [.., before, step] = &mut steps[..place + 2] else { unreachable!("there is one step more") };
            reciprocal.set_product(&step.product, &before.product);
            before.product.set_product(&step.difference, &step.product);
            let (x1, y1, y2) = (gather_x::<L, N>(sum), gather_y::<L, N>(sum), gather_y::<L, N>(point));
            slope.set_product(&y2.signed_less::<5>(signs(group), y1), &reciprocal);
            square.set_square(&slope);
            // The difference is x2 - x1 + 4p, so that this is the square less x1 and x2, plus 5p.
            let x = square.less::<9>(step.difference.sum(x1).sum(x1)).settled::<8>();
            rise.set_product(&x1.less::<4>(x), &slope);
            let y = rise.less::<4>(y1).settled::<12>();
            let (x, y) = (x.scatter(), y.scatter());
            for lane in 0..N {
                sums[group[lane].bucket as usize] = Point { x: x[lane], y: y[lane] };
            }
        }
        true
    }
}

/// Returns the buckets and the points of a group of additions.
#[inline(always)]
fn operands<'a, K, const N: usize>(
    group: &[Addition; N],
    sums: &'a [Point<K>],
    points: &'a [Point<K>],
) -> [[&'a Point<K>; N]; 2] {
    let (mut to, mut from) = ([&sums[0]; N], [&points[0]; N]);
    for lane in 0..N {
        to[lane] = &sums[group[lane].bucket as usize];
        from[lane] = &points[group[lane].pick.place()];
    }
    [to, from]
}

/// Returns the first coordinates of points.
#[inline(always)]
fn gather_x<L: Coordinate<N>, const N: usize>(points: [&Point<L::Packed>; N]) -> L {
    L::gather(references(&points, |point| &point.x))
}

/// Returns the second coordinates of points.
#[inline(always)]
fn gather_y<L: Coordinate<N>, const N: usize>(points: [&Point<L::Packed>; N]) -> L {
    L::gather(references(&points, |point| &point.y))
}

/// Returns all ones for each opposite point that is meant.
#[inline(always)]
fn signs<const N: usize>(group: &[Addition; N]) -> [u64; N] {
    let mut signs = [0; N];
    for lane in 0..N {
        signs[lane] = u64::from(group[lane].pick.negative()).wrapping_neg();
    }
    signs
}

/// Returns the inverses of elements with parts below `8·p` by one inversion, none where one of them is zero.
#[inline(always)]
pub fn inverses<L: Coordinate<N>, const N: usize>(elements: L) -> Option<L> {
    let elements = elements.settled::<8>().scatter().map(|packed| L::unpack(&packed));
    // The product of the elements before each, then of all.
    let (mut before, mut product) = ([L::Field::ONE; N], L::Field::ONE);
    for lane in 0..N {
        before[lane] = product;
        product *= elements[lane];
    }
    let mut inverse = L::inverse(&product)?;
    let mut packed = [L::Packed::default(); N];
    for lane in (0..N).rev() {
        packed[lane] = L::pack(&(inverse * before[lane]));
        inverse *= elements[lane];
    }
    Some(L::gather(packed.each_ref()))
}

/// Asks for a value to be brought into the cache.
#[inline(always)]
pub fn prefetch<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let start = std::ptr::from_ref(value).cast::<i8>();
        for offset in (0..size_of::<T>()).step_by(64) {
            // SAFETY: a hint, which reads nothing, for addresses within one value.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(start.add(offset)) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}

#[cfg(test)]
mod tests {
    use std::array::from_fn;
    use std::marker::PhantomData;

    use super::*;
    use crate::coordinates::{LaneCurve, PointLanes};
    use crate::form::{Form, on_form};
    use crate::points::tests::multiples;
    use crate::points::{pack, unpack};
    use ark_bn254::{g1, g2};
    use ark_ec::CurveGroup;
    use ark_ff::AdditiveGroup;

    /// Inverts elements that are as far above the modulus as running products get.
    struct Inversion<L: Coordinate<N>, const N: usize>([L::Field; N], PhantomData<L>);

    impl<L: Coordinate<N>, const N: usize> Work for Inversion<L, N> {
        type Output = Option<[L::Field; N]>;

        #[inline(always)]
        fn run(self) -> Self::Output {
            let (packed, zero) = (self.0.map(|element| L::pack(&element)), L::pack(&L::Field::ZERO));
            let loose = L::gather(packed.each_ref()).less::<7>(L::gather([&zero; N]));
            inverses(loose).map(|lanes| lanes.scatter().map(|packed| L::unpack(&packed)))
        }
    }

    fn check_inversion<L: Coordinate<N>, const N: usize>(elements: [L::Field; N]) {
        let expected = elements.map(|element| element.inverse().unwrap());
        assert_eq!(L::enter(Inversion::<L, N>(elements, PhantomData)), Some(expected));
        for place in 0..N {
            let mut with_zero = elements;
            with_zero[place] = L::Field::ZERO;
            assert_eq!(L::enter(Inversion::<L, N>(with_zero, PhantomData)), None);
        }
    }

    #[test]
    fn loose_elements_are_inverted_rightly() {
        fn both<P: LaneCurve>() {
            let points = multiples::<P>(4);
            let coordinates: Vec<_> = points.iter().flat_map(|point| [point.x, -point.y]).collect();
            // The opposites of small elements are near the modulus.
            let small: Vec<_> = (1..=8_u64).map(|number| -P::BaseField::from(number)).collect();
            for elements in [coordinates, small] {
                for form in Form::available() {
                    on_form!(form, F, N => {
                        check_inversion::<P::Lanes<F, N>, N>(from_fn(|lane| elements[lane]));
                    });
                }
            }
        }
        both::<g1::Config>();
        both::<g2::Config>();
    }

    /// Adds three times the modulus to every part of coordinates.
    struct Loosened<'a, L: Coordinate<N>, const N: usize>(&'a [L::Packed; N]);

    impl<L: Coordinate<N>, const N: usize> Work for Loosened<'_, L, N> {
        type Output = [L::Packed; N];

        #[inline(always)]
        fn run(self) -> Self::Output {
            let zero = L::pack(&L::Field::ZERO);
            L::gather(self.0.each_ref()).less::<3>(L::gather([&zero; N])).scatter()
        }
    }

    /// Adds points to buckets that are as large as they get, again and again.
    fn check_additions<P: LaneCurve, L: PointLanes<P, N>, const N: usize>(form: Form) {
        let all = multiples::<P>(3 * N as u64);
        let points: Vec<_> = all.iter().map(pack::<P, L, N>).collect();
        let mut expected = all[2 * N..].to_vec();
        let mut sums = points[2 * N..].to_vec();
        // Portable lanes are always reduced.
        let loosen =
            |packed| if form == Form::Portable { packed } else { L::enter(Loosened::<L, N>(&packed)) };
        for round in 0..8 {
            let x = loosen(from_fn(|lane| sums[lane].x));
            let y = loosen(from_fn(|lane| sums[lane].y));
            sums = (0..N).map(|lane| Point { x: x[lane], y: y[lane] }).collect();
            let pick =
                |lane: usize| Pick::new((3 * lane + round) % (2 * N), (lane + round).is_multiple_of(3));
            #[allow(clippy::cast_possible_truncation)] // few
            let additions: Vec<_> =
                (0..N).map(|lane| Addition { bucket: lane as u32, pick: pick(lane) }).collect();
            let steps = &mut Vec::<Step<L>>::new();
            assert!(L::enter(Batch { points: &points, additions: &additions, sums: &mut sums, steps }));
            for (lane, sum) in sums.iter_mut().enumerate() {
                let point = all[pick(lane).place()];
                let point = if pick(lane).negative() { -point } else { point };
                expected[lane] = (expected[lane] + point).into_affine();
                assert_eq!(unpack::<P, L, N>(sum), expected[lane], "{form:?}, round {round}");
                *sum = Point { x: L::reduced(&sum.x), y: L::reduced(&sum.y) };
                assert!(*sum == pack::<P, L, N>(&expected[lane]));
            }
        }
    }

    #[test]
    fn buckets_may_be_four_times_the_modulus() {
        for form in Form::available() {
            on_form!(form, F, N => {
                check_additions::<g1::Config, <g1::Config as LaneCurve>::Lanes<F, N>, N>(form);
                check_additions::<g2::Config, <g2::Config as LaneCurve>::Lanes<F, N>, N>(form);
            });
        }
    }
}
