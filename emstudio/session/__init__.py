"""The session: `Session` is all that a window talks to."""

from emstudio.core.errors import Notice
from emstudio.session.session import FASTEST, Session

__all__ = ["FASTEST", "Notice", "Session"]
