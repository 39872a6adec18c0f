"""The form of an integration: credentials go in and never come out again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminPasswordWidget

from dotbridge.backoffice.pages.editing import clash_of_form, line_of_secret
from dotbridge.backoffice.pages.forms import owners
from dotbridge.backoffice.screens.base import AnyModelForm
from dotbridge.conf import app_settings
from dotbridge.editing import ChangedMeanwhile, fingerprint, held_as_seen
from dotbridge.encryption import SecretUnreadable, unseal
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import check_connection
from dotdigital import ConfigurationError
from dotdigital.endpoints import Endpoints

# What most never change: it is folded.
RARE_SETTINGS = (
    "data_fields_hours",
    "forced_comparison",
    "export_waits_for",
    "contacts_read_of",
    "protocol",
    "bulk_from",
    "bulk_until",
)
SETTINGS = ("default_owner", *RARE_SETTINGS, "breaker_rows", "breaker_percent")
TYPED = ("name", "username", "base_url", "is_active", *SETTINGS)
# What the form was drawn from.
HELD = (*TYPED, "password_sealed")


class IntegrationForm(AnyModelForm):
    """An integration's own fields and its password, which is only ever written."""

    password = forms.CharField(
        label=_("Password"),
        required=False,
        max_length=255,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )

    class Meta:
        model = Integration
        fields = TYPED

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # What the person saw, for the next time that they save it.
        self.seen = self.data.get("seen", "")[:64]
        if not self.seen and self.instance.pk:
            self.seen = fingerprint(self.instance, HELD)
        if "default_owner" in self.fields:
            self.fields["default_owner"].queryset = owners(self.instance.default_owner_id)  # type: ignore[attr-defined]
        # Without the permission to change it, the admin shows the record and no form fields.
        if "password" not in self.fields:
            return
        if self.instance.pk:
            self.fields["password"].help_text = _("Leave it empty to keep the stored password.")
        else:
            self.fields["password"].required = True
            self.fields["password"].help_text = _("The API user's password. It is stored encrypted and never shown.")

    def clean(self) -> dict[str, Any] | None:
        """Refuse another account's credentials, and to overwrite unseen what somebody else has saved meanwhile."""
        cleaned = super().clean()
        self._check_account()
        if self.instance.pk and not self.errors:
            self._check_seen()
        return cleaned

    def _check_account(self) -> None:
        """Whether Dotdigital can be asked now is not the form's question."""
        typed = {name: self.cleaned_data.get(name) for name in ("username", "base_url")}
        password = self.cleaned_data.get("password")
        if not all(typed.values()) or not (password or {"username", "base_url"} & set(self.changed_data)):
            return
        if not password:
            try:
                password = unseal(self.instance.password_sealed)
            except SecretUnreadable:
                return
        integration = self.instance if self.instance.pk else None
        check = check_connection(
            username=str(typed["username"]),
            password=password,
            base_url=str(typed["base_url"]),
            integration=integration,
        )
        if check.is_other_account:
            raise forms.ValidationError(check.message)

    def _check_seen(self) -> None:
        """What is saved is held from here on, so that nobody is quicker."""
        try:
            held_as_seen(self.instance, HELD, self.seen)
        except ChangedMeanwhile as error:
            found = clash_of_form(self, error.records, TYPED, further=self._lines_of_password, held=HELD)
            self.seen = found["seen"]
            if found["clash"]:
                raise forms.ValidationError(list(_in_words(found["clash"]))) from None

    def _lines_of_password(self, theirs: Integration) -> Iterator[Any]:
        yield line_of_secret(self, "password", theirs.password_sealed)

    def clean_base_url(self) -> str:
        """The address, if the password may be sent there."""
        base_url: str = self.cleaned_data["base_url"]
        try:
            return Endpoints(app_settings().api_origins).admit(base_url, setting="base URL")
        except ConfigurationError as error:
            raise forms.ValidationError(error.text) from None


def _in_words(lines: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """What the later one of two people is told: what differs, and that saving again overwrites it."""
    yield gettext("Somebody else changed this while you were writing")
    text = gettext("%(label)s: they saved %(theirs)s, you wrote %(mine)s.")
    for line in lines:
        yield text % {**line, "label": str(line["label"])}
    yield gettext("Your changes are not saved yet. Save again to overwrite those of the other person.")
