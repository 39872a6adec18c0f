"""What people want to see of the account: contents of campaigns, templates and senders (contract §4.8)."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction
from django.utils.translation import gettext_noop as _

from dotbridge.connections.models import Look, LookKind, LookState
from dotbridge.connections.request_moves import LOOK_MOVES, move
from dotbridge.connections.selectors import open_looks
from dotbridge.integrations.models import Integration
from dotbridge.mirror.models import CampaignContent, Draft, SenderAddress, Template
from dotbridge.sync.context import Refusal, StepContext, StepSkipped
from dotbridge.sync.failures import Failure
from dotbridge.sync.going_over import go_over
from dotbridge.sync.inbound.drafts import is_draft, store_content, store_drafts
from dotbridge.sync.inbound.storable import is_id, text
from dotbridge.sync.outbound.attempts import attempt
from dotdigital import NotFound, Rejected


def carry_out_looks(step: StepContext) -> None:
    """Read what was asked for, each alone. What was read goes from the list of what is asked for."""
    looks = open_looks(step.integration)
    if not looks:
        raise StepSkipped(_("Nobody waits for a mail or for templates to be shown."))

    def read(look: Look) -> None:
        def refused(error: Rejected | NotFound) -> None:
            if isinstance(error, NotFound) and look.kind == LookKind.CONTENT:
                _forget(step.integration, look.remote_id)
            move(look, LOOK_MOVES, LookState.FAILED, message=error.text)

        attempt(look, LOOK_MOVES, lambda: _read(step, look), refused=refused)
        step.advance(1, len(looks))

    go_over(step, looks, read, _refusal, turn=lambda look: look.pk)


def _refusal(look: Look, failure: Failure) -> Refusal:
    return Refusal(str(look), "not_read", failure.text)


def _read(step: StepContext, look: Look) -> None:
    _LOOKS[LookKind(look.kind)](step, look)
    # Asked for again meanwhile it was the same wish: what came is no older.
    Look.objects.filter(pk=look.pk).delete()
    step.count(read=1)


def _read_content(step: StepContext, look: Look) -> None:
    remote = step.account.campaigns.get(look.remote_id)
    with transaction.atomic():
        store_content(step.integration, remote)
        if is_draft(remote):
            store_drafts(step.integration, [remote], is_complete=False)
        else:
            Draft.objects.filter(integration=step.integration, remote_id=remote.id).delete()


def _read_templates(step: StepContext, _look: Look) -> None:
    template_pages = list(step.account.templates.pages())
    sender_pages = list(step.account.campaigns.from_addresses())
    templates = [each for page in template_pages for each in page.items if is_id(each.id)]
    senders = [each for page in sender_pages for each in page.items if is_id(each.id) and each.email]
    with transaction.atomic():
        # Beside a row that could not be read, what is not named may be that one.
        if not any(page.malformed for page in template_pages):
            gone = Template.objects.filter(integration=step.integration)
            gone.exclude(remote_id__in=[each.id for each in templates]).delete()
        Template.objects.bulk_create(
            [
                Template(
                    integration=step.integration,
                    remote_id=each.id,
                    name=text(each.name),
                    subject=text(each.subject),
                    from_name=text(each.from_name),
                )
                for each in {each.id: each for each in templates}.values()
            ],
            update_conflicts=True,
            unique_fields=["integration", "remote_id"],
            update_fields=["name", "subject", "from_name"],
        )
        if not any(page.malformed for page in sender_pages):
            left = SenderAddress.objects.filter(integration=step.integration)
            left.exclude(remote_id__in=[each.id for each in senders]).delete()
        SenderAddress.objects.bulk_create(
            [
                SenderAddress(integration=step.integration, remote_id=each.id, email=text(each.email))
                for each in {each.id: each for each in senders}.values()
            ],
            update_conflicts=True,
            unique_fields=["integration", "remote_id"],
            update_fields=["email"],
        )


def _forget(integration: Integration, remote_id: int) -> None:
    """The campaign does not exist any more, so it is neither to be sent nor to be looked at."""
    for model in (Draft, CampaignContent):
        model._base_manager.filter(integration=integration, remote_id=remote_id).delete()  # noqa: SLF001


_LOOKS: dict[LookKind, Callable[[StepContext, Look], None]] = {
    LookKind.CONTENT: _read_content,
    LookKind.TEMPLATES: _read_templates,
}
