"""What contact files say of opting out, written to the ledger in the transaction that loads the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dotbridge.consent.bulk import record_events
from dotbridge.consent.models import Scope, Source, What
from dotbridge.files.opt_outs import OptOuts, receive_opt_outs

if TYPE_CHECKING:
    from django.db.backends.utils import CursorWrapper

# A doubtful cell binds like a clear one; the evidence says what stood in it. A moment that is not told, or that lies in
# the future, is the one in which we learn of it.
_OF_FILE = """
    SELECT %(scope)s, 0, %(what)s, %(source)s, '', least(f.happened_at, now()), f.key, %(entity)s,
           coalesce(f.record_id::text, ''), NULL::bigint,
           left(format('%%s, line %%s, %%s: %%s', %(file)s::text, f.line, f.column_name, f.value), 1000)
    FROM {stage_table} f
    ORDER BY f.line, f.key
"""


def keep_opt_outs(_cursor: CursorWrapper, opt_outs: OptOuts) -> None:
    """Bind everybody whom the file names, record and address, in every list."""
    parameters: dict[str, Any] = {
        "scope": Scope.EVERYTHING.value,
        "what": What.OPTED_OUT.value,
        "source": Source.FILE.value,
        "entity": opt_outs.entity_key,
        "file": opt_outs.source_name,
    }
    record_events(selection=_OF_FILE.format(stage_table=opt_outs.stage_table), parameters=parameters)


def register() -> None:
    """Have every file's opt-outs kept here."""
    receive_opt_outs(keep_opt_outs)
