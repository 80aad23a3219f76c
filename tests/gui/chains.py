"""Series whose answer is known, for the tests of what the window says about chains."""

from __future__ import annotations

import numpy as np

from emstudio.core.model import Start, find
from emstudio.gui.generate import generated
from emstudio.models.noisy_switch import SwitchParams


def open_switch(studio, n: int = 100, q: float = 0.8, variance: float = 0.25, seed: int = 7, start=(0.5, 1.0)) -> None:
    """A noisy switch's series, started at `start`."""
    model = find("noisy-switch").make()
    session = studio.session
    session.open_table(generated(model, SwitchParams(q, variance), ("x",), n, seed))
    studio.settle()
    studio.do(lambda: session.set_start(Start("params", params=SwitchParams(*start))))


def open_chain(studio, k: int = 3, transitions: np.ndarray | None = None, n: int = 120) -> None:
    """A series of K well separated states, fitted from the parameters that made it."""
    model = find("hmm").make(k=k)
    even = np.full((k, k), 0.2 / (k - 1)) if transitions is None else transitions
    if transitions is None:
        np.fill_diagonal(even, 0.8)
    document = {
        "start": [1.0 / k] * k,
        "transitions": even.tolist(),
        "means": [[4.0 * j] for j in range(k)],
        "covariances": [[[1.0]]] * k,
    }
    params = model.from_dict(document)
    session = studio.session
    session.set_model(model)
    session.open_table(generated(model, params, ("x",), n, 3))
    studio.settle()
    assert session.model.name == "hmm"
    studio.do(lambda: session.set_start(Start("params", params=params)))
