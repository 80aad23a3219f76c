"""Every registered model can be shown in the order of another fit: the same fit, its components in another order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from emstudio.core.em import advance
from emstudio.core.matching import fit_of, recast, shares
from tests.models.properties import close, close_params
from tests.models.test_properties import cases


@pytest.mark.parametrize("case", cases(), ids=lambda c: c.name)
def test_a_fit_in_the_order_of_another(case):
    moment = case.moment()
    for _ in range(6):
        moment = advance(moment)
    model, params = moment.model, moment.snapshot.params
    order = np.roll(np.arange(model.k), 1)
    like = fit_of(moment)
    relabelled = replace(like, resp=like.resp[:, order])
    shown = recast(moment, relabelled)
    permuted = model.permute(params, order)
    if permuted is params or model.settled or model.k == 1:
        assert shown.snapshot.params is params
        return
    close(shares(model, shown.snapshot.params, moment.data.observed), shares(model, permuted, moment.data.observed))
    close_params(shown.snapshot.params, permuted, 0.0)
    assert shown.cast == () and shown.snapshot.phase == moment.snapshot.phase
    if moment.snapshot.log_likelihood is not None:
        close(shown.snapshot.log_likelihood, moment.snapshot.log_likelihood, 1e-12)
    again = recast(shown, relabelled)
    assert again is shown or all(np.array_equal(a, b) for a, b in zip(again.snapshot.params, shown.snapshot.params))
