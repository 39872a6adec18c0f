"""Users and groups, in the back office's own forms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from dotbridge.backoffice.screens.base import UnfoldAdmin
from dotbridge.backoffice.site import table_site

if TYPE_CHECKING:
    AnyUserAdmin = UserAdmin[User]
else:
    AnyUserAdmin = UserAdmin


class UserScreen(AnyUserAdmin, UnfoldAdmin):
    """People who may log in."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


if get_user_model() is User:
    # A host's own user model is managed where the host manages it.
    table_site.register(User, UserScreen)


@admin.register(Group, site=table_site)
class GroupScreen(GroupAdmin, UnfoldAdmin):
    """Sets of permissions."""
