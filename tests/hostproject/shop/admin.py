from django.contrib import admin
from shop.models import Customer, Order, Region

admin.site.register([Customer, Order, Region])
