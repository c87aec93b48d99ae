"""Smooth interpolation of anything counted between its -1 sigma, nominal and +1 sigma versions.

HistFactory's interpolation code 4p (CERN-OPEN-2012-016 and pyhf): a sixth-order polynomial
inside |alpha| <= 1, linear outside, with continuous first and second derivatives, so that
gradient samplers see no kink.
"""

from typing import Any

import pytensor.tensor as pt


def morphing_weights(alpha: Any) -> tuple[Any, Any]:
    """Weights (w_up, w_down) so that  nominal + w_up (up - nominal) + w_down (down - nominal).

    At alpha = 1 they are (1, 0), at -1 (0, 1), at 0 (0, 0); ``alpha`` is a PyTensor scalar or
    a number and the weights are PyTensor scalars.
    """
    alpha = pt.as_tensor_variable(alpha)
    even = alpha**2 * (15 - 10 * alpha**2 + 3 * alpha**4) / 16
    w_up = pt.switch(pt.abs(alpha) > 1, pt.maximum(alpha, 0), alpha / 2 + even)
    w_down = pt.switch(pt.abs(alpha) > 1, pt.maximum(-alpha, 0), -alpha / 2 + even)
    return w_up, w_down
