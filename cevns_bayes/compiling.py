"""How PyTensor compiles what is evaluated a few hundred times: not for speed."""

import pytensor

# Without compilation no operation may have more than 32 operands, which fusion and the joining of
# sums would make.
FAST_COMPILE = pytensor.compile.get_mode("FAST_COMPILE").excluding("fusion", "local_add_canonizer")
