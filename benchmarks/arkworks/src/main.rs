//! Proofs by ark-groth16 under a key of circom, for the benchmark: `arkworks-bench REPEATS KEY.zkey WITNESS.wtns`.
//!
//! Prints the seconds of each proof, with the key in memory, and the seconds that loading took, as JSON. Our own readers
//! load key and witness; every step of the proof is ark-groth16's, with the quotient that circom's keys are made for.

use std::path::Path;
use std::time::Instant;

use ark_bn254::{Bn254, Fr};
use ark_ff::{PrimeField, UniformRand};
use ark_groth16::r1cs_to_qap::{R1CSToQAP, evaluate_constraint};
use ark_groth16::{Groth16, ProvingKey, VerifyingKey, prepare_verifying_key};
use ark_poly::EvaluationDomain;
use ark_relations::gr1cs::{ConstraintSystemRef, Matrix, Result as SynthesisResult, SynthesisError};
use zkm2m_native::points::Bases;
use zkm2m_native::zkey;

/// The quotient as values on the odd coset, where the points of circom's keys are.
struct OddCoset;

impl R1CSToQAP for OddCoset {
    fn instance_map_with_evaluation<F: PrimeField, D: EvaluationDomain<F>>(
        _: ConstraintSystemRef<F>,
        _: &F,
    ) -> SynthesisResult<(Vec<F>, Vec<F>, Vec<F>, F, usize, usize)> {
        Err(SynthesisError::MissingCS)
    }

    fn witness_map_from_matrices<F: PrimeField, D: EvaluationDomain<F>>(
        matrices: &[Matrix<F>],
        _: usize,
        rows: usize,
        witness: &[F],
    ) -> SynthesisResult<Vec<F>> {
        let missing = SynthesisError::PolynomialDegreeTooLarge;
        let domain = D::new(rows).ok_or(missing)?;
        let shift = F::get_root_of_unity(2 * rows as u64).ok_or(missing)?;
        let coset = domain.get_coset(shift).ok_or(missing)?;
        let product = |matrix: &Matrix<F>| matrix.iter().map(|row| evaluate_constraint(row, witness)).collect();
        let (mut a, mut b): (Vec<F>, Vec<F>) = (product(&matrices[0]), product(&matrices[1]));
        let mut c: Vec<F> = a.iter().zip(&b).map(|(a, b)| *a * b).collect();
        for values in [&mut a, &mut b, &mut c] {
            domain.ifft_in_place(values);
            coset.fft_in_place(values);
        }
        Ok(a.into_iter().zip(b).zip(c).map(|((a, b), c)| a * b - c).collect())
    }

    fn h_query_scalars<F: PrimeField, D: EvaluationDomain<F>>(
        _: usize,
        _: F,
        _: F,
        _: F,
    ) -> SynthesisResult<Vec<F>> {
        Err(SynthesisError::MissingCS)
    }
}

fn converted(key: &zkey::ProvingKey) -> ProvingKey<Bn254> {
    let vk = VerifyingKey {
        alpha_g1: key.verifying.alpha1,
        beta_g2: key.verifying.beta2,
        gamma_g2: key.verifying.gamma2,
        delta_g2: key.verifying.delta2,
        gamma_abc_g1: key.verifying.ic.clone(),
    };
    ProvingKey {
        vk,
        beta_g1: key.beta1,
        delta_g1: key.delta1,
        a_query: Bases::unpacked(&key.a),
        b_g1_query: Bases::unpacked(&key.b1),
        b_g2_query: Bases::unpacked(&key.b2),
        h_query: Bases::unpacked(&key.h),
        l_query: Bases::unpacked(&key.c),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [repeats, key_file, witness_file] = arguments.as_slice() else {
        return Err("arkworks-bench REPEATS KEY.zkey WITNESS.wtns".into());
    };
    let begun = Instant::now();
    let native = zkey::ProvingKey::open(Path::new(key_file))?;
    let matrices: Vec<Matrix<Fr>> = native
        .matrices
        .iter()
        .map(|matrix| {
            let row = |row| matrix.row(row).map(|(wire, value)| (value, wire)).collect();
            (0..native.domain).map(row).collect()
        })
        .collect();
    let (key, public, rows) = (converted(&native), native.public(), native.domain);
    drop(native);
    let loading = begun.elapsed().as_secs_f64();
    let bytes = std::fs::read(witness_file)?;
    let mut seconds = Vec::new();
    for _ in 0..repeats.parse::<usize>()? {
        let begun = Instant::now();
        let witness: Vec<Fr> = zkm2m_native::wtns::parse(&bytes)?.iter().map(|value| Fr::new(*value)).collect();
        let mut random = ark_std::rand::rngs::OsRng;
        let (r, s) = (Fr::rand(&mut random), Fr::rand(&mut random));
        let proof = Groth16::<Bn254, OddCoset>::create_proof_with_reduction_and_matrices(
            &key, r, s, &matrices, public + 1, rows, &witness,
        )?;
        let prepared = prepare_verifying_key(&key.vk);
        if !Groth16::<Bn254>::verify_proof(&prepared, &proof, &witness[1..=public])? {
            return Err("the proof does not hold".into());
        }
        seconds.push(begun.elapsed().as_secs_f64());
    }
    println!("{{\"seconds\": {seconds:?}, \"load_seconds\": {loading}}}");
    Ok(())
}
