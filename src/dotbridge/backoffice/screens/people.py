"""Users and groups, in the back office's own forms."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from dotbridge.backoffice.screens.base import UnfoldAdmin

admin.site.unregister([User, Group])


@admin.register(User)
class UserScreen(UserAdmin, UnfoldAdmin):  # type: ignore[misc]
    """People who may log in."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class GroupScreen(GroupAdmin, UnfoldAdmin):  # type: ignore[misc]
    """Sets of permissions."""
