"""A problem, scenario x experiments: its PyMC model, its predictions, Asimov data."""
