from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SyncConfig(AppConfig):
    name = "dotbridge.sync"
    label = "dotbridge_sync"
    verbose_name = _("Synchronisation")
