"""`--figure`: for every model a sheet worth taking away, as PNG, SVG and PDF; what is drawn is read back from the files."""

from __future__ import annotations

import re
import xml.etree.ElementTree as tree
import zlib
from pathlib import Path

import numpy as np
import pytest

SVG = "{http://www.w3.org/2000/svg}"
# options, rows of the data, how many pictures show them as circles (0: as something else), words of the sheet
MODELS = {
    "gaussian": ("dataset:old-faithful --model gaussian -k 2", 272, 1, "Gaussian mixture, K = 2, VVV"),
    "one-column": ("dataset:galaxies --model gaussian -k 3", 82, 1, "Gaussian mixture, K = 3"),
    "four-columns": ("dataset:iris --model gaussian -k 3", 150, 6, "Iris flowers, 150 flowers"),
    "many-columns": ("dataset:wine --model gaussian -k 2 --covariance EEE", 178, 10, "5 of 13 columns"),
    "noise": ("dataset:old-faithful --model gaussian -k 2 --noise", 272, 1, "K = 2, VVV, noise"),
    "student-t": ("dataset:old-faithful --model student-t -k 2", 272, 1, "Student-t mixture, K = 2"),
    "kmeans": ("dataset:old-faithful --model kmeans -k 3", 272, 1, "inertia 5"),
    "poisson": ("dataset:earthquakes --model poisson -k 3", 107, 1, "Poisson mixture, K = 3"),
    "product": ("dataset:cafe-guests --model product -k 2", 200, 3, "Product mixture, K = 2"),
    "coins": ("dataset:coin-flips --model coins -k 2", 5, 1, "which coin?"),
    "known-coins": ("dataset:single-flips --model coins -p identities=known", 100, 1, "Log-likelihood landscape"),
    "one-coin": ("dataset:ten-flips --model coins -k 1", 100, 1, "Coins, K = 1"),
    "triangle": ("dataset:rock-paper-scissors --model multinomial -k 3", 90, 1, "scissors"),
    "profiles": ("dataset:loaded-dice --model multinomial -k 2", 80, 0, "sixes"),
    "hmm": ("dataset:geyser-azzalini-bowman --model hmm -k 2", 299, 2, "Viterbi"),
    "counts-in-time": ("dataset:earthquakes --model hmm -k 2 -p emission=poisson", 107, 1, "1950"),
    "noisy-switch": ("dataset:hidden-switch --model noisy-switch", 100, 1, "stays q"),
}


def words_of(root: tree.Element) -> str:
    return " ".join("".join(found.itertext()) for found in root.iter(f"{SVG}text")).replace("\u202f", " ")


def points_of(root: tree.Element) -> list[list[tree.Element]]:
    groups = [g for g in root.iter(f"{SVG}g") if g.get("class") == "points"]
    return [list(g.iter(f"{SVG}circle")) for g in groups]


@pytest.fixture
def drawn(entry):
    """Fits with a `--figure` of some name; the file it wrote."""

    def draw(options: str, name: str = "fit.svg") -> Path:
        starts = () if "known" in options or "--start" in options else ("--starts", 1)
        answer = entry("fit", *options.split(), *starts, "--figure", name)
        assert answer.status in (0, 3), answer.err
        return answer.folder / name

    return draw


@pytest.mark.parametrize(("options", "rows", "pictures", "words"), MODELS.values(), ids=MODELS)
def test_every_model_is_drawn_as_shapes_and_text(options: str, rows: int, pictures: int, words: str, drawn):
    text = drawn(options).read_text("utf-8")
    root = tree.fromstring(text)
    said = words_of(root)
    assert words in said
    assert ("nats" in said) != ("inertia" in said)
    groups = points_of(root)
    assert [len(g) for g in groups] == [rows] * pictures
    shapes = sum(len(list(root.iter(f"{SVG}{kind}"))) for kind in ("path", "rect", "polyline", "polygon"))
    assert shapes > 10
    assert root.find(f"{SVG}title").text.endswith(said_name(options, root))  # type: ignore[union-attr]
    inside = {f"url(#{c.get('id')})" for c in root.iter(f"{SVG}clipPath")}
    used = {g.get("clip-path") for g in root.iter(f"{SVG}g")} - {None}
    assert used == inside and "EMSTUDIO" not in text


