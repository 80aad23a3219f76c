"""The bundled data sets: what the index declares and what the files hold belong together."""

from __future__ import annotations

import subprocess
import sys

import pytest

import emstudio.models  # noqa: F401
from emstudio import datasets, tables
from emstudio.core.chain import Chain
from emstudio.core.data import dataset, fitted_columns
from emstudio.core.errors import UserError
from emstudio.core.model import find
from emstudio.resource import resource

# rows, columns fitted when nobody chose, truth, sum of the first of them: from the published tables
EXPECTED = {
    "old-faithful": (272, ("eruptions", "waiting"), None, 948.677),
    "geyser-azzalini-bowman": (299, ("waiting", "duration"), None, 21622.0),
    "iris": (150, ("sepal_length", "sepal_width", "petal_length", "petal_width"), "species", 876.5),
    "galaxies": (82, ("velocity_km_s",), None, 1708180.0),
    "acidity": (155, ("log_anc",), None, 791.289947),
    "coin-flips": (5, ("heads", "tosses", *(f"t{i}" for i in range(1, 11))), "true_coin", 33.0),
    "single-flips": (100, ("flip",), "true_coin", 50.0),
    "ten-flips": (100, (), "true_coin", None),
    "two-gaussians": (100, ("x1", "x2"), "component", 173.2673),
    "loaded-dice": (80, ("ones", "twos", "threes", "fours", "fives", "sixes"), "die", 412.0),
    "rock-paper-scissors": (90, ("rock", "paper", "scissors"), "style", 1051.0),
    "cafe-guests": (200, ("minutes", "refills"), "guest", 10433.3),
    "diabetes-reaven-miller": (145, ("glucose", "insulin", "sspg"), "class", 17688.0),
    "banknote": (200, ("Length", "Left", "Right", "Bottom", "Top", "Diagonal"), "Status", 42979.2),
    "wine": (178, 13, "cultivar", 2314.11),
    "hidden-switch": (100, ("x",), "state", 61.026451388625446),
    "lynx": (114, ("trappings",), None, 175334.0),
    "earthquakes": (107, ("count",), None, 2072.0),
}


def test_every_file_is_in_the_index():
    files = {p.name for p in resource("datasets").glob("*.csv")}
    assert {i.file for i in datasets.index()} == files and len(datasets.index()) == len(files)
    assert {i.name for i in datasets.index()} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_bundled_set(name):
    rows, fitted, truth, first = EXPECTED[name]
    table = tables.read(f"dataset:{name}")
    assert table.rows == rows and table.source == f"dataset:{name}" and table.notices == ()
    found = fitted_columns(table)
    assert found == fitted if isinstance(fitted, tuple) else len(found) == fitted
    if found:
        assert tables.show(table)["columns"][table.names.index(found[0])]["sum"] == pytest.approx(first, abs=1e-9)
    assert table.info["truth"] == truth and (truth is None or not table.column(truth).numeric)
    if found:
        assert dataset(table, missing="error").n == rows
    info = datasets.find(name)
    assert table.name == info.title and info.description and info.source
    assert [c.name for c in info.columns] == list(table.names)


def test_every_suggested_model_accepts_its_data():
    for info in datasets.index():
        if info.model:
            table = datasets.load(info.name)
            model = find(info.model["name"]).make(**{k: v for k, v in info.model.items() if k != "name"})
            data = model.dataset(table, truth=table.info["truth"])
            assert model.for_data(data).accepts(data) is None and data.n == table.rows


def test_the_single_flips_are_half_heads_and_the_ten_flips_of_the_same_coins():
    assert datasets.load("single-flips").column("flip").values.mean() == 0.5
    ten = datasets.load("ten-flips").column("flips")
    assert ten.kind == "tosses" and {len(level) for level in ten.levels} == {10}


def test_units_and_kinds():
    assert [c.unit for c in datasets.load("old-faithful").columns] == ["min", "min"]
    assert [c.kind for c in datasets.load("old-faithful").columns] == ["number", "number"]
    assert datasets.load("galaxies").column("velocity_km_s").unit == "km/s"
    assert {c.unit for c in datasets.load("iris").columns if c.fit} == {"cm"}
    assert datasets.load("wine").column("cultivar").levels == ("1", "2", "3")
    assert datasets.load("earthquakes").column("count").kind == "count"


def test_corrected_values_are_those_of_the_papers():
    assert datasets.load("galaxies").column("velocity_km_s").values[77] == 26960
    assert datasets.load("diabetes-reaven-miller").column("insulin").values[103] == 455


def test_series_open_as_chains_in_their_own_time():
    for name, time in (
        ("earthquakes", "year"),
        ("lynx", "year"),
        ("hidden-switch", "t"),
        ("geyser-azzalini-bowman", None),
    ):
        table = datasets.load(name)
        assert table.info["time"] == time
        model = find(table.info["model"]["name"])
        assert issubclass(model, Chain)
        data = model.make(**{k: v for k, v in table.info["model"].items() if k != "name"}).dataset(table)
        assert data.offsets.tolist() == [0, table.rows] and data.time == time
        assert time not in data.names


def test_coins_agree_with_their_tosses():
    table = datasets.load("coin-flips")
    flips = sum(table.column(f"t{i}").values for i in range(1, 11))
    assert (flips == table.column("heads").values).all()


@pytest.mark.parametrize("name", ["old_faithful", "Old-Faithful"])
def test_other_spellings(name):
    assert datasets.load(name).source == "dataset:old-faithful"


@pytest.mark.parametrize("name", ["", "nothing", "../iris", "iris.csv"])
def test_an_unknown_name_is_refused_with_the_names_there_are(name):
    with pytest.raises(UserError, match=r"old-faithful, .*earthquakes"):
        tables.read(f"dataset:{name}")


def test_launch_needs_no_library_for_files():
    code = "import sys; from emstudio import tables; tables.read('dataset:old-faithful')"
    code += "; print('polars' in sys.modules, 'scipy.stats' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_a_bundled_set_written_and_read_is_the_same(tmp_path):
    table = datasets.load("iris")
    path = str(tmp_path / "iris.csv")
    tables.write_csv(table, path)
    again = tables.read(path)
    assert all((a.values == b.values).all() for a, b in zip(table.columns, again.columns))
