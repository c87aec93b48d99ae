"""Interrupts, of which some do not arrive where they should."""

import signal
from typing import Any

# SIGTERM is of batch systems, SIGHUP of a terminal that is closed, where there is such a signal.
SIGNALS = [signal.SIGINT, signal.SIGTERM, *filter(None, [getattr(signal, "SIGHUP", None)])]
_seen: list[bool] = []


def watch() -> None:
    """From now on a signal to stop is remembered, and raises KeyboardInterrupt."""
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup wants it
            signal.signal(number, remember)


def remember(*_: Any) -> None:
    """The handler of such signals."""
    _seen.append(True)
    raise KeyboardInterrupt


def were_seen() -> bool:
    """Whether there has been one."""
    return bool(_seen)


def stop_if_interrupted() -> None:
    """Python swallows what is raised inside a callback of the garbage collector: ask again."""
    if _seen:
        raise KeyboardInterrupt
