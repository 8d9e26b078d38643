//! The Python module `zkm2m_native`; `zkm2m_native.pyi` documents it for its callers.

// PyO3 hands arguments over by value.
#![allow(clippy::needless_pass_by_value)]

use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};

use crate::check::first_violation;
use crate::contribution::{self, Beacon};
use crate::error::{Error, Result};
use crate::json::{g1_text, g2_text};
use crate::pool::{Threads, pool};
use crate::poseidon;
use crate::prove::{prove_with, public_strings};
use crate::r1cs::R1cs;
use crate::setup::{self, Trapdoor};
use crate::tables::LazyTables;
use crate::verify::{Proof, verify as verify_json};
use crate::verify_many;
use crate::zkey::ProvingKey;

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::Format { .. } | Error::Value { .. } => PyValueError::new_err(text),
            // PyO3 picks the subclass of OSError that fits the kind.
            Error::Io { source, .. } => io::Error::new(source.kind(), text).into(),
            Error::Interrupted => PyRuntimeError::new_err(text),
        }
    }
}

/// Most threads that a prover can be given.
const MAX_THREADS: usize = 1024;

/// Runs `work` on the shared threads with the interpreter released.
fn released<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T> + Send) -> PyResult<T> {
    released_on(py, None, work)
}

/// Runs `work` on the given threads, or on the shared ones, with the interpreter released.
fn released_on<T: Send>(
    py: Python<'_>,
    threads: Option<&Threads>,
    work: impl FnOnce() -> Result<T> + Send,
) -> PyResult<T> {
    Ok(py.detach(|| threads.map_or_else(pool, Threads::pool)?.install(work))?)
}

/// Writes a development proving key for an r1cs file.
#[pyfunction]
#[pyo3(signature = (r1cs_path, zkey_path, seed = None, progress = None))]
fn dev_setup<'py>(
    py: Python<'py>,
    r1cs_path: PathBuf,
    zkey_path: PathBuf,
    seed: Option<&[u8]>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let trapdoor = match seed {
        None => Trapdoor::random()?,
        Some(seed) => {
            let seed = seed.try_into().map_err(|_| Error::value("seed", "must have 32 bytes"))?;
            Trapdoor::from_seed(seed)?
        }
    };
    let raised = Mutex::new(None);
    let report = |stage: &'static str, share: f64| {
        Python::attach(|py| {
            py.check_signals()?;
            progress.as_ref().map_or(Ok(()), |call| call.call1(py, (stage, share)).map(drop))
        })
        .map_err(|error| {
            *raised.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            Error::Interrupted
        })
    };
    let result = released(py, || setup::dev_setup(&r1cs_path, &zkey_path, &trapdoor, &report));
    if let Some(error) = raised.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Err(error);
    }
    let summary = result?;
    let dict = PyDict::new(py);
    dict.set_item("n_vars", summary.wires)?;
    dict.set_item("n_public", summary.public)?;
    dict.set_item("n_constraints", summary.constraints)?;
    dict.set_item("domain_size", summary.domain)?;
    dict.set_item("r1cs_sha256", hex(&summary.r1cs_sha256))?;
    dict.set_item("zkey_sha256", hex(&summary.zkey_sha256))?;
    dict.set_item("zkey_bytes", summary.zkey_bytes)?;
    Ok(dict)
}

/// Writes a proving key with one more contribution to its second phase.
#[pyfunction]
#[pyo3(signature = (zkey_path, new_zkey_path, name = "", entropy = None))]
fn contribute<'py>(
    py: Python<'py>,
    zkey_path: PathBuf,
    new_zkey_path: PathBuf,
    name: &str,
    entropy: Option<&[u8]>,
) -> PyResult<Bound<'py, PyDict>> {
    let entropy = entropy.unwrap_or_default();
    let made = released(py, || contribution::contribute(&zkey_path, &new_zkey_path, name, entropy))?;
    contribution_dict(py, &made)
}

