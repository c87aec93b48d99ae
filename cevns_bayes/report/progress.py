"""How far many runs are: a bar on a terminal, else a line for each."""

import time
from datetime import timedelta
from types import TracebackType

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cevns_bayes.errors import counted
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


class ToyDisplay:
    """Shows on stderr how many toys are done, their rate and the time left.

    Called with the number that is done and that of all. Without a terminal, one line for each
    tenth.
    """

    def __init__(self, *, bar: bool = True) -> None:
        self.bar = bar and err.is_terminal
        self.first, self.start, self.tenth = 0, time.perf_counter(), 0
        self.total = 0

    def __call__(self, done: int, total: int) -> None:
        now = time.perf_counter()
        if total != self.total or done <= self.first:  # Another ensemble begins.
            self.total, self.first, self.start, self.tenth = total, done, now, 0
        rate = (done - self.first) / max(now - self.start, 1e-9)
        left = f", about {_clock((total - done) / rate)} left" if rate else ""
        text = f"{done} of {counted(total, 'toy')}, {rate:.0f} per second{left}"
        if self.bar:
            err.print(text, end="\n" if done == total else "\r", highlight=False)
        elif (tenth := 10 * done // total) > self.tenth:
            self.tenth = tenth
            err.print(text, markup=False, highlight=False, soft_wrap=True)


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
