"""What the database's advisory locks are called, which all processes of a project take turns by."""

from __future__ import annotations

# Two projects may keep their tables in two schemas of one database: its locks are the database's, and their records
# have the same numbers. The parameter is the lock's name.
LOCK_KEY = "hashtextextended(current_schema() || '.' || %s::text, 0)"
