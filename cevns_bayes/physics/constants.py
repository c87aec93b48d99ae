"""Physical constants, as ``NAME_UNIT``; PDG 2022 and CODATA 2018 unless a source is written."""

FERMI_CONSTANT_PER_MEV2 = G_F = 1.1663787e-11
HBAR_C_MEV_FM = 197.3269804
HBAR_C_SQUARED_MEV2_CM2 = HBAR_C_MEV_FM**2 * 1e-26

ELECTRON_MASS_MEV = 0.51099895
MUON_MASS_MEV = 105.6583755
PION_MASS_MEV = 139.57039
ATOMIC_MASS_UNIT_MEV = 931.49410242

PION_LIFETIME_US = 0.026033
MUON_LIFETIME_US = 2.19698

JOULE_MEV = 1 / 1.602176634e-13
DAY_S = 86400.0

AVOGADRO_PER_MOL = 6.02214076e23

SIN2_THETA_W = 0.23857  # at zero momentum transfer, MS-bar running; PDG 2022, Sec. 10

FINE_STRUCTURE_CONSTANT = ALPHA = 1 / 137.035999

PROTON_MASS_MEV, NEUTRON_MASS_MEV = 938.272, 939.565
UP_MASS_MEV, DOWN_MASS_MEV = 2.16, 4.67  # MS-bar at 2 GeV

# Nucleon -> (up, down): share of the quarks' masses in the nucleon's (Hoferichter et al.,
# arXiv:1506.04142), and tensor charges (arXiv:2211.11905, Sec. 2).
SCALAR_FORM_FACTORS = {"proton": (0.0208, 0.0411), "neutron": (0.0189, 0.0451)}
TENSOR_CHARGES = {"proton": (0.54, -0.23), "neutron": (-0.23, 0.54)}
