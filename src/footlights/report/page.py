"""`report.html`: one self-contained page, section after section.

A section is a module of `report/sections` with a template of the same name. The page's only script moves the cursor
over the plots; the page says everything without it, loads nothing, and allows no other script by its policy.
"""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

from jinja2 import Environment, FunctionLoader
from markupsafe import Markup

from footlights.report.sections import SECTIONS
from footlights.report.story import Story


def render(story: Story) -> str:
    """The page as HTML."""
    environment = Environment(autoescape=True, loader=FunctionLoader(_template), trim_blocks=True)
    parts = []
    for section in SECTIONS:
        content = section.content(story)
        if content is not None:
            parts.append(Markup(environment.get_template(f"sections/{section.name}").render(content)))  # noqa: S704
    script = _text("page.js")
    return environment.get_template("page").render(
        title=story.result.ingest.source.name,
        style=Markup(_text("page.css")),  # noqa: S704 - ours, from the package
        script=Markup(script),  # noqa: S704
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        parts=parts,
    )


def _template(name: str) -> str:
    return _text(f"{name}.html.j2")


def _text(name: str) -> str:
    return (files("footlights.report") / name).read_text("utf-8")
