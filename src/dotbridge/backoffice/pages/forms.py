"""Plain forms of the pages: what is wrong is said at the field it is about."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext_lazy

from dotbridge.backoffice.reads.list_actions import free_books
from dotbridge.connections.models import ListConnection
from dotbridge.integrations.models import Integration
from dotbridge.mirror.data_field_rules import Visibility
from dotbridge.mirror.models import AddressBook


class BookForm(forms.Form):
    """The choice of a free address book."""

    address_book = forms.ModelChoiceField(
        queryset=AddressBook.objects.none(),
        error_messages={
            "required": gettext_lazy("Choose an address book."),
            "invalid_choice": gettext_lazy("This address book is not free any more. Choose another one."),
        },
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["address_book"].queryset = free_books()  # type: ignore[attr-defined]


class NewBookForm(forms.Form):
    """The address book that is asked for. The service checks it as Dotdigital would."""

    integration = forms.ModelChoiceField(
        label=gettext_lazy("Account"), queryset=Integration.objects.none(), empty_label=None
    )
    name = forms.CharField(
        label=gettext_lazy("Name"),
        help_text=gettext_lazy("At most 128 characters. No other address book of the account may have it."),
    )
    visibility = forms.ChoiceField(
        label=gettext_lazy("Who sees it"),
        choices=Visibility.choices,
        help_text=gettext_lazy("Public: people see the book, by this name, where they change their preferences."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["integration"].queryset = Integration.objects.filter(is_active=True)  # type: ignore[attr-defined]


class ConnectionForm(forms.ModelForm):  # type: ignore[type-arg]
    """What a connection does beyond sending."""

    class Meta:
        model = ListConnection
        fields = ("create_entities", "unsubscribes_book", "always_put_back")
        labels = {
            "create_entities": gettext_lazy("Make new records"),
            "unsubscribes_book": gettext_lazy("An opt-out of the list unsubscribes from the address book"),
            "always_put_back": gettext_lazy("Always put back who is taken out of the address book in Dotdigital"),
        }
        help_texts = {
            "create_entities": gettext_lazy(
                "A contact of the book whom none of your records has becomes a new record with each run, filled from "
                "the data fields that are mapped both ways."
            ),
            "unsubscribes_book": gettext_lazy(
                "Otherwise who opts out of the list is only taken out of the address book, and Dotdigital itself does "
                "not learn that they opted out."
            ),
            "always_put_back": gettext_lazy(
                "Otherwise they stay out until somebody puts them back on the list's page. Unsubscribed people stay "
                "out in any case."
            ),
        }


def owners(present: int | None) -> Any:
    """Who can own something: whoever may come in here, and the present owner, by their key.

    A host may have a million other users.
    """
    users = get_user_model()
    found = users._default_manager.order_by(users.USERNAME_FIELD)  # noqa: SLF001 - as Django names it
    if any(each.name == "is_staff" for each in users._meta.get_fields()):  # noqa: SLF001 - as Django names it
        found = found.filter(Q(is_staff=True) | Q(pk__in=[present] if present else []))
    return found


def add_refusal(form: forms.BaseForm, error: ValidationError) -> None:
    """What a service refused, at the fields it names."""
    named = error.error_dict if hasattr(error, "error_dict") else {}
    for name, errors in named.items():
        form.add_error(name if name in form.fields else None, ValidationError(errors))
    if not named:
        form.add_error(None, error)
