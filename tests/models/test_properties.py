"""The properties, over every registered model; and a deliberately wrong one, which they must find out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

import emstudio.models  # noqa: F401
from emstudio.core.chain import Chain
from emstudio.core.data import dataset, painted
from emstudio.core.model import REGISTRY
from emstudio.models.gaussian import GaussianMixture
from tests.models import properties
from tests.models.properties import PROPERTIES, Case, applies


def blobs(d: int, k: int = 3, n: int = 150, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = 4.0 * rng.standard_normal((k, d))
    turn = rng.standard_normal((k, d, d)) / np.sqrt(d) + np.eye(d)
    z = rng.integers(k, size=n)
    return centres[z] + (turn[z] @ rng.standard_normal((n, d, 1)))[:, :, 0]


def data_of(d: int):
    return dataset(painted(blobs(d), [f"x{j + 1}" for j in range(d)]))


def coin_data(tosses: np.ndarray):
    rng = np.random.default_rng(4)
    heads = rng.binomial(tosses, np.array([0.25, 0.55, 0.85])[rng.integers(3, size=len(tosses))])
    return dataset(painted(np.stack([heads, tosses - heads], axis=1), ["heads", "tails"]))


def dice_data(c: int):
    rng = np.random.default_rng(5)
    p = rng.dirichlet(np.ones(c), 3)
    return dataset(
        painted(np.array([rng.multinomial(n, p[n % 3]) for n in rng.integers(5, 40, 120)]), list("abcdef")[:c])
    )


def count_data(d: int):
    rng = np.random.default_rng(6)
    rates = np.array([[0.8, 9.0], [4.0, 2.0], [15.0, 30.0]])[:, :d]
    return dataset(painted(rng.poisson(rates[rng.integers(3, size=120)]), ["a", "b"][:d]))


def mixed_data():
    rng = np.random.default_rng(7)
    z = rng.integers(2, size=120)
    columns = [
        rng.normal(3.0 * z, 1 + z),
        rng.normal(0, 1, 120),
        rng.poisson(2 + 6 * z),
        (rng.random(120) < 0.2 + 0.6 * z),
    ]
    return dataset(painted(np.stack(columns, axis=1), ["u", "v", "n", "answer"]))


# models of counts have data of their own
COUNTED = {
    "coins": [
        (coin_data(np.full(60, 12)), 2),
        (coin_data(np.arange(100) % 30 + 1), 3),
        (coin_data(np.ones(40, int)), 2),
    ],
    "multinomial": [(dice_data(3), 3), (dice_data(5), 2)],
    "poisson": [(count_data(1), 3), (count_data(2), 2)],
    "product": [(mixed_data(), 2)],
}
FAMILIES = "u:gaussian,v:gaussian,n:poisson,answer:categorical"


def counted(cls, values: dict) -> list[Case]:
    """The cases of a model of counts; known identities have no start and are tested on their own."""
    if values.get("identities") == "known":
        return []
    values = values | ({"families": FAMILIES} if cls.name == "product" else {})
    named = "-".join([cls.name, *(v for key, v in values.items() if key != "families")])
    return [Case(f"{named}-{i}", cls.make(k=k, **values).for_data(d), d) for i, (d, k) in enumerate(COUNTED[cls.name])]


def chains() -> list[Case]:
    """Chains have series of their own, some with gaps."""
    rng = np.random.default_rng(8)
    states = np.repeat(rng.integers(3, size=30), rng.integers(1, 9, size=30))[:90]
    switch = painted((states > 0)[:, None] + 0.5 * rng.standard_normal((90, 1)), ["x"])
    centres = np.array([[0.0, 0.0], [3.0, 1.0], [1.0, 4.0]])
    plane = painted(
        np.column_stack([np.arange(90) // 40, centres[states] + rng.standard_normal((90, 2))]), ["which", "u", "v"]
    )
    gaps = rng.normal(4.0 * states, 1.0)
    gaps[[5, 6, 7, 50, 89]] = np.nan
    counts = painted(rng.poisson(3.0 + 6.0 * states)[:, None], ["count"])
    symbols = painted(np.minimum(states + rng.integers(2, size=90), 3)[:, None], ["symbol"])
    told = [
        ("noisy-switch", {}, switch, None),
        ("hmm", {"k": 3, "covariance": "VVV"}, plane, "which"),
        ("hmm", {"k": 2, "covariance": "EII"}, plane, None),
        ("hmm", {"k": 3, "covariance": "VVE"}, plane, "which"),
        ("hmm", {"k": 3}, painted(gaps[:, None], ["x"]), None),
        ("hmm", {"k": 3, "emission": "poisson"}, counts, None),
        ("hmm", {"k": 2, "emission": "categorical"}, symbols, None),
    ]
    made = []
    for name, values, table, sequence in told:
        cls = REGISTRY[name]
        data = cls.make(**values).dataset(table, sequence=sequence)
        named = "-".join([name, *(str(v) for v in values.values()), *("series" for _ in range(sequence is not None))])
        made.append(Case(f"{named}-{len(made)}", cls.make(**values).for_data(data), data))
    return made


def cases() -> list[Case]:
    made = chains()
    for name, cls in sorted(REGISTRY.items()):
        if issubclass(cls, Chain):
            continue
        variants: list[dict] = [{}]
        for p in cls.parameters():
            if p.type == "choice":
                variants = [{**v, p.name: value} for v in variants for value, _ in p.choices]
        for values in variants:
            if name in COUNTED:
                made += counted(cls, values)
                continue
            for d, k in ((1, 2), (2, 3), (4, 2)):
                label = "-".join([name, *map(str, values.values()), f"d{d}"])
                made.append(Case(label, cls.make(k=k, **values), data_of(d)))
    return made


PAIRS = [pytest.param(c, p, id=f"{c.name}-{p.__name__}") for c in cases() for p in PROPERTIES if applies(p, c)]


@pytest.mark.parametrize(("case", "check"), PAIRS)
def test_property(case: Case, check) -> None:
    check(case)


def test_weighted_rows_hold_the_properties_too() -> None:
    data = properties.with_rows(data_of(2), data_of(2).x, np.random.default_rng(9).uniform(0.1, 3, 150))
    case = Case("weighted", GaussianMixture(k=3), data)
    for check in PROPERTIES:
        if check is not properties.weights_are_repeated_rows:
            check(case)


@dataclass(frozen=True)
class OffByOnePercent(GaussianMixture):
    """A wrong M-step: means 1 % off. Not registered."""

    def m_step(self, data, params, posterior):
        right = super().m_step(data, params, posterior)
        return right._replace(means=right.means * 1.01)


@dataclass(frozen=True)
class BoundOfThePreviousParameters(GaussianMixture):
    """A log-likelihood that belongs to other parameters than those shown."""

    def e_step(self, data, params, how, rng, resp=True):
        return super().e_step(data, params._replace(means=params.means + 0.01), how, rng, resp)


@pytest.mark.parametrize(
    ("wrong", "found_by"),
    [
        (
            OffByOnePercent,
            ("log_likelihood_never_falls", "m_step_is_a_maximum", "one_component_is_maximum_likelihood"),
        ),
        (BoundOfThePreviousParameters, ("bound_climbs_and_touches",)),
    ],
)
def test_a_wrong_model_is_found_out(wrong, found_by) -> None:
    case = Case("wrong", wrong(k=3), data_of(2))
    for name in found_by:
        with pytest.raises(AssertionError):
            getattr(properties, name)(case)


def test_every_model_promises_what_its_class_does() -> None:
    less = {name for name, cls in REGISTRY.items() if cls.promises != type(cls.promises)()}
    assert less == {"kmeans", "student-t"}, "models that promise less are listed here by name"
