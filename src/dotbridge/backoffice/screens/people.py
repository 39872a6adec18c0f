"""Users and groups, in the back office's own forms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from dotbridge.backoffice.screens.base import UnfoldAdmin

if TYPE_CHECKING:
    AnyUserAdmin = UserAdmin[User]
else:
    AnyUserAdmin = UserAdmin

admin.site.unregister([User, Group])


@admin.register(User)
class UserScreen(AnyUserAdmin, UnfoldAdmin):
    """People who may log in."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class GroupScreen(GroupAdmin, UnfoldAdmin):
    """Sets of permissions."""
