"""Timings, run by ``make bench``: always paired in one run with what they are compared to, never asserted in a test."""
