"""Analyzers from outside and silenced codes, as the settings name them (decision 15).

The only place where code is loaded by a name: of packages that the operator installed, and of these only
what the setting ``analyzers`` lists. Whatever else is installed is not even imported. The actor has neither
this setting nor anything that could call an analyzer.
"""

from __future__ import annotations

from importlib.metadata import EntryPoints, entry_points

from agents.investigator.analyzers.outside import Outside, UnfitAnalyzer
from agents.investigator.analyzers.registry import CODES
from agents.investigator.examined import Extras, codes
from agents.investigator.silenced import read_silences
from midwatch.settings import Settings

GROUP = "midwatch.analyzers"


def extras_of(settings: Settings) -> Extras:
    """What the operator added and silenced. Raises UnfitAnalyzer and SilenceError."""
    installed = entry_points(group=GROUP) if settings.analyzers else EntryPoints()
    outside = tuple(_loaded(name, installed) for name in settings.analyzers)
    path = settings.silences_file
    silences = read_silences(path, codes(outside)) if path is not None else ()
    return Extras(outside=outside, silences=silences)


def _loaded(name: str, installed: EntryPoints) -> Outside:
    # A name that begins one of our codes would let its codes pass for ours.
    if name in {code.partition(".")[0] for code in CODES}:
        raise UnfitAnalyzer(f"analyzer {name}: that name is taken by codes of Midwatch itself")
    found = [each for each in installed if each.name == name]
    if len(found) != 1:
        known = ", ".join(sorted({each.name for each in installed})) or "none"
        said = "is not installed" if not found else "is installed more than once"
        raise UnfitAnalyzer(f"analyzer {name} {said}; installed: {known}")
    try:
        plugin = found[0].load()
    except (ImportError, AttributeError) as problem:
        raise UnfitAnalyzer(f"analyzer {name} cannot be loaded: {problem}") from problem
    return Outside(name=name, plugin=plugin)
