"""Requests that are carried out and whose answers are lost on the way back."""
import hashlib

from support import links, stack


def sha_of(script):
    """As Redis names it: of mark.lua and the script's own text."""
    folder = stack.ROOT / "schemas" / "lua"
    return hashlib.sha1((folder / "mark.lua").read_bytes() + (folder / f"{script}.lua").read_bytes()).hexdigest()


def answers(link, request, then="cut", count=1):
    """The answers to the next `count` requests that hold these bytes are swallowed; then the connection is cut, or keeps silent until the end of the block."""
    return links.fault(link, swallow=count, match=request, then=then)


def reserves(coupon, least):
    """Under load, at least so many units are reserved for grabs that ingest knows nothing of: the sweep has to end them."""
    with answers("ingest-redis", sha_of("reserve"), "silent"):  # what else goes through that connection is carried out too, until ingest gives it up
        stack.wait_for(lambda: stack.pending(coupon) >= least, 60, "grabs are pending", every=0.05)
