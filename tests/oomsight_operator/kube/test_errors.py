from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oomsight_operator.kube.errors import Target, error_from_response, parse_retry_after, target_of


@pytest.mark.parametrize(
    ("method", "path", "params", "expected"),
    [
        ("GET", "/api/v1/pods", None, Target("list", "", "pods", None, None)),
        ("GET", "/api/v1/pods", {"watch": "true"}, Target("watch", "", "pods", None, None)),
        ("PATCH", "/api/v1/namespaces/a/pods/p", None, Target("patch", "", "pods", "a", "p")),
        ("POST", "/apis/events.k8s.io/v1/namespaces/a/events", None, Target("create", "events.k8s.io", "events", "a", None)),
        ("GET", "/api/v1/namespaces", None, Target("list", "", "namespaces", None, None)),
        ("GET", "/api/v1/namespaces/a", None, Target("get", "", "namespaces", None, "a")),
        (
            "PATCH",
            "/apis/oomsight.dev/v1alpha1/namespaces/a/memorypolicies/m/status",
            None,
            Target("patch", "oomsight.dev", "memorypolicies/status", "a", "m"),
        ),
    ],
)
def test_a_request_is_told_in_the_words_of_rbac(method: str, path: str, params: dict[str, str] | None, expected: Target) -> None:
    assert target_of(method, path, params) == expected


def test_forbidden_names_verb_resource_and_the_missing_rule() -> None:
    status = json.dumps({"kind": "Status", "reason": "Forbidden", "message": "pods is forbidden"}).encode()
    error = error_from_response(403, status, target_of("PATCH", "/api/v1/namespaces/shop/pods/web"))
    assert error.reason == "Forbidden"
    assert "patch pods in namespace shop" in str(error)
    assert 'apiGroups: [""], resources: ["pods"], verbs: ["patch"]' in str(error)


def test_retry_after_comes_from_the_header_or_from_the_status() -> None:
    target = target_of("GET", "/api/v1/pods")
    assert error_from_response(429, b"slow down", target, "7").retry_after_seconds == 7
    body = json.dumps({"details": {"retryAfterSeconds": 3}}).encode()
    assert error_from_response(503, body, target).retry_after_seconds == 3
    assert error_from_response(503, b"<html>", target).retry_after_seconds is None


def test_retry_after_may_be_a_date() -> None:
    assert parse_retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 50.0) == 10.0
    assert parse_retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 90.0) == 0.0


@pytest.mark.parametrize("header", ["86400", "999999999999", "Fri, 02 Jan 1970 00:00:00 GMT"])
def test_nobody_can_silence_the_operator_for_more_than_five_minutes(header: str) -> None:
    assert parse_retry_after(header, 0.0) == 300.0


def test_nor_can_the_answer_itself() -> None:
    body = json.dumps({"details": {"retryAfterSeconds": 10**400}}).encode()
    assert error_from_response(429, body, target_of("GET", "/api/v1/pods")).retry_after_seconds == 300.0


@settings(deadline=None)
@given(st.integers(300, 599), st.binary(max_size=200), st.text(max_size=40), st.text(max_size=40))
def test_any_answer_becomes_an_error_with_a_message(http_status: int, body: bytes, path: str, retry_after: str) -> None:
    error = error_from_response(http_status, body, target_of("GET", path), retry_after, 0.0)
    assert error.status == http_status
    assert error.reason
    assert error.message
    assert error.retry_after_seconds is None or 0 <= error.retry_after_seconds <= 86400
