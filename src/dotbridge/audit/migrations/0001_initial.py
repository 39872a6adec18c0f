import django.db.models.functions.datetime
from django.db import migrations, models

# The triggers stand on tables of others too, and are made after each migration. Without the table they would stop every
# write.
DROP_TRIGGERS = """
    DROP FUNCTION IF EXISTS dotbridge_audit_note() CASCADE;
    DROP FUNCTION IF EXISTS dotbridge_audit_guard() CASCADE
"""


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='when')),
                ('actor_id', models.CharField(blank=True, max_length=255, verbose_name='account number')),
                ('actor', models.CharField(blank=True, max_length=255, verbose_name='who')),
                ('origin', models.CharField(blank=True, max_length=32, verbose_name='by way of')),
                ('verb', models.CharField(choices=[('INSERT', 'made'), ('UPDATE', 'changed'), ('DELETE', 'deleted')], max_length=6, verbose_name='what was done')),
                ('model', models.CharField(max_length=100, verbose_name='kind of record')),
                ('record_id', models.CharField(max_length=255, verbose_name='record')),
                ('record', models.TextField(blank=True, verbose_name='its name')),
                ('about_model', models.CharField(max_length=100)),
                ('about_id', models.CharField(max_length=255)),
                ('changes', models.JSONField(default=dict, verbose_name='before and after')),
            ],
            options={
                'verbose_name': 'change',
                'verbose_name_plural': 'audit',
                'ordering': ['-id'],
                'default_permissions': ('view',),
                'indexes': [models.Index(fields=['about_model', 'about_id', '-id'], name='audit_about'), models.Index(fields=['model', '-id'], name='audit_of_model'), models.Index(fields=['actor', '-id'], name='audit_by_actor')],
            },
        ),
        migrations.RunSQL(migrations.RunSQL.noop, DROP_TRIGGERS),
    ]
