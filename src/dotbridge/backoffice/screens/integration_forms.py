"""The form of an integration: credentials go in and never come out again."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminPasswordWidget

from dotbridge.backoffice.screens.base import AnyModelForm
from dotbridge.conf import app_settings
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
        fields = ("name", "username", "base_url", "is_active", *SETTINGS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Without the permission to change it, the admin shows the record and no form fields.
        if "password" not in self.fields:
            return
        if self.instance.pk:
            self.fields["password"].help_text = _("Leave it empty to keep the stored password.")
        else:
            self.fields["password"].required = True
            self.fields["password"].help_text = _("The API user's password. It is stored encrypted and never shown.")

    def clean(self) -> dict[str, Any] | None:
        """Refuse another account's credentials. Whether Dotdigital can be asked now is not the form's question."""
        cleaned = super().clean()
        typed = {name: self.cleaned_data.get(name) for name in ("username", "base_url")}
        password = self.cleaned_data.get("password")
        if not all(typed.values()) or not (password or {"username", "base_url"} & set(self.changed_data)):
            return cleaned
        if not password:
            try:
                password = unseal(self.instance.password_sealed)
            except SecretUnreadable:
                return cleaned
        integration = self.instance if self.instance.pk else None
        check = check_connection(
            username=str(typed["username"]),
            password=password,
            base_url=str(typed["base_url"]),
            integration=integration,
        )
        if check.is_other_account:
            raise forms.ValidationError(check.message)
        return cleaned

    def clean_base_url(self) -> str:
        """The address, if the password may be sent there."""
        base_url: str = self.cleaned_data["base_url"]
        try:
            return Endpoints(app_settings().api_origins).admit(base_url, setting="base URL")
        except ConfigurationError as error:
            raise forms.ValidationError(error.text) from None
