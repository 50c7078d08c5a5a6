"""Draws the pictures of docs/algorithm.md: `python3 docs/figures/draw [--check]`.

They are written beside this folder. `--check` writes nothing and fails if one of them is not what
this program draws. The numbers in them are computed, or taken from the two examples, which assert
what the page says.
"""

import sys
from importlib import import_module
from pathlib import Path

MODULES = ["rows", "gram", "triangle", "search", "merge", "buckets", "gradient", "retrieval", "costs"]


def main(arguments):
    if arguments not in ([], ["--check"]):
        sys.exit(__doc__)
    folder = Path(__file__).resolve().parent.parent
    stale = []
    for module in MODULES:
        for name, draw in import_module(module).FIGURES.items():
            path, svg = folder / f"{name}.svg", draw().svg()
            if not arguments:
                path.write_text(svg, encoding="utf-8")
            elif not path.is_file() or path.read_text(encoding="utf-8") != svg:
                stale.append(path.name)
    if stale:
        sys.exit(f"not as drawn: {', '.join(stale)}; run: python3 docs/figures/draw")


main(sys.argv[1:])
