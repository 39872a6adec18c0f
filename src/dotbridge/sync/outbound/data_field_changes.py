"""Data fields made and deleted in the account (contract §4.7)."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from dotbridge.connections.models import AccountChange, ChangeState
from dotbridge.connections.services import finish_change, problem_of_deletion
from dotbridge.mapping.models import MappingRow
from dotbridge.mirror.data_field_rules import default_to_send, same_default
from dotbridge.mirror.models import DataField
from dotbridge.sync.context import StepContext
from dotbridge.sync.inbound.data_fields import store_data_fields
from dotbridge.sync.outbound.making import Making
from dotbridge.sync.texts import IN_USE, OTHER_DATA_FIELD
from dotdigital import DataField as RemoteField
from dotdigital import Dependency, NotFound


class NewDataField(Making[RemoteField]):
    """A data field to be made."""

    def look_for(self, step: StepContext, name: str) -> RemoteField | None:
        """Read the account's fields."""
        return find_remotely(step, name)

    def is_as_asked(self, change: AccountChange) -> bool:
        """Whether type, visibility and default are those asked for."""
        found, asked = self.found, change.details
        return (
            found.type == asked["type"]
            and found.visibility in ("", asked["visibility"])
            and same_default(asked["type"], asked["default"], found.default_value)
        )

    def ask(self, step: StepContext, change: AccountChange) -> None:
        """Have it made."""
        asked = change.details
        default = default_to_send(asked["type"], asked["default"])
        step.account.create_data_field(change.name, asked["type"], visibility=asked["visibility"], default=default)

    def keep(self, change: AccountChange) -> str:
        """Into the mirror, with the notes that were typed."""
        store_data_fields(change.integration, [self.found])
        kept = DataField.objects.filter(integration=change.integration, name=self.found.name)
        kept.update(notes=change.details["notes"], leaving_since=None)
        return ""

    def remember_other(self, change: AccountChange) -> str:
        """Into the mirror, as the other that it is."""
        store_data_fields(change.integration, [self.found])
        return OTHER_DATA_FIELD % {"type": self.found.type}


def delete_data_field(step: StepContext, change: AccountChange, note_asked: Callable[[AccountChange], None]) -> None:
    """Delete a data field, unless something uses it here or there. May be asked for any number of times."""
    field = DataField.objects.filter(integration=change.integration, name=change.name).first()
    if field is not None and (problem := problem_of_deletion(field)):
        finish_change(change=change, state=ChangeState.FAILED, message=problem)
        return
    note_asked(change)
    try:
        answer = step.account.delete_data_field(change.name)
    except NotFound:
        # Nobody knows it, or it is one of Dotdigital's own: those are not found either when they are to be deleted.
        if find_remotely(step, change.name) is not None:
            text = _("Dotdigital keeps this data field for itself and does not delete it.")
            finish_change(change=change, state=ChangeState.FAILED, message=text)
            return
    else:
        if not answer.result:
            text = _in_use(answer.dependencies)
            finish_change(change=change, state=ChangeState.FAILED, message=text)
            return
    with transaction.atomic():
        _forget(change)
        finish_change(change=change, state=ChangeState.DONE)


def find_remotely(step: StepContext, name: str) -> RemoteField | None:
    """The account's data field of this name, in any case of letters."""
    fields = step.account.data_fields().items
    return next((field for field in fields if field.name.upper() == name.upper()), None)


def _forget(change: AccountChange) -> None:
    field = DataField.objects.select_for_update().filter(integration=change.integration, name=change.name)
    if MappingRow.objects.filter(data_field__in=field).exists():
        field.update(gone_at=timezone.now(), leaving_since=None)
    else:
        field.delete()


def _in_use(dependencies: list[Dependency | str]) -> str:
    places = ", ".join(
        dependency if isinstance(dependency, str) else f"{dependency.type} {dependency.object_id}"
        for dependency in dependencies
    )
    if not places:
        return _("Dotdigital did not delete it: it is in use there.")
    return IN_USE % {"places": places}
