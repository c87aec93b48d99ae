# The public face; `__init__.py` imports from here lazily, and type checkers read it. "x as x" tells
# them that x is exported.

# Load
from .experiments.loading import (
    experiment_names as experiment_names,
    load_experiment as load_experiment,
)
from .scenarios.scenario import load_scenario as load_scenario, scenario_names as scenario_names

# Do
from .bayesian.comparison import compare as compare
from .bayesian.diagnostics import check_convergence as check_convergence, summary as summary
from .bayesian.limit_curve import credible_limit_curve as credible_limit_curve
from .bayesian.linear_or_log import prior_sensitivity as prior_sensitivity
from .bayesian.sampling import sample as sample
from .engine.prediction import asimov as asimov, predict as predict
from .engine.problem import build_model as build_model
from .ensembles.calibration import calibrate as calibrate
from .ensembles.coverage import coverage as coverage
from .ensembles.feldman_cousins import feldman_cousins as feldman_cousins
from .ensembles.goodness_of_fit import goodness_of_fit as goodness_of_fit
from .ensembles.pseudo_data import pseudo_data as pseudo_data
from .ensembles.runner import Runner as Runner
from .errors import InputError as InputError
from .frequentist.best_fit import fit as fit
from .frequentist.limit_curve import limit_curve as limit_curve
from .frequentist.profile import profile as profile
from .report.analysis import analyse as analyse
from .report.archive import load_analysis as load_analysis
from .report.forecast import forecast as forecast
from .report.folder import load_posterior as load_posterior
from .report.hepdata import write_hepdata as write_hepdata
from .report.html import write_report as write_report
from .report.view import View as View
from .report.plot_data import plot_predictive as plot_predictive, plot_spectra as plot_spectra
from .report.plot_ensembles import (
    plot_calibration as plot_calibration,
    plot_feldman_cousins as plot_feldman_cousins,
)
from .report.plot_draws import (
    plot_corner as plot_corner,
    plot_pareto_k as plot_pareto_k,
    plot_prior_to_posterior as plot_prior_to_posterior,
)
from .report.plot_pulls import plot_pulls as plot_pulls
from .report.plot_results import plot_curves as plot_curves, plot_region as plot_region

# Write your own scenario or experiment
from .detectors.detector import (
    Detector as Detector,
    electron_response as electron_response,
    nuclear_response as nuclear_response,
)
from .detectors.effects import (
    ConstantEfficiency as ConstantEfficiency,
    GammaResolution as GammaResolution,
    GaussianResolution as GaussianResolution,
    LindhardQuenching as LindhardQuenching,
    LinearQuenchingFactor as LinearQuenchingFactor,
    PolynomialQuenching as PolynomialQuenching,
    SigmoidEfficiency as SigmoidEfficiency,
    TabulatedEfficiency as TabulatedEfficiency,
    TabulatedQuenching as TabulatedQuenching,
    TruncatedGaussianResolution as TruncatedGaussianResolution,
)
from .detectors.morphing import Morphed as Morphed
from .detectors.response import Response as Response
from .detectors.time_shapes import TimeShape as TimeShape, arrival_shape as arrival_shape
from .experiments.components import (
    Background as Background,
    FormulaBackground as FormulaBackground,
    Signal as Signal,
    TemplateBackground as TemplateBackground,
)
from .experiments.experiment import Axis as Axis, Experiment as Experiment
from .experiments.nuisance import Nuisance as Nuisance
from .experiments.likelihoods import Gaussian as Gaussian, Poisson as Poisson
from .physics.constants import (
    ALPHA as ALPHA,
    AVOGADRO_PER_MOL as AVOGADRO_PER_MOL,
    G_F as G_F,
    HBAR_C_SQUARED_MEV2_CM2 as HBAR_C_SQUARED_MEV2_CM2,
    SIN2_THETA_W as SIN2_THETA_W,
)
from .physics.cross_sections import (
    CrossSection as CrossSection,
    Scattering as Scattering,
    electron as electron,
    magnetic as magnetic,
    scalar as scalar,
    standard_model as standard_model,
    tensor as tensor,
    upscattering as upscattering,
    vector as vector,
    weak_charge as weak_charge,
)
from .physics.flavours import Flavour as Flavour
from .physics.nuclei import (
    Nucleus as Nucleus,
    natural_compound as natural_compound,
    natural_element as natural_element,
    nucleus as nucleus,
)
from .physics.targets import Electrons as Electrons, Target as Target
from .scenarios.priors import log_uniform as log_uniform
from .scenarios.scenario import Parameter as Parameter, Scenario as Scenario
from .sources.pion_decay import Pulse as Pulse, pion_decay_at_rest as pion_decay_at_rest
from .sources.reactors import reactor as reactor
from .sources.source import Flux as Flux, Source as Source
from .sources.spectra import Line as Line, Polynomials as Polynomials, tabulated as tabulated

__version__: str
