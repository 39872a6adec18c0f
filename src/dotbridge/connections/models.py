"""What a person makes and asks for: connections of lists with address books, and requests that a worker carries out.

Each request knows whether Dotdigital was asked already.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now, Upper
from django.utils.translation import gettext_lazy as _

from dotbridge.connections.send_models import (
    OPEN_SENDS,
    CampaignSend,
    Look,
    LookKind,
    LookState,
    SendState,
)
from dotbridge.entities.record_ids import RECORD_ID_LENGTH
from dotbridge.lists.models import MarketingList
from dotbridge.mirror.models import AddressBook

__all__ = [
    "OPEN_CHANGES",
    "OPEN_RESUBSCRIPTIONS",
    "OPEN_SENDS",
    "AccountChange",
    "BookOfList",
    "CampaignSend",
    "ChangeKind",
    "ChangeState",
    "ContactRequest",
    "ContactRequestKind",
    "Ending",
    "EndingState",
    "ListConnection",
    "Look",
    "LookKind",
    "LookState",
    "Resubscription",
    "ResubscriptionState",
    "RunKind",
    "SendState",
]


class RunKind(models.TextChoices):
    """Which half of the work a run does."""

    SYNC = "sync", _("Import and export")
    IMPORT = "import", _("Import")
    EXPORT = "export", _("Export")
    CHANGES = "changes", _("Field changes")
    DATA_FIELDS = "data_fields", _("Data fields")
    RECONCILE = "reconcile", _("Full comparison")
    REQUESTS = "requests", _("What people asked for")


class ListConnection(models.Model):
    """One marketing list and the one address book it is kept in step with. The database allows no second of either."""

    marketing_list = models.OneToOneField(
        MarketingList, models.PROTECT, related_name="connection", verbose_name=_("marketing list")
    )
    address_book = models.OneToOneField(
        AddressBook, models.PROTECT, related_name="connection", verbose_name=_("address book")
    )
    unsubscribes_book = models.BooleanField(
        _("an opt-out unsubscribes from the book"),
        default=False,
        help_text=_(
            "Whoever opts out of the list is also unsubscribed from the address book in Dotdigital. Otherwise they are "
            "only taken out of it."
        ),
    )
    always_put_back = models.BooleanField(
        _("always put back"),
        default=False,
        help_text=_("Send members again who were taken out of the address book, or deleted, in Dotdigital."),
    )
    create_entities = models.BooleanField(
        _("create new entities"),
        default=False,
        help_text=_("Make a record of each contact of the book whose address no record has."),
    )
    created_at = models.DateTimeField(_("connected"), auto_now_add=True)
    compared_as = models.CharField(
        max_length=64,
        blank=True,
        help_text=_("How values were made when all were compared. Where it differs, all are compared again."),
    )
    stopped_at = models.DateTimeField(_("stopped since"), null=True, editable=False)
    stopped_rows = models.IntegerField(_("how many it concerned"), default=0)
    stopped_of = models.IntegerField(_("of how many"), default=0)
    allowed_rows = models.IntegerField(_("how many are allowed once"), null=True, editable=False)
    allowed_at = models.DateTimeField(_("allowed"), null=True, editable=False)
    allowed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("allowed by")
    )

    class Meta:
        verbose_name = _("connection")
        verbose_name_plural = _("connections")
        ordering = ["marketing_list__name"]

    def __str__(self) -> str:
        return f"{self.marketing_list} ↔ {self.address_book}"


class BookOfList(models.Model):
    """An address book that a list is connected to, or was: who left it has left the list, wherever the list goes.

    Book and account are named by their keys here, which nothing else ever gets: they may be gone by now. `read_at` is
    when the list heard last who has left the book; None while that is still to be done, after it was connected anew.
    """

    marketing_list = models.ForeignKey(
        MarketingList, models.CASCADE, related_name="+", verbose_name=_("marketing list"), db_index=False
    )
    book_id = models.BigIntegerField(_("address book"))
    account_id = models.BigIntegerField(_("account"))
    read_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("address book of a list")
        verbose_name_plural = _("address books of lists")
        constraints = [models.UniqueConstraint(fields=["marketing_list", "book_id"], name="book_of_list_once")]

    def __str__(self) -> str:
        return f"{self.marketing_list_id}/{self.book_id}"


class ChangeKind(models.TextChoices):
    """What is to be made or deleted in the account."""

    CREATE_DATA_FIELD = "create_data_field", _("Create a data field")
    DELETE_DATA_FIELD = "delete_data_field", _("Delete a data field")
    CREATE_ADDRESS_BOOK = "create_address_book", _("Create an address book")
    CREATE_CAMPAIGN = "create_campaign", _("Create a campaign")


class ChangeState(models.TextChoices):
    """Where a change stands. *Asked* is written before the call: found so later, its outcome has to be looked up."""

    WAITING = "waiting", _("Waiting for the worker")
    ASKED = "asked", _("Being done")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")


OPEN_CHANGES = (ChangeState.WAITING, ChangeState.ASKED)


class AccountChange(models.Model):
    """One change of the account that a person asked for, by the name of what it is about.

    `details` holds what the call needs: type, visibility, default and notes of a data field, visibility of a book,
    template, subject and sender of a campaign.
    """

    integration = models.ForeignKey(
        "dotbridge_integrations.Integration", models.CASCADE, related_name="changes", verbose_name=_("integration")
    )
    kind = models.CharField(_("what"), max_length=24, choices=ChangeKind.choices)
    name = models.CharField(_("name"), max_length=255)
    details = models.JSONField(_("details"), default=dict)
    marketing_list = models.ForeignKey(
        "dotbridge_lists.MarketingList",
        models.SET_NULL,
        null=True,
        related_name="account_changes",
        verbose_name=_("marketing list"),
        help_text=_("The list that a new address book is connected to."),
    )
    state = models.CharField(_("state"), max_length=8, choices=ChangeState.choices, default=ChangeState.WAITING)
    message = models.TextField(_("what happened"), blank=True)
    attempts = models.SmallIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(_("tried again from"), null=True, editable=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("asked by")
    )
    created_at = models.DateTimeField(_("asked for"), db_default=Now(), editable=False)
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("change of the account")
        verbose_name_plural = _("changes of the account")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                "integration",
                "kind",
                Upper("name"),
                condition=~models.Q(state="done"),
                name="account_change_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.name}"


class ContactRequestKind(models.TextChoices):
    """What Dotdigital is asked to do with one contact, because of what the person said here."""

    UNSUBSCRIBE = "unsubscribe", _("Unsubscribe from the account")
    UNSUBSCRIBE_FROM_BOOK = "unsubscribe_book", _("Unsubscribe from the address book")
    ERASE = "erase", _("Delete the contact")


class ContactRequest(models.Model):
    """One opt-out or erasure that Dotdigital has to learn of: asked for once, and what came of it.

    `event_id` is the word in the ledger that it follows from. An erasure names the contact by its id alone; where none
    is known `remote_id` is 0, and it names the address until Dotdigital has answered.
    """

    integration = models.ForeignKey(
        "dotbridge_integrations.Integration",
        models.CASCADE,
        related_name="contact_requests",
        verbose_name=_("integration"),
        db_index=False,
    )
    kind = models.CharField(_("what"), max_length=24, choices=ContactRequestKind.choices)
    address_book = models.ForeignKey(
        AddressBook, models.CASCADE, null=True, related_name="+", verbose_name=_("address book"), db_index=False
    )
    email_key = models.TextField(_("e-mail, normalised"), blank=True, db_collation="C")
    remote_id = models.BigIntegerField(_("id in Dotdigital"))
    event_id = models.BigIntegerField(_("consent event"), default=0)
    state = models.CharField(_("state"), max_length=8, choices=ChangeState.choices, default=ChangeState.WAITING)
    message = models.TextField(_("what happened"), blank=True)
    attempts = models.SmallIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(_("tried again from"), null=True, editable=False)
    created_at = models.DateTimeField(_("asked for"), db_default=Now(), editable=False)
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("request about a contact")
        verbose_name_plural = _("requests about contacts")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["integration", "kind", "address_book", "remote_id", "event_id"],
                nulls_distinct=False,
                name="contact_request_once",
            ),
        ]
        indexes = [
            # The open ones are looked for each minute, and the failed ones by each page.
            models.Index(
                fields=["integration"],
                condition=models.Q(state__in=["waiting", "asked", "failed"]),
                name="contact_request_open",
            ),
            # Whoever is being unsubscribed from a book is not taken out of it.
            models.Index(fields=["address_book", "email_key"], name="contact_request_in_book"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.remote_id}" if self.remote_id else self.get_kind_display()

    @property
    def has_failed(self) -> bool:
        """Whether it was given up, and waits for a person."""
        return self.state == ChangeState.FAILED


class EndingState(models.TextChoices):
    """Where an ending stands. When it is done it goes, with the connection."""

    WAITING = "waiting", _("Waiting for the worker")
    FAILED = "failed", _("Given up")


class Ending(models.Model):
    """A connection that ends as soon as the worker has carried it out.

    With `takes_out` the contacts that its list has sent leave the book before. While it stands nothing more is sent to
    the book. With `next_book` the list is connected to that one afterwards. It `is_final` from the moment our notes
    begin to go: without them nobody knows who had left the list and is in the book still.
    """

    connection = models.OneToOneField(
        "dotbridge_connections.ListConnection", models.CASCADE, related_name="ending", verbose_name=_("connection")
    )
    next_book = models.ForeignKey(
        "dotbridge_mirror.AddressBook",
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("next address book"),
    )
    message = models.TextField(_("what it waits for"), blank=True)
    takes_out = models.BooleanField(
        _("take the contacts out"),
        default=True,
        help_text=_("Without it the contacts stay in the address book, and only our notes about them go."),
    )
    state = models.CharField(_("state"), max_length=8, choices=EndingState.choices, default=EndingState.WAITING)
    attempts = models.SmallIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(_("tried again from"), null=True, editable=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("asked by")
    )
    created_at = models.DateTimeField(_("asked for"), db_default=Now(), editable=False)
    is_final = models.BooleanField(default=False, editable=False)

    class Meta:
        verbose_name = _("ending connection")
        verbose_name_plural = _("ending connections")

    def __str__(self) -> str:
        return f"{self.connection}"

    @property
    def has_failed(self) -> bool:
        """Whether it was given up, and waits for a person."""
        return self.state == EndingState.FAILED


class ResubscriptionState(models.TextChoices):
    """Where a resubscription stands. *Asked* is written before the call: found so later, its outcome is looked up."""

    WAITING = "waiting", _("Waiting for the worker")
    ASKED = "asked", _("Being asked")
    ADDED = "added", _("Subscribed again")
    CHALLENGED = "challenged", _("Waits for the person to confirm")
    REFUSED = "refused", _("Refused")
    UNKNOWN = "unknown", _("Outcome unknown")


OPEN_RESUBSCRIPTIONS = (ResubscriptionState.WAITING, ResubscriptionState.ASKED)


class Resubscription(models.Model):
    """One person's newer wish to be written to again, and what Dotdigital made of it.

    It does not make anybody mailable here: the list follows when Dotdigital says that the contact is live again.
    """

    connection = models.ForeignKey(
        "dotbridge_connections.ListConnection",
        models.CASCADE,
        related_name="resubscriptions",
        verbose_name=_("connection"),
    )
    record_id = models.CharField(_("record"), max_length=RECORD_ID_LENGTH)
    email = models.TextField(_("e-mail"))
    email_key = models.TextField(_("e-mail, normalised"), db_collation="C")
    opted_in_at = models.DateTimeField(_("the person asked for it"))
    state = models.CharField(
        _("state"), max_length=16, choices=ResubscriptionState.choices, default=ResubscriptionState.WAITING
    )
    answer = models.CharField(_("Dotdigital's answer"), max_length=64, blank=True)
    message = models.TextField(_("what happened"), blank=True)
    attempts = models.SmallIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(_("tried again from"), null=True, editable=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("asked by")
    )
    created_at = models.DateTimeField(_("asked for"), db_default=Now(), editable=False)
    finished_at = models.DateTimeField(_("answered"), null=True)
    live_at = models.DateTimeField(_("live again"), null=True)

    class Meta:
        verbose_name = _("resubscription")
        verbose_name_plural = _("resubscriptions")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "email_key"],
                condition=models.Q(state__in=["waiting", "asked"]),
                name="resubscription_once",
            ),
        ]
        indexes = [
            # Looked at in each run: whose return has not been seen yet.
            models.Index(
                fields=["connection"],
                condition=models.Q(live_at__isnull=True, state__in=["waiting", "asked", "added", "challenged"]),
                name="resubscription_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.connection_id}/{self.record_id}: {self.get_state_display()}"
