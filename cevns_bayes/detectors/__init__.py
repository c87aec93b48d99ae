"""From recoils to expected counts: detector effects, responses, time shapes, morphing."""

from cevns_bayes.detectors.detector import Detector, electron_response, nuclear_response
from cevns_bayes.detectors.effects import (
    ConstantEfficiency,
    GammaResolution,
    GaussianResolution,
    LindhardQuenching,
    LinearQuenchingFactor,
    PolynomialQuenching,
    SigmoidEfficiency,
    TabulatedEfficiency,
    TabulatedQuenching,
)
from cevns_bayes.detectors.morphing import Morphed
from cevns_bayes.detectors.response import Response
from cevns_bayes.detectors.time_shapes import TimeShape, arrival_shape

__all__ = [
    "ConstantEfficiency",
    "Detector",
    "GammaResolution",
    "GaussianResolution",
    "LindhardQuenching",
    "LinearQuenchingFactor",
    "Morphed",
    "PolynomialQuenching",
    "Response",
    "SigmoidEfficiency",
    "TabulatedEfficiency",
    "TabulatedQuenching",
    "TimeShape",
    "arrival_shape",
    "electron_response",
    "nuclear_response",
]
