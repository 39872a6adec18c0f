from django.contrib import admin
from people.models import Colleague


@admin.register(Colleague)
class ColleagueAdmin(admin.ModelAdmin):
    list_display = ("email", "is_staff")
