"""``python -m dynafile``: the command, where the script is not on the path."""

from __future__ import annotations

import sys

from dynafile.cli import main

if __name__ == "__main__":
    sys.exit(main())
