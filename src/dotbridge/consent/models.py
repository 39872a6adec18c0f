"""Who may be mailed: the ledger of what people and Dotdigital said, and the state that follows from it.

Only `bulk`, `services` and `erasure` write these tables. The database itself refuses to change or delete an event.
"""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from dotbridge.entities.record_ids import RECORD_ID_LENGTH


class Scope(models.TextChoices):
    """How far a word reaches. Of everything there is one; an account, a book or a list is named by its id here."""

    EVERYTHING = "everything", _("Everything")
    ACCOUNT = "account", _("A Dotdigital account")
    BOOK = "book", _("An address book")
    LIST = "list", _("A marketing list")


class What(models.TextChoices):
    """What was said or happened. All but the last two take consent away."""

    OPTED_OUT = "opted_out", _("Opted out")
    BOUNCED = "bounced", _("Bounced")
    COMPLAINED = "complained", _("Complained")
    BLOCKED = "blocked", _("Blocked")
    ERASED = "erased", _("Erased")
    OPTED_IN = "opted_in", _("Opted in")
    TAKEN_BACK = "taken_back", _("Taken back")


RAISING = (What.OPTED_IN, What.TAKEN_BACK)


class Source(models.TextChoices):
    """Who said it."""

    PERSON = "person", _("A person, in the back office")
    CRM = "crm", _("The CRM")
    FILE = "file", _("A contact file")
    API = "api", _("The API")
    FEED = "feed", _("Dotdigital")
    REPORT = "report", _("Dotdigital, refusing an upload")


OF_DOTDIGITAL = (Source.FEED, Source.REPORT)


class SubjectKind(models.TextChoices):
    """What a state is about."""

    ADDRESS = "address", _("An address")
    RECORD = "record", _("A record, under any address")
    SHARED = "shared", _("An address that a record which may not be mailed shares")


class ConsentEvent(models.Model):
    """One word about one person's consent, as it was learned. Never changed; an erasure takes the person out of it.

    `scope_id` is the key of the account, book or list here, 0 for everything. `status` is Dotdigital's own word. What
    proves an opt-in, `consent_text` and the three after it, is there as a whole or not at all, see `ConsentProof`.
    Once erased, `address_hash` and `details_hash` stand for what was there, so that the chain of days still proves it.
    """

    learned_at = models.DateTimeField(_("learned"), db_default=Now(), editable=False)
    happened_at = models.DateTimeField(_("happened"))
    scope = models.CharField(_("scope"), max_length=16, choices=Scope.choices)
    scope_id = models.BigIntegerField(_("which"), default=0)
    what = models.CharField(_("what"), max_length=16, choices=What.choices)
    source = models.CharField(_("source"), max_length=16, choices=Source.choices)
    status = models.CharField(_("Dotdigital's word"), max_length=64, blank=True)
    email_key = models.TextField(_("e-mail, normalised"), blank=True, db_collation="C")
    entity = models.CharField(_("entity"), max_length=100, blank=True)
    record_id = models.CharField(_("record"), max_length=RECORD_ID_LENGTH, blank=True)
    remote_id = models.BigIntegerField(_("id in Dotdigital"), null=True)
    evidence = models.TextField(_("evidence"), blank=True)
    actor = models.CharField(_("by"), max_length=255, blank=True)
    consent_text = models.TextField(_("text agreed to"), blank=True, default="")
    url = models.TextField(_("page"), blank=True, default="")
    ip_address = models.TextField(_("IP address"), blank=True, default="")
    user_agent = models.TextField(_("browser"), blank=True, default="")
    address_hash = models.BinaryField(null=True)
    details_hash = models.BinaryField(null=True)

    class Meta:
        verbose_name = _("consent event")
        verbose_name_plural = _("consent events")
        ordering = ["id"]
        indexes = [
            # The history of one address, and of one record.
            models.Index(fields=["email_key"], condition=~models.Q(email_key=""), name="consent_event_address"),
            models.Index(
                fields=["entity", "record_id"], condition=~models.Q(record_id=""), name="consent_event_record"
            ),
            # What is sent along with a person: few have any.
            models.Index(fields=["email_key"], condition=~models.Q(consent_text=""), name="consent_event_proof"),
            # A day is read as a whole when it is sealed and verified.
            models.Index(fields=["learned_at"], name="consent_event_learned"),
        ]

    def __str__(self) -> str:
        return f"{self.pk}: {self.get_what_display()}, {self.get_scope_display()}"


