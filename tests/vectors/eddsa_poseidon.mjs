// Vectors of EdDSA with Poseidon on Baby Jubjub, made by circomlibjs. To make them again, in an empty folder:
// npm install circomlibjs@0.1.7 && node eddsa_poseidon.mjs > eddsa_poseidon.json
import { buildEddsa } from "circomlibjs";

const eddsa = await buildEddsa();
const { babyJub, F } = eddsa;
const hex = (bytes) => Buffer.from(bytes).toString("hex");
const messages = [
    0n,
    1n,
    1234n,
    2n ** 253n,
    21888242871839275222246405745257275088548364400416034343698204186575808495616n,
    14744269619966411208579211824598458697587494354926760081771325075741142829156n,
];
const signatures = [];
for (const [number, message] of messages.entries()) {
    const seed = Buffer.alloc(32, number + 1);
    const key = eddsa.prv2pub(seed);
    const signature = eddsa.signPoseidon(seed, F.e(message));
    if (!eddsa.verifyPoseidon(F.e(message), signature, key)) throw new Error("circomlibjs refuses its own signature");
    signatures.push({
        key: key.map((coordinate) => F.toObject(coordinate).toString()),
        key_encoded: hex(babyJub.packPoint(key)),
        message: message.toString(),
        nonce_point: signature.R8.map((coordinate) => F.toObject(coordinate).toString()),
        scalar: signature.S.toString(),
        encoded: hex(eddsa.packSignature(signature)),
    });
}
const multiples = [0n, 1n, 2n, 3n, 8n, 2n ** 128n, babyJub.subOrder - 1n, babyJub.subOrder, 2n ** 253n + 5n].map((scalar) => ({
    scalar: scalar.toString(),
    point: babyJub.mulPointEscalar(babyJub.Base8, scalar).map((coordinate) => F.toObject(coordinate).toString()),
}));
console.log(JSON.stringify({ source: "circomlibjs 0.1.7", multiples_of_base8: multiples, signatures }, null, 2));
