"""What a person installs: the two commands, the wheel, its resources, the desktop entry."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from emstudio.resource import resource

ROOT = Path(__file__).resolve().parent.parent
PACKAGING = ROOT / "packaging"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

needs_sh = pytest.mark.skipif(shutil.which("sh") is None, reason="the scripts are for sh")


# -- the wheel ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's content, as an installer lays it out."""
    folder = tmp_path_factory.mktemp("site packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run_installed(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    others = [entry for entry in sys.path if entry and Path(entry).resolve() != ROOT]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(installed), *others])}
    command = [sys.executable, "-P", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=installed, timeout=120)


def test_the_wheel_carries_every_resource(wheel: Path):
    names = set(zipfile.ZipFile(wheel).namelist())
    here = [path for path in (ROOT / "resources").rglob("*") if path.is_file() and not path.name.startswith(".")]
    assert here
    assert {f"emstudio/resources/{path.relative_to(ROOT / 'resources').as_posix()}" for path in here} <= names
    assert not [name for name in names if name.startswith(("tests/", "packaging/"))]


def test_the_wheel_declares_the_command_and_the_licence(wheel: Path):
    archive = zipfile.ZipFile(wheel)
    (entry_points,) = [name for name in archive.namelist() if name.endswith("/entry_points.txt")]
    parser = configparser.ConfigParser()
    parser.read_string(archive.read(entry_points).decode())
    assert parser["console_scripts"]["emstudio"] == "emstudio.__main__:main"
    assert [name for name in archive.namelist() if name.endswith("licenses/LICENSE")]


def test_installed_resources_are_found_inside_the_package(installed: Path):
    # A stranger's folder of that name stands beside the package, as it may in any site-packages.
    (installed / "resources" / "datasets").mkdir(parents=True)
    (installed / "resources" / "datasets" / "old_faithful.csv").write_text("not ours\n")
    program = "from emstudio.resource import resource; print(resource('datasets/old_faithful.csv'))"
    done = run_installed(installed, "-c", program)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()) == installed / "emstudio" / "resources" / "datasets" / "old_faithful.csv"


def test_the_installed_command_works(installed: Path):
    done = run_installed(installed, "-m", "emstudio", "show", "dataset:old-faithful")
    assert done.returncode == 0, done.stderr
    assert "272" in done.stdout


# -- resources ---------------------------------------------------------------------------------------------------------


def test_a_checkout_reads_its_own_resources():
    assert resource("app.svg") == ROOT / "resources" / "app.svg"
    assert resource("datasets").is_dir()


def test_a_frozen_application_reads_its_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    inside = tmp_path / "emstudio" / "resources" / "icons"
    inside.mkdir(parents=True)
    (inside / "only-in-the-bundle.svg").write_text("<svg/>")
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path), raising=False)
    assert resource("icons/only-in-the-bundle.svg") == inside / "only-in-the-bundle.svg"


def test_a_missing_resource_is_named():
    with pytest.raises(FileNotFoundError, match=r"'icons/no-such\.svg' is missing"):
        resource("icons/no-such.svg")


# -- requirements ------------------------------------------------------------------------------------------------------


