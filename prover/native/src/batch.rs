//! Additions of points in affine coordinates, four side by side, many to one inversion.

use ark_ff::Field;
use zeroize::DefaultIsZeroes;

use crate::lanes::{Coordinate, LANES, Work};
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
    /// Product of the differences before it.
    product: L,
}

/// The additions of a batch, a multiple of [`LANES`], to different buckets that are not empty.
///
/// An addition may be in its group more than once. Points are reduced; buckets are below `4·p`, so that a sum is reduced
/// once, and only as far as its parts need. In G2, where bounds are the tightest, differences are below 5p, their running
/// products and inverses below 5.9p, slopes below 6p, and sums below 7.8p and 10.3p before they are reduced.
pub struct Batch<'a, K, L> {
    /// What is picked from.
    pub points: &'a [Point<K>],
    /// The additions.
    pub additions: &'a [Addition],
    /// The buckets.
    pub sums: &'a mut [Point<K>],
    /// Room for the work; what is in it does not matter.
    pub steps: &'a mut Vec<Step<L>>,
}

impl<L: Coordinate> Work for Batch<'_, L::Packed, L> {
    /// Whether the additions were done; they were not where one is of a point to an equal or opposite one.
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        let Self { points, additions, sums, steps } = self;
        let one = L::pack(&L::Field::ONE);
        let mut product = L::gather([&one; LANES]);
        steps.clear();
        let groups = additions.as_chunks::<LANES>().0;
        for group in groups {
            let [sum, point] = operands(group, sums, points);
            let difference = gather_x::<L>(point).less::<4>(gather_x::<L>(sum));
            steps.push(Step { difference, product });
            product = difference.product(product);
        }
        let Some(mut inverse) = inverses(product) else { return false };
        for (group, step) in groups.iter().zip(steps.iter()).rev() {
            let [sum, point] = operands(group, sums, points);
            let (x1, y1, y2) = (gather_x::<L>(sum), gather_y::<L>(sum), gather_y::<L>(point));
            let slope = y2.signed_less::<5>(signs(group), y1).product(inverse.product(step.product));
            inverse = step.difference.product(inverse);
            // The difference is x2 - x1 + 4p, so that this is the square less x1 and x2, plus 5p.
            let x = slope.square().less::<9>(step.difference.sum(x1).sum(x1)).settled::<8>();
            let y = x1.less::<4>(x).product(slope).less::<4>(y1).settled::<11>();
            let (x, y) = (x.scatter(), y.scatter());
            for lane in 0..LANES {
                sums[group[lane].bucket as usize] = Point { x: x[lane], y: y[lane] };
            }
        }
        true
    }
}

/// Returns the buckets and the points of a group of additions.
#[inline(always)]
fn operands<'a, K>(
    [a, b, c, d]: &[Addition; LANES],
    sums: &'a [Point<K>],
    points: &'a [Point<K>],
) -> [[&'a Point<K>; LANES]; 2] {
    let sum = |addition: &Addition| &sums[addition.bucket as usize];
    let point = |addition: &Addition| &points[addition.pick.place()];
    [[sum(a), sum(b), sum(c), sum(d)], [point(a), point(b), point(c), point(d)]]
}

/// Returns the first coordinates of points.
#[inline(always)]
fn gather_x<L: Coordinate>([a, b, c, d]: [&Point<L::Packed>; LANES]) -> L {
    L::gather([&a.x, &b.x, &c.x, &d.x])
}

/// Returns the second coordinates of points.
#[inline(always)]
fn gather_y<L: Coordinate>([a, b, c, d]: [&Point<L::Packed>; LANES]) -> L {
    L::gather([&a.y, &b.y, &c.y, &d.y])
}

/// Returns all ones for each opposite point that is meant.
#[inline(always)]
fn signs([a, b, c, d]: &[Addition; LANES]) -> [u64; LANES] {
    let mask = |addition: &Addition| u64::from(addition.pick.negative()).wrapping_neg();
    [mask(a), mask(b), mask(c), mask(d)]
}

/// Returns the inverses of four elements with parts below `8·p` by one inversion, none where one of them is zero.
#[inline(always)]
pub fn inverses<L: Coordinate>(elements: L) -> Option<L> {
    let [a, b, c, d] = elements.settled::<8>().scatter().map(|packed| L::unpack(&packed));
    let (ab, cd) = (a * b, c * d);
    let all = (ab * cd).inverse()?;
    let (ab, cd) = (all * cd, all * ab);
    let packed = [ab * b, ab * a, cd * d, cd * c].map(|inverse| L::pack(&inverse));
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
    use std::marker::PhantomData;

    use super::*;
    use crate::lanes::{Form, LaneCurve};
    use crate::points::tests::multiples;
    use ark_bn254::{g1, g2};
    use ark_ff::AdditiveGroup;

    /// Inverts elements that are as far above the modulus as running products get.
    struct Inversion<L: Coordinate>([L::Field; LANES], PhantomData<L>);

    impl<L: Coordinate> Work for Inversion<L> {
        type Output = Option<[L::Field; LANES]>;

        #[inline(always)]
        fn run(self) -> Self::Output {
            let (packed, zero) = (self.0.map(|element| L::pack(&element)), L::pack(&L::Field::ZERO));
            let loose = L::gather(packed.each_ref()).less::<7>(L::gather([&zero; LANES]));
            inverses(loose).map(|lanes| lanes.scatter().map(|packed| L::unpack(&packed)))
        }
    }

    fn check<L: Coordinate>(elements: [L::Field; LANES]) {
        let expected = elements.map(|element| element.inverse().unwrap());
        assert_eq!(L::enter(Inversion::<L>(elements, PhantomData)), Some(expected));
        for place in 0..LANES {
            let mut with_zero = elements;
            with_zero[place] = L::Field::ZERO;
            assert_eq!(L::enter(Inversion::<L>(with_zero, PhantomData)), None);
        }
    }

    #[test]
    fn loose_elements_are_inverted_rightly() {
        fn both<P: LaneCurve>() {
            // The opposites of small elements are near the modulus.
            let coordinates: Vec<_> =
                multiples::<P>(2).iter().flat_map(|point| [point.x, -point.y]).collect();
            let elements: [P::BaseField; LANES] = coordinates.try_into().unwrap();
            let small = [1_u64, 2, 3, 4].map(|number| -P::BaseField::from(number));
            for elements in [elements, small] {
                check::<P::Portable>(elements);
                if Form::best() == Form::Vector {
                    check::<P::Vector>(elements);
                }
            }
        }
        both::<g1::Config>();
        both::<g2::Config>();
    }
}
