"""Builds the package with the library in it.

CMake builds libbbz.so from the sources: those beside this directory or, in a source distribution, those in
`source/`. BBZ_PREBUILT names a libbbz.so that is taken instead.
"""

import os
import pathlib
import re
import shutil
import subprocess

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

try:
    from setuptools.command.bdist_wheel import bdist_wheel
except ImportError:  # setuptools before 70
    from wheel.bdist_wheel import bdist_wheel

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE / "source" if (HERE / "source").exists() else HERE.parent
LIBRARY = "libbbz.so.1"


def version() -> str:
    """Returns the version that CMakeLists.txt states."""
    found = re.search(r"project\(bbz VERSION ([0-9.]+)", (SOURCE / "CMakeLists.txt").read_text())
    if found is None:
        raise RuntimeError(f"{SOURCE / 'CMakeLists.txt'} states no version")
    return found.group(1)


class BuildWithLibrary(build_py):
    """Puts the library into the package."""

    def run(self):
        super().run()
        if self.editable_mode:
            return
        target = pathlib.Path(self.build_lib) / "bbz" / LIBRARY
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(os.environ.get("BBZ_PREBUILT") or self.build_library(), target)
        strip = shutil.which("strip")
        if strip:
            subprocess.run([strip, "--strip-unneeded", str(target)], check=True)

    def build_library(self):
        """Builds the library, and returns its path."""
        build = pathlib.Path(self.get_finalized_command("build").build_temp).resolve() / "cmake"
        options = ["-DCMAKE_BUILD_TYPE=Release", "-DBBZ_UNITY=ON", "-DBBZ_MOUNT=OFF"]
        options += [f"-DBBZ_BUILD_{part}=OFF" for part in ("TOOLS", "TESTS", "BENCH", "FUZZ")]
        subprocess.run(["cmake", "-S", str(SOURCE), "-B", str(build), *options], check=True)
        subprocess.run(["cmake", "--build", str(build), "--target", "bbz_c", "--parallel"], check=True)
        return next(build.rglob(LIBRARY))


class Wheel(bdist_wheel):
    """Makes one wheel for every Python: the library is loaded by ctypes, and linked with none."""

    def get_tag(self):
        return "py3", "none", super().get_tag()[2]


class SourceDistribution(sdist):
    """Adds the sources of the library."""

    def make_release_tree(self, base_dir, files):
        super().make_release_tree(base_dir, files)
        target = pathlib.Path(base_dir) / "source"
        if SOURCE == HERE / "source":
            shutil.copytree(SOURCE, target, dirs_exist_ok=True)
            return
        for part in ("lib", "cmake"):
            shutil.copytree(SOURCE / part, target / part)
        for part in ("CMakeLists.txt", "LICENSE"):
            shutil.copyfile(SOURCE / part, target / part)
        shutil.copyfile(SOURCE / "LICENSE", pathlib.Path(base_dir) / "LICENSE")


class WithLibrary(Distribution):
    """Is for one platform, though no extension is compiled."""

    def has_ext_modules(self):
        return True


setup(
    version=version(),
    distclass=WithLibrary,
    cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": Wheel, "sdist": SourceDistribution},
)
