"""How PyTensor compiles what is evaluated a few hundred times: not for speed."""

from pytensor.compile.mode import Mode

AS_WRITTEN = Mode(linker="vm", optimizer=None)  # Rewriting a graph takes longer than using it.
