"""How every command speaks: answers on standard output, trouble on standard error, one of three exit codes.

On a terminal for people, with colours and tables as wide as it is. Everywhere else (a pipe, a file,
``NO_COLOR``) plain lines that nothing wraps, so that ``grep`` finds what it looks for. With ``-o json``
ASCII alone: what a stranger wrote into a title cannot steer a terminal from there either.
Imports nothing heavy.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from threading import Event, Thread
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress, TaskID

FINE, FOUND, COULD_NOT = 0, 1, 2
"""All is as it should be; something was found, or the answer is no; it could not be done or asked."""
# Nobody reads a pipe by its width: a name that is cut in two there is found by no search.
_UNBOUND = 10_000
LOOK_S = 0.1


class Form(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    JSON = "json"


Output = Annotated[Form, typer.Option("--output", "-o", help="table for people, json for programs.")]


def screen(*, err: bool = False, markup: bool = False) -> Console:
    """Where to write: standard output, or standard error for what is not the answer."""
    from rich.console import Console

    made = Console(stderr=err, highlight=False, markup=markup, emoji=False)
    if not made.is_terminal:
        made.width = _UNBOUND
    return made


def clean(text: object) -> str:
    """Words of strangers on one line, with secrets cut out and nothing in it that a terminal obeys."""
    from tools.redaction import redact

    return " ".join(redact(str(text)).split())


def say(text: str, *, style: str = "", err: bool = False) -> None:
    """Lines as they are but inert; a terminal folds them and nothing else does."""
    from rich.text import Text

    from tools.redaction import inert

    screen(err=err).print(Text(inert(text), style=style), soft_wrap=True)


def show(what: RenderableType) -> None:
    """A table, or anything else that rich draws."""
    screen().print(what)


def data(told: object, *, one_line: bool = False) -> None:
    """An answer for programs: indented for whoever looks at it on a terminal, else one line."""
    indent = 2 if sys.stdout.isatty() and not one_line else None
    # DEL is the one control character that JSON's own escapes leave as it is.
    typer.echo(json.dumps(told, indent=indent).replace("\x7f", "\\u007f"))


def answer(form: Form, told: object, lines: Iterable[str]) -> None:
    """The same answer for programs or for people."""
    if form is Form.JSON:
        data(told)
        return
    for line in lines:
        say(line)


def trouble(message: str, then: str = "") -> None:
    """What is wrong, and what to do next, on standard error."""
    say(f"midwatch: {message}", err=True)
    if then:
        say(f"next: {then}", err=True)


def end(message: str, code: int = COULD_NOT, *, then: str = "") -> NoReturn:
    """Say what is wrong and what to do next, and end with this code."""
    trouble(message, then)
    raise typer.Exit(code)


@dataclass(frozen=True)
class Work:
    """Long work that is being done: it hears how far it is, or what it is about now."""

    _bar: Progress
    _task: TaskID

    def far(self, done: int) -> None:
        """So many of all are done."""
        self._bar.update(self._task, completed=done)

    @contextmanager
    def looking(self, done: Callable[[], int]) -> Iterator[None]:
        """While this lasts somebody else counts; the bar looks now and then."""
        over = Event()

        def look() -> None:
            while not over.wait(LOOK_S):
                self.far(done())

        looks = Thread(target=look, name="progress", daemon=True)
        looks.start()
        try:
            yield
        finally:
            over.set()
            looks.join()

    def words(self, about: str) -> None:
        """What it is about now; names of things are strangers' words."""
        self._bar.update(self._task, description=clean(about))


@contextmanager
def work(says: str, total: int | None = None) -> Iterator[Work]:
    """Long work is seen while it is done: on a terminal only, on standard error, and gone when it is over."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    to = screen(err=True)
    parts = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    shown = parts if total else parts[:1]
    with Progress(*shown, TimeElapsedColumn(), console=to, transient=True, disable=not to.is_terminal) as bar:
        yield Work(bar, bar.add_task(says, total=total))
