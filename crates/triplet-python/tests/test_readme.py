"""The package's README, run: each block is a program of its own, as a reader would paste it."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys

import pytest
from conftest import ROOT

PAGE = (ROOT / "crates" / "triplet-python" / "README.md").read_text()
BLOCKS = re.findall(r"```python (\w+)\n(.*?)```", PAGE, re.DOTALL)
MODULES = {"plot": "matplotlib"}
PROJECT = (ROOT / "README.md").read_text()
BLOCKS += re.findall(r"## Ten lines\n\n```python()\n(.*?)```", PROJECT, re.DOTALL)
BLOCKS = [(name or "torch", code) for name, code in BLOCKS]


def test_every_block_is_run():
    assert PAGE.count("```python") == 6
    assert len(BLOCKS) == 7, "six here, and the ten lines of the project's page"


@pytest.mark.parametrize(("name", "code"), BLOCKS, ids=[name for name, _ in BLOCKS])
def test_block(name, code, tmp_path):
    if importlib.util.find_spec(MODULES.get(name, name)) is None:
        pytest.skip(f"{name} is not installed")
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout
