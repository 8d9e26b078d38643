"""Risk models: pricing beyond Black-76, greeks and attribution, margin models, collateral, forecasts, back-tests.

Pure functions and frozen dataclasses over NumPy arrays: models in float64, what could be booked in whole units.
"""