def said_name(options: str, root: tree.Element) -> str:
    """The name of the data as the title has it, which the head must say too."""
    title = root.find(f"{SVG}title").text or ""  # type: ignore[union-attr]
    name = title.rpartition(": ")[2]
    assert name and name in words_of(root), (options, title)
    return name


def test_letters_and_shares_of_all_components_head_the_sheet(drawn):
    said = words_of(tree.fromstring(drawn("dataset:iris --model gaussian -k 3").read_text("utf-8")))
    shares = [float(s) for s in re.findall(r"(\d+\.\d) %", said)]
    assert len(shares) == 3 and sum(shares) == pytest.approx(100, abs=0.16)
    assert {"A", "B", "C"} <= set(said.split())


def test_points_stand_where_the_rows_are_in_the_colours_of_their_components(drawn, write):
    rows = [(0, 0), (1, 0), (0, 1), (10, 10), (11, 10), (10, 11)]
    write("data.csv", "x,y\n" + "".join(f"{x},{y}\n" for x, y in rows))
    root = tree.fromstring(drawn("data.csv --model gaussian -k 2 --covariance EII").read_text("utf-8"))
    (circles,) = points_of(root)
    at = np.array([[float(c.get(a) or "nan") for a in ("cx", "cy")] for c in circles])
    x, y = np.array(rows, float).T
    for data, pixels, sign in ((x, at[:, 0], 1), (y, at[:, 1], -1)):
        slope, offset = np.polyfit(data, pixels, 1)
        assert slope * sign > 1 and np.abs(slope * data + offset - pixels).max() < 0.02
    colours = [c.get("fill") for c in circles]
    assert len(set(colours[:3])) == len(set(colours[3:])) == 1 and colours[0] != colours[5]


def test_the_same_fit_gives_the_same_drawing(drawn):
    options = MODELS["four-columns"][0]
    assert drawn(options, "one.svg").read_bytes() == drawn(options, "two.svg").read_bytes()


@pytest.mark.parametrize("n", [5_000, 5_001])
def test_many_points_are_one_sharp_image_under_shapes(n: int, drawn, write):
    x = np.random.default_rng(1).normal(size=(n, 2))
    write("many.csv", "x,y\n" + "".join(f"{a:.4f},{b:.4f}\n" for a, b in x))
    file = drawn("many.csv --model gaussian -k 1")
    root = tree.fromstring(file.read_text("utf-8"))
    images = list(root.iter(f"{SVG}image"))
    if n == 5_000:
        assert [len(g) for g in points_of(root)] == [n] and not images
        return
    assert not points_of(root) and len(images) == 1 and file.stat().st_size < 2_000_000
    width = float(images[0].get("width") or 0)
    data = images[0].get("{http://www.w3.org/1999/xlink}href") or ""
    assert png_width(data) / (width / 96) >= 300  # dots per inch
    assert len(list(root.iter(f"{SVG}path"))) > 3 and "Gaussian mixture, K = 1" in words_of(root)


def png_width(link: str) -> int:
    import base64

    start = base64.b64decode(link.partition("base64,")[2][:64])
    assert start.startswith(b"\x89PNG")
    return int.from_bytes(start[16:20], "big")


# -- PDF ---------------------------------------------------------------------------------------------------------------
def objects_of(contents: bytes) -> dict[int, bytes]:
    return {int(n): body for n, body in re.findall(rb"(?ms)^(\d+) 0 obj\s(.*?)\sendobj", contents)}


def stream_of(body: bytes) -> bytes:
    data = body.partition(b"stream\n")[2].rpartition(b"endstream")[0]
    return zlib.decompressobj().decompress(data) if b"FlateDecode" in body else data


