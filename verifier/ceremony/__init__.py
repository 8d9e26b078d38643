"""Checks a ceremony from its files alone: with nothing of the software that made the keys, and nothing of snarkjs."""
