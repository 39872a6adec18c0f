"""Addresses that are not written to because another record on the list, which may not be mailed, has them by now.

A record that opted out binds the address it had then. Where its address was changed since to one that others on the
list have too, the export writes to none of them. So that whoever asks the one question hears the same, these addresses
stand among the states, worked out anew each time the members of a connected list are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connection

from dotbridge.consent.conditions import scopes_as_sql
from dotbridge.consent.models import ConsentState, Scope, SubjectKind
from dotbridge.consent.scopes import ListScopes

# The word is the record's. No event of the ledger is about this address, so the state names none.
_KEEP = """
    WITH shared AS ({shared}),
    found AS (
        SELECT DISTINCT ON (a.email_key) a.email_key, s.what, s.source, s.status, s.since
        FROM shared a
        JOIN dotbridge_consent_consentstate s
            ON s.kind = 'record' AND s.entity = %(entity)s AND s.subject = a.record_id AND s.is_blocked
           AND (s.scope, s.scope_id) IN ({scopes})
        ORDER BY a.email_key, s.since, s.id
    ),
    ended AS (
        DELETE FROM dotbridge_consent_consentstate
        WHERE scope = 'list' AND scope_id = %(list)s AND kind = 'shared' AND is_blocked
          AND subject NOT IN (SELECT email_key FROM found)
    )
    INSERT INTO dotbridge_consent_consentstate
        (scope, scope_id, kind, entity, subject, is_blocked, what, source, status, since, event_id)
    SELECT 'list', %(list)s, 'shared', '', email_key, true, what, source, status, since, 0 FROM found
    ON CONFLICT (scope, scope_id, kind, entity, subject) DO NOTHING
"""


def forget_shared_addresses(*, list_id: int) -> None:
    """Forget them for a list that is not connected any more: nobody is written to through it."""
    ConsentState.objects.filter(scope=Scope.LIST, scope_id=list_id, kind=SubjectKind.SHARED).delete()


def keep_shared_addresses(scopes: ListScopes, entity: str, *, shared: str, parameters: Mapping[str, Any]) -> None:
    """Keep which addresses of a list are not written to for another record's sake, and forget those that were.

    `shared` is a query of `record_id` and `email_key`, with named parameters: the records that may not be mailed and
    whose address others have who may be.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _KEEP.format(shared=shared, scopes=scopes_as_sql(scopes)),
            {**parameters, "entity": entity, "list": scopes.list_id},
        )
