"""Whether a window can be shown, told without loading Qt (which ends the process where there is no display)."""

from __future__ import annotations

import os
import sys


def has_display() -> bool:
    """Elsewhere than on Linux, or with a platform named by the person: yes. A variable may be set but empty."""
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
