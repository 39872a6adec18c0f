from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ListsConfig(AppConfig):
    name = "dotbridge.lists"
    label = "dotbridge_lists"
    verbose_name = _("Marketing lists")
    default_auto_field = "django.db.models.BigAutoField"
