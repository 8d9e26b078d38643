"""Solidity for contracts that check proofs: verifiers made from pinned keys, and the registry that uses them."""
