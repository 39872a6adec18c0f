"""The standalone product's addresses: the back office at the root, the example CRM's own admin beside it."""

from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.http import HttpResponseRedirect
from django.urls import include, path, reverse

# Users and groups are managed among the settings, where nobody gives what they lack; in Django's own screens one can.
admin.site.unregister([model for model in (User, Group) if admin.site.is_registered(model)])

urlpatterns = [
    path("admin/login/", lambda _request: HttpResponseRedirect(reverse("dotbridge:login"))),
    path("admin/", lambda _request: HttpResponseRedirect(reverse("dotbridge:home"))),
    path("admin/", admin.site.urls),
    path("", include("dotbridge.backoffice.urls")),
]
handler403 = "dotbridge.backoffice.pages.refusals.forbidden"
handler404 = "dotbridge.backoffice.pages.refusals.not_found"
handler500 = "dotbridge.backoffice.pages.refusals.broken"
