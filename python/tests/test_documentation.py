"""The examples in the documentation run, and every public name is documented and annotated."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import pytest

import flatmin
import flatmin.experiment

MODULES = ["flatmin", *(f"flatmin.{module.name}" for module in pkgutil.iter_modules(flatmin.__path__))]
PUBLIC = [getattr(flatmin, name) for name in flatmin.__all__ if name not in ("__version__", "experiment")]


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith(("_flatmin", "__main__"))])
def test_examples(name):
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0


@pytest.mark.parametrize("thing", PUBLIC, ids=lambda thing: thing.__name__)
def test_public_names_are_documented(thing):
    assert inspect.getdoc(thing) and "%(" not in thing.__doc__
    if inspect.isclass(thing) and hasattr(thing, "fit"):
        for part in ("Parameters", "Attributes", "References", "Examples"):
            assert f"    {part}\n    ----" in thing.__doc__, part
        parameters = thing.__doc__.split("Parameters\n")[1].split("Attributes\n")[0]
        for parameter in inspect.signature(thing).parameters:
            assert parameter in parameters, parameter
        members = inspect.getmembers(thing, lambda member: inspect.isfunction(member) or isinstance(member, property))
        for name, member in members:
            assert name.startswith("_") or inspect.getdoc(member), name
