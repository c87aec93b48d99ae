"""The main job: sample, diagnose, fit, draw, and write it all to one folder."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from cevns_bayes.best_fit import FitResult, fit
from cevns_bayes.datasets import published_chi2
from cevns_bayes.diagnostics import Convergence, check_convergence, sampled_names, summary
from cevns_bayes.errors import InputError
from cevns_bayes.experiment import Experiment
from cevns_bayes.model import DataLike, ModelOptions, ScenarioLike, load_data, predict
from cevns_bayes.plots import plot_corner, plot_posterior, plot_spectra
from cevns_bayes.sampling import sample
from cevns_bayes.scenario import Parameter, Scenario, load_scenario

REPORT_FILE = "report.md"
POSTERIOR_FILE = "posterior.nc"
GREATEST_CORNER = 10  # variables that a page can show


@dataclass(frozen=True)
class Analysis:
    """Everything a report shows."""

    scenario: Scenario
    experiments: list[Experiment]
    options: ModelOptions
    posterior: xr.DataTree
    convergence: Convergence
    best_fit: FitResult
    standard_model: FitResult

    @property
    def parameters(self) -> list[Parameter]:
        """Parameters of interest on these experiments together, as they were sampled."""
        together = self.scenario.on([experiment.name for experiment in self.experiments])
        names = sampled_names(self.posterior)
        return [
            parameter if parameter.name in names else parameter.logarithm
            for parameter in together.parameters_of_interest
        ]


def analyse(
    scenario: ScenarioLike, data: DataLike, sampling: dict[str, Any], options: ModelOptions
) -> Analysis:
    """Sample the posterior, check it, and minimise chi^2 for the scenario and for the SM.

    ``sampling`` and ``options`` are the keywords of :func:`cevns_bayes.sample` and
    :func:`cevns_bayes.build_model`.
    """
    scenario = load_scenario(scenario)
    experiments = load_data(data, **options)
    posterior = sample(scenario, experiments, **sampling, **options)
    best_fit = fit(scenario, experiments, **options)
    is_sm = not scenario.parameters_of_interest
    of_nuisances = {
        name: prior
        for name, prior in (options.get("priors") or {}).items()
        if name not in best_fit.params
    }
    sm_options: ModelOptions = {**options, "priors": of_nuisances}
    return Analysis(
        scenario=scenario,
        experiments=experiments,
        options={**options, "priors": None},
        posterior=posterior,
        convergence=check_convergence(posterior),
        best_fit=best_fit,
        standard_model=best_fit if is_sm else fit("sm", experiments, **sm_options),
    )


@contextmanager
def new_folder(path: Path, *, force: bool) -> Iterator[Path]:
    """A folder that appears at ``path`` only when the block has ended well.

    Raises
    ------
    InputError
        If ``path`` exists (with ``force``: if it is not the folder of an earlier report), or
        cannot be written.
    """
    if path.exists():
        if not force:
            raise InputError(f"output folder {path} exists; use --force to replace it")
        if not (path / REPORT_FILE).is_file():
            raise InputError(f"{path} is not a results folder; --force will not replace it")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    except OSError as error:
        raise InputError(f"cannot write to {path.parent}: {error.strerror}") from error
    try:
        staging.chmod(0o755)
        yield staging
        if path.exists():
            shutil.rmtree(path)
        staging.rename(path)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def write_report(analysis: Analysis, folder: Path) -> None:
    """Write posterior, summary, best fit, figures and ``report.md`` into an existing folder."""
    analysis.posterior.to_netcdf(folder / POSTERIOR_FILE, encoding=_compression(analysis.posterior))
    table = summary(analysis.posterior).to_dataframe()
    table.to_csv(folder / "summary.csv", float_format="%.6g")
    fits = {"best_fit": asdict(analysis.best_fit), "sm": asdict(analysis.standard_model)}
    (folder / "fit.json").write_text(json.dumps(fits, indent=2) + "\n", encoding="utf-8")
    figures = draw(analysis)
    for name, figure in figures.items():
        for suffix in ("png", "pdf"):
            figure.savefig(folder / f"{name}.{suffix}", dpi=150)
    (folder / REPORT_FILE).write_text(_markdown(analysis, list(figures)), encoding="utf-8")


def load_posterior(folder: Path) -> xr.DataTree:
    """The posterior in a folder of results.

    Raises
    ------
    InputError
        If there is none, or it cannot be read.
    """
    path = folder / POSTERIOR_FILE
    if not path.is_file():
        raise InputError(f"{folder} is not a results folder: it has no {POSTERIOR_FILE}")
    try:
        return xr.load_datatree(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error


def _compression(tree: xr.DataTree) -> dict[str, dict[str, Any]]:
    """Arrays per draw and bin in single precision and compressed: a quarter of the size."""
    return {
        f"/{group}": {
            str(name): {"zlib": True, "complevel": 1}
            | ({"dtype": "float32"} if values.dtype == np.float64 else {})
            for name, values in tree[group].data_vars.items()
            if values.ndim > 2 and "draw" in values.dims
        }
        for group in tree.children
    }


def draw(analysis: Analysis) -> dict[str, Figure]:
    """All figures of the report, file name -> Figure."""
    fitted = analysis.best_fit.values
    figures = {}
    if analysis.scenario.parameters_of_interest:
        figures["posterior"] = plot_posterior(
            analysis.posterior, analysis.scenario.title, analysis.parameters, fitted
        )
    for experiment in analysis.experiments:
        fitted_counts = predict(
            analysis.scenario,
            {
                name: fitted.get(experiment.qualified(name), fitted.get(name, np.nan))
                for name in analysis.scenario.parameter_names
            },
            experiment,
            nuisances=_own_nuisances(experiment, analysis.best_fit.nuisances),
            **analysis.options,
        )
        standard_model = predict("sm", {}, experiment, **analysis.options)
        figures[f"spectra_{experiment.name}"] = plot_spectra(
            experiment, analysis.posterior, fitted_counts, standard_model
        )
    names = _most_correlated(analysis)
    figures["corner"] = plot_corner(analysis.posterior, names, _labels(analysis, names), fitted)
    return figures


def _most_correlated(analysis: Analysis) -> list[str]:
    """Parameters of interest, and the nuisances that depend on them (else on each other) most."""
    names = sampled_names(analysis.posterior)
    draws = analysis.posterior["posterior"].to_dataset()
    correlation = np.abs(np.corrcoef([draws[name].to_numpy().ravel() for name in names]))
    np.fill_diagonal(correlation, 0.0)
    first = len(analysis.parameters)
    strength = correlation[: first or None].max(axis=0)
    nuisances = sorted(range(first, len(names)), key=lambda i: -strength[i])
    return names[:first] + [names[i] for i in sorted(nuisances[: GREATEST_CORNER - first])]


def _own_nuisances(experiment: Experiment, fitted: Mapping[str, float]) -> dict[str, float]:
    """Nuisances as the experiment alone has them: its own part plus the shared part."""
    own = {}
    for nuisance in experiment.nuisances:
        name = experiment.qualified(nuisance.name)
        if name in fitted:
            own[name] = fitted[name] + fitted.get(nuisance.name, 0.0)
    return own


def _labels(analysis: Analysis, names: list[str]) -> dict[str, str]:
    labels = {p.name: p.axis_label for p in analysis.parameters}
    for name in names:
        if name not in labels:
            experiment, _, word = name.rpartition("alpha_")
            word = word.replace("_", r"\_")
            several = len(analysis.experiments) > 1 and experiment
            upper = rf"^\mathrm{{{experiment.strip(':')}}}" if several else ""
            labels[name] = rf"$\alpha_\mathrm{{{word}}}{upper}$"
    return labels


def _markdown(analysis: Analysis, figures: list[str]) -> str:
    data = ", ".join(experiment.reference for experiment in analysis.experiments)
    sections = [
        f"# {analysis.scenario.title}",
        f"Scenario `{analysis.scenario.name}` ({analysis.scenario.reference}) on {data}.",
        "## Convergence\n\n" + _convergence(analysis.convergence),
        "## Intervals\n\n" + _intervals(analysis),
        "## Best fit\n\n" + _best_fit(analysis),
        "## Figures\n\n" + "\n\n".join(f"![{name}]({name}.png)" for name in figures),
        "## Model and settings\n\n" + _settings(analysis.posterior),
    ]
    return "\n\n".join(sections) + "\n"


def _convergence(convergence: Convergence) -> str:
    numbers = (
        f"Largest R-hat {convergence.r_hat:.4f}, smallest bulk ESS {convergence.ess_bulk:.0f}, "
        f"smallest tail ESS {convergence.ess_tail:.0f}, {convergence.divergences} divergences."
    )
    if not convergence.problems:
        return f"**Converged.** {numbers}"
    problems = "; ".join(convergence.problems)
    return f"**NOT CONVERGED: do not use these numbers.** {problems}.\n\n{numbers}"


def _intervals(analysis: Analysis) -> str:
    table = summary(analysis.posterior)
    rows = [
        "| variable | mean | sd | 68 % HDI | 90 % HDI | 90 % equal-tailed | best fit |",
        "|---|---|---|---|---|---|---|",
    ]
    fitted = analysis.best_fit.values
    for name in map(str, table["variable"].to_numpy()):
        row = {key: float(value) for key, value in table.sel(variable=name).items()}
        ranges = [
            f"[{row[f'{kind}_low']:.4g}, {row[f'{kind}_high']:.4g}]"
            for kind in ("hdi68", "hdi90", "eti90")
        ]
        error = analysis.best_fit.errors[name]
        rows.append(
            f"| `{name}` | {row['mean']:.4g} | {row['sd']:.3g} | {' | '.join(ranges)} "
            f"| {fitted[name]:.4g} ± {error:.2g} |"
        )
    note = "HDI: the narrowest single interval; the figure shows disconnected ones as such."
    return "\n".join(rows) + f"\n\n{note}"


def _best_fit(analysis: Analysis) -> str:
    rows = ["| fit | χ² | degrees of freedom | published χ² |", "|---|---|---|---|"]
    data = "+".join(experiment.name for experiment in analysis.experiments)
    fits = {analysis.standard_model.scenario: analysis.standard_model}
    for name, result in (fits | {analysis.scenario.name: analysis.best_fit}).items():
        published = published_chi2(name, data) if _as_published(analysis) else None
        rows.append(f"| `{name}` | {result.chi2:.2f} | {result.dof} | {published or '—'} |")
    gain = analysis.standard_model.chi2 - analysis.best_fit.chi2
    text = "\n".join(rows) + f"\n\nImprovement over the Standard Model: {gain:.2f}."
    if analysis.best_fit.at_limit:
        text += f" At the end of its prior: {', '.join(analysis.best_fit.at_limit)}."
    return text + ("" if analysis.best_fit.valid else "\n\n**The minimiser did not converge.**")


def _as_published(analysis: Analysis) -> bool:
    """Whether chi^2 is that of the published analysis, and may be compared with its."""
    names = [experiment.name for experiment in analysis.experiments]
    return (
        ("lar" not in names or analysis.options.get("lar_statistic") == "gaussian")
        and (len(names) == 1 or not analysis.options.get("share_flux", True))
        and not analysis.options.get("binning")
    )


def _settings(posterior: xr.DataTree) -> str:
    attrs = {key: value for key, value in posterior.attrs.items() if key != "priors"}
    lines = "\n".join(f"- {key}: `{value}`" for key, value in attrs.items())
    return f"```\n{posterior.attrs['priors']}\n```\n\n{lines}"
