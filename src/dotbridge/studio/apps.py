from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class StudioConfig(AppConfig):
    name = "dotbridge.studio"
    label = "dotbridge_studio"
    verbose_name = _("Email Studio")
    default_auto_field = "django.db.models.BigAutoField"
