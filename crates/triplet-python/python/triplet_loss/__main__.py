"""``python -m triplet_loss``: the program ``triplet``."""

from __future__ import annotations

import signal
import sys

from . import _native


def main() -> int:
    """Runs the command line program; answers its exit status."""
    # Ctrl-C is the program's to handle, as where it runs on its own.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _native.command_line([sys.executable, "-m", "triplet_loss"], sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
