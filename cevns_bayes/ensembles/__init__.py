"""Ensembles: pseudo-data and their fits, Feldman-Cousins regions, coverage, calibration."""
