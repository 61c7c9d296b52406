"""Runs the cases of names.py where /etc/hosts may be replaced."""

import names  # noqa: F401
from lib import inside

inside.mirror(globals(), 'names', inside.missing())
