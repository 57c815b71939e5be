"""What is installed: the product and nothing of its tests. Nothing is compiled to find out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src"

LIST_FILES = """
import runpy, sys
import Cython.Build, setuptools
Cython.Build.cythonize = lambda extensions, **options: extensions
setup, made = setuptools.setup, []
setuptools.setup = lambda **facts: made.append(setup(**facts))
sys.argv = ["setup.py", "--name"]  # a question: nothing is built
runpy.run_path("setup.py")
for name in ("build_py", "build_ext"):
    command = made[0].get_command_obj(name)
    command.ensure_finalized()
    for path in command.get_outputs():
        print("packaged", path.removeprefix(command.build_lib).lstrip("/"))
"""


def packaged_files() -> set[str]:
    command = [sys.executable, "-c", LIST_FILES]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert not found.returncode, found.stderr
    lines = found.stdout.splitlines()
    return {line.removeprefix("packaged ") for line in lines if line.startswith("packaged ")}


def test_the_package_holds_the_product_and_no_test_code() -> None:
    kinds = (".py", ".pyi", ".pyx", ".pxd", ".h", ".typed")
    sources = [path for path in (SOURCE / "carnelian").rglob("*") if path.suffix in kinds]
    names = {str(path.relative_to(SOURCE)) for path in sources}
    modules = {name.removesuffix(".pyx") for name in names if name.endswith(".pyx")}
    found = packaged_files()
    compiled = {name.partition(".")[0] for name in found if name.endswith(".so")}
    assert compiled == modules
    assert {name for name in found if not name.endswith(".so")} == names


def test_no_source_of_the_product_is_named_after_tests() -> None:
    assert [path for path in (SOURCE / "carnelian").rglob("*") if "test" in path.stem] == []
