"""``python -m triplet_loss``: the program ``triplet``."""

from __future__ import annotations

import signal
import sys

from . import _native


def main() -> int:
    """Runs the command line program and returns its exit status."""
    # The program installs its own handler of SIGINT; Python's would only run after it has returned.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _native.command_line([sys.executable, "-m", "triplet_loss"], sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