/// Writes a proving key with the contribution of a beacon.
#[pyfunction]
#[pyo3(signature = (zkey_path, new_zkey_path, beacon, iterations_exponent, name = ""))]
fn apply_beacon<'py>(
    py: Python<'py>,
    zkey_path: PathBuf,
    new_zkey_path: PathBuf,
    beacon: &[u8],
    iterations_exponent: u8,
    name: &str,
) -> PyResult<Bound<'py, PyDict>> {
    let beacon = Beacon { value: beacon, iterations_exponent };
    let made = released(py, || contribution::apply_beacon(&zkey_path, &new_zkey_path, name, &beacon))?;
    contribution_dict(py, &made)
}

fn contribution_dict<'py>(py: Python<'py>, made: &contribution::Summary) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("contribution_hash", hex(&made.contribution_hash))?;
    dict.set_item("zkey_sha256", hex(&made.zkey_sha256))?;
    dict.set_item("zkey_bytes", made.zkey_bytes)?;
    Ok(dict)
}

/// A proving key, ready for any number of proofs.
#[pyclass(frozen, module = "zkm2m_native")]
struct Prover {
    key: ProvingKey,
    tables: LazyTables,
    /// Of its own, where a number was asked for.
    threads: Option<Threads>,
}

#[pymethods]
impl Prover {
    #[new]
    #[pyo3(signature = (zkey_path, threads = None, table_bytes = 0))]
    fn new(py: Python<'_>, zkey_path: PathBuf, threads: Option<usize>, table_bytes: usize) -> PyResult<Self> {
        let threads = match threads {
            None => None,
            Some(count @ 1..=MAX_THREADS) => Some(Threads::new(count)),
            Some(_) => return Err(Error::value("threads", format!("must be from 1 to {MAX_THREADS}")).into()),
        };
        let key = released_on(py, threads.as_ref(), || ProvingKey::open(&zkey_path))?;
        Ok(Self { key, tables: LazyTables::new(table_bytes), threads })
    }

    /// Returns a proof and the public signals of a witness file's bytes.
    fn prove<'py>(&self, py: Python<'py>, wtns: &[u8]) -> PyResult<Bound<'py, PyDict>> {
        let (proof, public) =
            released_on(py, self.threads.as_ref(), || prove_with(&self.key, &self.tables, wtns))?;
        let dict = PyDict::new(py);
        dict.set_item("proof", proof_dict(py, &proof)?)?;
        dict.set_item("public", public_strings(&public))?;
        Ok(dict)
    }

    /// Number of public signals.
    #[getter]
    fn n_public(&self) -> usize {
        self.key.public()
    }

    /// Size of the evaluation domain.
    #[getter]
    fn domain_size(&self) -> usize {
        self.key.domain
    }

    /// Number of wires, the constant included.
    #[getter]
    fn n_vars(&self) -> usize {
        self.key.wires
    }

    /// Memory that the tables take.
    #[getter]
    fn table_bytes(&self) -> usize {
        self.tables.get().map_or(0, |tables| tables.bytes)
    }

    fn __repr__(&self) -> String {
        let key = &self.key;
        format!("Prover(n_vars={}, n_public={}, domain_size={})", key.wires, key.public(), key.domain)
    }
}

/// A constraint system, ready to check any number of witnesses.
#[pyclass(frozen, module = "zkm2m_native")]
struct ConstraintSystem {
    system: R1cs,
}

#[pymethods]
impl ConstraintSystem {
    #[new]
    fn new(py: Python<'_>, r1cs_path: PathBuf) -> PyResult<Self> {
        let read = || {
            let bytes = std::fs::read(&r1cs_path).map_err(Error::io("read", &r1cs_path))?;
            R1cs::parse(&bytes)
        };
        Ok(Self { system: released(py, read)? })
    }

    /// Returns the number of the first constraint that a witness file's bytes violate, None if all hold.
    fn first_violation(&self, py: Python<'_>, wtns: &[u8]) -> PyResult<Option<usize>> {
        released(py, || first_violation(&self.system, wtns))
    }

    /// Number of constraints.
    #[getter]
    fn n_constraints(&self) -> usize {
        self.system.constraints
    }

    /// Number of wires, the constant included.
    #[getter]
    fn n_vars(&self) -> usize {
        self.system.wires
    }

