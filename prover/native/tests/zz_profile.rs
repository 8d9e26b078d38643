#![allow(missing_docs, unused_must_use)]
use zkm2m_native::*;
fn cpu() -> f64 { let s = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap(); s.split(' ').next().unwrap().parse::<f64>().unwrap()/1e9 }
fn t<R>(n:&str, f: impl FnOnce()->R)->R { let a=cpu(); let r=f(); println!("{n}: {:.3}", cpu()-a); r }
#[test]
fn profile() {
  let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
  pool.install(|| {
    let d="/work/main/build/tmp-native/big";
    let key = t("load", || zkey::ProvingKey::open(std::path::Path::new(&format!("{d}.zkey"))).unwrap());
    let bytes = std::fs::read(format!("{d}.wtns")).unwrap();
    let w = t("wtns", || wtns::parse(&bytes).unwrap());
    let h = t("quotient", || quotient::odd_values(&key,&w).unwrap());
    t("h", || msm::msm(&key.h,&h));
    t("a", || msm::msm(&key.a,&w));
    t("b1", || msm::msm(&key.b1,&w));
    t("b2", || msm::msm(&key.b2,&w));
    t("c", || msm::msm(&key.c,&w[key.public()+1..]));
    let nz=|p:&[ark_bn254::G1Affine]| p.iter().filter(|x| !ark_ec::AffineRepr::is_zero(*x)).count();
    println!("{} {} {}", nz(&key.a), nz(&key.b1), w.iter().filter(|x| x.0[3]!=0).count());
    let m = t("map", || std::fs::read(format!("{d}.r1cs")).unwrap());
    let _r = t("r1cs", || r1cs::R1cs::parse(&m).unwrap());
    let n = h.iter().map(|x| ark_ff::PrimeField::from_bigint(*x).unwrap()).collect::<Vec<_>>();
    let f = t("table1", || fixed::FixedBase::new(<ark_bn254::G1Affine as ark_ec::AffineRepr>::generator(), 1<<18));
    t("fixed1 64k", || f.multiply(&n));
    let f = t("table2", || fixed::FixedBase::new(<ark_bn254::G2Affine as ark_ec::AffineRepr>::generator(), 1<<16));
    t("fixed2 64k", || f.multiply(&n));
    for b in [1usize<<10] { let _=b; }
  });
}
