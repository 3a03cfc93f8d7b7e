"""Texts that are web addresses, and texts that are not."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ste_graph.addresses import find_address_fault


@pytest.mark.parametrize(
    "address",
    [
        "http://localhost:8000/v1", "https://bob:p%40ss@example.org", "HTTP://HOST", "http://[::1]:80", "http://10.0.0.1",
        "http://my_service:1", "http://m\u00fcnchen.de/x?y=1#z", "http://host.:80/",
    ],
)  # fmt: skip
def test_addresses(address) -> None:
    assert find_address_fault(address) is None


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("ftp://x", "it does not begin with http:// or https://"),
        ("localhost:8000", "it does not begin with http:// or https://"),
        ("http://", "it names no host"),
        ("http://bob@/x", "it names no host"),
        ("http://127.0.0.1:8-21", "its port is not a number from 0 to 65535"),
        ("http://h:99999", "its port is not a number from 0 to 65535"),
        ("http://h:0", "its port is 0"),
        ("http://[", "its host is not a host name"),
        ("http://\u2100/", "its host is not a host name"),
        ("http://\u2603.net", "its host is not a host name"),
        ("http://999.1.1.1", "its host is not a host name"),
        ("http://a..b", "its host is not a host name"),
        ("http://" + "a" * 64, "its host is not a host name"),
        ("http://a b", "it has a blank or a control character"),
        ("http://a\0b", "it has a blank or a control character"),
        ("http://h/\ud800", "it has a blank or a control character"),
        ("http://h/" + "a" * 8192, "it has more than 8192 characters"),
    ],
)
def test_what_is_no_address_is_told_why(address, fault) -> None:
    assert find_address_fault(address) == fault


@given(st.text(max_size=12), st.text(alphabet="0123456789abc:[].-@/%\\ \u2100\u00fc", max_size=20))
def test_a_client_can_be_made_for_whatever_is_an_address(any_text, near_miss) -> None:
    for address in (f"http://{any_text}", f"http://h{near_miss}", f"https://{near_miss}"):
        if find_address_fault(address) is None:
            assert httpx.URL(address).host
