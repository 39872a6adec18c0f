from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NotificationsConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "dotbridge.notifications"
    label = "dotbridge_notifications"
    verbose_name = _("Notifications")
