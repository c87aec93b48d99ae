"""Formulas and constants, for NumPy and PyTensor alike; they know no experiment."""
