"""The bound row by row, for mixtures whose M-step's sums do not give it: other hidden quantities were integrated out."""

from __future__ import annotations

import math

from emstudio.core.data import Dataset
from emstudio.core.mixture import Mixture
from emstudio.core.model import Params
from emstudio.core.posterior import Posterior
from emstudio.core.responsibilities import blocks, log_weights


def bound(model: Mixture, data: Dataset, params: Params, posterior: Posterior) -> float | None:
    """F = sum of w r (log pi_k + log p(x | k)) + T H(r), from the responsibilities themselves; None where they are gone."""
    if posterior.resp is None:
        return None
    weights, theta = model.split(params)
    evaluator = model.family().evaluator(data, theta)
    log_w = log_weights(weights)[:, None]
    sums = []
    for rows in blocks(data.n, evaluator.block):
        terms = (posterior.resp[rows].T * (evaluator.scores(rows) + log_w)).sum(0)
        sums.append(float(terms.sum() if data.weights is None else data.weights[rows] @ terms))
    return math.fsum(sums) + posterior.temperature * posterior.entropy
