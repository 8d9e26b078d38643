//! Lanes as elements of `ark-ff`, one after another: for processors without the vectors of [`crate::ifma`] and
//! [`crate::avx2`].

use ark_ff::{BigInt, MontConfig, PrimeField};

use crate::lanes::{Element, Packed, PrimeLanes, Work};

/// Elements side by side: as many as are in [`crate::avx2`].
pub const LANES: usize = 4;

/// Four elements, always reduced; the Montgomery factor is `2^256`, that of `ark-ff`.
pub struct Portable<C: MontConfig<4>>([Element<C>; LANES]);

impl<C: MontConfig<4>> Clone for Portable<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C: MontConfig<4>> Copy for Portable<C> {}

impl<C: MontConfig<4>> PrimeLanes<C, LANES> for Portable<C> {
    fn pack(value: &Element<C>) -> Packed {
        value.0.0
    }

    fn unpack(packed: &Packed) -> Element<C> {
        Element::new_unchecked(BigInt(*packed))
    }

    fn enter<W: Work>(work: W) -> W::Output {
        work.run()
    }

    fn gather(packed: [&Packed; LANES]) -> Self {
        Self(packed.map(Self::unpack))
    }

    fn scatter_loosely(self) -> [Packed; LANES] {
        self.0.map(|value| value.0.0)
    }

    fn reduced(packed: &Packed) -> Packed {
        *packed
    }

    fn integers(self) -> [Packed; LANES] {
        self.0.map(|value| value.into_bigint().0)
    }

    fn reduce<const K: u64>(self) -> Self {
        self
    }

    fn product(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] * other.0[lane]))
    }

    fn sum(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] + other.0[lane]))
    }

    fn plus(self, other: Self) -> Self {
        self.sum(other)
    }

    fn less<const K: u64>(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] - other.0[lane]))
    }

    fn signed_less<const K: u64>(self, negative: [u64; LANES], other: Self) -> Self {
        let signed = |lane: usize| if negative[lane] == 0 { self.0[lane] } else { -self.0[lane] };
        Self(std::array::from_fn(|lane| signed(lane) - other.0[lane]))
    }
}