def constraints() -> dict[str, str]:
    lines = (PACKAGING / "constraints.txt").read_text("utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def test_every_requirement_has_a_tested_version_that_satisfies_it():
    tested = constraints()
    for text in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]:
        requirement = Requirement(text)
        version = tested[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{text}, tested with {version}"


def test_the_scripts_ask_for_what_the_project_declares():
    command = [sys.executable, str(PACKAGING / "requirements.py")]
    plain = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert plain.pop(0).startswith("# Python 3.")
    assert plain == PROJECT["dependencies"]
    with_test = subprocess.run([*command, "test"], capture_output=True, text=True, check=True).stdout.splitlines()
    assert with_test[1:] == [*plain, *PROJECT["optional-dependencies"]["test"]]


# -- the two commands --------------------------------------------------------------------------------------------------


def test_the_two_commands_are_those_of_the_readme():
    readme = (ROOT / "README.md").read_text("utf-8")
    assert "sh packaging/launch.sh" in readme
    assert "sh packaging/test.sh" in readme
    assert re.search(r"^exec sh packaging/test\.sh$", (ROOT / ".ci" / "run").read_text("utf-8"), re.MULTILINE)


class Machine:
    """A pretended machine: commands on a PATH of its own note how they were called and answer what a test says."""

    TOOLS = (
        "cat",
        "cksum",
        "cut",
        "dirname",
        "env",
        "find",
        "head",
        "ln",
        "mkdir",
        "mv",
        "rm",
        "sed",
        "sort",
        "tail",
        "tr",
        "true",
    )

    def __init__(self, folder: Path):
        self.bin, self.calls, self.home = folder / "bin", folder / "calls", folder / "environment"
        self.bin.mkdir()
        self.calls.write_text("")
        (folder / ".fonts").mkdir()
        (folder / ".fonts" / "some.ttf").touch()  # whether this real machine has fonts must not matter
        for name in self.TOOLS:
            (self.bin / name).symlink_to(shutil.which(name))
        # The parts are "installed" by a pip that only makes the folder; everything else of Python is the real one.
        self.command(
            "python3",
            f"""
            case "$*" in
            *sys.executable*|*sys._base_executable*) echo "$0"; exit ;;
            *"-m pip install"*) note "$@"; exit "${{PIP_STATUS:-0}}" ;;
            *"-m pip"*) exit 0 ;;
            *"-m emstudio"*|*"-m pytest"*) note "$@"; exit 7 ;;
            esac
            exec '{sys.executable}' "$@"
            """,
        )
        self.command("ldd", 'if [ -n "${LACKS:-}" ]; then echo "	$LACKS => not found"; fi')
        self.command("id", 'echo "${USER_ID:-0}"')
        self.command("apt-get", 'note "$@"')

    def command(self, name: str, body: str) -> None:
        note = f'note() {{ printf "%s %s\\n" "{name}" "$*" >>"{self.calls}"; }}'
        (self.bin / name).unlink(missing_ok=True)  # a link to the real one must not be written through
        (self.bin / name).write_text(f"#!{shutil.which('sh')}\n{note}\n{body}\n")
        (self.bin / name).chmod(0o755)

    def run(self, script: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": str(self.bin), "EMSTUDIO_ENVIRONMENT": str(self.home), "HOME": str(self.bin.parent)}
        environment |= variables
        command = [shutil.which("sh"), str(PACKAGING / script), *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)

    def called(self, name: str) -> list[str]:
        lines = self.calls.read_text().splitlines()
        return [line.removeprefix(name + " ") for line in lines if line.startswith(name + " ")]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@needs_sh
def test_launch_installs_once_and_hands_on_arguments_and_status(machine: Machine):
    first = machine.run("launch.sh", "fit", "my data.csv")
    assert first.returncode == 7, first.stderr
    assert first.stdout == ""
    second = machine.run("launch.sh")
    assert (second.returncode, second.stderr) == (7, "")
    install, start, again = machine.called("python3")
    assert "pip install" in install
    assert start == "-P -m emstudio fit my data.csv"
    assert again == "-P -m emstudio"


@needs_sh
def test_test_installs_the_extra_too(machine: Machine):
    done = machine.run("test.sh", "-k", "nothing")
    assert done.returncode == 7, done.stderr
    assert machine.called("python3")[-1] == "-P -m pytest -k nothing"
    (requirements,) = machine.home.glob("test-*/requirements.txt")
    assert PROJECT["optional-dependencies"]["test"][0] in requirements.read_text().splitlines()


@needs_sh
def test_a_failed_install_leaves_nothing_half_made(machine: Machine):
    failed = machine.run("launch.sh", PIP_STATUS="1")
    assert failed.returncode == 1
    assert "emstudio: error: the parts could not be installed" in failed.stderr
    assert [path.name for path in machine.home.iterdir()] == [".gitignore"]
    assert machine.run("launch.sh").returncode == 7


@needs_sh
def test_root_gets_qts_libraries_by_apt(machine: Machine):
    done = machine.run("launch.sh", LACKS="libEGL.so.1")
    update, install = machine.called("apt-get")
    assert update.endswith("update")
    assert "install -y --no-install-recommends libegl1 libgl1" in install
    assert "libxcb-cursor0" not in install
    assert "libEGL.so.1" in done.stderr  # this apt-get mends nothing: that is said, with the name


@needs_sh
def test_a_display_needs_more(machine: Machine):
    machine.run("launch.sh", LACKS="libxcb-cursor.so.0", DISPLAY=":0", WAYLAND_DISPLAY="wayland-0")
    install = machine.called("apt-get")[-1]
    assert "libxcb-cursor0" in install
    assert "libwayland-cursor0" in install


@needs_sh
def test_sudo_is_used_when_it_asks_nothing(machine: Machine):
    machine.command("sudo", 'note "$@"; shift; exec "$@"')
    machine.run("launch.sh", LACKS="libGL.so.1", USER_ID="1000")
    assert machine.called("sudo")[0] == "-n true"
    assert "install -y" in machine.called("apt-get")[-1]


@needs_sh
def test_without_rights_the_exact_line_is_shown(machine: Machine):
    done = machine.run("launch.sh", LACKS="libGL.so.1", USER_ID="1000")
    assert done.returncode == 1
    assert machine.called("apt-get") == []
    line = "sudo apt-get update && sudo apt-get install -y --no-install-recommends libegl1 libgl1"
    assert line in done.stderr


@needs_sh
def test_a_missing_font_is_installed_but_stops_nobody(machine: Machine):
    machine.command("find", "")  # finds no font
    assert machine.run("launch.sh", USER_ID="1000").returncode == 7
    assert machine.called("apt-get") == []
    assert machine.run("launch.sh").returncode == 7
    assert machine.called("apt-get")[-1].endswith("--no-install-recommends fonts-dejavu-core")


@needs_sh
def test_without_apt_the_libraries_are_named(machine: Machine):
    (machine.bin / "apt-get").unlink()
    done = machine.run("launch.sh", LACKS="libGL.so.1")
    assert done.returncode == 1
    assert "Qt needs libraries that this system lacks: libGL.so.1" in done.stderr


@needs_sh
def test_an_old_python_is_one_sentence(machine: Machine):
    machine.command("python3", "exit 1")
    done = machine.run("launch.sh")
    assert done.returncode == 1
    assert done.stderr.startswith("emstudio: error: Python 3.11 or newer was not found")
    assert len(done.stderr.splitlines()) == 1


# -- the desktop -------------------------------------------------------------------------------------------------------


def test_desktop_entry_and_metainfo_name_each_other_and_the_version():
    entry = configparser.ConfigParser(interpolation=None)
    entry.optionxform = str
    entry.read(PACKAGING / "emstudio.desktop", "utf-8")
    assert entry["Desktop Entry"]["Exec"] == "emstudio %F"
    (metainfo,) = PACKAGING.glob("*.metainfo.xml")
    component = ElementTree.parse(metainfo).getroot()
    assert component.findtext("launchable") == "emstudio.desktop"
    assert f"{component.findtext('id')}.metainfo.xml" == metainfo.name
    import emstudio

    assert component.find("releases/release").get("version") == emstudio.__version__


@pytest.mark.parametrize(
    "command",
    [("desktop-file-validate", "emstudio.desktop"), ("appstreamcli", "validate", "--no-net", "*.metainfo.xml")],
)
def test_the_desktops_own_tools_accept_them(command: tuple[str, ...]):
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    (path,) = PACKAGING.glob(command[-1])
    done = subprocess.run([*command[:-1], str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
