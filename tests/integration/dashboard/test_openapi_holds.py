"""What the OpenAPI document says is what the dashboard does, for thousands of odd requests."""

from __future__ import annotations

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from etiq_jupyter.dashboard.app import ALL_ROUTES
from etiq_jupyter.dashboard.web.openapi import describe


@schemathesis.serializer("application/msgpack")
def as_msgpack(ctx, value):
    """Write a generated body as the batch endpoint reads it."""
    return msgspec.msgpack.encode(value, enc_hook=str)


schema = schemathesis.openapi.from_dict(describe(ALL_ROUTES))


@pytest.fixture(scope="module")
def asker(dashboard):
    """Somebody with a project and a snapshot, whose own token is not in danger."""
    return dashboard.person("fuzz")


# Signing in and making accounts are limited by the minute, so they are tried elsewhere.
# A program that waits for its token is answered 400 by the standard of device codes.
@schema.exclude(
    path_regex="^/(sign-in|sign-out|setup|register|tokens/issue|device/token)"
).parametrize()
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_no_request_breaks_the_dashboard(case, asker, dashboard):
    from schemathesis.checks import CHECKS

    headers = dict(asker.client.headers)
    answer = case.call(base_url=dashboard.api, headers=headers, timeout=20)
    assert answer.status_code < 500, answer.text
    ours = "json" in answer.headers.get("content-type", [""])[0]
    if answer.status_code == 400 and not ours:
        # Addresses above 64 kB are refused by the HTTP server itself.
        assert len(answer.request.url) > 60_000
        return
    checks = CHECKS.get_by_names(["content_type_conformance", "response_schema_conformance"])
    case.validate_response(answer, checks=checks)
