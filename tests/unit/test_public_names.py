"""The names notebooks may use: few, importable, documented."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from workbench import api

NAMES_MAX = 20


def test_the_public_names_are_few_and_sorted() -> None:
    """At most twenty names, each once, in the order a reader looks them up."""
    assert 0 < len(api.__all__) <= NAMES_MAX
    assert list(api.__all__) == sorted(set(api.__all__))


def test_every_public_function_and_class_is_named() -> None:
    """What the API defines without an underscore is either public on purpose or does not belong there."""
    defined = {
        name
        for name, value in vars(api).items()
        if not name.startswith("_")
        and getattr(value, "__module__", "") == api.__name__
        and (inspect.isfunction(value) or inspect.isclass(value))
    }
    assert defined == {name for name in api.__all__ if callable(getattr(api, name))}


@pytest.mark.parametrize("name", api.__all__)
def test_a_public_name_is_there_and_documented(name: str) -> None:
    """Each name can be imported; functions and classes have words of their own, functions full annotations."""
    value = getattr(api, name)
    if not callable(value):
        assert isinstance(value, Path | str | int | float | tuple)
        return
    own_words = value.__doc__ or ""
    assert own_words.strip()
    assert not own_words.startswith(f"{name}("), "a dataclass's generated signature is no documentation"
    if inspect.isfunction(value):
        signature = inspect.signature(value)
        assert signature.return_annotation is not inspect.Signature.empty
        assert all(parameter.annotation is not inspect.Parameter.empty for parameter in signature.parameters.values())


def test_importing_the_api_stays_clear_of_the_load_generator() -> None:
    """Locust patches the process it is imported in: no public name brings it along."""
    source = Path(api.__file__).read_text()
    assert "workbench.load.locustfile" not in source


def test_a_prediction_loads_no_tables_figures_or_clients() -> None:
    """A person who types `workbench predict` waits for what it imports, and these took most of that time."""
    show = "import sys, workbench.cli.predict, workbench.api; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", show], check=True, capture_output=True, text=True).stdout.split()
    )
    assert "workbench.model" in loaded
    assert loaded.isdisjoint({"pandas", "matplotlib", "confluent_kafka", "psycopg", "kazoo", "redis", "numba"})
