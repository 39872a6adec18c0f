from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MirrorConfig(AppConfig):
    name = "dotbridge.mirror"
    label = "dotbridge_mirror"
    verbose_name = _("What Dotdigital has")
