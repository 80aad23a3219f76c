"""Hidden Markov chains: a start, transitions and a family of emissions; only "scores -> posterior" differs from a mixture.

The E-step is exact (forward-backward), the most probable path (Viterbi), tempered, or an average over drawn paths. The
M-step is the same for all: start and transitions from the expected visits, the emissions as in a mixture. A row of which
nothing is known is a step that was not observed: it carries the chain on and tells nothing of the emissions.
Source: Baum, Petrie, Soules and Weiss 1970, Annals of Mathematical Statistics 41; Rabiner 1989, Proceedings of the IEEE 77.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from emstudio.core import smoothing
from emstudio.core.chain_data import Bag, bag_of, chain_dataset
from emstudio.core.chain_paths import count_path, levels_of, moved, sampled_path, shared, stationary
from emstudio.core.chain_posterior import ChainPosterior, collected, emissions, plan_of, possible
from emstudio.core.data import Dataset, Missing, Table
from emstudio.core.discrete import log0
from emstudio.core.family import NEVER, Evaluator, Family, Theta
from emstudio.core.how import E_STEPS, SAMPLERS, EStep
from emstudio.core.model import Model, Params, Start
from emstudio.core.posterior import Posterior


class Chain(Model):
    """A chain is its family, its start and its transitions; `split` and `join` say how the params hold them."""

    e_steps: ClassVar[tuple[str, ...]] = tuple(kind for kind, _, _ in (*E_STEPS, *SAMPLERS))
    marginal: ClassVar[bool] = True

    def family(self) -> Family:
        """The family of the emissions."""
        raise NotImplementedError

    def split(self, params: Params) -> tuple[np.ndarray, np.ndarray, Theta]:
        """(start (K,), transitions (K, K), the family's theta)."""
        raise NotImplementedError

    def join(self, start: np.ndarray, transitions: np.ndarray, theta: Theta) -> Params:
        """The params with `start` (K,), `transitions` (K, K) and the family's theta."""
        raise NotImplementedError

    # -- data ----------------------------------------------------------------------------------------------------------
    def apt(self, table: Table) -> Chain:
        """The chain that can be fitted to what `table` holds, where this one cannot and a parameter decides it."""
        return self

    def dataset(
        self,
        table: Table,
        names: Sequence[str] | None = None,
        *,
        missing: Missing = "marginal",
        weights: str | None = None,
        truth: str | None = None,
        sequence: str | None = None,
        time: str | None = None,
    ) -> Dataset:
        """Every row of `table` in its series. `drop` is refused where a cell is missing: it would splice a series."""
        sequence = sequence or table.info.get("sequence")
        time = time or table.info.get("time")
        chosen = self.columns(table, (weights, truth, sequence, time)) if names is None else tuple(names)
        coded = self.coded(table, chosen)
        made = chain_dataset(coded, chosen, missing=missing, weights=weights, truth=truth, sequence=sequence, time=time)
        return made if coded is table else replace(made, table=table, _memo={})

    def coded(self, table: Table, names: Sequence[str]) -> Table:
        """`table` with numbers in place of what the emissions read as symbols in the columns `names`."""
        return table

    # -- E-step --------------------------------------------------------------------------------------------------------
    def e_step(
        self, data: Dataset, params: Params, how: EStep, rng: np.random.Generator, resp: bool = True
    ) -> ChainPosterior:
        """The posterior of the states; `how` says whether it is exact. UserError where no path can have made a series."""
        if how.sampled:
            from emstudio.core.chain_sampling import sampling

            *_, last = sampling(self, data, params, how, rng, resp)
            assert last.posterior is not None
            return last.posterior
        bag = bag_of(data)
        start, transitions, theta = self.split(params)
        evaluator = self.family().evaluator(bag.data, theta)
        plan = plan_of(data, len(start))
        memory = plan.borrow(len(start) * data.n)
        scores = emissions(evaluator, bag, memory)
        with possible(data):
            exact = smoothing.smooth(scores, start, transitions, data.offsets, plan)
            likelihood = math.fsum(exact.log_likelihood)
            if how.kind == "soft":
                plan.give_back(memory)
                return self._of_smoothed(data, params, evaluator, bag, exact, likelihood, resp)
            if how.kind == "annealed":
                t = how.temperature
                tempered = smoothing.smooth(
                    scores / t, start ** (1 / t), transitions ** (1 / t), data.offsets, plan_of(data, len(start))
                )
                return self._of_smoothed(data, params, evaluator, bag, tempered, likelihood, resp, exact, t)
            if how.kind == "hard":
                path, levels = smoothing.viterbi(scores, start, transitions, data.offsets, plan_of(data, len(start)))
                paths, levels = path[:, None].astype(np.int8), np.array([levels.sum()])
            else:
                from emstudio.core.chain_sampling import drawn_path

                paths = drawn_path(scores, start, transitions, data.offsets, rng)
                levels = None
        first, pairs = count_path(paths[:, 0], data.offsets, len(start))
        gamma = np.zeros((len(start), data.n))
        gamma[paths[:, 0], np.arange(data.n)] = 1.0
        moments = collected(evaluator, bag, gamma)
        kept = gamma.T if resp or bag.partly else None
        found = ChainPosterior(
            kept, 0.0, likelihood, moments, first=first, pairs=pairs, exact=exact, paths=paths, levels=levels
        )
        return found if levels is not None else replace(found, levels=np.array([self.level(data, params, found)]))

    def _of_smoothed(
        self,
        data: Dataset,
        params: Params,
        evaluator: Evaluator,
        bag: Bag,
        smoothed: smoothing.Smoothed,
        likelihood: float,
        resp: bool,
        exact: smoothing.Smoothed | None = None,
        temperature: float = 1.0,
    ) -> ChainPosterior:
        moments = collected(evaluator, bag, smoothed.gamma)
        kept = smoothed.gamma.T if resp or bag.partly else None
        found = ChainPosterior(
            kept, 0.0, likelihood, moments, temperature, first=smoothed.first, pairs=smoothed.pairs, exact=exact
        )
        # q is proportional to p^(1/T), so H(q) = log Z_T - E_q[log p] / T.
        entropy = math.fsum(smoothed.log_likelihood) - self.level(data, params, found) / temperature
        return replace(found, entropy=max(0.0, entropy))

    def level(self, data: Dataset, params: Params, posterior: ChainPosterior) -> float:
        """E_q[log p(x, z | params)], in nats."""
        start, transitions, theta = self.split(params)
        chain = posterior.first @ log0(start) + (posterior.pairs * log0(transitions)).sum()
        bag = bag_of(data)
        if bag.partly:  # moments of cells that are missing do not give the density of those that are known
            assert posterior.resp is not None
            scores = emissions(self.family().evaluator(bag.data, theta), bag)
            return float(chain + np.einsum("nk,kn->", posterior.resp, np.maximum(scores, NEVER)))
        return float(chain + self.family().expected(posterior.moments, theta).sum())

    def bound(self, data: Dataset, params: Params, posterior: Posterior) -> float | None:
        """F = E_q[log p(x, z)] + T H(q).

        For drawn paths the entropy is the log-likelihood less the level of the draws at their own parameters, so that
        F at new ones is log L(old) + Q(new) - Q(old), with the standard error that `bound_error` tells.
        """
        if bag_of(data).partly and posterior.resp is None:
            return None
        level = self.level(data, params, posterior)  # type: ignore[arg-type]
        return level + posterior.temperature * posterior.entropy + self.penalty(params, posterior)

    def bound_error(self, data: Dataset, params: Params, posterior: Posterior) -> float | None:
        """The standard error of the bound of drawn paths, from how their levels moved; None where nothing was drawn."""
        paths, before = getattr(posterior, "paths", None), getattr(posterior, "levels", None)
        if paths is None or before is None or paths.shape[1] < 2:
            return None
        moved = self.path_levels(data, params, paths) - before
        return float(np.std(moved, ddof=1) / math.sqrt(len(moved)))

    def path_levels(self, data: Dataset, params: Params, paths: np.ndarray) -> np.ndarray:
        """(M,) log p(path, x | params) of each of the `paths` (n, M); `NEVER` and less where one is impossible."""
        start, transitions, theta = self.split(params)
        scores = np.maximum(emissions(self.family().evaluator(bag_of(data).data, theta), bag_of(data)), NEVER)
        return levels_of(scores, start, transitions, data.offsets, paths)

    # -- M-step --------------------------------------------------------------------------------------------------------
    def m_step(self, data: Dataset, params: Params, posterior: Posterior) -> Params:
        """start = first / S, transitions = pairs over their rows' sums, emissions as in a mixture.

        With drawn paths, or the single best one, a transition that none of them makes becomes exactly 0, and stays 0 from
        then on (`vanished`): no later path can make it. More draws keep what is rare; an exact E-step keeps it all.
        """
        assert isinstance(posterior, ChainPosterior)
        self.guard_counts(data, params, posterior)
        _, transitions, theta = self.split(params)
        new = self.join(
            posterior.first / posterior.first.sum(),
            moved(posterior.pairs, transitions),
            self.family().estimate(posterior.moments, theta),
        )
        self.guard(data, params, posterior, new)
        return new

    def guard_counts(self, data: Dataset, params: Params, posterior: ChainPosterior) -> None:
        """Degenerate where a state has no rows left."""

    def guard(self, data: Dataset, params: Params, posterior: ChainPosterior, new: Params) -> None:
        """Degenerate where `new` has lost a state."""

    # -- the paths -----------------------------------------------------------------------------------------------------
    def emissions(self, data: Dataset, params: Params) -> np.ndarray:
        """(K, n) log p(x_t | z_t = k): 0 where nothing was observed, -inf where it is impossible."""
        bag = bag_of(data)
        return emissions(self.family().evaluator(bag.data, self.split(params)[2]), bag)

    def smoothed(self, data: Dataset, params: Params) -> smoothing.Smoothed:
        """The exact posterior. UserError where no path can have made a series."""
        start, transitions, _ = self.split(params)
        with possible(data):
            return smoothing.smooth(
                self.emissions(data, params), start, transitions, data.offsets, plan_of(data, len(start))
            )

    def decoded(self, data: Dataset, params: Params) -> tuple[np.ndarray, np.ndarray]:
        """((n,) the most probable path, (S,) log p(path, x) of each series), by Viterbi's algorithm."""
        start, transitions, _ = self.split(params)
        path, levels = smoothing.viterbi(
            self.emissions(data, params), start, transitions, data.offsets, plan_of(data, len(start))
        )
        return path, levels

    def assigned(self, data: Dataset, params: Params) -> tuple[np.ndarray, np.ndarray | None]:
        """((n, K) exact posterior of the states given the whole series, (n,) log p(x_t | x_1 .. x_t-1))."""
        start, transitions, _ = self.split(params)
        scores = self.emissions(data, params)
        with possible(data):
            gamma = smoothing.smooth(scores, start, transitions, data.offsets, plan_of(data, len(start))).gamma
            density = smoothing.filtered(scores, start, transitions, data.offsets, plan_of(data, len(start)))[1]
        return (gamma / gamma.sum(0)).T, density

    def scores(self, data: Dataset, params: Params) -> np.ndarray:
        """(n, K) log P(z_t = k | x) + log p(x_t | x_1 .. x_t-1): their softmax is the posterior given the whole series."""
        resp, density = self.assigned(data, params)
        assert density is not None
        return log0(resp) + density[:, None]

    def certainty(self, data: Dataset, params: Params, resp: np.ndarray) -> float:
        """log P(most probable path | x): of all series together."""
        start, transitions, _ = self.split(params)
        scores = self.emissions(data, params)
        plan = plan_of(data, len(start))
        levels = smoothing.viterbi(scores, start, transitions, data.offsets, plan)[1]
        return float((levels - smoothing.log_likelihood(scores, start, transitions, data.offsets, plan)).sum())

    def responsibilities_at(self, params: Params, x: np.ndarray) -> np.ndarray:
        """(m, K) for rows `x` (m, d), each alone, as `scores_at` weighs them."""
        scores = self.scores_at(params, x)
        e = np.exp(scores - scores.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)

    def occupancy(self, params: Params) -> np.ndarray:
        """(K,) how often the chain is in each state in the long run: the weights of a row of which the past is unknown."""
        _, transitions, _ = self.split(params)
        return stationary(transitions)

    # -- statistics ----------------------------------------------------------------------------------------------------
    @property
    def traced(self) -> tuple[str, ...]:
        """What the last axis of `trace` holds."""
        raise NotImplementedError

    def trace_of(self, data: Dataset, states: np.ndarray) -> np.ndarray:
        """(M, s) of paths (n, M) what `traced` names."""
        raise NotImplementedError

    def expected_trace(
        self, data: Dataset, params: Params, posterior: ChainPosterior | smoothing.Smoothed
    ) -> np.ndarray:
        """(s,) the expectation of what `traced` names, under a posterior or its exact counterpart."""
        raise NotImplementedError

    def statistics(self, data: Dataset, params: Params, posterior: Posterior) -> dict[str, Any]:
        """What `traced` names as the M-step uses it; drawn paths add `standard_errors` by the same names."""
        if not isinstance(posterior, ChainPosterior):
            return {}
        values = self.expected_trace(data, params, posterior)
        found: dict[str, Any] = {name: float(v) for name, v in zip(self.traced, values)}
        if posterior.trace is not None and posterior.trace.shape[1] > 1:
            each = np.asarray(self.trace_of(data, posterior.paths), float)  # type: ignore[arg-type]
            errors = each.std(0, ddof=1) / math.sqrt(len(each))
            found["standard_errors"] = {name: float(e) for name, e in zip(self.traced, errors)}
        return found

    # -- params --------------------------------------------------------------------------------------------------------
    def permute(self, params: Params, order: np.ndarray) -> Params:
        """The same chain with its states in `order` (K,)."""
        start, transitions, theta = self.split(params)
        ordered = type(theta)(*(np.asarray(a)[order] for a in theta))
        return self.join(start[order], transitions[np.ix_(order, order)], ordered)

    def without(self, params: Params, component: int) -> Params:
        """The params of the chain with one state less: what led to it is shared out over the others."""
        start, transitions, theta = self.split(params)
        left = type(theta)(*(np.delete(np.asarray(a), component, axis=0) for a in theta))
        rest = np.delete(np.delete(transitions, component, axis=0), component, axis=1)
        return self.join(shared(np.delete(start, component)), np.stack([shared(row) for row in rest]), left)

    def stacked(self, params: Params) -> tuple[np.ndarray, ...]:
        """The start, the probabilities to stay, and what the emissions stack over the states."""
        start, transitions, theta = self.split(params)
        return (*(np.asarray(a) for a in theta), start, np.diagonal(transitions).copy())

    def count_free(self, data_dimension: int, params: Params, start: Start) -> int:
        """Less the zeros that a given start holds: a start or transition of 0 stays 0 for ever."""
        free = self.free_parameters(data_dimension)
        if start.method != "params":
            return free
        first, transitions, _ = self.split(start.params)
        return free - int((first == 0).sum() + (transitions == 0).sum())

    def sample(self, params: Params, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """((n, d) rows, (n,) states) of one series of n steps."""
        start, transitions, theta = self.split(params)
        states = sampled_path(start, transitions, n, rng)
        return self.family().sample(theta, states, rng), states
