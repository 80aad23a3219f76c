"""Trials of coin tosses as a person types them, and the likelihood of a bias."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from emstudio.core.errors import UserError

MOST_TYPED = 100_000  # tosses of a trial that is typed
_COUNTS = re.compile(r"(\d{1,9})\s*(?:of|/|:|\s)\s*(\d{1,9})", re.IGNORECASE)
_BOTH = re.compile(r"(\d{1,9})\s*H\W*(\d{1,9})\s*T", re.IGNORECASE)


@dataclass(frozen=True)
class Trial:
    """`outcome` such as HTTHH, None where only the counts are known; `coin` the name that was typed in front, or ""."""

    heads: int
    tosses: int
    outcome: str | None = None
    coin: str = ""

    @property
    def tails(self) -> int:
        """Tosses that were no heads."""
        return self.tosses - self.heads

    @property
    def spelled(self) -> str:
        """An outcome with these counts: the one typed, else heads first."""
        return self.outcome or "H" * self.heads + "T" * self.tails


def parse(words: str) -> Trial:
    """The trial that a person typed: HTTHH, `3 of 5`, 3/5, `3H 2T`; `B: HTTHH` says whose it is. Raises UserError."""
    coin, _, rest = words.rpartition(":") if not _COUNTS.fullmatch(words.strip()) else ("", "", words)
    coin, rest = coin.strip(), rest.strip()
    letters = "".join(rest.split()).replace(",", "").upper()
    if letters and set(letters) <= {"H", "T"}:
        trial = Trial(letters.count("H"), len(letters), letters, coin)
    elif both := _BOTH.fullmatch(rest):
        trial = Trial(int(both[1]), int(both[1]) + int(both[2]), None, coin)
    elif counts := _COUNTS.fullmatch(rest):
        trial = Trial(int(counts[1]), int(counts[2]), None, coin)
    else:
        raise UserError("this is no row of tosses", "write heads and tails, such as HTTHH, or counts, such as 3 of 5")
    if trial.tails < 0:
        raise UserError(f"{trial.heads} of {trial.tosses} tosses cannot be heads", "write heads first, then all tosses")
    if not 0 < trial.tosses <= MOST_TYPED:
        raise UserError(f"a trial of {trial.tosses} tosses cannot be used", f"give 1 to {MOST_TYPED} tosses")
    return trial


def likelihood(heads: float, tails: float, bias: np.ndarray) -> np.ndarray:
    """(m,) the likelihood theta^heads (1 - theta)^tails of each bias theta (m,), as a share of its highest value."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = _times(heads, np.log(bias)) + _times(tails, np.log1p(-bias))
    total = heads + tails
    best = heads / total if total else 0.5
    top = sum(n * np.log(p) for n, p in ((heads, best), (tails, 1.0 - best)) if n > 0 and p > 0)
    return np.exp(np.minimum(logs - top, 0.0))


def _times(n: float, logs: np.ndarray) -> np.ndarray:
    """n log p, 0 where n is 0."""
    return n * logs if n else np.zeros_like(logs)
