"""Doctests under `Example:` are examples for the reference, which knows that heading in the plural."""

import re

import griffe


class Example(griffe.Extension):
    """Renames the heading before docstrings are parsed."""

    def on_object(self, *, obj: griffe.Object, **kwargs: object) -> None:
        if obj.docstring:
            obj.docstring.value = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)
