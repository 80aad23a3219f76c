"""Passes shared among threads: the same bits however many there are, bounded memory, and BLAS left as it was."""

from __future__ import annotations

import threading
import tracemalloc

import numpy as np
import pytest
from threadpoolctl import threadpool_info

import emstudio.models  # noqa: F401
from emstudio.core import parallel
from emstudio.core.data import Dataset, dataset, painted
from emstudio.core.em import Moment, advance, begin, blank
from emstudio.core.errors import UserError
from emstudio.core.gaussian import Normal
from emstudio.core.how import EStep
from emstudio.core.model import Start, find
from emstudio.core.natural import Hybrid


def rows(n: int, d: int, k: int) -> Dataset:
    rng = np.random.default_rng(1)
    x = 4.0 * rng.standard_normal((k, d))[rng.integers(k, size=n)] + rng.standard_normal((n, d))
    return dataset(painted(x, [f"x{j}" for j in range(d)]))


def started(n: int, d: int, k: int, covariance: str = "full") -> Moment:
    model = find("gaussian").make(k=k, covariance=covariance)
    return begin(blank(rows(n, d, k), model, Start("points"), 0), resp=False)


def blas_threads() -> list[int]:
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


@pytest.mark.parametrize("covariance", ["full", "diag"])
@pytest.mark.parametrize(("n", "d", "k"), [(60_001, 2, 8), (20_011, 10, 8), (7_001, 50, 16)])
def test_bits_do_not_depend_on_the_number_of_threads(n, d, k, covariance, monkeypatch) -> None:
    start = started(n, d, k, covariance)
    results = []
    for threads in (1, 2, 3):
        monkeypatch.setattr(parallel, "threads", lambda threads=threads: threads)
        moment = start
        for _ in range(4):
            moment = advance(moment)
        results.append(moment.snapshot)
    for other in results[1:]:
        assert other.log_likelihood == results[0].log_likelihood and other.bound == results[0].bound
        for a, b in zip(results[0].params, other.params):
            np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(results[0].resp, other.resp)


@pytest.mark.parametrize(("n", "d", "k"), [(400_000, 2, 8), (120_000, 10, 8), (20_000, 50, 16)])
def test_memory_is_bounded_by_blocks(n: int, d: int, k: int, monkeypatch) -> None:
    """An iteration needs under 50 MB beside the data: rows x K x d alone would be 51, 77 and 128 MB."""
    monkeypatch.setattr(parallel, "threads", lambda: 2)
    moment = advance(started(n, d, k), resp=False)
    tracemalloc.start()
    advance(advance(moment, resp=False), resp=False)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 45e6


def test_blas_gets_its_threads_back() -> None:
    before = blas_threads()
    seen: list[list[int]] = []
    parallel.shared([0, 1, 2], lambda: lambda piece: seen.append(blas_threads()), 2)
    assert all(1 in threads for threads in seen) and len(seen) == 3
    assert blas_threads() == before
    with pytest.raises(ZeroDivisionError):
        parallel.shared([1, 0, 1], lambda: lambda piece: 1 / piece, 2)
    assert blas_threads() == before


def test_passes_of_two_threads_leave_blas_as_it_was() -> None:
    """One begins while the other is at work, and ends last."""
    before = blas_threads()
    first_in, second_in, first_out = threading.Event(), threading.Event(), threading.Event()

    def first() -> None:
        def work(piece: int) -> None:
            first_in.set()
            assert second_in.wait(10)

        parallel.shared([0], lambda: work, 1)
        first_out.set()

    def second() -> None:
        def work(piece: int) -> None:
            second_in.set()
            assert first_out.wait(10)

        assert first_in.wait(10)
        parallel.shared([0], lambda: work, 1)

    threads = [threading.Thread(target=one) for one in (first, second)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(20)
    assert first_out.is_set() and blas_threads() == before


def test_results_come_in_order_and_the_first_failure_is_told() -> None:
    assert parallel.shared(list(range(50)), lambda: lambda i: i * i, 4) == [i * i for i in range(50)]

    def work(i: int) -> None:
        if i in (7, 30):
            raise UserError(f"piece {i}")

    with pytest.raises(UserError, match="piece 7"):
        parallel.shared(list(range(50)), lambda: work, 4)


def test_small_data_start_no_thread(monkeypatch) -> None:
    def never() -> None:
        raise AssertionError("a pool for small data")

    monkeypatch.setattr(parallel, "_pool", never)
    advance(started(1000, 2, 3), resp=False)
    advance(started(30_000, 2, 3), resp=False)


def test_numbers_next_to_zero_do_not_slow_products_down(monkeypatch) -> None:
    """Far components have responsibilities of exactly 0, not of 1e-310."""
    rng = np.random.default_rng(3)
    centres = np.linspace(0.0, 40.0, 60)[:, None] * np.ones(3)
    data = dataset(painted(centres[rng.integers(60, size=5000)] + rng.standard_normal((5000, 3)), ["a", "b", "c"]))
    model = find("gaussian").make(k=4)
    means = np.array([0.0, 13.0, 27.0, 40.0])[:, None] * np.ones(3)
    params = model.join(np.full(4, 0.25), Normal(means, np.repeat(np.eye(3)[None], 4, axis=0)))
    seen: list[np.ndarray] = []
    add = Hybrid.add

    def watched(self: Hybrid, where: slice, r: np.ndarray) -> None:
        seen.append(r.copy())
        add(self, where, r)

    monkeypatch.setattr(Hybrid, "add", watched)
    model.e_step(data, params, EStep(), rng, False)
    r = np.concatenate([part.ravel() for part in seen])
    assert (r == 0).mean() > 0.05 and not ((r > 0) & (r < np.finfo(float).tiny)).any()
