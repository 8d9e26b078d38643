//! Signed digits of scalars.
//!
//! A scalar is cut into windows of `c` bits with digits `−2^(c−1) ≤ d ≤ 2^(c−1)`: a point is negated for free, so that
//! half as many multiples have to be kept apart as with plain digits. With `2^(c−1)` added in every window but the top
//! one, the plain digits of the sum, less `2^(c−1)` each, are those digits: no carry runs from one to the next.
//!
//! Where multiples of the points are at hand ([`crate::tables`]), windows are in columns of equal length. Those at one
//! place of all columns make a *set*: their digits weigh the same but for the multiple, so that they share buckets.

use ark_ff::{BigInt, BigInteger};

/// Widest window: its buckets still lie in a cache.
pub const MAX_WIDTH: usize = 18;

/// One window of a scalar.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Its column: the multiple of the point that its digits count.
    pub column: usize,
    /// Its place in the column.
    pub set: usize,
    start: usize,
    width: usize,
    /// What was added in this window; 0 in the top one.
    half: i32,
}

/// The signed digits of scalars below `2^bits`, for `bits` up to 254, in windows of 1 to [`MAX_WIDTH`] bits.
#[derive(Clone, Debug)]
pub struct SignedDigits {
    windows: Vec<Window>,
    layout: Layout,
    offset: BigInt<4>,
}

/// How scalars are cut into windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Bits of the scalars and of the carry into the top digit.
    total: usize,
    /// Number of columns.
    pub columns: usize,
    /// Number of windows in a column, as equal in width as can be.
    pub sets: usize,
}

impl Layout {
    /// Returns the layout for scalars below `2^bits`.
    #[must_use]
    pub const fn new(bits: usize, columns: usize, sets: usize) -> Self {
        Self { total: bits + 1, columns, sets }
    }

    /// Returns the number of bits in a column.
    #[must_use]
    pub const fn column_bits(&self) -> usize {
        self.total.div_ceil(self.columns)
    }

    /// Returns where the windows of a set begin in their columns.
    #[must_use]
    pub const fn start(&self, set: usize) -> usize {
        self.column_bits() * set / self.sets
    }

    /// Returns the number of magnitudes that a digit of a set can have, zero aside.
    #[must_use]
    pub const fn magnitudes(&self, set: usize) -> usize {
        1 << (self.start(set + 1) - self.start(set) - 1)
    }

    /// Returns the widest window's bits.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.column_bits().div_ceil(self.sets)
    }

    /// Returns the windows, the lowest first. The last column can have fewer or shorter ones.
    pub fn windows(self) -> impl Iterator<Item = Window> {
        let places = (0..self.columns).flat_map(move |column| (0..self.sets).map(move |set| (column, set)));
        places.map_while(move |(column, set)| {
            let start = column * self.column_bits() + self.start(set);
            let end = self.total.min(column * self.column_bits() + self.start(set + 1));
            let half = if end < self.total { 1 << (end - start - 1) } else { 0 };
            (start < end).then(|| Window { column, set, start, width: end - start, half })
        })
    }

    /// Returns among how many tasks the terms of a set are shared out, so that no thread is left without work.
    #[must_use]
    pub fn shares(&self) -> usize {
        match rayon::current_num_threads() {
            1 => 1,
            threads => (2 * threads).div_ceil(self.sets),
        }
    }

    /// Returns the number of additions: one for each term and window, one for each bucket of a share to bring it to the
    /// first one's, and two for each bucket's weight.
    #[must_use]
    pub fn additions(&self, terms: usize) -> usize {
        let buckets: usize = (0..self.sets).map(|set| self.magnitudes(set)).sum();
        let (whole, rest) = (self.total / self.column_bits(), self.total % self.column_bits());
        let windows = whole * self.sets + (0..self.sets).filter(|set| self.start(*set) < rest).count();
        windows * terms + (self.shares() + 1) * buckets
    }

    /// Returns the layout with the least additions for scalars below `2^bits`.
    #[must_use]
    pub fn best(terms: usize, bits: usize, columns: usize) -> Self {
        let column_bits = (bits + 1).div_ceil(columns);
        let layouts =
            (column_bits.div_ceil(MAX_WIDTH)..=column_bits).map(|sets| Self::new(bits, columns, sets));
        layouts.min_by_key(|layout| layout.additions(terms)).unwrap_or(Self::new(bits, columns, column_bits))
    }
}

