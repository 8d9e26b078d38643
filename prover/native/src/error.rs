//! What can go wrong, each with the place and the rule.
//!
//! A message never carries a witness value: of secrets it names the rule alone.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// The refusals and failures of this crate.
#[derive(Debug)]
pub enum Error {
    /// A file or JSON text breaks its format.
    Format {
        /// Kind of file: `r1cs`, `wtns`, `zkey`, `proof`, `verification key`.
        file: &'static str,
        /// Section or member in which the rule is broken.
        section: String,
        /// The rule that is broken.
        rule: String,
    },
    /// An argument breaks a rule.
    Value {
        /// The argument.
        argument: &'static str,
        /// The rule that is broken.
        rule: String,
    },
    /// The operating system refused a read or a write.
    Io {
        /// What was tried.
        action: &'static str,
        /// The file it was tried on.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A progress callback asked to stop.
    Interrupted,
}

impl Error {
    /// Returns a format error of one section of one kind of file.
    pub fn format(file: &'static str, section: impl Into<String>, rule: impl Into<String>) -> Self {
        Self::Format { file, section: section.into(), rule: rule.into() }
    }

    /// Returns an error about one argument.
    pub fn value(argument: &'static str, rule: impl Into<String>) -> Self {
        Self::Value { argument, rule: rule.into() }
    }

    /// Returns a closure that gives an I/O error its action and path.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |source| Self::Io { action, path, source }
    }

    /// Returns the error with the number of the proof, of many, that it is about.
    #[must_use]
    pub fn of(self, number: usize) -> Self {
        match self {
            Self::Format { file, section, rule } => {
                Self::Format { file, section: format!("number {number}, {section}"), rule }
            }
            Self::Value { argument, rule } => {
                Self::Value { argument, rule: format!("number {number}, {rule}") }
            }
            other => other,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format { file, section, rule } => write!(out, "{file}, {section}: {rule}"),
            Self::Value { argument, rule } => write!(out, "{argument}: {rule}"),
            Self::Io { action, path, source } => write!(out, "cannot {action} {}: {source}", path.display()),
            Self::Interrupted => write!(out, "interrupted by the progress callback"),
        }
    }
}

impl std::error::Error for Error {}
