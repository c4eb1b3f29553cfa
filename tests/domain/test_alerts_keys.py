"""When two alerts are one: by their id, or else by everything they say."""

from domain.alerts import alert_key, body_hash, read_body


def key(body: str, source: str = "tests") -> str:
    return alert_key(source, read_body(body.encode()))


def test_the_same_alert_in_another_dress_is_the_same_alert() -> None:
    bodies = (
        '{"action": "BUY", "symbol": "ETH-USD", "amount": 25}',
        '{ "symbol":"ETH-USD",\n"Amount":"25", "ACTION":"BUY" }',
        '{"api_key": "hush-hush", "action": "BUY", "symbol": "ETH-USD", "amount": 25}',
        "action=BUY\nsymbol=ETH-USD\namount=25",
    )
    assert len({key(body) for body in bodies}) == 1


def test_every_difference_in_what_is_said_makes_another_alert() -> None:
    bodies = (
        '{"a": "1"}',
        '{"a": "2"}',
        '{"b": "1"}',
        '{"a": "1.0"}',
        '{"a": null}',
        '{"a": "null"}',
        '{"a": true}',
        '{"a": "true"}',
        '{"a": nan}',
        '{"a": "nan"}',
        '{"a": ["unfilled"]}',
        '{"a": [nan]}',
        '{"a": {"b": "1"}}',
        '{"a": [["b", "1"]]}',
        '{"a": ["list"]}',
        '{"a": [[]]}',
        '{"a": []}',
        '{"a": {}}',
        '{"a": "1", "b": "1"}',
        '{"a": "1\\", \\"b\\": \\"1"}',
    )
    assert len({key(body) for body in bodies}) == len(bodies)


def test_sources_do_not_share_alerts() -> None:
    for body in ('{"a": 1}', '{"id": "7"}'):
        assert key(body, "one") != key(body, "two")


def test_an_explicit_id_is_the_whole_key_and_the_body_hash_tells_the_bodies_apart() -> None:
    first, second = '{"id": " 7 ", "action": "BUY"}', '{"id": 7, "action": "SELL"}'
    assert key(first) == key(second)
    assert body_hash(read_body(first.encode())) != body_hash(read_body(second.encode()))


def test_an_id_never_meets_a_body() -> None:
    assert key('{"id": "7"}') != key('{"a": "7"}')
    assert key('{"id": ""}') != key("{}")


def test_keys_are_the_same_for_ever() -> None:
    """The ledger keeps them: a change here would let a resend through as a new alert."""
    assert key('{"id": "7"}') == "242d9dde8ab74cd7aaf321a75dbed462736b5592b9f821d02347900db2583bc4"
    assert (
        key('{"action": "BUY", "symbol": "ETH-USD", "amount": 25}')
        == "3fa57f17277a6c37b96897391087f6c8a4d47746507f7d4f8b75ce356d0457e3"
    )
