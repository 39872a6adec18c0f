"""The forms of a connected account: credentials go in and never come out again."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dotbridge.backoffice.pages.forms import owners
from dotbridge.backoffice.screens.integration_forms import RARE_SETTINGS, SETTINGS
from dotbridge.conf import app_settings
from dotbridge.encryption import SecretUnreadable, unseal
from dotbridge.integrations.models import DEFAULT_BASE_URL, Integration
from dotbridge.integrations.services import check_connection
from dotbridge.preferences.durations import duration_words, read_duration_words
from dotdigital import ConfigurationError
from dotdigital.endpoints import Endpoints

MOST_HOURS = 24 * 31


class HoursField(forms.CharField):
    """A number of whole hours, written as 1 day, 36 hours or 24."""

    def prepare_value(self, value: Any) -> Any:
        """The stored hours in words."""
        return duration_words(value * 3600) if isinstance(value, int) else value

    def clean(self, value: Any) -> Any:
        """The hours."""
        text = super().clean(value).strip()
        try:
            seconds = int(text) * 3600 if text.isascii() and text.isdecimal() else read_duration_words(text)
        except ValueError:
            seconds = -1
        if not 0 <= seconds <= MOST_HOURS * 3600 or seconds % 3600:
            raise ValidationError(_("Write whole hours up to 31 days, such as 6 hours or 1 day; 0 for each import."))
        return int(seconds // 3600)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether other hours are meant, however they are written."""
        try:
            return bool(self.clean(data) != initial)
        except ValidationError:
            return True


class AccountSettingsForm(forms.ModelForm):  # type: ignore[type-arg]
    """What is done with an account, and how carefully."""

    class Meta:
        model = Integration
        fields = ("name", *SETTINGS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["default_owner"].empty_label = _("Nobody")  # type: ignore[attr-defined]
        self.fields["default_owner"].queryset = owners(self.instance.default_owner_id)  # type: ignore[attr-defined]
        self.fields["data_fields_hours"] = HoursField(
            label=_("Read the data fields every"),
            help_text=_("For example 6 hours or 1 day. 0 hours reads them with every import."),
            max_length=50,
        )
        for name in ("bulk_from", "bulk_until"):
            self.fields[name].widget = forms.TimeInput(format="%H:%M", attrs={"type": "time"})

    @property
    def common_fields(self) -> list[forms.BoundField]:
        """What is asked at first sight."""
        return [field for field in self if field.name not in RARE_SETTINGS]

    @property
    def rare_fields(self) -> list[forms.BoundField]:
        """What is folded."""
        return [self[name] for name in RARE_SETTINGS]

    @property
    def has_rare_errors(self) -> bool:
        """Whether something folded is wrong, so that it has to be seen."""
        return any(name in self.errors for name in RARE_SETTINGS)


class CredentialsForm(forms.Form):
    """The way into an account. It is tried before it is saved: wrong credentials are not stored as active ones."""

    username = forms.CharField(
        label=gettext_lazy("API user"),
        max_length=255,
        help_text=gettext_lazy(
            "The API user's e-mail, such as apiuser-0123456789ab@apiconnector.com. Make one for this use alone."
        ),
    )
    password = forms.CharField(
        label=gettext_lazy("Password"),
        required=False,
        max_length=255,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    base_url = forms.CharField(
        label=gettext_lazy("Address of Dotdigital's API"),
        max_length=255,
        initial=DEFAULT_BASE_URL,
        help_text=gettext_lazy("Leave it as it is, unless Dotdigital says otherwise. The region is found from there."),
    )

    def __init__(self, *args: Any, integration: Integration | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.integration = integration
        self.outcome = ""
        if integration is None:
            self.fields["password"].required = True
            self.fields["password"].help_text = _("It is stored encrypted and never shown.")
        else:
            self.fields["password"].help_text = _("Leave it empty to keep the stored password.")

    def clean_base_url(self) -> str:
        """The address, if the password may be sent there."""
        try:
            return Endpoints(app_settings().api_origins).admit(self.cleaned_data["base_url"], setting="base URL")
        except ConfigurationError as error:
            raise ValidationError(error.text) from None

    def clean(self) -> dict[str, Any]:
        """Try them, once, within five seconds. The same account is not connected twice."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        others = Integration.objects.filter(username__iexact=cleaned["username"], base_url=cleaned["base_url"])
        if self.integration is not None:
            others = others.exclude(pk=self.integration.pk)
        if taken := others.first():
            raise ValidationError(_("%(name)s is connected with this API user already.") % {"name": taken.name})
        checked = check_connection(
            username=cleaned["username"],
            password=self._password(cleaned),
            base_url=cleaned["base_url"],
            integration=self.integration,
        )
        if checked.is_unreachable:
            # Nobody knows whether the password is wrong, so it does not have to be typed again.
            self.fields["password"].widget.render_value = True
        if not checked.succeeded:
            raise ValidationError(_("It does not work, so nothing was saved. %(why)s") % {"why": checked.message})
        self.outcome = checked.message
        return cleaned

    def _password(self, cleaned: dict[str, Any]) -> str:
        if cleaned["password"] or self.integration is None:
            return str(cleaned["password"])
        try:
            return unseal(self.integration.password_sealed)
        except SecretUnreadable as error:
            raise ValidationError({"password": str(error)}) from None


class NewAccountForm(CredentialsForm):
    """A new account: its name here, and the way into it."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=255)
    field_order = ("name", "username", "password", "base_url")

    def clean_name(self) -> str:
        """The name, if no other account has it."""
        name: str = self.cleaned_data["name"].strip()
        if Integration.objects.filter(name=name).exists():
            raise ValidationError(_("Another account has this name already."))
        return name
