import numpy as np
import pytest

import cevns_bayes as cb
from cevns_bayes.errors import InputError
from cevns_bayes.scenarios.scenario import Parameter, Scenario

MINE = '''"""The Standard Model, scaled.

    kappa ~ Uniform(0, 3)
"""

import pymc as pm

from cevns_bayes.physics.cross_sections import vector, weak_charge
from cevns_bayes.scenarios.scenario import Parameter, Scenario


def scaled():
    kappa = pm.Uniform("kappa", 0.0, 3.0)
    return lambda target, flavour: vector(target, kappa * weak_charge(target, 0.23857) ** 2)


SCENARIO = Scenario("Scaled", (Parameter("kappa", "$\\\\kappa$"),), "nowhere", scaled)
'''

VARIANTS = MINE.replace("SCENARIO =", "_ONE =") + (
    "SCENARIOS = {'scaled': _ONE, 'scaled-flat': Scenario('Other', (), 'nowhere', scaled)}\n"
)


@pytest.fixture
def scenario_file(tmp_path):
    def write(text, name="my_scenario.py"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_names():
    names = cb.scenario_names()
    assert names == sorted(names)
    assert {"sm", "weak-mixing-angle", "nsi-ee-ud"} <= set(names)


def test_every_scenario_says_what_it_is():
    for name in cb.scenario_names():
        scenario = cb.load_scenario(name)
        assert scenario.name == name
        assert scenario.title
        assert "arXiv" in scenario.reference
        assert all(name in scenario.description for name in scenario.parameter_names)


def test_unknown_name_suggests_the_nearest():
    message = r"unknown scenario 'weak-mixing'; did you mean 'weak-mixing-angle'\?"
    with pytest.raises(InputError, match=message):
        cb.load_scenario("weak-mixing")


def test_a_scenario_passes_through():
    scenario = cb.load_scenario("sm")
    assert cb.load_scenario(scenario) is scenario


def test_a_scenario_without_a_name_gets_one():
    scenario = Scenario("Mine", (), "nowhere", dict)
    assert cb.load_scenario(scenario).name == "unnamed"


@pytest.mark.parametrize("kind", [str, lambda path: path], ids=["str", "Path"])
def test_a_users_file_is_a_scenario(scenario_file, kind):
    scenario = cb.load_scenario(kind(scenario_file(MINE)))
    assert scenario.name == "my-scenario"
    assert scenario.parameter_names == ["kappa"]
    assert scenario.description.startswith("The Standard Model, scaled.")


def test_a_users_file_predicts(scenario_file, csi, sm_counts):
    counts = cb.predict(scenario_file(MINE), {"kappa": 2.0}, csi)
    np.testing.assert_allclose(counts.cevns, 2 * sm_counts.cevns, rtol=1e-12)
    np.testing.assert_allclose(counts.ssb, sm_counts.ssb, rtol=1e-12)


def test_a_users_file_builds_a_model(scenario_file, csi):
    model = cb.build_model(scenario_file(MINE), csi)
    assert "kappa" in [variable.name for variable in model.free_RVs]


def test_variants_of_a_file_go_by_their_names(scenario_file):
    path = scenario_file(VARIANTS)
    assert cb.load_scenario(f"{path}:scaled").title == "Scaled"
    assert cb.load_scenario(f"{path}:scaled-flat").title == "Other"


def test_unknown_variant_suggests_the_nearest(scenario_file):
    path = scenario_file(VARIANTS)
    with pytest.raises(InputError, match=r"'scaled-flt'; did you mean 'scaled-flat'\?"):
        cb.load_scenario(f"{path}:scaled-flt")


def test_a_file_of_several_needs_the_variant(scenario_file):
    with pytest.raises(InputError, match=r"allowed: scaled, scaled-flat"):
        cb.load_scenario(scenario_file(VARIANTS))


def test_the_only_variant_of_a_file_needs_no_name(scenario_file):
    one = MINE.replace("SCENARIO =", "_ONE =") + "SCENARIOS = {'only': _ONE}\n"
    assert cb.load_scenario(scenario_file(one)).name == "only"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n", "is not a scenario file: it must define SCENARIO"),
        ("SCENARIO = 'sm'\n", "is not a scenario file"),
        ("SCENARIOS = [1]\n", "is not a scenario file"),
        ("1 / 0\n", "failed to load: ZeroDivisionError: division by zero"),
        ("def broken(:\n", "failed to load: SyntaxError"),
        ("import no_such_module_at_all\n", "failed to load: ModuleNotFoundError"),
    ],
)
def test_a_file_that_is_no_scenario_is_named(scenario_file, text, message):
    with pytest.raises(InputError, match=rf"my_scenario\.py {message}"):
        cb.load_scenario(scenario_file(text))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"scenario file .*none\.py does not exist"):
        cb.load_scenario(tmp_path / "none.py")


def test_a_parameter_listed_but_not_declared_is_named(csi):
    scenario = Scenario("Mine", (Parameter("kappa", "k"),), "nowhere", dict, name="mine")
    with pytest.raises(InputError, match=r"'mine' lists \['kappa'\] but declares no priors"):
        cb.build_model(scenario, csi)


def test_axis_label_names_the_unit():
    assert Parameter("m", "$m$", "MeV").axis_label == "$m$ [MeV]"
    assert Parameter("e", "$e$").axis_label == "$e$"


def test_names_in_limit_curve_are_checked(scenario_file):
    text = MINE.replace("scaled)\n", "scaled, limit_curve=('kapa', 'kappa'))\n")
    with pytest.raises(InputError, match="name in limit_curve 'kapa'; did you mean 'kappa'"):
        cb.load_scenario(scenario_file(text))
