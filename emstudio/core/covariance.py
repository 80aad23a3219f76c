"""Covariance families: what the K covariances share, each one small function of the scatter matrices.

Sigma_k = lambda_k D_k A_k D_k': volume lambda_k, shape A_k (diagonal, determinant 1), orientation D_k. The three letters of
a name, mclust's, say of each whether it is Equal in all components, Variable, or (shape, orientation) the Identity. Scatter
matrices are W_k = sum of r (x - mean_k)(x - mean_k)', n_k = sum of r.
Source: Celeux and Govaert 1995, Pattern Recognition 28.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from emstudio.core import covariance_closed as closed
from emstudio.core import covariance_iterative as iterative

Shape = Callable[[np.ndarray, np.ndarray, "np.ndarray | None"], np.ndarray]


@dataclass(frozen=True)
class Covariance:
    """`shape(W, n, previous)` maps scatter (K, d, d) - or its diagonals (K, d) where `diagonal` - and n (K,) to the same
    shape of covariances, the maximum likelihood ones, or, from `previous` on, such that the likelihood does not fall.

    What a singular scatter cannot give comes out as zero, infinity or NaN, or as numpy's LinAlgError.
    """

    name: str
    title: str
    shape: Shape
    alias: str = ""

    @property
    def diagonal(self) -> bool:
        """Whether the axes are the columns."""
        return self.name[2] == "I"

    @property
    def iterative(self) -> bool:
        """Whether the M-step goes on from the previous covariances, as it has no closed form."""
        return self.name in ("VEI", "VEE", "VEV", "EVE", "VVE")

    @property
    def round(self) -> bool:
        """Whether every component is a sphere."""
        return self.name[1:] == "II"

    @property
    def shared(self) -> bool:
        """Whether one matrix serves all components."""
        return "V" not in self.name

    @property
    def together(self) -> bool:
        """Whether no component can become singular without all the others."""
        return "V" not in self.name[:2]

    @property
    def scale_free(self) -> bool:
        """Whether a column may be multiplied by a constant: the covariances of the new data are then members still."""
        return self.name not in ("EII", "VII", "EVE", "VVE", "EEV", "VEV")

    def free(self, k: int, d: int) -> int:
        """The number of free parameters of k covariances in d columns."""
        sets = {"I": 0, "E": 1, "V": k}
        volume, shape, orientation = (sets[letter] for letter in self.name)
        return volume + shape * (d - 1) + orientation * d * (d - 1) // 2


COVARIANCES = {
    c.name: c
    for c in (
        Covariance("VVV", "Full (VVV)", closed.vvv, "full"),
        Covariance("EEE", "Tied (EEE)", closed.eee, "tied"),
        Covariance("VVI", "Diagonal (VVI)", closed.vvi, "diag"),
        Covariance("VII", "Spherical (VII)", closed.vii, "spherical"),
        Covariance("EII", "Equal spheres (EII)", closed.eii),
        Covariance("EEI", "Tied diagonal (EEI)", closed.eei),
        Covariance("VEI", "Diagonal, equal shape (VEI)", iterative.vei),
        Covariance("EVI", "Diagonal, equal volume (EVI)", closed.evi),
        Covariance("VEE", "Equal shape and orientation (VEE)", iterative.vee),
        Covariance("EVE", "Equal volume and orientation (EVE)", iterative.eve),
        Covariance("VVE", "Equal orientation (VVE)", iterative.vve),
        Covariance("EEV", "Equal volume and shape (EEV)", closed.eev),
        Covariance("VEV", "Equal shape (VEV)", iterative.vev),
        Covariance("EVV", "Equal volume (EVV)", closed.evv),
    )
}

# Other spellings; E and V are mclust's for one column, where the other families are one of these two.
ALIASES = {c.alias: c.name for c in COVARIANCES.values() if c.alias} | {"E": "EII", "V": "VII"}
