"""How PyTensor compiles what is evaluated a few hundred times: not for speed."""

from pytensor.compile.mode import Mode

AS_WRITTEN = Mode("vm", "None")  # Rewriting a graph takes longer than using it.
