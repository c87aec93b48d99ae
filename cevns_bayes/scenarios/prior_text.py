"""What a user says of variables, as text: names of logarithms, priors in ``~`` notation.

Nothing here needs PyMC, so that the command line refuses a wrong text at once.
"""

import ast
from collections.abc import Container

from cevns_bayes.errors import InputError

EXAMPLE = "write 'NAME ~ Distribution(numbers)', e.g. 'sin2_theta_w ~ Uniform(0.1, 0.4)'"


def split_prior(text: str) -> tuple[str, str]:
    """``"name ~ Normal(0, 1)"`` -> ``("name", "Normal(0, 1)")``."""
    name, tilde, distribution = text.partition("~")
    if not tilde or not name.strip() or not distribution.strip():
        raise InputError(f"malformed prior '{text}'; {EXAMPLE}")
    call = parse_call(distribution)
    try:
        _ = [number(node) for node in (*call.args, *(keyword.value for keyword in call.keywords))]
    except ValueError as error:
        raise InputError(f"malformed prior '{text}': {error}; {EXAMPLE}") from error
    return name.strip(), distribution.strip()


def parse_call(text: str) -> ast.Call:
    """The call of a name that a text is; InputError if it is something else."""
    try:
        call = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the last two of deep nesting
        raise InputError(f"malformed prior '{text}'; {EXAMPLE}") from None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise InputError(f"malformed prior '{text}'; {EXAMPLE}")
    return call


def number(node: ast.expr) -> float:
    """A number or an infinity, which a prior may have as a limit; ValueError for all else."""
    text = ast.unparse(node)
    if text in ("inf", "-inf"):
        return float(text)
    try:
        return float(ast.literal_eval(node))
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"'{text}' is not a number") from None


def log10_name(name: str) -> str:
    """``"mass"`` -> ``"log10_mass"``, ``"csi::mass"`` -> ``"csi::log10_mass"``."""
    prefix, colons, last = name.rpartition("::")
    return f"{prefix}{colons}log10_{last}"


def physical_name(name: str) -> str:
    """``"log10_mass"`` -> ``"mass"``; other names as they are."""
    prefix, colons, last = name.rpartition("::")
    return f"{prefix}{colons}{last.removeprefix('log10_')}"


def sampled_name(variables: Container[str], name: str) -> str:
    """The sampled variable behind a parameter: itself, or its logarithm if that is there.

    ``variables`` is a model, the draws of a posterior, or any other container of names.
    """
    log10 = log10_name(name)
    return log10 if log10 in variables else name
