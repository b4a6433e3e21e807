"""Stand-in for prometheus-operator 0.75: Alertmanager's configuration of a global `AlertmanagerConfig`.

Receivers get the operator's names (namespace/resource/receiver); a global one gets no matcher of its namespace
(pkg/alertmanager/amcfg.go). Different here: only webhooks by a Secret's URL are known; anything else is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from workbench.errors import BadInput
from workbench.target.throwaway.hub.kinds import Object, name_of

_TIMES: Final = {"groupWait": "group_wait", "groupInterval": "group_interval", "repeatInterval": "repeat_interval"}
_ROUTE: Final = {"receiver", "groupBy", "matchers", "routes", *_TIMES}
Secrets = Callable[[str, str], str]  # name and key of a Secret -> what it says


def alertmanager_settings(stated: Mapping[str, Any], secret: Secrets) -> Object:
    """Return alertmanager.yaml. Raises BadInput for what is not known here."""
    owner, spec = f"{stated['metadata']['namespace']}/{name_of(stated)}", stated["spec"]
    _only(spec, {"route", "inhibitRules", "receivers"}, "an AlertmanagerConfig")
    return {
        "route": _route(spec["route"], owner),
        "inhibit_rules": [_inhibition(rule) for rule in spec.get("inhibitRules", ())],
        "receivers": [_receiver(each, owner, secret) for each in spec["receivers"]],
    }


def _route(route: Mapping[str, Any], owner: str) -> Object:
    _only(route, _ROUTE, "a route")
    made: Object = {"receiver": f"{owner}/{route['receiver']}"}
    if "groupBy" in route:
        made["group_by"] = route["groupBy"]
    if "matchers" in route:
        made["matchers"] = _matchers(route["matchers"])
    made |= {name: route[key] for key, name in _TIMES.items() if key in route}
    if "routes" in route:
        made["routes"] = [_route(child, owner) for child in route["routes"]]
    return made


def _inhibition(rule: Mapping[str, Any]) -> Object:
    _only(rule, {"sourceMatch", "targetMatch", "equal"}, "an inhibition")
    return {
        "source_matchers": _matchers(rule["sourceMatch"]),
        "target_matchers": _matchers(rule["targetMatch"]),
        "equal": rule.get("equal", []),
    }


def _matchers(matchers: Sequence[Mapping[str, Any]]) -> list[str]:
    for each in matchers:
        _only(each, {"name", "value", "matchType"}, "a matcher")
    return [f'{each["name"]}{each.get("matchType", "=")}"{each["value"]}"' for each in matchers]


def _receiver(receiver: Mapping[str, Any], owner: str, secret: Secrets) -> Object:
    _only(receiver, {"name", "webhookConfigs"}, "a receiver")
    hooks = []
    for hook in receiver.get("webhookConfigs", ()):
        _only(hook, {"urlSecret", "sendResolved"}, "a webhook")
        url = secret(hook["urlSecret"]["name"], hook["urlSecret"]["key"])
        hooks.append({"url": url, "send_resolved": hook.get("sendResolved", True)})
    return {"name": f"{owner}/{receiver['name']}", "webhook_configs": hooks}


def _only(stated: Mapping[str, Any], known: set[str], what: str) -> None:
    if unknown := stated.keys() - known:
        raise BadInput(f"the stand-in for the Prometheus operator knows no {', '.join(sorted(unknown))} of {what}")
