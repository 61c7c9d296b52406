"""Runs the cases of cuts.py where each member is a host of its own."""

import cuts  # noqa: F401
from lib import inside

inside.mirror(globals(), 'cuts', inside.missing())
