"""The one question, as conditions that can stand in any statement: who may not be mailed within these scopes?

Nobody is mailed whose record may not be mailed, under any address, nor whose address may not be, whatever record has
it. An erased address is known by its keyed hash alone.
"""

from __future__ import annotations

from datetime import timedelta

from django.db.models import (
    BigIntegerField,
    BinaryField,
    BooleanField,
    Exists,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Value,
)
from django.db.models.expressions import Combinable, ExpressionWrapper
from psycopg import sql

from dotbridge.consent.keys import BUCKETS, HashKey, hash_key
from dotbridge.consent.models import ConsentState, ErasedAddress, Scope, SubjectKind
from dotbridge.consent.scopes import ListScopes
from dotbridge.entities.sql import Fragment
from dotbridge.one_reading import asked_once

# A word is dated before its transaction ends, so for so long after its date it may not be seen yet.
LONGEST_TRANSACTION = timedelta(hours=1)
# What a state is about that names an address.
OF_ADDRESSES = (SubjectKind.ADDRESS, SubjectKind.SHARED)
_BLOCKED_ADDRESSES = """
    SELECT subject AS email_key FROM dotbridge_consent_consentstate
    WHERE is_blocked AND kind IN ({kinds}) AND (scope, scope_id) IN ({scopes})
"""
_BLOCKED_RECORDS = """
    SELECT subject AS record_id FROM dotbridge_consent_consentstate
    WHERE is_blocked AND kind = 'record' AND entity = {entity} AND (scope, scope_id) IN ({scopes})
"""
# By the index over the moment when a word was learned; then each state by its key.
_STATES_SINCE = """(
        SELECT s.* FROM (
            SELECT DISTINCT e.scope, e.scope_id, v.kind, v.entity, v.subject
            FROM dotbridge_consent_consentevent e
            CROSS JOIN LATERAL (VALUES ('address', '', e.email_key), ('record', e.entity, e.record_id))
                v (kind, entity, subject)
            WHERE e.learned_at >= %(since)s AND e.scope IN ({scopes}) AND v.subject <> ''
        ) w
        JOIN dotbridge_consent_consentstate s
            ON (s.scope, s.scope_id, s.kind, s.entity, s.subject)
             = (w.scope, w.scope_id, w.kind, w.entity, w.subject)
    )"""
_BUCKET = f"(hashtextextended({{column}}, %s) & {BUCKETS - 1})::int"
# HMAC-SHA256, as the database itself can work it out.
_HASH = "sha256(%s || sha256(%s || convert_to({column}, 'UTF8')))"


def within(scopes: ListScopes) -> Q:
    """The states of these scopes."""
    condition = Q()
    for scope, scope_id in scopes.pairs():
        condition |= Q(scope=scope, scope_id=scope_id)
    return condition


def is_blocked(
    scopes: ListScopes, entity: str, *, record: str = "record_id", email_key: str = "email_key"
) -> Combinable:
    """Whether a row's record or address may not be mailed; the names are those of the row's columns."""
    condition = Q(record_is_blocked(scopes, entity, record)) | Q(address_is_blocked(scopes, email_key))
    if is_anybody_erased():
        condition |= Q(address_is_erased(email_key))
    return ExpressionWrapper(condition, output_field=BooleanField())


@asked_once
def is_anybody_erased() -> bool:
    """Whether any address was erased; as long as none was, no statement has to ask."""
    return ErasedAddress.objects.exists()


def blocking_states(entity: str, *, record: Combinable | str, email_key: Combinable | str) -> QuerySet[ConsentState]:
    """What stands against mailing one record or its address, in whatever scope. Erased ones are not asked here."""
    about = Q(kind=SubjectKind.RECORD, entity=entity, subject=record)
    about |= Q(kind__in=OF_ADDRESSES, entity="", subject=email_key)
    return ConsentState.objects.filter(about, is_blocked=True)


def record_is_blocked(scopes: ListScopes, entity: str, record: str = "record_id") -> Exists:
    """Whether the record may not be mailed, under any address."""
    states = _within(scopes).filter(kind=SubjectKind.RECORD, entity=entity, subject=OuterRef(record))
    return Exists(states.filter(is_blocked=True))


def address_is_blocked(scopes: ListScopes, email_key: str) -> Exists:
    """Whether the address may not be mailed, whoever has it. Erased ones are not asked here."""
    states = _within(scopes).filter(kind__in=OF_ADDRESSES, entity="", subject=OuterRef(email_key))
    return Exists(states.filter(is_blocked=True))


def address_is_erased(email_key: str) -> Exists:
    """Whether the address is one that was erased."""
    key = hash_key()
    return Exists(
        ErasedAddress.objects.filter(
            bucket=_bucket(key, OuterRef(email_key)), address_hash=_hashed(key, OuterRef(email_key))
        )
    )


def blocked_addresses(scopes: ListScopes, *, with_shared: bool = False) -> str:
    """The addresses that may not be mailed within these scopes, whoever has them: a query with the column `email_key`.

    Those that are only shared with such a record come `with_shared` alone: an export works them out anew.
    """
    kinds = OF_ADDRESSES if with_shared else (SubjectKind.ADDRESS,)
    return _BLOCKED_ADDRESSES.format(kinds=", ".join(f"'{kind.value}'" for kind in kinds), scopes=scopes_as_sql(scopes))


def blocked_records(scopes: ListScopes, entity: str) -> str:
    """The records of an entity that may not be mailed within these scopes: a query with the column `record_id`."""
    return _BLOCKED_RECORDS.format(scopes=scopes_as_sql(scopes), entity=sql.Literal(entity).as_string(None))


def states_since(*scopes: Scope) -> str:
    """The states of these scopes about which something was said since the moment `since`: a query, in brackets."""
    return _STATES_SINCE.format(scopes=", ".join(f"'{scope.value}'" for scope in scopes))


def erased_addresses(column: str) -> Fragment | None:
    """A condition that holds where the column's address was erased; None as long as nobody was."""
    if not is_anybody_erased():
        return None
    key = hash_key()
    return Fragment(
        f"EXISTS (SELECT FROM dotbridge_consent_erasedaddress e WHERE e.bucket = {_BUCKET.format(column=column)} "
        f"AND e.address_hash = {_HASH.format(column=column)})",
        (key.seed, key.outer, key.inner),
    )


def scopes_as_sql(scopes: ListScopes) -> str:
    """The pairs of these scopes, for an IN."""
    pairs = (sql.SQL("({}, {})").format(*map(sql.Literal, pair)) for pair in scopes.pairs())
    return sql.SQL(", ").join(pairs).as_string(None)


def _bucket(key: HashKey, address: Combinable) -> Func:
    found = Func(address, Value(key.seed), function="hashtextextended", output_field=BigIntegerField())
    return Func(found, template=f"(%(expressions)s & {BUCKETS - 1})::int", output_field=IntegerField())


def _hashed(key: HashKey, address: Combinable) -> Func:
    encoded = Func(address, Value("UTF8"), function="convert_to", output_field=BinaryField())
    inner = Func(Value(key.inner), encoded, function="sha256", arg_joiner=" || ", output_field=BinaryField())
    return Func(Value(key.outer), inner, function="sha256", arg_joiner=" || ", output_field=BinaryField())


def _within(scopes: ListScopes) -> QuerySet[ConsentState]:
    return ConsentState.objects.filter(within(scopes))
