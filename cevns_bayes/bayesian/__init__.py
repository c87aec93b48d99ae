"""Posteriors: samplers, diagnostics, densities, comparison, prior sensitivity."""
