import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='MarketingList',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=255, unique=True, verbose_name='name')),
                ('description', models.TextField(blank=True, verbose_name='description')),
                ('entity', models.CharField(max_length=100, verbose_name='entity')),
                ('type', models.CharField(choices=[('dynamic', 'Dynamic'), ('on_demand', 'On demand'), ('manual', 'Manual')], default='dynamic', max_length=16, verbose_name='type')),
                ('rule', models.JSONField(blank=True, default=dict, verbose_name='rule')),
                ('columns', models.JSONField(blank=True, default=list, verbose_name='columns')),
                ('include_previously_contacted', models.BooleanField(default=False, help_text='Whoever was sent a campaign through the list stays on it, also when the rule matches no more.', verbose_name='include previously contacted')),
                ('refresh_every', models.DurationField(blank=True, help_text='For on-demand lists; empty: only when asked.', null=True, verbose_name='refresh every')),
                ('refreshed_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='refreshed')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created at')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='updated at')),
                ('owner', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='owner')),
                ('refreshed_by', models.ForeignKey(blank=True, editable=False, help_text='Empty: by the schedule.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='refreshed by')),
            ],
            options={
                'verbose_name': 'marketing list',
                'verbose_name_plural': 'marketing lists',
                'ordering': ['name'],
                'permissions': [('opt_out_members', 'Can unsubscribe members of a list'), ('opt_in_members', 'Can subscribe people to a list again'), ('export_people', 'Can download people as a file')],
            },
        ),
        migrations.CreateModel(
            name='AddressLoad',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(blank=True, help_text='Empty: they were typed or pasted.', max_length=255, verbose_name='file')),
                ('added', models.PositiveIntegerField(default=0, verbose_name='added')),
                ('already', models.PositiveIntegerField(default=0, verbose_name='on the list already')),
                ('undone_at', models.DateTimeField(blank=True, null=True, verbose_name='undone at')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), db_index=True, editable=False, verbose_name='created at')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='created by')),
                ('marketing_list', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='address_loads', to='dotbridge_lists.marketinglist', verbose_name='marketing list')),
            ],
            options={
                'verbose_name': 'load of addresses',
                'verbose_name_plural': 'loads of addresses',
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='ListedRecord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('record_id', models.CharField(max_length=255, verbose_name='record')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created at')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='created by')),
                ('load', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='listed_records', to='dotbridge_lists.addressload', verbose_name='load')),
                ('marketing_list', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='listed_records', to='dotbridge_lists.marketinglist', verbose_name='marketing list')),
            ],
            options={
                'verbose_name': 'listed record',
                'verbose_name_plural': 'listed records',
                'ordering': ['-created_at', '-pk'],
                'indexes': [models.Index(condition=models.Q(('load__isnull', False)), fields=['load'], name='lists_listed_of_load')],
                'constraints': [models.UniqueConstraint(fields=('marketing_list', 'record_id'), name='lists_listed_once')],
            },
        ),
        migrations.CreateModel(
            name='NotedAddress',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('why', models.CharField(choices=[('not_found', 'No record has this address'), ('not_an_address', 'This cannot be an address'), ('taken_off', 'Taken off this list by hand, and stays off'), ('shared', 'Several records have this address; the first one was taken')], max_length=16, verbose_name='why')),
                ('text', models.CharField(max_length=254, verbose_name='address')),
                ('email_key', models.CharField(db_index=True, max_length=254, verbose_name='address in small letters')),
                ('load', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='noted', to='dotbridge_lists.addressload', verbose_name='load')),
            ],
            options={
                'verbose_name': 'noted address',
                'verbose_name_plural': 'noted addresses',
                'ordering': ['pk'],
                'indexes': [models.Index(fields=['load', 'why', 'id'], name='lists_noted_of_load')],
            },
        ),
        migrations.CreateModel(
            name='ListCount',
            fields=[
                ('marketing_list', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='kept_count', serialize=False, to='dotbridge_lists.marketinglist', verbose_name='marketing list')),
                ('numbers', models.JSONField(default=dict)),
                ('leaving', models.PositiveIntegerField(default=0)),
                ('counted_at', models.DateTimeField(null=True)),
                ('tried_at', models.DateTimeField()),
                ('milliseconds', models.PositiveIntegerField(default=0)),
                ('problem', models.TextField(blank=True, default='')),
                ('changed_at', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name': 'kept numbers of a list',
                'verbose_name_plural': 'kept numbers of lists',
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='RemovedItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('record_id', models.CharField(max_length=255, verbose_name='record')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created at')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='created by')),
                ('marketing_list', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='removed_items', to='dotbridge_lists.marketinglist', verbose_name='marketing list')),
            ],
            options={
                'verbose_name': 'removed item',
                'verbose_name_plural': 'removed items',
                'ordering': ['-created_at', '-pk'],
                'constraints': [models.UniqueConstraint(fields=('marketing_list', 'record_id'), name='lists_removed_once')],
            },
        ),
    ]
