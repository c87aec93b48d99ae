import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

CONDA_NAMES = {"flatbuffers": "python-flatbuffers"}


def requirement(text):
    name, extra, least = re.fullmatch(r"([\w-]+)(\[\w+\])?(?:>=(.*))?", text).groups()
    return name, extra, least


def test_conda_environment_gives_the_same_dependencies():
    lines = (ROOT / "environment.yml").read_text().splitlines()
    conda = {requirement(line[4:])[::2] for line in lines if re.match(r"  - [\w-]+(>=.*)?$", line)}
    conda -= {("pip", None), ("conda-forge", None)}
    pip = [requirement(text) for text in PROJECT["dependencies"]]
    pip = [(CONDA_NAMES.get(name, name), *more) for name, *more in pip]
    extras = {(extra.strip("[]"), None) for _, extra, _ in pip if extra}
    assert conda == {(name, least) for name, _, least in pip} | extras


def test_python_version_file_satisfies_the_package():
    version = (ROOT / ".python-version").read_text().strip()
    least = PROJECT["requires-python"].removeprefix(">=")
    assert tuple(map(int, version.split("."))) >= tuple(map(int, least.split(".")))
    assert f"python={version}" in (ROOT / "environment.yml").read_text()


def test_old_python_gets_an_actionable_message(tmp_path):
    old = tmp_path / "python-old"
    old.write_text(
        f'#!/bin/sh\nexec {sys.executable} -c "import sys; sys.version_info = (3, 9); $2"\n'
    )
    old.chmod(0o755)
    done = subprocess.run(
        ["make", "run", f"PYTHON={old}", f"VENV={tmp_path}/venv"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "needs Python 3.12 or newer" in done.stderr
    assert "make PYTHON=" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_files_that_are_not_python_are_in_the_wheel():
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    listed = {
        path
        for package, patterns in data["package-data"].items()
        for pattern in patterns
        for path in (ROOT / package.replace(".", "/")).glob(pattern)
    }
    found = {path for path in (ROOT / "cevns_bayes").rglob("*.*") if path.is_file()}
    found = {path for path in found if path.suffix not in (".py", ".pyc")}
    assert {path.name for path in found} >= {"report.html.j2", "__init__.pyi"}
    assert found <= listed
