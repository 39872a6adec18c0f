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
                ('state', models.CharField(choices=[('open', 'not loaded yet'), ('waiting', 'waits for the worker'), ('running', 'at work'), ('loaded', 'loaded'), ('undoing', 'is being undone'), ('asks', 'needs an answer'), ('failed', 'failed'), ('cancelled', 'cancelled')], default='open', max_length=20, verbose_name='state')),
                ('size', models.BigIntegerField(default=0, verbose_name='size')),
                ('choices', models.JSONField(blank=True, default=dict, verbose_name='choices')),
                ('only_looks', models.BooleanField(default=False, verbose_name='only looks')),
                ('step', models.CharField(blank=True, max_length=20, verbose_name='step')),
                ('rows_done', models.BigIntegerField(default=0, verbose_name='rows so far')),
                ('fraction', models.FloatField(default=0, verbose_name='how far')),
                ('attempts', models.PositiveSmallIntegerField(default=0, verbose_name='attempts')),
                ('message', models.JSONField(blank=True, default=dict, verbose_name='message')),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='given at')),
                ('asked_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='asked for at')),
                ('cancel_asked_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='cancelling asked for at')),
                ('loaded_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='loaded at')),
                ('report', models.JSONField(default=dict, verbose_name='report')),
                ('undone_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='undone at')),
            ],
            options={
                'verbose_name': 'file load',
                'verbose_name_plural': 'file loads',
                'ordering': ['-pk'],
                'indexes': [models.Index(fields=['made_at'], name='dotbridge_files_load_by_time')],
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
        migrations.CreateModel(
            name='FilePiece',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(verbose_name='number')),
                ('content', models.BinaryField(verbose_name='content')),
                ('load', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='pieces', to='dotbridge_files.fileload', verbose_name='file load')),
            ],
            options={
                'verbose_name': 'piece of a file',
                'verbose_name_plural': 'pieces of files',
                'constraints': [models.UniqueConstraint(fields=('load', 'number'), name='dotbridge_files_one_piece')],
            },
        ),
    ]
