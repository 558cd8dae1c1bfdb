"""Recipe files, in TOML: those of the package, and those that users write."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import Field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import tomli_w

from albumsort.training.datasets import DataError
from albumsort.training.recipe import AugmentRecipe, Cycle, FitRecipe, NetworkRecipe, Plateau, Recipe, Stop
from albumsort.vision.models import models_folder

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


_WRITE_UPS = Path(__file__).parent / "recipes"
_Kind = TypeVar("_Kind", bound="DataclassInstance")


def shipped() -> dict[str, Path]:
    """The recipe files that come with the package, by name: those of our models, then those of the write-ups."""
    ours = {name: models_folder() / f"{name}.toml" for name in ("emotion", "teacher-2", "teacher-1")}
    return ours | {name: _WRITE_UPS / f"{name}.toml" for name in write_ups()}


def write_ups() -> list[str]:
    """The names of the recipes of published write-ups."""
    return sorted(path.stem for path in _WRITE_UPS.glob("*.toml"))


class UnknownRecipeError(DataError):
    """There is no recipe, and no recipe file, of this name."""


def find(name: str) -> Recipe:
    """Read a recipe by its name or its path.

    Args:
        name: a key of ``shipped``, or the path of a recipe file.

    Raises:
        UnknownRecipeError: there is no such recipe or file.
        DataError: as for ``read``.
    """
    path = shipped().get(name, Path(name))
    if not path.is_file():
        raise UnknownRecipeError(f"{name}: no such recipe or file; there are {', '.join(shipped())}{_suggestion(name)}")
    return read(path)


def _suggestion(name: str) -> str:
    """The recipe that a name with a slip, or without its end, is meant for, as a question; '' if there is none."""
    word, names = name.casefold(), list(shipped())
    near = [known for known in names if word and known.startswith(word)] or get_close_matches(word, names, 1)
    return f". Did you mean {' or '.join(near)}?" if near else ""


def read(path: Path) -> Recipe:
    """Read a recipe.

    Raises:
        DataError: the file is missing, is not TOML, or has a key or value that recipes do not have.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"{path}: not a TOML file ({error})") from error
    return _section(Recipe, content, str(path))


#: The first line of a file that ``write`` wrote.
_OURS = "# As trained; written by albumsort.\n"


def write(recipe: Recipe, path: Path) -> None:
    """Write a recipe file. A file that ``write`` did not write, perhaps with comments by a user, is left as it is."""
    if path.exists() and not path.read_text(encoding="utf-8", errors="replace").startswith(_OURS):
        return
    path.write_text(_OURS + tomli_w.dumps(_as_in_file(recipe.as_dict())), encoding="utf-8")


def from_dict(values: dict[str, Any], where: str) -> Recipe:
    """The recipe with the values of ``Recipe.as_dict``. Values from an older version may lack some keys.

    Args:
        values: nested as in a recipe file; missing keys get their defaults.
        where: names the source in error messages.

    Raises:
        DataError: there is a key or value that recipes do not have.
    """
    return _section(Recipe, _as_in_file(values), where)


def read_run(path: Path) -> tuple[Recipe, dict[str, Any]]:
    """Read the ``recipe.json`` of a run.

    Returns:
        the recipe, and the other values in the file: what the run started from.

    Raises:
        DataError: the file is damaged, or has a key or value that recipes do not have.
    """
    try:
        content = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path}: damaged ({error})") from error
    names = {item.name for item in fields(Recipe)}
    origin = {name: value for name, value in content.items() if name not in names}
    return from_dict({name: value for name, value in content.items() if name in names}, str(path)), origin


def _as_in_file(values: Any) -> Any:
    """The values of a recipe for a file: without None, and with ``augment = false`` for no augmentation."""
    if isinstance(values, dict):
        shown = {name: False if name == "augment" and value is None else value for name, value in values.items()}
        return {name: _as_in_file(value) for name, value in shown.items() if value is not None}
    return [_as_in_file(value) for value in values] if isinstance(values, (list, tuple)) else values


#: The keys whose values are sections.
_SECTIONS: dict[str, type[DataclassInstance]] = {
    "network": NetworkRecipe,
    "fit": FitRecipe,
    "stop": Stop,
    "plateau": Plateau,
    "augment": AugmentRecipe,
    "cycles": Cycle,
}
#: The lists of words; other lists are of whole numbers.
_WORD_LISTS = ("layers", "taught_by", "matrix")


def _section(kind: type[_Kind], values: Any, where: str) -> _Kind:
    if not isinstance(values, dict):
        raise DataError(f"{where}: must be a section, not a value")
    known = {item.name: item for item in fields(kind)}
    if unknown := set(values) - set(known):
        raise DataError(f"{where}: unknown {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    try:
        return kind(**{name: _value(known[name], value, where) for name, value in values.items()})
    except DataError as error:
        if str(error).startswith(where):
            raise
        raise DataError(f"{where}: {error}") from error


def _value(item: Field[Any], value: Any, where: str) -> Any:
    name = item.name
    if name == "augment" and value is False:
        return None
    if name == "cycles":
        cycles = value if isinstance(value, list) and value else [value]
        return tuple(_section(Cycle, cycle, f"{where}: [[cycles]]") for cycle in cycles)
    if name in _SECTIONS:
        return _section(_SECTIONS[name], value, f"{where}: [{name}]")
    wanted = type(item.default)
    fits = isinstance(value, list if wanted is tuple else (int, float) if wanted is float else wanted)
    if not fits or (isinstance(value, bool) and wanted is not bool):
        raise DataError(f"{where}: {name} = {value!r}: must be like {item.default!r}")
    if wanted is tuple and not all(type(leaf) is (str if name in _WORD_LISTS else int) for leaf in _leaves(value)):
        raise DataError(f"{where}: {name} = {value!r}: must hold {'words' if name in _WORD_LISTS else 'whole numbers'}")
    return _frozen(value)


def _leaves(value: Any) -> Iterator[Any]:
    for item in value if isinstance(value, list) else ():
        yield from _leaves(item) if isinstance(item, list) else (item,)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
