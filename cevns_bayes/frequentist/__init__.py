"""The same likelihood without priors: chi^2, its global minimum, profiles."""
