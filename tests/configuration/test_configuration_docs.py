"""docs/configuration.md, the settings classes and what starts the services say the same."""

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import pytest

from tests.configuration import document
from vitalstream_runtime.settings import Settings, documented

ROOMS = ("runtime", "storage", "devstack", "producer", "consumer", "dashboard")


def test_page_is_what_the_code_says() -> None:
    """The page is generated: `make docs` writes it, nobody else."""
    written = document.DOCUMENT.read_text(encoding="utf-8")
    assert written == document.text(), "docs/configuration.md is out of date: run `make docs`"


def test_every_variable_of_every_room_is_on_the_page() -> None:
    """A settings class that is added anywhere is documented, or its variables are already."""
    page = document.text()
    missing = {
        variable.name
        for settings in settings_classes()
        for variable in documented(settings)
        if f"`{variable.name}`" not in page
    }
    assert not missing


def test_every_variable_has_a_meaning() -> None:
    """No variable is left unexplained, and each meaning is a sentence."""
    unexplained = {
        variable.name
        for settings in settings_classes()
        for variable in documented(settings)
        if not variable.meaning.endswith(".")
    }
    assert not unexplained


@pytest.mark.parametrize("variable", ["KAFKA_GROUP_ID", "DATABASE_URL", "OPS_PORT", "PGHOST"])
def test_contract_variables_are_on_the_page(variable: str) -> None:
    """Names that others build on do not disappear."""
    assert f"| `{variable}` |" in document.text()


def test_one_name_has_one_meaning() -> None:
    """No variable is in two tables, where they could differ."""
    rows = [line for line in document.text().splitlines() if line.startswith("| `")]
    names = [row.split("|")[1] for row in rows]
    assert len(names) == len(set(names))


def settings_classes() -> set[type[Settings]]:
    """Every settings class of our packages."""
    modules = [module for room in ROOMS for module in settings_modules(f"vitalstream_{room}")]
    return {
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Settings) and value is not Settings
    }


def settings_modules(package: str) -> Iterator[ModuleType]:
    """The modules named settings of a package, at any depth."""
    found = importlib.import_module(package)
    for module in pkgutil.walk_packages(found.__path__, f"{package}."):
        if module.name.endswith(".settings"):
            yield importlib.import_module(module.name)
