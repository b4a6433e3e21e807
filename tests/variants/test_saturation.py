"""Ramps on a real hub: what is offered arrives, and a path that is asked for more than it can is seen to saturate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from workbench.drill.saturation.conducting import consumer_shares, observed_throughput
from workbench.drill.saturation.loaded import CYCLE, LoadedHub, loaded_hub
from workbench.model.saturation import Demands, LoadedPath, partition_shares
from workbench.scenario import find_scenario, read_with_hub
from workbench.waiting import happens

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoadedHub]:
    """Yield a hub with two event processors that ramps can be offered to."""
    scenario, topology = read_with_hub(find_scenario("broker-loss"))
    folder: Path = tmp_path_factory.mktemp("ramps")
    with loaded_hub(topology, scenario.workload, 2, folder, 1, psutil.cpu_count() or 1, lambda _: None) as hub:
        yield hub


def test_every_event_of_a_ramp_is_committed(loaded: LoadedHub) -> None:
    """Through the whole pipeline: offered, acknowledged, and counted by the processors to the last one."""
    course = loaded.offer(LoadedPath.PIPELINE, 400, (50.0, 150.0), 6.0, until_done=True)
    assert course.ramp.events == 600
    assert course.done[-1] == 600.0
    assert np.all(np.diff(course.done) >= 0.0)
    seconds = course.seconds(1.0, 6.0, CYCLE)
    assert seconds and all(0.0 < each.busy_cores <= course.cores + 0.01 for each in seconds)


def test_every_record_of_a_ramp_is_acknowledged(loaded: LoadedHub) -> None:
    """Into the topic that nobody consumes: the client's own count ends at everything that was offered."""
    course = loaded.offer(LoadedPath.KAFKA, 400, (100.0, 300.0), 5.0)
    assert course.offered[-1] == course.done[-1] == course.ramp.events == 1000


def test_a_ramps_topic_takes_the_place_of_the_one_before(loaded: LoadedHub) -> None:
    """What is in it would fill the disk after several; the controller deletes it, and records go into the new one."""
    before = saturation_topics(loaded)
    loaded.renew_topic()
    assert happens(lambda: len(saturation_topics(loaded) - before) == len(saturation_topics(loaded)) == 1, 30.0, 0.5)
    course = loaded.offer(LoadedPath.KAFKA, 400, (100.0, 100.0), 2.0)
    assert course.done[-1] == 200


def saturation_topics(loaded: LoadedHub) -> set[str]:
    """Return the topics that nobody consumes."""
    return {label.rpartition("-")[0] for label in loaded.hub.partition_states() if label.startswith("saturation-")}


def test_rows_saturate_where_a_connection_has_no_time_left(loaded: LoadedHub) -> None:
    """A ramp far beyond what one session can encrypt saturates somewhere in between."""
    course = loaded.offer(LoadedPath.POSTGRES, 400, (200.0, 10_000.0), 20.0)
    found = observed_throughput(course)
    assert found is not None
    assert 200.0 < found.rate_per_s < 20_000.0
    assert course.done[-1] == pytest.approx(course.ramp.events, abs=course.ramp.batch_events)


def test_shares_are_those_of_the_group(loaded: LoadedHub) -> None:
    """Two processors hold every partition between them: half of the events each, however the group dealt them."""
    hub = loaded.hub
    scenario, _ = read_with_hub(find_scenario("broker-loss"))
    shares = partition_shares(scenario.workload.mix, {topic.name: topic.partitions for topic in hub.topology.topics})
    given = consumer_shares(loaded, Demands(2, 1.0, 0.0, shares, ()))
    assert given == pytest.approx((0.5, 0.5))
