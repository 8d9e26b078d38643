// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Groth16 verifier of circuit $circuit
/// @notice Made by `zkm2m export solidity` from the pinned verifying key $vk_id.
///         $key_notice
/// @dev e(A, B) = e(alpha, beta) e(X, gamma) e(C, delta) with X = IC[0] + sum of signal * IC[i]. Beta, gamma and delta
///      stand here negated, so that the product of the four pairings is one. The precompiles refuse coordinates that are
///      not below q, points off their curve, and a B outside the subgroup (EIP-196, EIP-197).
contract $contract {
    /// A public signal is not below r: it would be a second spelling of a smaller one.
    error SignalOutOfRange(uint256 index);
    /// A point is the point at infinity, which no honest prover produces.
    error PointAtInfinity();
    /// A precompile refused: a coordinate is not below q, a point is off its curve or outside its group, or the gas ran out.
    error PointRefused();
    /// The pairing equation does not hold: the proof does not prove this statement under this key.
    error ProofInvalid();

    string public constant CIRCUIT = "$circuit";
    /// SHA-256 of the constraint system.
    bytes32 public constant CIRCUIT_VERSION = 0x$circuit_version;
    /// SHA-256 of the verifying key's canonical JSON.
    bytes32 public constant VK_ID = 0x$vk_id;
    /// Whether one party alone made the key, and so could forge proofs.
    bool public constant DEVELOPMENT_KEY = $development;

    /// Order of the scalar field.
    uint256 private constant R = $scalar_modulus;

$constants

    /// @notice Returns if the proof holds for these public signals, and reverts if not. It has no answer to be overlooked.
    /// @param proof A.x, A.y, B.x1, B.x0, B.y1, B.y0, C.x, C.y, where B.x = x0 + x1 * i: the order of the precompile
    /// @param signals The public signals in the circuit's order
    function requireValid(uint256[8] calldata proof, uint256[$count] calldata signals) external view {
        if (
            (proof[0] | proof[1]) == 0 || (proof[2] | proof[3] | proof[4] | proof[5]) == 0 || (proof[6] | proof[7]) == 0
        ) revert PointAtInfinity();

        // The sum so far (two words), and behind it the next term: a point, and the scalar before it is multiplied.
        uint256[5] memory sum;
        (sum[0], sum[1]) = (IC0_X, IC0_Y);
$terms

        uint256[24] memory pairs = [
            proof[0], proof[1], proof[2], proof[3], proof[4], proof[5],
            ALPHA_X, ALPHA_Y, BETA_X1, BETA_X0, BETA_Y1, BETA_Y0,
            sum[0], sum[1], GAMMA_X1, GAMMA_X0, GAMMA_Y1, GAMMA_Y0,
            proof[6], proof[7], DELTA_X1, DELTA_X0, DELTA_Y1, DELTA_Y0
        ];
        bool answered;
        uint256[1] memory product;
        assembly ("memory-safe") {
            answered := staticcall(gas(), 8, pairs, 0x300, product, 0x20)
        }
        if (!answered) revert PointRefused();
        if (product[0] != 1) revert ProofInvalid();
    }

    function _add(uint256[5] memory sum, uint256 x, uint256 y, uint256 signal, uint256 index) private view {
        if (signal >= R) revert SignalOutOfRange(index);
        (sum[2], sum[3], sum[4]) = (x, y, signal);
        bool answered;
        assembly ("memory-safe") {
            let term := add(sum, 0x40)
            answered := staticcall(gas(), 7, term, 0x60, term, 0x40)
            if answered { answered := staticcall(gas(), 6, sum, 0x80, sum, 0x40) }
        }
        if (!answered) revert PointRefused();
    }
}
