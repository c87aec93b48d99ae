"""The report of a folder of results again, as one wants it shown, without sampling or fitting."""

import shutil
import tempfile
from pathlib import Path

from cevns_bayes.errors import InputError
from cevns_bayes.report.analysis import Analysis
from cevns_bayes.report.archive import load_analysis
from cevns_bayes.report.folder import ARCHIVE_FILE, POSTERIOR_FILE, REPORT_FILE, new_folder
from cevns_bayes.report.html import write_views
from cevns_bayes.report.outcome import OUTCOME_FILE
from cevns_bayes.report.view import View

KEPT = (POSTERIOR_FILE, ARCHIVE_FILE, OUTCOME_FILE)


def redraw(folder: Path, view: View, output: Path | None = None) -> Analysis:
    """Write tables, figures and report of the analysis in a folder again.

    Parameters
    ----------
    output
        A new folder, which gets a copy of the analysis, too. Without it the files are replaced
        where they are, each at once, the report last; others stay.

    Raises
    ------
    InputError
        A folder without an analysis, a view that does not suit it, or no place to write.
    """
    analysis = load_analysis(folder).viewed(view)
    if output is None:
        _replace(analysis, folder)
        return analysis
    with new_folder(output, force=False) as staging:
        write_views(analysis, staging)
        for name in KEPT:  # last, as an interrupt would keep the posterior
            if (folder / name).is_file():
                shutil.copyfile(folder / name, staging / name)
    return analysis


def _replace(analysis: Analysis, folder: Path) -> None:
    try:
        staging = Path(tempfile.mkdtemp(prefix=".report-", dir=folder))
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror}") from error
    try:
        write_views(analysis, staging)
        for path in sorted(staging.iterdir(), key=lambda path: path.name == REPORT_FILE):
            path.replace(folder / path.name)
    finally:
        shutil.rmtree(staging)
