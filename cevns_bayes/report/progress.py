"""How far many runs are: a bar on a terminal, else a line for each."""

import time
from datetime import timedelta
from types import TracebackType

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cevns_bayes.report.terminal import err


class Display:
    """Counts runs on stderr: n of N, what is in work, time gone, time left as far as is known.

    Without a terminal, or if bars are not wanted, each run has a line when it begins. Each has one
    when it has ended.
    """

    def __init__(self, total: int, *, finished: int = 0, bar: bool = True) -> None:
        self.total, self.finished = total, finished
        self.here = 0
        self.start = time.perf_counter()
        self.progress = Progress(
            TextColumn("{task.fields[number]} of {task.total:.0f}"),
            *(BarColumn(20), TextColumn("{task.description}"), TimeElapsedColumn()),
            TextColumn("{task.fields[left]}"),
            console=err,
            disable=not (bar and err.is_terminal),
        )
        self.task = self.progress.add_task("", total=total, completed=finished, number=0, left="")

    def __enter__(self) -> "Display":
        self.progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.progress.stop()

    def begin(self, title: str) -> None:
        """A run begins."""
        number, left = self.finished + self.here + 1, self.left()
        self.progress.update(self.task, description=title, number=number, left=left)
        if self.progress.disable:
            gone = _clock(time.perf_counter() - self.start)
            self._line(f"{number} of {self.total}: {title} ... {gone} gone{left and f', {left}'}")

    def end(self, title: str, verdict: str) -> None:
        """It has ended."""
        self.here += 1
        self.progress.update(self.task, completed=self.finished + self.here)
        self._line(f"{title}: {verdict}")

    def left(self) -> str:
        """Time left if what is to come takes as long on average as what was run here."""
        if not self.here:
            return ""
        each = (time.perf_counter() - self.start) / self.here
        return f"about {_clock(each * (self.total - self.finished - self.here))} left"

    def _line(self, text: str) -> None:
        err.print(text, markup=False, highlight=False, soft_wrap=True)


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
