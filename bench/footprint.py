"""Start-up time, memory when idle, memory for 100,000 live tokens."""

import time

import load
import proxies
from house import Client, House

LIVE = 100_000


def starts(house, count):
    """From the process's start to its first answers, with a database that is there, in milliseconds."""
    found = []
    for _ in range(count):
        began = time.monotonic()
        identity = house.start_identity()
        middle = time.monotonic()
        gateway = house.start_gateway()
        found.append({"identity": (middle - began) * 1e3, "gateway": (time.monotonic() - middle) * 1e3})
        gateway.stop()
        identity.stop()
    return found


def measure(binary, home, options, say):
    upstream = proxies.upstream(home)
    target = upstream.url.removeprefix("http://")
    house = House(binary, home, target)
    started = starts(house, options.rounds)
    say("starts are measured")
    identity, gateway = house.start_identity(), house.start_gateway()
    try:
        time.sleep(2)
        idle = {"identity": identity.resident_bytes(), "gateway": gateway.resident_bytes()}
        client = Client(house)
        refresh = client.redeem(client.sign_in())["refresh_token"]
        live = []
        for _ in range(LIVE):
            renewed = client.refresh(refresh, "opaque")
            refresh = renewed["refresh_token"]
            live.append(renewed["access_token"])
        say(f"{LIVE} opaque tokens live")
        minted = {"identity": identity.resident_bytes(), "gateway": gateway.resident_bytes()}
        file = proxies.write(f"{home}/live", "\n".join(live))
        sent = 0
        while sent < LIVE:
            sent += load.saturate(f"{gateway.url}/opaque", 5, TOKENS=file)["requests"]
        used = {"identity": identity.resident_bytes(), "gateway": gateway.resident_bytes()}
        return {"start_ms": started, "live_tokens": LIVE, "idle": idle, "minted": minted, "used": used}
    finally:
        for server in [gateway, identity, upstream]:
            server.stop()
