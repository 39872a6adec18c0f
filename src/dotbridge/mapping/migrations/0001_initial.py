import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

# The triggers are made by the application, as mappings need them. Without the log they would stop every write.
DROP_TRACKING = """
    DO $$
    DECLARE tracking regprocedure;
    BEGIN
        -- Those that write to this log: another project may have a schema of its own in the same database.
        FOR tracking IN SELECT p.oid FROM pg_proc p JOIN pg_class c ON c.relnamespace = p.pronamespace
            WHERE c.oid = to_regclass('dotbridge_mapping_change') AND starts_with(p.proname, 'dotbridge_track_')
        LOOP EXECUTE format('DROP FUNCTION %s CASCADE', tracking); END LOOP;
    END $$
"""


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('dotbridge_integrations', '0001_initial'),
        ('dotbridge_mirror', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Change',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.TextField()),
                ('origin', models.BigIntegerField(null=True)),
                ('keys', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), null=True, size=None)),
            ],
            options={
                'verbose_name': 'change',
                'verbose_name_plural': 'changes',
            },
        ),
        migrations.CreateModel(
            name='Mapping',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('entity', models.CharField(max_length=255, verbose_name='entity')),
                ('sync_priority', models.IntegerField(default=0, help_text='Where records of several entities share an address, the higher number has the first word.', verbose_name='sync priority')),
                ('stale_at', models.DateTimeField(editable=False, help_text='Something that was not tracked record by record. All members are compared again for it.', null=True, verbose_name='something else changed at')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='changed')),
                ('integration', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='mappings', to='dotbridge_integrations.integration', verbose_name='integration')),
            ],
            options={
                'verbose_name': 'mapping',
                'verbose_name_plural': 'mappings',
                'ordering': ['integration', '-sync_priority', 'entity'],
            },
        ),
        migrations.CreateModel(
            name='DirtyRecord',
            fields=[
                ('pk', models.CompositePrimaryKey('mapping_id', 'record_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('record_id', models.TextField()),
                ('is_claimed', models.BooleanField(db_default=False, default=False)),
                ('mapping', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='dirty_records', to='dotbridge_mapping.mapping')),
            ],
            options={
                'verbose_name': 'changed record',
                'verbose_name_plural': 'changed records',
            },
        ),
        migrations.CreateModel(
            name='MappingRow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('entity_fields', models.JSONField(default=list, verbose_name='entity fields')),
                ('is_two_way', models.BooleanField(default=False, help_text='Values changed in Dotdigital are written back. One direct field of the entity only.', verbose_name='two-way')),
                ('empty_values', models.CharField(choices=[('keep', "Keep Dotdigital's value"), ('clear', 'Clear it in Dotdigital')], default='keep', max_length=8, verbose_name='when ours is empty')),
                ('data_field', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='mapping_rows', to='dotbridge_mirror.datafield', verbose_name='data field')),
                ('mapping', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='rows', to='dotbridge_mapping.mapping', verbose_name='mapping')),
            ],
            options={
                'verbose_name': 'mapping row',
                'verbose_name_plural': 'mapping rows',
                'ordering': ['id'],
            },
        ),
        migrations.AddConstraint(
            model_name='mapping',
            constraint=models.UniqueConstraint(fields=('integration', 'entity'), name='mapping_once', violation_error_message='A mapping for this entity exists already in this integration.'),
        ),
        migrations.AddConstraint(
            model_name='mappingrow',
            constraint=models.UniqueConstraint(fields=('mapping', 'data_field'), name='mapping_row_once', violation_error_message='The same data field can be mapped only one time.'),
        ),
        migrations.RunSQL(
            "ALTER TABLE dotbridge_mapping_change ALTER COLUMN keys SET STORAGE EXTERNAL", migrations.RunSQL.noop
        ),
        migrations.RunSQL(migrations.RunSQL.noop, DROP_TRACKING),
    ]
