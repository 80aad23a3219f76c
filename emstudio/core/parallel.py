"""Work shared among threads: numpy lets go of the interpreter's lock inside large calls, so blocks of rows run side by side.

Who does which piece depends on timing, what comes out does not: every piece is computed alone and handed back in order.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import cache
from threading import Lock
from typing import Any, TypeVar

Piece = TypeVar("Piece")
Result = TypeVar("Result")

MOST = 4  # threads: each has buffers of its own, and memory is bounded by them


def threads() -> int:
    """How many threads may work at once."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(MOST, cores)


def shared(pieces: Sequence[Piece], worker: Callable[[], Callable[[Piece], Result]], most: int) -> list[Result]:
    """[work(piece) for each piece], by up to `most` threads, each with a `work` that `worker` made for it alone.

    The calling thread is one of them. Where pieces fail the exception of the first is raised, after all have ended.
    """
    results: list[Any] = [None] * len(pieces)
    failures: dict[int, BaseException] = {}
    left = iter(range(len(pieces)))  # each thread takes the next one

    def run() -> None:
        work = None
        for i in left:
            try:
                work = work or worker()
                results[i] = work(pieces[i])
            except BaseException as failure:
                failures[i] = failure
                return

    with _one_blas_thread():
        # numpy's error state belongs to a context, which a thread of the pool does not inherit
        helpers = [_pool().submit(copy_context().run, run) for _ in range(min(most, len(pieces)) - 1)]
        run()
        for helper in helpers:
            if not helper.cancel():  # one that did not come to start is not missed
                helper.result()
    if failures:
        raise failures[min(failures)]
    return results


@cache
def _pool() -> ThreadPoolExecutor:
    """Threads that wait for work; the interpreter ends them when it ends."""
    return ThreadPoolExecutor(MOST - 1, thread_name_prefix="emstudio-block")


class _Blas:
    """Its threads, of which there may be one while several threads call it: the limit is the whole process's, so it is set
    by who comes first and taken back by who goes last."""

    def __init__(self) -> None:
        self._lock, self._users, self._limits = Lock(), 0, None

    def enter(self) -> None:
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._limits = _controller().limit(limits=1, user_api="blas")

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                self._limits.restore_original_limits()


_BLAS = _Blas()


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    _BLAS.enter()
    try:
        yield
    finally:
        _BLAS.leave()


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController  # late: it looks through the libraries that are loaded

    return ThreadpoolController()