class ConsentState(models.Model):
    """What the ledger comes to for one address or record in one scope. Kept by the statement that writes the events.

    `since` is when it came to be so. `last_out_at` is the newest word against mailing: only something newer lifts it.
    `remote_id` is the contact whose status Dotdigital spoke of. A shared address follows from no event: see `shared`.
    """

    scope = models.CharField(_("scope"), max_length=16, choices=Scope.choices)
    scope_id = models.BigIntegerField(_("which"), default=0)
    kind = models.CharField(_("kind"), max_length=8, choices=SubjectKind.choices)
    entity = models.CharField(_("entity"), max_length=100, blank=True)
    subject = models.TextField(_("address or record"), db_collation="C")
    remote_id = models.BigIntegerField(_("id in Dotdigital"), null=True)
    is_blocked = models.BooleanField(_("may not be mailed"))
    what = models.CharField(_("what"), max_length=16, choices=What.choices)
    source = models.CharField(_("source"), max_length=16, choices=Source.choices)
    status = models.CharField(_("Dotdigital's word"), max_length=64, blank=True)
    since = models.DateTimeField(_("since"))
    last_out_at = models.DateTimeField(_("last word against it"), null=True)
    event_id = models.BigIntegerField(_("event"))

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        constraints = [
            # A list's members find their state by this one.
            models.UniqueConstraint(fields=["scope", "scope_id", "kind", "entity", "subject"], name="consent_once"),
        ]
        indexes = [
            # Those who may not be mailed are few beside those who may.
            models.Index(fields=["scope", "scope_id"], condition=models.Q(is_blocked=True), name="consent_blocked"),
            # Home counts those of the last days.
            models.Index(fields=["since"], condition=models.Q(is_blocked=True), name="consent_blocked_since"),
            # The page of a person asks for all scopes.
            models.Index(fields=["subject"], name="consent_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.get_scope_display()}: {self.get_what_display()}"


class ConsentDay(models.Model):
    """One day of the ledger, sealed: a digest of its events and of the day before, under the installation's key."""

    day = models.DateField(_("day"), primary_key=True)
    events = models.BigIntegerField(_("events"))
    digest = models.BinaryField()
    sealed_at = models.DateTimeField(_("sealed"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("sealed day")
        verbose_name_plural = _("sealed days")
        ordering = ["day"]

    def __str__(self) -> str:
        return f"{self.day}: {self.events}"


class ErasedAddress(models.Model):
    """An address that was erased: its keyed hash, so that whatever matches it later is not mailed.

    `bucket` is a few bits of another hash. It spares the keyed hash where it cannot match, and tells nobody an address.
    Until `deleted_there_until` a contact that still arrives in Dotdigital, by an upload that was on its way, is deleted
    there.
    """

    address_hash = models.BinaryField(unique=True)
    bucket = models.IntegerField(db_index=True)
    erased_at = models.DateTimeField(_("erased"), db_default=Now(), editable=False)
    deleted_there_until = models.DateTimeField(null=True, editable=False)
    event_id = models.BigIntegerField(_("event"))

    class Meta:
        verbose_name = _("erased address")
        verbose_name_plural = _("erased addresses")

    def __str__(self) -> str:
        return f"{self.pk}"


class ConsentKey(models.Model):
    """The key of all hashes here, made once and sealed with the site's secret keys. There is one row."""

    sealed = models.TextField(editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("consent key")
        verbose_name_plural = _("consent keys")

    def __str__(self) -> str:
        return f"{self.pk}"
