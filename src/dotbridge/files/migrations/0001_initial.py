import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='FileLoad',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('entity', models.CharField(max_length=100, verbose_name='entity')),
                ('file', models.CharField(max_length=255, verbose_name='file')),
                ('who', models.CharField(blank=True, max_length=150, verbose_name='who')),
                ('loaded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='loaded at')),
                ('report', models.JSONField(verbose_name='report')),
                ('undone_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='undone at')),
            ],
            options={
                'verbose_name': 'file load',
                'verbose_name_plural': 'file loads',
                'ordering': ['-loaded_at', '-pk'],
                'indexes': [models.Index(fields=['-loaded_at'], name='dotbridge_files_load_by_time')],
            },
        ),
        migrations.CreateModel(
            name='FileShape',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('entity', models.CharField(max_length=100, verbose_name='entity')),
                ('shape', models.CharField(max_length=64, verbose_name='shape')),
                ('columns', models.JSONField(verbose_name='columns')),
            ],
            options={
                'verbose_name': 'file shape',
                'verbose_name_plural': 'file shapes',
                'constraints': [models.UniqueConstraint(fields=('entity', 'shape'), name='dotbridge_files_one_shape')],
            },
        ),
        migrations.CreateModel(
            name='LoadedRecord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('record', models.CharField(max_length=100, verbose_name='record')),
                ('before', models.JSONField(null=True, verbose_name='before')),
                ('after', models.JSONField(verbose_name='after')),
                ('load', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='records', to='dotbridge_files.fileload', verbose_name='file load')),
            ],
            options={
                'verbose_name': 'loaded record',
                'verbose_name_plural': 'loaded records',
            },
        ),
    ]
