import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('dotbridge_files', '0001_initial'),
        ('dotbridge_lists', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='ScheduledFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=150, unique=True, verbose_name='name')),
                ('entity', models.CharField(max_length=100, verbose_name='what the people become')),
                ('url', models.CharField(max_length=1000, verbose_name='where it is')),
                ('username', models.CharField(blank=True, max_length=200, verbose_name='user name')),
                ('sealed_secret', models.TextField(blank=True, editable=False, verbose_name='password')),
                ('host_key', models.TextField(blank=True, editable=False, verbose_name='key of the server')),
                ('every_minutes', models.PositiveIntegerField(default=60, validators=[django.core.validators.MinValueValidator(5), django.core.validators.MaxValueValidator(10080)], verbose_name='every so many minutes')),
                ('holds', models.CharField(choices=[('everybody', 'everybody: who is missing leaves the list'), ('changes', 'changes: nobody leaves the list')], default='changes', max_length=20, verbose_name='what it holds')),
                ('most_leaving_percent', models.PositiveSmallIntegerField(default=10, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)], verbose_name='most that may leave at once, per cent')),
                ('must_come_hours', models.PositiveIntegerField(blank=True, default=48, null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(2160)], verbose_name='a new file must come within so many hours')),
                ('choices', models.JSONField(blank=True, default=dict, verbose_name='choices')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created at')),
                ('next_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='next reading')),
                ('came_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='came last')),
                ('digest', models.CharField(blank=True, editable=False, max_length=64, verbose_name='digest')),
                ('problem', models.JSONField(blank=True, default=dict, editable=False, verbose_name='problem')),
                ('problem_since', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='problem since')),
                ('allowed_leaving', models.PositiveIntegerField(default=0, editable=False, verbose_name='may leave once')),
                ('marketing_list', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='scheduled_files', to='dotbridge_lists.marketinglist', verbose_name='list')),
            ],
            options={
                'verbose_name': 'scheduled file',
                'verbose_name_plural': 'scheduled files',
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='Reading',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(max_length=64, verbose_name='digest')),
                ('read_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='read at')),
                ('joined', models.PositiveIntegerField(blank=True, null=True, verbose_name='came onto the list')),
                ('left', models.PositiveIntegerField(blank=True, null=True, verbose_name='left the list')),
                ('held', models.PositiveIntegerField(blank=True, null=True, verbose_name='did not leave, as they are too many')),
                ('known', models.PositiveIntegerField(blank=True, null=True, verbose_name='on the list before')),
                ('load', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='scheduled_reading', to='dotbridge_files.fileload', verbose_name='file load')),
                ('scheduled_file', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='readings', to='dotbridge_scheduled_files.scheduledfile', verbose_name='scheduled file')),
            ],
            options={
                'verbose_name': 'reading of a scheduled file',
                'verbose_name_plural': 'readings of scheduled files',
                'ordering': ['-pk'],
            },
        ),
    ]
