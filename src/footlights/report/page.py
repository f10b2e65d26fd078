"""`report.html`: one self-contained page, section after section.

A section is a module of `report/sections` with a template of the same name. The page's only script moves the cursor
over the plots; the page says everything without it, loads nothing, and allows no other script by its policy.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files

from jinja2 import Environment, FunctionLoader
from markupsafe import Markup

from footlights.report.sections import SECTIONS
from footlights.report.story import Story


def render(story: Story) -> str:
    """The page as HTML."""
    contents = [(section.name, section.content(story)) for section in SECTIONS]
    return page(story.result.ingest.source.name, contents)


def page(title: str, contents: Sequence[tuple[str, Mapping[str, object] | None]]) -> str:
    """A page of the sections that have something to tell, as HTML; names are those of the sections' templates."""
    environment = Environment(autoescape=True, loader=FunctionLoader(_template), trim_blocks=True)
    parts = [
        Markup(environment.get_template(f"sections/{name}").render(content))  # noqa: S704
        for name, content in contents
        if content is not None
    ]
    script = _text("page.js")
    return environment.get_template("page").render(
        title=title,
        style=Markup(_text("page.css")),  # noqa: S704 - ours, from the package
        script=Markup(script),  # noqa: S704
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        parts=parts,
    )


def _template(name: str) -> str:
    return _text(f"{name}.html.j2")


def _text(name: str) -> str:
    return (files("footlights.report") / name).read_text("utf-8")
