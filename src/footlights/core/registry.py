"""Registries: named classes found by decorator, and by entry points for other people's packages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from typing import Generic, TypeVar

from footlights.errors import InternalError, UsageError, did_you_mean

T = TypeVar("T")


class Registry(Generic[T]):
    """Names → classes of one kind. Importing the package that holds the classes fills it."""

    def __init__(self, kind: str, packages: tuple[str, ...], group: str) -> None:
        self._kind = kind
        self._packages = packages
        self._group = group
        self._classes: dict[str, type[T]] = {}
        self._filled = False

    def add(self, name: str) -> Callable[[type[T]], type[T]]:
        """Class decorator that enters the class under `name`."""

        def enter(cls: type[T]) -> type[T]:
            present = self._classes.get(name)
            if present is not None and present.__module__ != cls.__module__:
                raise InternalError(f"two {self._kind}s are called {name!r}", f"{present} and {cls}", "rename one")
            self._classes[name] = cls
            return cls

        return enter

    def get(self, name: str) -> type[T]:
        self._fill()
        try:
            return self._classes[name]
        except KeyError:
            raise UsageError(
                f"there is no {self._kind} called {name!r}",
                did_you_mean(name, self._classes) or f"known: {', '.join(sorted(self._classes))}",
                f"choose a known {self._kind}",
            ) from None

    def names(self) -> Iterator[str]:
        self._fill()
        return iter(sorted(self._classes))

    def _fill(self) -> None:
        if self._filled:
            return
        self._filled = True
        for package in self._packages:
            module = import_module(package)
            for found in iter_modules(module.__path__):
                import_module(f"{package}.{found.name}")
        for entry in entry_points(group=self._group):
            entry.load()
