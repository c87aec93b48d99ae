import pytest

from cevns_bayes.datasets import published_chi2, read_table, read_toml
from cevns_bayes.errors import InputError


def test_a_table_is_columns_of_numbers():
    table = read_table("csi", "background_energy")
    assert list(table) == ["energy_low_pe", "brn", "nin"]
    assert table["energy_low_pe"][:3].tolist() == [0, 1, 2]
    # normalised to one in the window
    assert table["brn"][table["energy_low_pe"] < 60].sum() == pytest.approx(1, abs=1e-6)


def test_parameters_are_those_of_the_paper():
    parameters = read_toml("csi", "parameters")
    assert parameters["exposure"]["detector_mass_kg"] == 14.6
    assert parameters["exposure"]["protons_on_target"] == 3.198e23
    assert parameters["efficiency"]["nominal"] == [1.32045, 0.285979, 10.8646, -0.333322]


def test_a_missing_table_is_named():
    with pytest.raises(InputError, match=r"csi.nothing\.csv is missing"):
        read_table("csi", "nothing")
    with pytest.raises(InputError, match=r"csi.nothing\.toml is missing"):
        read_toml("csi", "nothing")


def test_published_chi2():
    assert published_chi2("sm", "csi") == 83.2
    assert published_chi2("sm", "nothing") is None
