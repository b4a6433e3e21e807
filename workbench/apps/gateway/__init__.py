"""The hub's gateway: log-in and the newest states of a device over HTTP, from Redis or else from Postgres.

`python -m workbench.apps.gateway`, configured by its environment alone (settings.py). It belongs to the system
under test: it imports nothing of the workbench but what the hub's applications share.

    POST /login                   {"user": .., "secret": ..}: 200 with a token, 401, or 503 while Redis is away
    GET  /devices/{device}/state  with that token as bearer: 200, 401, 404 when the hub knows nothing of the
                                  device, or 503 when neither store can answer; X-Cache says hit, miss or away
    GET  /healthz, /readyz, /metrics

What it promises: an answer within the sum of its time-outs, whatever hangs behind it. A session lives in Redis, so
a Redis that lost its file sends everybody back to the log-in. While Redis is away, tokens are judged by their
signature alone and states come from Postgres; while Postgres is away, what Redis holds is still served.
"""
