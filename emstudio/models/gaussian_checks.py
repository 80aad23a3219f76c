"""What a Gaussian mixture refuses, when it stops before a component is lost, and what it warns of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from emstudio.core.covariance import Covariance
from emstudio.core.data import Dataset, frozen
from emstudio.core.errors import Degenerate, Notice, UserError, short
from emstudio.core.format import letter
from emstudio.core.frame import COLLINEAR, LARGEST, SMALLEST, Frame, correlation, frame_of
from emstudio.core.gaussian_types import Singular, factors
from emstudio.core.promises import Promises
from emstudio.models.reading import array

COLLAPSED = 1e-14  # a component's least variance over the data's, in whitened units: below it lies round-off
ILL_CONDITIONED = 1e-10
_EMPTY = 1e-200
_NOTHING = 1e-100  # of a variance: its inverse squared is a double still
_ALIKE = 1e-5  # of a standard deviation or covariance: EM that leaves a saddle slowly may stop so far from it
_HANDFUL = 3  # times the rows that a covariance needs
_THIN = 1e-3  # of the others' least variance: about a thirtieth of their standard deviation


def promised(made: Promises, floor: float) -> Promises:
    """What a run with a variance floor may be held to: the M-step sees smeared rows and the E-step those that were
    measured, so no one function of the parameters is climbed by both."""
    return replace(made, monotone=False, climbs=False, maximal=False) if floor else made


# -- data --------------------------------------------------------------------------------------------------------------
def obstacle(data: Dataset, k: int, shape: Covariance, floor: float, noise: bool = False) -> str | None:
    """One sentence that says why the mixture cannot be fitted, or None."""
    if not data.d:
        return "There is no column to fit; choose at least one column of numbers."
    if data.n < k:
        rows = "There is no row" if data.n == 0 else f"There {'is' if data.n == 1 else 'are'} only {_rows(data.n)}"
        return f"{rows} for {k} component{'s' if k > 1 else ''}; add points or choose fewer components."
    if noise and (flat := np.flatnonzero(np.equal(*_extremes(data)))).size:
        name = short(data.names[flat[0]])
        return f"Column {name} is constant, so the box of the noise has no volume; leave it or the noise out."
    return data.memo(f"obstacle {shape.name} {floor > 0}", lambda: _obstacle(data, shape, floor))


def _obstacle(data: Dataset, shape: Covariance, floor: float) -> str | None:
    low, high = _extremes(data)
    size, spread = np.maximum(-low, high), high - low
    for j, name in enumerate(data.names):
        if size[j] > LARGEST:
            return f"Column {short(name)} holds values beyond 1e150, whose squares overflow; divide it by a constant."
        if 0 < spread[j] < SMALLEST:
            return f"Column {short(name)} varies by less than 1e-150, whose square is lost; multiply it by a constant."
    if floor:
        return None
    frame = frame_of(data)
    constant = [short(data.names[j]) for j in np.flatnonzero(_constant(frame, spread))]
    if len(constant) == data.d:
        return "All rows are alike, so every variance would be 0; add rows that differ or set a variance floor."
    if shape.round:
        return None
    if constant:
        names = ", ".join(constant)
        return (
            f"Column {names} is constant, so its variance would be 0; leave it out or set a variance floor."
            if len(constant) == 1
            else f"Columns {names} are constant, so their variances would be 0; leave them out or set a variance floor."
        )
    if not shape.diagonal:
        if data.n <= data.d:
            return (
                f"Only {_rows(data.n)} cannot fill a full covariance of {data.d} columns; "
                "choose a diagonal or spherical covariance, fewer columns, or set a variance floor."
            )
        if frame.collinear:
            names = ", ".join(short(data.names[j]) for j in dependent(frame.total))
            return (
                f"Columns {names} are collinear (each is a linear function of the others), so the covariance is "
                "singular; leave one out, choose a diagonal covariance, or set a variance floor."
            )
    return None


def _extremes(data: Dataset) -> np.ndarray:
    """(2, d) the least and the greatest value of each column, found once; of a few columns much faster one by one."""
    x = data.x
    if data.d > 8:
        return data.memo("extremes", lambda: np.stack([x.min(0), x.max(0)]))
    return data.memo("extremes", lambda: np.array([[f(c) for c in x.T] for f in (np.min, np.max)]))


def _constant(frame: Frame, spread: np.ndarray) -> np.ndarray:
    return (spread == 0) | (np.diagonal(frame.total) == 0)


def _rows(n: int) -> str:
    return "1 row" if n == 1 else f"{n} rows"


def dependent(total: np.ndarray) -> np.ndarray:
    """The columns that take part in the linear dependence."""
    vector = np.abs(np.linalg.eigh(correlation(total))[1][:, 0])
    return np.flatnonzero(vector > 1e-3 * vector.max())


# -- parameters --------------------------------------------------------------------------------------------------------
def arrays(document: dict, noise: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """weights (K,), means (K, d), covariances (K, d, d) from a document; UserError where missing or misshapen.

    With `noise` weights has one more entry.
    """
    made = []
    for key, dimensions in (("weights", 1), ("means", 2), ("covariances", 3)):
        if not isinstance(document, dict) or key not in document:
            raise UserError(f"params has no {key!r}", "give weights, means and covariances")
        made.append(array(document[key], f"params.{key}", dimensions))
    weights, means, covariances = made
    k, d = len(weights) - noise, means.shape[1]
    if means.shape != (k, d) or covariances.shape != (k, d, d):
        raise UserError(
            f"params has {len(weights)} weights, means of shape {means.shape} and covariances of shape {covariances.shape}",
            f"give K {'+ 1 ' if noise else ''}weights, K x d means and K x d x d covariances",
        )
    return weights, means, covariances


def components_in(document: dict) -> int:
    """The number of components in the `params` of a document: that of its means."""
    if not isinstance(document, dict) or "means" not in document:
        raise UserError("params has no 'means'", "give weights, means and covariances")
    return len(array(document["means"], "params.means", 2))


def check_params(params: Any, k: int, d: int, noise: bool) -> None:
    """UserError where given parameters are not those of k Gaussians in d columns (and `noise`); they are taken as they are."""
    weights, means, covariances = params[:3]
    if len(means) != k or len(weights) != k + noise:
        raise UserError(f"params has {len(means)} components and {k} are asked for", "give the same number")
    if means.shape[1] != d:
        raise UserError(f"params is for {means.shape[1]} columns and {d} are fitted", "choose as many columns")
    if (weights < 0).any():
        j = int(np.argmax(weights < 0))
        raise UserError(
            f"the weight of component {j} is {float(weights[j])!r}", "give weights of 0 or more that sum to 1"
        )
    if abs(weights.sum() - 1.0) > 1e-9:
        raise UserError(f"the weights sum to {float(weights.sum())!r}", "give weights of 0 or more that sum to 1")
    for j, c in enumerate(covariances):
        if np.abs(c - c.T).max() > 1e-9 * np.abs(c).max():
            raise UserError(f"the covariance of component {j} is not symmetric", "give a symmetric matrix")
        try:
            sound = np.isfinite(np.linalg.cholesky(_scaled(c))).all()
        except np.linalg.LinAlgError:
            sound = False
        if not sound:
            raise UserError(
                f"the covariance of component {j} is not positive definite", "give a positive definite matrix"
            )


def _scaled(c: np.ndarray) -> np.ndarray:
    """A covariance with its scale taken out, so that size alone cannot make it fail."""
    diagonal = np.diagonal(c)
    if not (diagonal > 0).all():
        raise np.linalg.LinAlgError
    sd = np.sqrt(diagonal)
    return c / sd[:, None] / sd[None, :]


def known_columns(x: np.ndarray, k: int, density: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """(m, K) log-densities of rows `x` (m, d) over their known cells: `density(rows, columns)` of each pattern of NaN.

    A row of which nothing is known has the density 1.
    """
    x = np.atleast_2d(np.asarray(x, float))
    out = np.zeros((len(x), k))
    known = ~np.isnan(x)
    for pattern in np.unique(known, axis=0):
        columns = np.flatnonzero(pattern)
        if columns.size:
            rows = (known == pattern).all(1)
            out[rows] = density(x[rows][:, columns], columns)
    return out


_NONE = frozen(np.empty(0, int))


# -- components lost ---------------------------------------------------------------------------------------------------
def guard_counts(counts: np.ndarray) -> None:
    """Degenerate (`empty`) where a component has no rows left."""
    if not np.minimum.reduce(counts) > _EMPTY:
        j = int(np.argmax(~(counts > _EMPTY)))
        text = (
            f"Component {letter(j)} became empty: no row has any responsibility left for it; "
            "re-seed it or choose fewer components."
        )
        raise Degenerate(Notice("empty", text, component=j))


def least_variances(frame: Frame, covariances: np.ndarray) -> np.ndarray:
    """(K,) each one's least variance in units in which the data's own covariance is the identity; 0 where it has none.

    It is found as the largest one of the data's in units of the component: the least eigenvalue itself would drown in the
    round-off of the greatest where columns of unlike sizes share a sphere.
    """
    sound, _, data = _inside(frame, covariances)
    least = np.zeros(len(covariances))
    with np.errstate(divide="ignore"):
        least[sound] = 1.0 / _largest(data)
    return least


def singular(frame: Frame, covariances: np.ndarray) -> np.ndarray:
    """(K,) bool: covariances that are singular beside the data's own, or whose columns are collinear but for round-off."""
    most = _most(covariances.shape[1])
    sound, own, data = _inside(frame, covariances)
    bad = ~sound
    # The sum of the eigenvalues is cheap, and enough unless a component is in danger.
    if not all(((part**2).sum((1, 2)) < limit).all() for part, limit in zip((own, data), most)):
        bad[sound] = ~((_largest(own) < most[0]) & (_largest(data) < most[1]))
    return bad


