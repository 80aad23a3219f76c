"""What the frozen application starts: the same command as everywhere."""

import sys

from emstudio.__main__ import main

sys.exit(main())
