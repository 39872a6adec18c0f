import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.CreateModel(
            name='RoleGroup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(max_length=32, unique=True, verbose_name='role')),
                ('granted', models.JSONField(default=list, verbose_name='permissions given')),
                ('group', models.OneToOneField(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='dotbridge_role', to='auth.group', verbose_name='group')),
            ],
            options={
                'verbose_name': 'ready group',
                'verbose_name_plural': 'ready groups',
                'default_permissions': (),
            },
        ),
    ]
