"""A second implementation of what a secret room of multichat is made of, on Python's integers and
hashlib alone: its keys, its invites and its sealed blocks.

Writes ../chat.json, which the unit tests of chat-cli are held to.
"""
import hashlib
import json
import struct
import zlib
from pathlib import Path

MASK = 0xFFFFFFFF
ALPHABET = "ybndrfg8ejkmcpqxot1uwisza345h769"


def blake2b(key, data):
    return hashlib.blake2b(data, digest_size=32, key=key).digest()


def symbols(data):
    bits = len(data) * 8
    count = -(-bits // 5)
    number = int.from_bytes(data, "big") << (count * 5 - bits)
    return "".join(ALPHABET[number >> 5 * (count - 1 - at) & 31] for at in range(count))


def invite(flags, key):
    body = bytes([1, flags]) + key
    return "mfchat:" + symbols(body + zlib.crc32(body).to_bytes(4, "big"))


def rotate(x, by):
    return (x << by | x >> 32 - by) & MASK


def quarter(state, a, b, c, d):
    for x, y, z, by in [(a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)]:
        state[x] = (state[x] + state[y]) & MASK
        state[z] = rotate(state[z] ^ state[x], by)


def twenty_rounds(words):
    state = list(words)
    for _ in range(10):
        for column in range(4):
            quarter(state, column, column + 4, column + 8, column + 12)
        for column in range(4):
            second, third, fourth = [(column + by) % 4 for by in (1, 2, 3)]
            quarter(state, column, second + 4, third + 8, fourth + 12)
    return state


def first_words(key):
    return struct.unpack("<4I", b"expand 32-byte k") + struct.unpack("<8I", key)


def chacha20_block(key, counter, nonce):
    words = first_words(key) + (counter,) + struct.unpack("<3I", nonce)
    added = [(one + other) & MASK for one, other in zip(words, twenty_rounds(words))]
    return struct.pack("<16I", *added)


def hchacha20(key, nonce):
    state = twenty_rounds(first_words(key) + struct.unpack("<4I", nonce))
    return struct.pack("<8I", *state[:4], *state[12:])


def poly1305(key, message):
    factor = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    sum_ = 0
    for at in range(0, len(message), 16):
        part = int.from_bytes(message[at:at + 16] + b"\1", "little")
        sum_ = (sum_ + part) * factor % ((1 << 130) - 5)
    return ((sum_ + int.from_bytes(key[16:], "little")) & (1 << 128) - 1).to_bytes(16, "little")


def xchacha20poly1305(key, nonce, about, text):
    key, nonce = hchacha20(key, nonce[:16]), bytes(4) + nonce[16:]
    stream = b"".join(chacha20_block(key, 1 + at, nonce) for at in range(-(-len(text) // 64)))
    sealed = bytes(one ^ other for one, other in zip(text, stream))
    whole = [part + bytes(-len(part) % 16) for part in (about, sealed)]
    lengths = struct.pack("<QQ", len(about), len(sealed))
    return sealed + poly1305(chacha20_block(key, 0, nonce)[:32], b"".join(whole) + lengths)


def check():
    """The vector A.3.1 of draft-irtf-cfrg-xchacha-03."""
    text = (b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
            b"future, sunscreen would be it.")
    about = bytes.fromhex("50515253c0c1c2c3c4c5c6c7")
    sealed = xchacha20poly1305(bytes(range(0x80, 0xA0)), bytes(range(0x40, 0x58)), about, text)
    assert sealed[:16].hex() == "bd6d179d3e83d43b9576579493c0e939"
    assert sealed[-16:].hex() == "c0875924c1c7987947deafd8780acf49"


def block(content_key, nonce, feed, text):
    padded, about = text + b" " * (-len(text) % 64), b"multichat/1/block" + feed
    return b"\1" + nonce + xchacha20poly1305(content_key, nonce, about, padded)


def rooms():
    for secret in (b"0123456789abcdef0123456789abcdef", bytes(32), bytes(range(0xE0, 0x100))):
        group_key = blake2b(b"multichat/1/group", secret)
        yield {
            "secret": secret.hex(),
            "group_key": group_key.hex(),
            "content_key": blake2b(b"multichat/1/content", secret).hex(),
            "id": symbols(blake2b(b"multichat/1/room-id/secret", group_key)[:5]),
            "member_invite": invite(0, secret),
            "seeder_invite": invite(0x10, group_key),
        }


def blocks(room):
    message = ('{"type":"chat-message","nickname":"alice","text":"%s",'
               '"timestamp":"2026-11-22T08:26:14.138Z"}')
    # A short text, and one whose message has a multiple of 64 bytes, with its neighbours.
    for place, count in enumerate([2, 36, 37, 38]):
        nonce, feed = bytes(range(place, place + 24)), bytes([place + 7] * 32)
        text = (message % ("x" * count)).encode()
        sealed = block(bytes.fromhex(room["content_key"]), nonce, feed, text)
        yield {"nonce": nonce.hex(), "feed": feed.hex(), "message": text.decode(),
               "block": sealed.hex()}


if __name__ == "__main__":
    check()
    all_rooms = list(rooms())
    vectors = {"rooms": all_rooms, "blocks": list(blocks(all_rooms[0]))}
    path = Path(__file__).resolve().parent.parent / "chat.json"
    path.write_text(json.dumps(vectors, indent=2) + "\n")