impl SignedDigits {
    /// Returns the digits of a layout.
    #[must_use]
    pub fn new(layout: Layout) -> Self {
        debug_assert!(layout.total <= 255 && (1..=MAX_WIDTH).contains(&layout.width()));
        let windows: Vec<Window> = layout.windows().collect();
        // Below 2^bits, as the top window has none: the sum with a scalar has at most 255 bits.
        let mut offset = BigInt([0; 4]);
        for window in windows.iter().filter(|window| window.half != 0) {
            let bit = window.start + window.width - 1;
            offset.0[bit / 64] |= 1 << (bit % 64);
        }
        Self { windows, layout, offset }
    }

    /// Returns how the scalars are cut.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Returns the windows of a set.
    pub fn set(&self, set: usize) -> impl Iterator<Item = &Window> {
        self.windows.iter().filter(move |window| window.set == set)
    }

    /// Makes a scalar ready for [`SignedDigits::digit`].
    pub fn prepare(&self, scalar: &mut BigInt<4>) {
        scalar.add_with_carry(&self.offset);
    }

    /// Returns one digit of a scalar that was made ready.
    #[inline]
    #[must_use]
    pub fn digit(prepared: &BigInt<4>, window: &Window) -> i32 {
        bits_at(prepared, window.start, window.width) - window.half
    }
}

/// Returns `width` bits of a number from bit `at` on.
#[inline]
fn bits_at(number: &BigInt<4>, at: usize, width: usize) -> i32 {
    let (limb, shift) = (at / 64, at % 64);
    let low = number.0.get(limb).map_or(0, |word| word >> shift);
    let high =
        if shift + width > 64 { number.0.get(limb + 1).map_or(0, |word| word << (64 - shift)) } else { 0 };
    // The mask leaves at most MAX_WIDTH bits.
    #[allow(clippy::cast_possible_truncation)]
    {
        ((low | high) & ((1 << width) - 1)) as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::Fr;
    use ark_ff::{AdditiveGroup, Field, PrimeField};

    fn check(value: Fr, layout: Layout, powers: &[Fr]) {
        let digits = SignedDigits::new(layout);
        assert_eq!(layout.additions(1) - layout.additions(0), digits.windows.len(), "{layout:?}");
        let mut prepared = value.into_bigint();
        digits.prepare(&mut prepared);
        let back: Fr = (0..layout.sets)
            .flat_map(|set| digits.set(set))
            .map(|window| {
                let digit = SignedDigits::digit(&prepared, window);
                assert!(digit.unsigned_abs() as usize <= layout.magnitudes(window.set), "{layout:?}");
                let place = window.column * layout.column_bits() + layout.start(window.set);
                Fr::from(digit) * powers[place]
            })
            .sum();
        assert_eq!(back, value, "{layout:?}");
    }

    fn check_all(value: Fr, bits: usize) {
        let powers: Vec<Fr> =
            std::iter::successors(Some(Fr::from(1)), |power| Some(power.double())).take(256).collect();
        for columns in [1, 2, 3, 5, 8, 15, bits + 1] {
            for width in 1..=MAX_WIDTH {
                let sets = (bits + 1).div_ceil(columns).div_ceil(width);
                check(value, Layout::new(bits, columns, sets), &powers);
            }
        }
    }

    #[test]
    fn digits_give_the_scalar_back() {
        let two = Fr::from(2);
        for value in [Fr::from(0), Fr::from(1), -Fr::from(1), Fr::from(u64::MAX), two.pow([253_u64])] {
            check_all(value, 254);
        }
        for bits in 1..=254 {
            // 2^254 - 1 is above the order.
            let edge = two.pow([bits.min(253)]);
            for value in [edge - Fr::from(1), edge / two, edge / two - Fr::from(1)] {
                check_all(value, usize::try_from(bits).unwrap());
            }
        }
    }
}