    fn __repr__(&self) -> String {
        format!("ConstraintSystem(n_vars={}, n_constraints={})", self.system.wires, self.system.constraints)
    }
}

fn proof_dict<'py>(py: Python<'py>, proof: &Proof) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("pi_a", g1_text(&proof.a).to_vec())?;
    dict.set_item("pi_b", g2_text(&proof.b).map(|pair| pair.to_vec()).to_vec())?;
    dict.set_item("pi_c", g1_text(&proof.c).to_vec())?;
    dict.set_item("protocol", "groth16")?;
    dict.set_item("curve", "bn128")?;
    Ok(dict)
}

/// Returns whether a proof holds for a verifying key and public signals.
#[pyfunction]
fn verify(py: Python<'_>, vk_json: &str, public: &Bound<'_, PyAny>, proof_json: &str) -> PyResult<bool> {
    let public = strings("public", public)?;
    released(py, || verify_json(vk_json, &public, proof_json))
}

/// Returns the number of the first proof that does not hold for a verifying key, None if all hold.
#[pyfunction]
#[pyo3(name = "verify_many")]
fn verify_many_proofs(
    py: Python<'_>,
    vk_json: &str,
    publics: &Bound<'_, PyAny>,
    proofs_json: &Bound<'_, PyAny>,
) -> PyResult<Option<usize>> {
    let publics =
        publics.cast::<PyList>().map_err(|_| PyTypeError::new_err("publics: must be a list of lists"))?;
    let publics = publics.iter().map(|public| strings("publics", &public)).collect::<PyResult<Vec<_>>>()?;
    let proofs = strings("proofs_json", proofs_json)?;
    released(py, || verify_many::verify_many(vk_json, &publics, &proofs))
}

fn strings(argument: &'static str, value: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    let list = value
        .cast::<PyList>()
        .map_err(|_| PyTypeError::new_err(format!("{argument}: must be a list of strings")))?;
    list.iter()
        .map(|item| match item.cast_exact::<PyString>() {
            Ok(text) => text.to_str().map(str::to_owned),
            Err(_) => Err(Error::value(argument, "must hold strings only").into()),
        })
        .collect()
}

/// Returns the Poseidon digests of many lists of one length.
#[pyfunction]
fn hash_fields_many<'py>(
    py: Python<'py>,
    tag: u32,
    width: usize,
    elements: &[u8],
) -> PyResult<Bound<'py, PyBytes>> {
    let digests = released(py, || poseidon::hash_fields_many(tag, width, elements))?;
    Ok(PyBytes::new(py, &digests))
}

/// Returns all levels above the leaves of a complete Merkle tree.
#[pyfunction]
fn merkle_levels<'py>(py: Python<'py>, tag: u32, leaves: &[u8], depth: u32) -> PyResult<Bound<'py, PyBytes>> {
    let levels = released(py, || poseidon::merkle_levels(tag, leaves, depth))?;
    Ok(PyBytes::new(py, &levels))
}

/// Returns the version of this module.
#[pyfunction]
fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// Returns the number of threads that the work runs on.
#[pyfunction]
fn threads() -> PyResult<usize> {
    Ok(pool()?.current_num_threads())
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

/// Groth16 on BN254 in the file formats of circom and snarkjs.
#[pymodule]
fn zkm2m_native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Prover>()?;
    module.add_class::<ConstraintSystem>()?;
    module.add_function(wrap_pyfunction!(dev_setup, module)?)?;
    module.add_function(wrap_pyfunction!(contribute, module)?)?;
    module.add_function(wrap_pyfunction!(apply_beacon, module)?)?;
    module.add_function(wrap_pyfunction!(verify, module)?)?;
    module.add_function(wrap_pyfunction!(verify_many_proofs, module)?)?;
    module.add_function(wrap_pyfunction!(hash_fields_many, module)?)?;
    module.add_function(wrap_pyfunction!(merkle_levels, module)?)?;
    module.add_function(wrap_pyfunction!(version, module)?)?;
    module.add_function(wrap_pyfunction!(threads, module)?)
}
