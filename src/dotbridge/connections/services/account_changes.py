"""The writers of changes of the account: what people ask for is noted here and done by a worker."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from dotbridge.connections.models import OPEN_CHANGES, AccountChange, ChangeKind, ChangeState, RunKind
from dotbridge.connections.request_moves import CHANGE_MOVES, move
from dotbridge.connections.services.connecting import check_columns
from dotbridge.connections.services.run_requests import request_run
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import require_active
from dotbridge.lists.models import MarketingList
from dotbridge.mapping.models import MappingRow
from dotbridge.mirror.book_rules import EVERY_ACCOUNT_HAS, LONGEST_BOOK_NAME
from dotbridge.mirror.data_field_rules import (
    MOST_OF_A_TYPE,
    SYSTEM_FIELDS,
    FieldType,
    Visibility,
    checked_default,
    checked_name,
)
from dotbridge.mirror.models import AddressBook, DataField, Draft, SenderAddress, Template

# A run keeps them as they are, and whoever reads them has them in their own language.
IS_PREFERENCE = gettext_noop("%(name)s is a marketing preference. It is deleted in Dotdigital.")
IS_DOTDIGITALS = gettext_noop("%(name)s is one of Dotdigital's own data fields and cannot be deleted.")
IS_GONE = gettext_noop("%(name)s does not exist in Dotdigital any more.")
IS_IN_USE = gettext_noop("%(name)s is in use and cannot be deleted. Remove it first from: %(places)s.")

LONGEST_CAMPAIGN_NAME = 255
# Among the details of a change: Dotdigital has answered that it was carried out.
ANSWERED = "answered"


def request_data_field(
    *,
    integration: Integration,
    name: str,
    type: str,  # noqa: A002 - Dotdigital's own word
    visibility: str = Visibility.PRIVATE,
    default_value: str = "",
    notes: str = "",
    by: AbstractBaseUser | None = None,
) -> AccountChange:
    """Have a data field made in the account.

    Raises ValidationError, a text a field, for what Dotdigital would refuse.
    """
    problems: dict[str, Any] = {}
    if type not in FieldType.values:
        problems["type"] = _("Choose String, Numeric, Date or Boolean.")
    if visibility not in Visibility.values:
        problems["visibility"] = _("Choose Private or Public.")
    try:
        name = checked_name(name)
    except ValidationError as error:
        problems["name"] = error
    try:
        default_value = checked_default(type, default_value) if "type" not in problems else ""
    except ValidationError as error:
        problems["default_value"] = error
    if not problems:
        problems = _problems_in_account(integration, name, type)
    if problems:
        raise ValidationError(problems)
    details = {"type": type, "visibility": visibility, "default": default_value, "notes": notes}
    return _request(integration, ChangeKind.CREATE_DATA_FIELD, name, by, details=details)


def _problems_in_account(integration: Integration, name: str, kind: str) -> dict[str, Any]:
    fields = DataField.objects.filter(integration=integration, gone_at=None)
    if fields.filter(name__iexact=name).exists():
        return {"name": _("A data field with this name exists already in this account.")}
    most = MOST_OF_A_TYPE[FieldType(kind)]
    if fields.filter(type=kind).count() >= most:
        return {
            "type": _("The account has %(most)s data fields of this type, and Dotdigital allows no more.")
            % {"most": most}
        }
    return {}


@transaction.atomic
def request_data_field_deletion(*, data_field: DataField, by: AbstractBaseUser | None = None) -> AccountChange:
    """Have a data field deleted in the account, with the values of all contacts.

    Raises ValidationError for one of Dotdigital's own and for one that is mapped, saying where. Once asked for, nothing
    can be mapped to it.
    """
    field = DataField.objects.select_for_update().get(pk=data_field.pk)
    if problem := problem_of_deletion(field):
        raise ValidationError(problem)
    change = _request(field.integration, ChangeKind.DELETE_DATA_FIELD, field.name, by)
    DataField.objects.filter(pk=field.pk).update(leaving_since=timezone.now())
    return change


def problem_of_deletion(field: DataField) -> str:
    """Why a data field cannot be deleted; empty when it can, as far as we know."""
    if field.preference_id is not None:
        return _(IS_PREFERENCE) % {"name": field.name}
    if field.name.upper() in SYSTEM_FIELDS:
        return _(IS_DOTDIGITALS) % {"name": field.name}
    if field.gone_at is not None:
        return _(IS_GONE) % {"name": field.name}
    if places := mapped_at(field):
        return _(IS_IN_USE) % {"name": field.name, "places": "; ".join(places)}
    return ""


def mapped_at(field: DataField) -> list[str]:
    """Where a data field is filled from: the mappings by name, with the entity fields."""
    rows = MappingRow.objects.filter(data_field=field).select_related("mapping__integration")
    return [f"{row.mapping} ({' + '.join(row.entity_fields)})" for row in rows]


def request_address_book(
    *,
    integration: Integration,
    name: str,
    visibility: str = Visibility.PRIVATE,
    marketing_list: MarketingList | None = None,
    by: AbstractBaseUser | None = None,
) -> AccountChange:
    """Have an address book made in the account, and the list connected to it.

    Raises ValidationError, a text a field, for what Dotdigital would refuse and for a list that is connected already.
    """
    problems: dict[str, Any] = {}
    name = " ".join(name.split())
    if problem := _problem_of_book_name(integration, name):
        problems["name"] = problem
    if visibility not in Visibility.values:
        problems["visibility"] = _("Choose Private or Public.")
    if problems:
        raise ValidationError(problems)
    if marketing_list is not None:
        if hasattr(marketing_list, "connection"):
            raise ValidationError(_("The list is connected already: one list, one book."))
        check_columns(marketing_list)
        if AccountChange.objects.filter(marketing_list=marketing_list, state__in=OPEN_CHANGES).exists():
            raise ValidationError(_("An address book for this list is being made already."))
    details = {"visibility": visibility}
    return _request(
        integration, ChangeKind.CREATE_ADDRESS_BOOK, name, by, details=details, marketing_list=marketing_list
    )


def request_campaign(
    *,
    template: Template,
    name: str,
    subject: str,
    from_name: str,
    sender: SenderAddress | None = None,
    by: AbstractBaseUser | None = None,
) -> AccountChange:
    """Have a campaign made of a template, as a draft: nobody is sent it. Without a sender it is the account's own.

    Raises ValidationError, a text a field, for what Dotdigital would refuse.
    """
    given = {"name": name, "subject": subject, "from_name": from_name}
    given = {field: " ".join(value.split()) for field, value in given.items()}
    problems: dict[str, Any] = {
        field: _("This is needed.")
        if not value
        else _("At most %(most)s characters.") % {"most": LONGEST_CAMPAIGN_NAME}
        for field, value in given.items()
        if not 0 < len(value) <= LONGEST_CAMPAIGN_NAME
    }
    account = template.integration_id
    if sender is not None and sender.integration_id != account:
        problems["sender"] = _("This is no sender of the template's account.")
    if Draft.objects.filter(integration=account, name__iexact=given["name"]).exists():
        problems["name"] = _("A campaign of this name is waiting to be sent already.")
    if problems:
        raise ValidationError(problems)
    details = {
        "template": template.remote_id,
        "subject": given["subject"],
        "from_name": given["from_name"],
        "sender": sender.remote_id if sender else None,
    }
    return _request(template.integration, ChangeKind.CREATE_CAMPAIGN, given["name"], by, details=details)


def _problem_of_book_name(integration: Integration, name: str) -> str:
    if not name:
        return _("An address book needs a name.")
    if len(name) > LONGEST_BOOK_NAME or not name.isprintable():
        return _("Dotdigital takes at most %(most)s characters as the name of an address book.") % {
            "most": LONGEST_BOOK_NAME
        }
    if name.lower() in EVERY_ACCOUNT_HAS:
        return _("Every account has an address book of this name. Choose another one.")
    if AddressBook.objects.filter(integration=integration, name__iexact=name, gone_at=None).exists():
        return _("An address book with this name exists already in this account.")
    return ""


@transaction.atomic
def retry_change(*, change: AccountChange) -> None:
    """Have a failed change tried again. Raises ValidationError for any other."""
    details = {name: detail for name, detail in change.details.items() if name != ANSWERED}
    again = {"state": ChangeState.WAITING, "attempts": 0, "due_at": None, "finished_at": None, "details": details}
    if not AccountChange.objects.filter(pk=change.pk, state=ChangeState.FAILED).update(**again):
        raise ValidationError(_("Only what failed can be tried again."))
    if change.kind == ChangeKind.DELETE_DATA_FIELD:
        _mark_leaving(change, is_leaving=True)
    request_run(integration=change.integration, kind=RunKind.REQUESTS, trigger="person")


@transaction.atomic
def discard_change(*, change: AccountChange) -> None:
    """Forget a change that failed or that no worker has begun. Raises ValidationError once Dotdigital was asked."""
    deleted, _rows = AccountChange.objects.filter(
        pk=change.pk, state__in=[ChangeState.WAITING, ChangeState.FAILED]
    ).delete()
    if not deleted:
        raise ValidationError(_("Dotdigital was asked for it already, so it cannot be taken back."))
    if change.kind == ChangeKind.DELETE_DATA_FIELD:
        _mark_leaving(change, is_leaving=False)


def finish_change(*, change: AccountChange, state: ChangeState, message: str = "") -> None:
    """Note how a change ended. A data field that was not deleted can be mapped again."""
    move(change, CHANGE_MOVES, state, message=message, finished_at=timezone.now())
    note_failed_deletion(change=change)


def note_failed_deletion(*, change: AccountChange) -> None:
    """A data field whose deletion failed can be mapped again. Does nothing for any other change."""
    if change.kind == ChangeKind.DELETE_DATA_FIELD and change.state == ChangeState.FAILED:
        _mark_leaving(change, is_leaving=False)


def _mark_leaving(change: AccountChange, *, is_leaving: bool) -> None:
    DataField.objects.filter(integration=change.integration, name=change.name).update(
        leaving_since=timezone.now() if is_leaving else None
    )


def _request(
    integration: Integration, kind: ChangeKind, name: str, by: AbstractBaseUser | None, **values: Any
) -> AccountChange:
    require_active(integration)
    try:
        with transaction.atomic():
            change = AccountChange.objects.create(
                integration=integration, kind=kind, name=name, requested_by_id=by.pk if by else None, **values
            )
    except IntegrityError:
        text = _("The same was asked for already. Look under Changes of the account.")
        raise ValidationError({"name": text}) from None
    request_run(integration=integration, kind=RunKind.REQUESTS, trigger="person")
    return change
