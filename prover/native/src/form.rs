//! The forms of the lanes, and the choice of one when a program runs.

use ark_ff::MontConfig;

#[cfg(target_arch = "x86_64")]
use crate::avx2::{self, Avx2};
#[cfg(target_arch = "x86_64")]
use crate::ifma::{self, Ifma};
use crate::lanes::PrimeLanes;
use crate::portable::{self, Portable};
#[cfg(any(target_arch = "x86_64", test))]
use crate::radix52;
#[cfg(test)]
use crate::simulated::Simulated;

/// A form of the lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Eight lanes in vectors of 512 bits with products of 52-bit integers.
    #[cfg(target_arch = "x86_64")]
    Ifma,
    /// Four lanes in vectors of 256 bits.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Four lanes, one after another.
    Portable,
    /// What [`Form::Ifma`] does, with plain integers for vectors: for tests, on every processor.
    #[cfg(test)]
    Simulated,
}

impl Form {
    /// Returns the fastest form that this processor has.
    #[must_use]
    pub fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if ifma::available() {
                return Self::Ifma;
            }
            if avx2::available() {
                return Self::Avx2;
            }
        }
        Self::Portable
    }

    /// Returns every form that can run here.
    #[cfg(test)]
    #[must_use]
    pub fn available() -> Vec<Self> {
        let mut forms = vec![Self::Portable, Self::Simulated];
        #[cfg(target_arch = "x86_64")]
        forms.extend(
            [(Self::Avx2, avx2::available()), (Self::Ifma, ifma::available())]
                .into_iter()
                .filter_map(|(form, available)| available.then_some(form)),
        );
        forms
    }
}

/// The lanes of one form, `N` of them, for every field.
pub trait Family<const N: usize> {
    /// Elements of a prime field.
    type Prime<C: MontConfig<4>>: PrimeLanes<C, N> + Send + Sync;
}

/// The lanes of [`Form::Ifma`].
#[cfg(target_arch = "x86_64")]
pub struct IfmaFamily;

#[cfg(target_arch = "x86_64")]
impl Family<{ radix52::LANES }> for IfmaFamily {
    type Prime<C: MontConfig<4>> = Ifma<C>;
}

/// The lanes of [`Form::Avx2`].
#[cfg(target_arch = "x86_64")]
pub struct Avx2Family;

#[cfg(target_arch = "x86_64")]
impl Family<{ avx2::LANES }> for Avx2Family {
    type Prime<C: MontConfig<4>> = Avx2<C>;
}

/// The lanes of [`Form::Portable`].
pub struct PortableFamily;

impl Family<{ portable::LANES }> for PortableFamily {
    type Prime<C: MontConfig<4>> = Portable<C>;
}

/// The lanes of [`Form::Simulated`].
#[cfg(test)]
pub struct SimulatedFamily;

#[cfg(test)]
impl Family<{ radix52::LANES }> for SimulatedFamily {
    type Prime<C: MontConfig<4>> = Simulated<C>;
}

/// Evaluates an expression in which a name stands for the [`Family`] of a form, and another one for its number of lanes.
macro_rules! on_form {
    ($form:expr, $family:ident, $lanes:ident => $result:expr) => {
        match $form {
            #[cfg(target_arch = "x86_64")]
            $crate::form::Form::Ifma => {
                type $family = $crate::form::IfmaFamily;
                const $lanes: usize = $crate::radix52::LANES;
                $result
            }
            #[cfg(target_arch = "x86_64")]
            $crate::form::Form::Avx2 => {
                type $family = $crate::form::Avx2Family;
                const $lanes: usize = $crate::avx2::LANES;
                $result
            }
            $crate::form::Form::Portable => {
                type $family = $crate::form::PortableFamily;
                const $lanes: usize = $crate::portable::LANES;
                $result
            }
            #[cfg(test)]
            $crate::form::Form::Simulated => {
                type $family = $crate::form::SimulatedFamily;
                const $lanes: usize = $crate::radix52::LANES;
                $result
            }
        }
    };
}

pub(crate) use on_form;
