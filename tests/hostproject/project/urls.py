from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("office/marketing/", include("dotbridge.backoffice.urls")),
]
