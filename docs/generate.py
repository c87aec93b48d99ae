"""Pages of what the package says of itself: API, definitions, nuisances, data to be cited."""

import ast
import re
import shutil
from pathlib import Path

import cevns_bayes as cb
from cevns_bayes.datasets import data_folder, read_toml

ROOT = Path(__file__).parents[1]
WITH_DATA = ("csi", "lar", "csi-2017", "dresden-ii", "conus-plus")
GROUP = re.compile(r"^# (Load|Do|Write .*)$", re.MULTILINE)


def write(folder: Path) -> None:
    """All pages, anew."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    for page in (api, scenarios, experiments, data, nuisances):
        (folder / f"{page.__name__}.md").write_text(page(), encoding="utf-8")


def groups() -> dict[str, list[str]]:
    """Heading -> names of the face, as they stand in the stub."""
    _, *parts = GROUP.split((ROOT / "cevns_bayes/__init__.pyi").read_text(encoding="utf-8"))
    found = {}
    for heading, body in zip(parts[::2], parts[1::2], strict=True):
        imports = [node for node in ast.parse(body).body if isinstance(node, ast.ImportFrom)]
        found[heading] = [alias.name for node in imports for alias in node.names]
    return found


def api() -> str:
    """Tables of names with their first lines, each with a page of its own."""
    lines = ["# API reference", "", "Everything is a name of `import cevns_bayes as cb`.", ""]
    for heading, names in groups().items():
        lines += [f"## {heading}", "", "```{eval-rst}", ".. currentmodule:: cevns_bayes", ""]
        lines += [".. autosummary::", "   :toctree: api", "   :nosignatures:", ""]
        constants = [name for name in names if isinstance(getattr(cb, name), float)]
        lines += [f"   {name}" for name in names if name not in constants] + ["```", ""]
        lines += [f"- `{name}` = {getattr(cb, name):.10g}" for name in constants] + [""]
    return "\n".join(lines)


def definitions(title: str, text: str, folder: Path) -> str:
    """Docstrings of the files of a folder as they are: they are the definitions."""
    lines = [f"# {title}", "", text, ""]
    for path in sorted(folder.glob("[!_]*.py")):
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        lines += [f"## {path.stem}", "", f"`{path.relative_to(ROOT)}`", ""]
        lines += ["```text", docstring, "```", ""]
    return "\n".join(lines)


def scenarios() -> str:
    text = (
        "The docstring of a scenario file is its definition: formula, priors, source. "
        "`cevns-bayes list` shows the names, `cevns-bayes list NAME` one of these texts."
    )
    return definitions("Scenarios", text, ROOT / "models")


def experiments() -> str:
    text = "What each experiment is, what of it is published, and what is assumed."
    return definitions("Experiments", text, ROOT / "cevns_bayes/experiments/shipped")


def data() -> str:
    """Sources, what was done, hashes."""
    lines = ["# Data sets and how to cite them", ""]
    lines += ["Cite the publication of every data set that an analysis uses.", ""]
    for folder in sorted(path.name for path in data_folder().iterdir() if path.is_dir()):
        if not (data_folder() / folder / "source.toml").is_file():
            continue
        source = read_toml(folder, "source")
        lines += [f"## {folder}", "", f"**Cite**: {source['reference']}.", ""]
        lines += [f"Released {source['released']}. {source['what_was_done'].strip()}", ""]
        lines += ["| file of the release | sha256 |", "|---|---|"]
        lines += [f"| {name} | `{digest[:16]}…` |" for name, digest in source["sha256"].items()]
        lines += [""]
    return "\n".join(lines)


def nuisances() -> str:
    """The nuisances of every experiment that has data, by experiment."""
    lines = []
    for name in WITH_DATA:
        experiment = cb.load_experiment(name)
        lines += [f"### {name}", "", f"{experiment.reference}.", ""]
        lines += ["| nuisance | prior | of |", "|---|---|---|"]
        lines += [f"| `{n.name}` | {_prior(n)} | {n.description} |" for n in experiment.nuisances]
        lines += [""]
    return "\n".join(lines)


def _prior(nuisance: cb.Nuisance) -> str:
    bounds = "" if nuisance.bounds is None else "within {:g} to {:g}".format(*nuisance.bounds)
    if nuisance.sigma is None:
        return f"flat {bounds}"
    return f"Gaussian, σ = {nuisance.sigma:.3g}{', ' * bool(bounds)}{bounds}"
