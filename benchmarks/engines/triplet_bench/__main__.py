"""python -m triplet_bench GROUPS THREADS"""

import sys

from .protocol import main

main(sys.argv[1].split(","), int(sys.argv[2]))
