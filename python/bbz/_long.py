"""Long calls of the library: progress, and an end within a moment when the user interrupts."""

from __future__ import annotations

import atexit
import contextlib
import sys
import threading
import weakref
from typing import Any, Callable, Generic, Iterator, List, Optional, TypeVar, Union

from bbz import _structs as s
from bbz._library import UNKNOWN

T = TypeVar("T")

#: A function that is told how many bytes of how many (None if that is not known) are done, about 20 times a
#: second, on the thread that made the call; what it raises ends the call. True: a bar of tqdm, if that is
#: installed. None or False: nothing.
Progress = Union[None, bool, Callable[[int, Optional[int]], Any]]

#: Seconds between two looks at a call.
_INTERVAL = 0.05


class _Work(Generic[T]):
    """A call on a thread of its own, where no signal handler runs, while this thread stays interruptible."""

    def __init__(self, work: Callable[[Any], T]) -> None:
        self._work = work
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._begun = self._left = False
        self._result: List[T] = []
        self._error: Optional[BaseException] = None
        self.cancelled = False
        self.position = (0, UNKNOWN)
        self._thread = threading.Thread(target=self._run, daemon=True, name="bbz")

    def _report(self, user: Any, phase: int, done: int, total: int) -> int:
        self.position = (done, total)
        return 1 if self.cancelled else 0

    def _run(self) -> None:
        with self._lock:
            if self._left:
                return
            self._begun = True
        try:
            self._result.append(self._work(s.PROGRESS(self._report)))
        except BaseException as error:
            self._error = error
        finally:
            del self._work  # it may have options that have this object's _report: a cycle that keeps files open
            self._ended.set()

    def start(self) -> None:
        _running.add(self)
        try:
            if _ending:
                raise RuntimeError("Python is ending")
            self._thread.start()
        except BaseException:
            self.leave()
            raise

    def leave(self) -> None:
        """Sees to it that work which has not begun never does."""
        with self._lock:
            if not self._begun:
                self._left = True
                self._ended.set()

    def wait(self, seconds: Optional[float]) -> bool:
        return self._ended.wait(seconds)

    def wait_on(self) -> None:
        """Waits for the end, whatever signals come."""
        while not self._ended.is_set():
            try:
                self._ended.wait()
            except BaseException:
                pass

    def result(self) -> T:
        if self._error is not None:
            try:
                raise self._error
            finally:
                self._error = None  # breaks the cycle of the traceback
        return self._result[0]


def run(work: Callable[[Any], T], progress: Progress = None) -> T:
    """Runs a call that takes a bbz_progress, and returns its result.

    If this thread is interrupted, or `progress` raises, the call is cancelled, and that exception is raised
    when it has ended.
    """
    bar = None
    if progress is True:
        bar = _bar()
        progress = bar
    task = _Work(work)
    try:
        if callable(progress):
            _tell(progress, task.position)  # if it raises, nothing has begun
        task.start()
        while not task.wait(_INTERVAL):
            if callable(progress):
                _tell(progress, task.position)
        if callable(progress) and task._error is None:
            _tell(progress, task.position)
    except BaseException:
        task.cancelled = True
        task.leave()
        task.wait_on()
        raise
    finally:
        if bar is not None:
            bar.close()
    return task.result()


@contextlib.contextmanager
def shown(progress: Progress) -> Iterator[Callable[[int, int], None]]:
    """Gives a function that tells `progress` the bytes done and the bytes in all, for work that is many short calls."""
    bar = _bar() if progress is True else None
    told = bar if progress is True else progress
    try:
        yield lambda done, total: _tell(told, (done, total)) if callable(told) else None
    finally:
        if bar is not None:
            bar.close()


def leave_if_interrupted(work: Callable[[], T]) -> T:
    """Runs a call that cannot be cancelled. If this thread is interrupted, the call ends by itself later."""
    if threading.current_thread() is not threading.main_thread():
        return work()
    task = _Work(lambda progress: work())
    task.start()
    task.wait(None)
    return task.result()


def on_main_thread() -> bool:
    """Returns whether signal handlers run on this thread."""
    return threading.current_thread() is threading.main_thread()


def _tell(progress: Callable[[int, Optional[int]], Any], position: Any) -> None:
    done, total = position
    progress(done, None if total == UNKNOWN else total)


class _Bar:
    """A bar of tqdm."""

    def __init__(self, tqdm: Any) -> None:
        self._tqdm = tqdm(unit="B", unit_scale=True, unit_divisor=1024, file=sys.stderr)

    def __call__(self, done: int, total: Optional[int]) -> None:
        self._tqdm.total = total
        self._tqdm.update(done - self._tqdm.n)

    def close(self) -> None:
        self._tqdm.close()


def _bar() -> Optional[_Bar]:
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return _Bar(tqdm)


_running: "weakref.WeakSet[_Work[Any]]" = weakref.WeakSet()
_ending = False


def _end() -> None:
    """Ends the calls of daemon threads: one that called Python when that has ended would take the process down."""
    global _ending
    _ending = True
    for task in list(_running):
        task.cancelled = True
        task.wait_on()


atexit.register(_end)
