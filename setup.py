"""Compiles every .pyx under src/ into an extension of its own; all else is in pyproject.toml.

Environment: CARNELIAN_TESTS=1 compiles tests/native/ instead, as the modules of a package `native`
that is never installed (`build_ext --build-lib DIR`, and DIR on the path). CARNELIAN_DEBUG=1 turns
on assertions and audits, CARNELIAN_ASAN=1 adds AddressSanitizer (and sends every allocation to
malloc so that it is seen), CARNELIAN_CFLAGS appends compiler flags, CARNELIAN_PROGRESS=1 tells of
each file that is done (tools/compile.py reads it).
"""

import os
from pathlib import Path

from Cython.Build import cythonize
from Cython.Compiler import Options
from setuptools import Extension, setup
from setuptools.command.build import build
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).parent
FOR_TESTS = os.environ.get("CARNELIAN_TESTS") == "1"
DEBUG = os.environ.get("CARNELIAN_DEBUG") == "1"
ASAN = os.environ.get("CARNELIAN_ASAN") == "1"
TELLS_PROGRESS = os.environ.get("CARNELIAN_PROGRESS") == "1"
JOBS = os.cpu_count() or 1

Options.warning_errors = True


def sources():
    """Each module's name and its source."""
    top = ROOT / "tests" if FOR_TESTS else ROOT / "src"
    for source in sorted((top / "native" if FOR_TESTS else top).rglob("*.pyx")):
        yield ".".join(source.relative_to(top).with_suffix("").parts), source


class CompleteBuild(build):
    """A build directory lives on: what has no source any more must not reach a package."""

    def run(self):
        super().run()
        kept = {Path(path).resolve() for path in self.get_outputs()}
        for path in Path(self.build_lib, "carnelian").rglob("*"):
            if path.is_file() and path.resolve() not in kept:
                path.unlink()

    def get_outputs(self):
        commands = map(self.get_finalized_command, self.get_sub_commands())
        return [path for command in commands for path in command.get_outputs()]


class ParallelBuild(build_ext):
    done = 0

    def finalize_options(self):
        super().finalize_options()
        if self.parallel is None:
            self.parallel = JOBS

    def build_extension(self, extension):
        super().build_extension(extension)
        self.done += 1
        if TELLS_PROGRESS:
            print(f"[{self.done}/{len(self.extensions)}] compiled {extension.name}", flush=True)


def extensions():
    flags = ["-std=c11", "-O2", "-g0", "-fno-strict-aliasing", "-fvisibility=hidden", "-Wall",
             "-Wno-unused-function", "-Wno-maybe-uninitialized"]
    link = []
    if DEBUG or ASAN:
        flags += ["-O1", "-g", "-DCARNELIAN_DEBUG=1"]
    if ASAN:
        flags += ["-fsanitize=address", "-fno-omit-frame-pointer", "-DCARNELIAN_ASAN=1"]
        link += ["-fsanitize=address"]
    flags += os.environ.get("CARNELIAN_CFLAGS", "").split()
    for module, source in sources():
        yield Extension(
            module,
            [str(source.relative_to(ROOT))],
            include_dirs=["src/carnelian/base"],
            depends=["src/carnelian/base/native.h"],
            extra_compile_args=flags,
            extra_link_args=link,
        )


setup(
    ext_modules=cythonize(
        list(extensions()),
        nthreads=JOBS,
        build_dir="build/cython",
        include_path=["src"],
        compiler_directives={
            "language_level": 3,
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": False,
            "nonecheck": False,
            "freethreading_compatible": False,
        },
    ),
    cmdclass={"build": CompleteBuild, "build_ext": ParallelBuild},
)
