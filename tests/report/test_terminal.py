import numpy as np
import pytest
import xarray as xr

from cevns_bayes.bayesian.diagnostics import Convergence
from cevns_bayes.frequentist.best_fit import FitResult
from cevns_bayes.frequentist.profile import Curve, Profile
from cevns_bayes.report.analysis import Analysis
from cevns_bayes.report.terminal import print_chi2, print_run
from cevns_bayes.scenarios.scenario import Parameter, Scenario


def test_disjoint_solutions_are_printed_apart(csi, capsys):
    rng = np.random.default_rng(1)
    side = np.where(rng.random((4, 3000)) < 0.5, -1.0, 1.0)
    draws = {name: (("chain", "draw"), side + 0.1 * rng.normal(size=side.shape)) for name in "ab"}
    posterior = xr.DataTree.from_dict({"posterior": xr.Dataset(draws)})
    posterior.attrs = {"sampler": "smc", "sampler_reason": "as asked"}
    x = np.linspace(-2, 2, 81)
    curve = Curve("a", (-2.0, 2.0), x, ((np.abs(x) - 1) / 0.1) ** 2, np.zeros((81, 1)))
    fit = FitResult("toy", ("csi",), 1.0, 1, {"a": 1.0}, {"b": 1.0}, {}, valid=True)
    analysis = Analysis(
        scenario=Scenario("Toy", (Parameter("a", "$a$"),), "nowhere", lambda: None),
        experiments=[csi],
        options={},
        posterior=posterior,
        convergence=Convergence(1.0, 5000.0, 5000.0),
        best_fit=fit,
        standard_model=fit,
        profile=Profile(fit, {"a": curve}, {}),
    )
    print_run(analysis)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    a = next(line for line in lines if line[0] == "a")
    ends = [float(a[i]) for i in (3, 5, 7, 9)]  # name, mean, sd, low … high ∪ low … high
    np.testing.assert_allclose(ends, [-1.165, -0.835, 0.835, 1.165], atol=0.02)
    b = next(line for line in lines if line[0] == "b")  # a nuisance: one interval
    assert float(b[3]) < -1 < 1 < float(b[5])


@pytest.mark.parametrize(
    ("dof", "said"),
    [
        (0, "χ² = 3.00 for 0 degrees of freedom\n"),
        (1, "χ² = 3.00 for 1 degree of freedom (ratio 3.000)\n"),
        (2, "χ² = 3.00 for 2 degrees of freedom (ratio 1.500)\n"),
    ],
)
def test_degrees_of_freedom(capsys, dof, said):
    print_chi2(FitResult("toy", ("csi",), 3.0, dof, {"a": 1.0}, {}, {}, valid=True))
    assert capsys.readouterr().out == said
