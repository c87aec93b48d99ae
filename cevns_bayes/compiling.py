"""How PyTensor compiles what is evaluated a few hundred times: not for speed."""

import pytensor

QUICK = pytensor.compile.get_mode("FAST_COMPILE").excluding("fusion")
