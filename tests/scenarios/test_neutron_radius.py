import numpy as np
import pytest

import cevns_bayes as cb


def test_theory_radius_is_the_standard_model():
    sm = cb.predict("sm", {}, "lar-2d")
    same = cb.predict("neutron-radius", {"r_n": 3.45}, "lar-2d")
    np.testing.assert_allclose(same["cevns"], sm["cevns"], rtol=1e-12)


def test_a_larger_radius_loses_coherence_at_high_recoil():
    small, large = (cb.predict("neutron-radius", {"r_n": r}, "csi")["cevns"] for r in (4.0, 6.0))
    ratio = (large.sum("time") / small.sum("time")).to_numpy()[1:]
    assert np.all(ratio < 1)
    assert np.all(np.diff(ratio) < 0)


def test_csi_improves_on_the_standard_model_as_published(csi, sm_fit):
    result = cb.fit("neutron-radius", csi)
    assert "csi::alpha_radius" not in result.nuisances
    assert result.dof == 97
    assert sm_fit.chi2 - result.chi2 == pytest.approx(83.2 - 81.9, abs=0.5)
    assert 5.0 < result.params["r_n"] < 6.2


def test_one_radius_per_experiment():
    options = {"priors": {"csi::r_n": "Normal(5, 0.2)"}}
    model = cb.build_model("neutron-radius", ["csi", "lar-2d"], **options)
    names = [variable.name for variable in model.free_RVs]
    assert names[:2] == ["csi::r_n", "lar::r_n"]
    assert "r_n" not in names
    assert model["csi::r_n"].owner.op.name == "normal"
    assert model["lar::r_n"].owner.op.name == "uniform"
    with pytest.raises(cb.InputError, match="prior variable"):
        cb.build_model("neutron-radius", ["csi", "lar"], priors={"r_n": "Normal(5, 1)"})
