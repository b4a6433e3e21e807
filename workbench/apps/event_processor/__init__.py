"""The hub's event processor: events from Kafka to encrypted rows in Postgres and the newest state in Redis.

`python -m workbench.apps.event_processor`, configured by its environment alone (settings.py). It belongs
to the system under test: it imports nothing else of the workbench.

What it promises, whatever restarts, dies or fails over around it: an event that Kafka acknowledged becomes
exactly one row. Offsets are committed only up to what Postgres and Redis both hold, so a crash means reading
again, never losing; the row's primary key makes reading again harmless. The newest state in Redis is applied
at least once. Alerts are published to whoever listens at that moment: a failure of Redis may repeat some, and
what is published while a subscriber is away is gone, as Redis defines it.
"""