def _most(d: int) -> tuple[float, float]:
    """The largest eigenvalues allowed of d columns in units of a component: of spheres in its own, and of the data."""
    return 1.0 / (COLLINEAR * d), 1.0 / COLLAPSED


def _clearly_sound(frame: Frame, covariances: np.ndarray, most: tuple[float, float]) -> bool:
    """Whether the factors that the next E-step needs anyhow say that no covariance is near to being singular."""
    alone = frame.diagonal(covariances)
    if alone is not None:
        quotients = alone.precisions @ np.diagonal(frame.total)  # the traces of the data's, in units of each component
        return bool(np.maximum.reduce(quotients) < most[1] and np.isfinite(np.add.reduce(alone.log_det)))
    z = frame.covariances(covariances)
    variances = np.diagonal(z, axis1=1, axis2=2)
    if not (np.isfinite(z).all() and (variances > _NOTHING).all()):
        return False
    try:
        inverse, _ = factors(z)
    except Singular:
        return False
    own, data = inverse * np.sqrt(variances)[:, None, :], inverse @ frame.root
    return all(np.einsum("kij,kij->k", part, part).max() < limit for part, limit in zip((own, data), most))


def _inside(frame: Frame, covariances: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(K,) which covariances are positive definite; and of these the roots, in units in which they are the identity, of
    (spheres in their own columns' units, the data's covariance), each (., d, d)."""
    z = frame.covariances(covariances)
    variances = np.diagonal(z, axis1=1, axis2=2)
    sound = np.isfinite(z).all((1, 2)) & (variances > _NOTHING).all(1)
    sd = np.sqrt(variances[sound])
    chol = _roots(z[sound] / sd[:, :, None] / sd[:, None, :])
    rooted = np.isfinite(chol).all((1, 2))
    sound[sound] = rooted
    own = np.linalg.inv(chol[rooted])
    return sound, own, own @ (frame.root / sd[rooted][:, :, None])


def _largest(roots: np.ndarray) -> np.ndarray:
    """(K,) the largest eigenvalue of R R' for each R."""
    return np.linalg.eigvalsh(roots @ roots.transpose(0, 2, 1))[:, -1]


def _roots(matrices: np.ndarray) -> np.ndarray:
    """(K, d, d) Cholesky factors, NaN for the matrices without."""
    try:
        return np.linalg.cholesky(matrices)
    except np.linalg.LinAlgError:
        return np.stack([_root(m) for m in matrices])


def _root(matrix: np.ndarray) -> np.ndarray:
    try:
        return np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return np.full_like(matrix, np.nan)


def lost(frame: Frame, covariances: np.ndarray) -> np.ndarray:
    """The components whose covariances are lost."""
    if _clearly_sound(frame, covariances, _most(covariances.shape[1])):
        return _NONE
    return np.flatnonzero(singular(frame, covariances))


def collapse(data: Dataset, components: np.ndarray, resp: np.ndarray, shape: Covariance) -> Notice:
    """The news that components are about to collapse: onto which rows (of the first one), and what to do."""
    component = int(components[0])
    share = resp[:, component] if data.weights is None else np.where(data.weights > 0, resp[:, component], 0.0)
    order = np.argsort(-share, kind="stable")
    rows = order[share[order] > 0.5][:10]
    if not rows.size:
        rows = order[:1]
    tables_rows = tuple(int(r) for r in np.sort(data.rows[rows]))
    several = int((share > 0.5).sum())
    if several <= 1:
        i = int(rows[0])
        cells = ", ".join(f"{short(n)} = {data.x[i, j]:.6g}" for j, n in enumerate(data.names[:3]))
        where = f"row {tables_rows[0] + 1} ({cells})"
    else:
        listed = ", ".join(str(r + 1) for r in tables_rows[:5]) + (", ..." if several > 5 else "")
        where = f"{several} rows ({listed}) that do not fill its dimensions"
    who = f"Component {letter(component)}"
    if shape.shared or (len(components) == len(resp.T) > 1 and "E" in shape.name[:2]):
        who = "The shared covariance" if shape.shared else f"What the components share ({shape.name})"
    end = "its variance goes to 0 and its likelihood to infinity"
    if shape.name[:2] == "EV" and data.d > 1:
        end = "a variance goes to 0 and, its volume being held, another to infinity"
    text = (
        f"{who} is collapsing onto {where}: {end}; "
        "re-seed it, choose fewer components, a shared covariance or a variance floor."
    )
    return Notice("collapse", text, component=component, rows=tables_rows)


# -- finished fits -----------------------------------------------------------------------------------------------------
def notices(data: Dataset, params: Any, counts: np.ndarray, shape: Covariance) -> list[Notice]:
    """Warnings about parameters that a run ended with."""
    found = []
    frame = frame_of(data)
    means, covariances = frame.points(params.means), frame.covariances(params.covariances)
    twin = _twins(means, covariances)
    if twin is not None:
        a, b = twin
        text = (
            f"Components {letter(a)} and {letter(b)} are identical: this is a saddle of the likelihood, not a maximum, "
            "and EM cannot part them; start from different means."
        )
        found.append(Notice("saddle", text, component=b))
    least = least_variances(frame, params.covariances)
    for j in np.flatnonzero(least < ILL_CONDITIONED)[: 1 if shape.together else None]:
        text = (
            f"The covariance of component {letter(int(j))} is nearly singular (least variance {least[j]:.1e} of the "
            "data's own): its numbers carry few digits."
        )
        found.append(Notice("ill-conditioned", text, component=int(j)))
    if not shape.together:
        for j in _spurious(data, counts, least, shape):
            if len(counts) > 1:
                text = (
                    f"Component {letter(int(j))} rests on {_few(counts[j])} only: this optimum is likely spurious; "
                    "try other starts or fewer components."
                )
                found.append(Notice("spurious", text, component=int(j)))
    return found


def _few(count: float) -> str:
    return "less than one row" if count < 0.95 else "one row" if round(count, 1) == 1.0 else f"{count:.3g} rows"


def _spurious(data: Dataset, counts: np.ndarray, least: np.ndarray, shape: Covariance) -> np.ndarray:
    """The components on hardly more rows than their covariance needs, or on a handful that lie as good as in a plane.

    The likelihood has many such maxima, the higher the nearer the rows lie: they say nothing of the data.
    `counts` (K,); `least` (K,) the least variances. Source: McLachlan and Peel 2000, Finite Mixture Models, 3.10.
    """
    # A shape of one's own needs as many rows as columns; without, a volume of one's own can shrink onto two rows.
    needed = 1 + (data.d if shape.name[1] == "V" and not shape.diagonal else 1)
    others = np.array([np.median(np.delete(least, j)) if len(least) > 1 else 0.0 for j in range(len(least))])
    thin = (counts < _HANDFUL * needed) & (least < _THIN * others)
    return np.flatnonzero((counts < needed + 0.5) | thin)


def _twins(means: np.ndarray, covariances: np.ndarray) -> tuple[int, int] | None:
    for a in range(len(means)):
        for b in range(a + 1, len(means)):
            sd = np.sqrt(np.diagonal(covariances[a]))
            near = (np.abs(means[a] - means[b]) <= _ALIKE * sd).all()
            if near and np.abs(covariances[a] - covariances[b]).max() <= _ALIKE * np.abs(covariances[a]).max():
                return a, b
    return None
