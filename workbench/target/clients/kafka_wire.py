"""The questions we put to one Kafka server directly, in its own protocol: Metadata, FindCoordinator, DescribeQuorum.

A client library asks whichever broker it likes and answers from its own cache; a collector that looks ten
times a second at a cluster with a dead broker needs to know whom it asked and when. Formats: Kafka 3.7.1,
clients/src/main/resources/common/message/MetadataRequest.json (version 1) and FindCoordinatorRequest.json
(version 0), request and response headers version 1 and 0; DescribeQuorumRequest.json (version 0), headers 2 and 1.
"""

from __future__ import annotations

import socket
import ssl
import struct
from dataclasses import dataclass
from typing import Final

from workbench.target.clients.addresses import Address
from workbench.target.port import PartitionState

METADATA: Final = 3  # API keys
FIND_COORDINATOR: Final = 10
DESCRIBE_QUORUM: Final = 55
ANSWER_BYTES_MAX: Final = 16 << 20
METADATA_LOG: Final = b"__cluster_metadata"
NO_TAGS: Final = b"\0"
CLIENT_ID: Final = b"hub-workbench"


@dataclass(frozen=True)
class ClusterMetadata:
    """What one broker knows: the controller last told it so."""

    brokers: frozenset[int]  # alive, as far as it knows
    controller: int  # -1: none
    partitions: dict[str, PartitionState]  # "topic-partition"


class BrokerConnection:
    """One connection to one broker. Every method raises OSError when it does not answer in `timeout_s`."""

    def __init__(self, broker: Address, timeout_s: float, tls: ssl.SSLContext | None = None) -> None:
        plain = socket.create_connection((broker.host, broker.port), timeout_s)
        self._socket = tls.wrap_socket(plain, server_hostname=broker.host) if tls is not None else plain
        self._correlation = 0

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def metadata(self) -> ClusterMetadata:
        """Return brokers, controller and every partition's leader and in-sync replicas."""
        answer = self._ask(METADATA, 1, struct.pack(">i", -1))  # -1: all topics
        brokers = set()
        for _ in range(answer.int32()):
            brokers.add(answer.int32())
            answer.text()  # host
            answer.int32()  # port
            answer.text()  # rack
        controller = answer.int32()
        partitions = {}
        for _ in range(answer.int32()):
            answer.int16()  # error
            topic = answer.text()
            answer.int8()  # is internal
            for _ in range(answer.int32()):
                answer.int16()  # error
                index, leader = answer.int32(), answer.int32()
                replicas, isr = answer.int32s(), answer.int32s()
                partitions[f"{topic}-{index}"] = PartitionState(leader, replicas, isr)
        return ClusterMetadata(frozenset(brokers), controller, partitions)

    def coordinator(self, group: str) -> int:
        """Return the broker that coordinates a consumer group, -1 if none does now.

        The first such question makes Kafka create __consumer_offsets.
        """
        name = group.encode()
        answer = self._ask(FIND_COORDINATOR, 0, struct.pack(">h", len(name)) + name)
        return -1 if answer.int16() else answer.int32()

    def leads_quorum(self) -> bool:
        """Tell whether this KRaft controller is the active one: only the quorum's leader describes it."""
        partition = b"\x02" + struct.pack(">i", 0) + NO_TAGS  # a compact array has its length plus one before it
        name = bytes([len(METADATA_LOG) + 1]) + METADATA_LOG
        body = NO_TAGS + b"\x02" + name + partition + NO_TAGS + NO_TAGS  # the first ends the header
        answer = self._ask(DESCRIBE_QUORUM, 0, body)
        answer.int8()  # the header's tags
        if answer.int16() or answer.int8() != 2:
            return False
        answer.skip(answer.int8() - 1)  # topic
        answer.int8()  # one partition
        answer.int32()
        return answer.int16() == 0

    def _ask(self, key: int, version: int, body: bytes) -> _Answer:
        self._correlation += 1
        header = struct.pack(">hhih", key, version, self._correlation, len(CLIENT_ID)) + CLIENT_ID
        self._socket.sendall(struct.pack(">i", len(header) + len(body)) + header + body)
        (size,) = struct.unpack(">i", self._receive(4))
        if not 4 <= size <= ANSWER_BYTES_MAX:
            raise ConnectionError(f"a broker's answer of {size} bytes")
        answer = _Answer(self._receive(size))
        if answer.int32() != self._correlation:
            raise ConnectionError("a broker answered another question")
        return answer

    def _receive(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            chunk = self._socket.recv(size - len(data))
            if not chunk:
                raise ConnectionError("a broker closed the connection")
            data += chunk
        return bytes(data)


class _Answer:
    """Reads the fields of a response one after another."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def _take(self, form: str) -> int:
        (value,) = struct.unpack_from(form, self._data, self._at)
        self._at += struct.calcsize(form)
        return int(value)

    def skip(self, size: int) -> None:
        self._at += size

    def int8(self) -> int:
        return self._take(">b")

    def int16(self) -> int:
        return self._take(">h")

    def int32(self) -> int:
        return self._take(">i")

    def int32s(self) -> tuple[int, ...]:
        return tuple(self.int32() for _ in range(self.int32()))

    def text(self) -> str:
        length = self.int16()
        if length < 0:  # null
            return ""
        value = self._data[self._at : self._at + length].decode()
        self._at += length
        return value
