"""How PyTensor compiles what is evaluated a few hundred times: not for speed."""

from pytensor.compile.mode import Mode
from pytensor.link.vm import VMLinker

# By NumPy. Rewriting a graph takes longer than using it, but for merging what it has twice.
AS_WRITTEN = Mode(VMLinker(use_cloop=False, c_thunks=False), "merge")