def letters_of(cmap: str) -> dict[int, str]:
    """What each glyph of a font means, by its ToUnicode table."""
    table: dict[int, str] = {}
    for first, last, to in re.findall(r"<(\w{4})> <(\w{4})> (\[[^\]]*\]|<\w+>)", cmap):
        codes = [int(c, 16) for c in re.findall(r"<(\w+)>", to)]
        if not to.startswith("["):
            codes = [codes[0] + i for i in range(int(last, 16) - int(first, 16) + 1)]
        table |= {int(first, 16) + i: chr(code) for i, code in enumerate(codes)}
    return table


def text_of(contents: bytes) -> str:
    """The text of a PDF as a reader would copy it, in the order in which it was painted."""
    objects = objects_of(contents)
    fonts = {}
    for name, n in re.findall(rb"/(F\d+) (\d+) 0 R", contents):
        found = re.search(rb"/ToUnicode (\d+) 0 R", objects[int(n)])
        assert found is not None
        fonts[name] = letters_of(stream_of(objects[int(found[1])]).decode("ascii"))
    said, font = "", {}
    for body in objects.values():
        if b"stream" not in body or b"/Subtype" in body:
            continue
        for name, glyphs in re.findall(rb"/(F\d+) [\d.]+ Tf|<([0-9A-Fa-f]+)> Tj", stream_of(body)):
            if name:
                font = fonts[name]
                said += " "
            else:
                said += "".join(font.get(int(glyphs[i : i + 4], 16), "\ufffd") for i in range(0, len(glyphs), 4))
    return said.replace("\u202f", " ")


@pytest.mark.parametrize("model", ["gaussian", "four-columns", "coins", "profiles", "hmm", "noisy-switch"])
def test_a_pdf_is_one_page_of_the_pictures_size_whose_text_can_be_copied(model: str, drawn):
    options, _, _, words = MODELS[model]
    contents = drawn(options, "fit.PDF").read_bytes()
    assert contents.startswith(b"%PDF-") and len(contents) < 1_000_000
    assert len(re.findall(rb"/Type /Page\b(?!s)", contents)) == 1
    (size,) = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", contents)
    assert float(size[0]) == pytest.approx(720) and 300 < float(size[1]) < 900
    assert b"/FontFile2" in contents and b"Inter" in contents
    said = " ".join(text_of(contents).split())
    assert words in said and "\ufffd" not in said
    assert re.search(r"log-likelihood −[\d ]+\.\d\d nats", said)
    assert "EM Studio".encode("utf-16-be") in contents


# -- formats -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("name", "start"), [("fit.png", b"\x89PNG"), ("fit.SVG", b"<?xml"), ("fit.pdf", b"%PDF-")])
def test_the_suffix_says_the_format(name: str, start: bytes, emstudio):
    answer = emstudio("fit", "dataset:old-faithful", "--model", "gaussian", "-k", 2, "--starts", 1, "--figure", name)
    assert answer.status == 0 and answer.err == ""
    assert (answer.folder / name).read_bytes().startswith(start)
    assert [p.name for p in answer.folder.iterdir()] == [name]


@pytest.mark.parametrize("name", ["fit.jpg", "fit", "png", "fit.pdf.gz"])
def test_another_suffix_is_refused_before_the_fit(name: str, refused):
    said = refused("fit", "no-such-file.csv", "--model", "gaussian", "--figure", name)
    assert said == f"{name}: a picture is written as PNG, SVG or PDF; give a name that ends in .png, .svg or .pdf"


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_a_folder_that_is_not_there_is_refused_before_the_fit(suffix: str, refused):
    said = refused("fit", "no-such-file.csv", "--model", "gaussian", "--figure", f"nowhere/fit.{suffix}")
    assert said.startswith(f"nowhere/fit.{suffix}: the folder to write into is not there")


def test_with_many_components_the_head_and_the_parameters_stay_whole(drawn):
    root = tree.fromstring(drawn("dataset:iris --model gaussian -k 12 --covariance EII").read_text("utf-8"))
    said = words_of(root)
    assert "Gaussian mixture, K = 12, EII" in said and " %" not in said and "weight π" not in said
    assert set("ABCDEFGHIJKL") <= set(said.split())
