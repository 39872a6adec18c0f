"""What the back office itself keeps."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class RoleGroup(models.Model):
    """Which group is the ready one of a role, and what it was given already.

    A group that somebody renamed is known by it; one that somebody deleted (`group` is empty) is not made again; and a
    permission that somebody took away is not given back.
    """

    role = models.CharField(_("role"), max_length=32, unique=True)
    group = models.OneToOneField(
        "auth.Group", models.SET_NULL, null=True, related_name="dotbridge_role", verbose_name=_("group")
    )
    granted = models.JSONField(_("permissions given"), default=list)

    class Meta:
        verbose_name = _("ready group")
        verbose_name_plural = _("ready groups")
        default_permissions = ()

    def __str__(self) -> str:
        return self.role
