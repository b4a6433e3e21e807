"""Two fluid bounds on a burst of requests: the client's own rate limiter and the API server's places in flight.

client-go's token bucket (QPS and burst), kube-apiserver's --max-requests-inflight 400 and
--max-mutating-requests-inflight 200. A burst takes at least the longer of the two.

Left out: the queues of API Priority and Fairness, which divide the places among priority levels, refused requests
(429) and their repeats, watches, the CPU of the API server, which a small control plane runs out of first.
"""

from __future__ import annotations


def client_limited_s(requests: int, qps: float, burst: float) -> float:
    """Return when the last of `requests` asked for at once leaves a client with this limiter."""
    return max(0.0, requests - burst) / qps


def server_limited_s(requests: int, in_flight: float, request_s: float) -> float:
    """Return how long a server with `in_flight` places is busy with requests of `request_s` each."""
    return requests * request_s / in_flight


def burst_s(requests: int, qps: float, burst: float, in_flight: float, request_s: float) -> float:
    """Return the least time a burst of requests takes, its last answer included."""
    return request_s + max(client_limited_s(requests, qps, burst), server_limited_s(requests, in_flight, request_s))
