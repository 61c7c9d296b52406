"""Runs the cases of disks.py where small disks may be mounted."""

import disks  # noqa: F401
from lib import inside

inside.mirror(globals(), 'disks', inside.missing())
