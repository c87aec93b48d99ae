"""One version, one list of dependencies, everywhere."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

import cevns_bayes as cb

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RECIPE = yaml.safe_load((ROOT / "recipe/recipe.yaml").read_text())
CONDA_NAMES = {"matplotlib": "matplotlib-base", "flatbuffers": "python-flatbuffers"}


def test_version_of_the_package_is_everywhere():
    assert cb.__version__ == PROJECT["version"]
    assert RECIPE["context"]["version"] == PROJECT["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text()
    newest = re.search(r"^## (?!Unreleased)(\S+)", changelog, re.MULTILINE)
    assert newest[1] == PROJECT["version"]


def test_version_is_written_nowhere_else():
    texts = [
        *ROOT.glob("*.py"),
        *(ROOT / "cevns_bayes").rglob("*.py"),
        *(ROOT / "docs").glob("*.py"),
    ]
    assert [path for path in texts if f'"{PROJECT["version"]}"' in path.read_text()] == []


def test_recipe_has_the_dependencies_of_the_package():
    wanted = {f"python {PROJECT['requires-python']}"}
    for text in PROJECT["dependencies"]:
        name, extra, least = re.fullmatch(r"([\w-]+)(?:\[(\w+)\])?(>=.*)", text).groups()
        wanted |= {f"{CONDA_NAMES.get(name, name)} {least}"} | ({extra} if extra else set())
    assert set(RECIPE["requirements"]["run"]) == wanted


def test_recipe_has_the_commands_and_the_build_system_of_the_package():
    (command,) = PROJECT["scripts"].items()
    assert RECIPE["build"]["python"]["entry_points"] == [" = ".join(command)]
    system = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]
    built_with = {text.replace(">=", " >=") for text in system["requires"]}
    assert built_with < set(RECIPE["requirements"]["host"])


@pytest.mark.parametrize("folder", ["csi", "lar", "csi-2017", "dresden-ii", "reactor"])
def test_every_data_set_says_how_to_cite_it(folder):
    source = tomllib.loads((ROOT / f"data/{folder}/source.toml").read_text())
    assert re.search(r"arXiv:\d{4}\.\d{4,5}", source["reference"])


def test_links_of_the_readme_to_files_hold():
    links = re.findall(r"\]\((?!http|#)([^)#]+)\)", (ROOT / "README.md").read_text())
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
