"""`python -m emstudio.cli COMMAND ...`: the commands alone."""

import sys

from emstudio.cli import main

if __name__ == "__main__":
    sys.exit(main())
