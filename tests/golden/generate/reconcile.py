"""An independent model of reconciliation's algebra, on Python's integers and hashlib alone.

Writes ../reconcile.json, which the unit tests of core/src/reconcile are held to.
"""
import hashlib
import json
import struct
from pathlib import Path

MASK = (1 << 64) - 1
ID_BITS, LEAD_BITS, CHECK_BITS, TOKEN_BYTES, HEAD_CELLS = 36, 18, 12, 6, 24
GOLDEN = 0x9E3779B97F4A7C15


def blake2b(*parts, key=b""):
    return hashlib.blake2b(b"".join(parts), digest_size=32, key=key).digest()


def rotate(x, by):
    return ((x << by) | (x >> (64 - by))) & MASK


def siphash24(k0, k1, message):
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D,
         k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def rounds(count):
        for _ in range(count):
            v[0] = (v[0] + v[1]) & MASK; v[1] = rotate(v[1], 13) ^ v[0]; v[0] = rotate(v[0], 32)
            v[2] = (v[2] + v[3]) & MASK; v[3] = rotate(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & MASK; v[3] = rotate(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & MASK; v[1] = rotate(v[1], 17) ^ v[2]; v[2] = rotate(v[2], 32)

    whole = len(message) - len(message) % 8
    words = [struct.unpack_from("<Q", message, at)[0] for at in range(0, whole, 8)]
    words.append((len(message) & 0xFF) << 56 | int.from_bytes(message[whole:], "little"))
    for word in words:
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def mix(x):
    x = ((x ^ x >> 30) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ x >> 27) * 0x94D049BB133111EB) & MASK
    return x ^ x >> 31


def salt_of_group(key):
    return struct.unpack("<QQ", blake2b(b"multifeed/1 reconcile", key=key)[:16])


def salt_of_connection(handshake_hash, attempt):
    hash = blake2b(b"multifeed/1 reconcile fresh", bytes([attempt]), handshake_hash)
    return struct.unpack("<QQ", hash[:16])


def token_of_id(id):
    return id | mix(id ^ 0x5BF03635DCA1EA1D) >> (64 - CHECK_BITS) << ID_BITS


def token(salt, item):
    of_key = siphash24(*salt, item[:32]) & (1 << ID_BITS) - 1
    low = (1 << ID_BITS - LEAD_BITS) - 1 if len(item) > 32 else 0
    return token_of_id(of_key & ~low | siphash24(*salt, item) & low)


def floor_root(n, k):
    low, high = 0, 1 << (n.bit_length() // k + 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**k <= n else (low, middle - 1)
    return low


class Curve:
    """The powers of a class of tokens; alpha in eighths."""

    def __init__(self, alpha, offset_q8):
        self.whole = [floor_root(2 ** (160 + alpha * k), 8) for k in range(64)]
        ratio = lambda k: 2**240 * 4096**alpha // (2049 + 2 * k) ** alpha
        self.part = [floor_root(ratio(k), 8) for k in range(1024)]
        self.offset_q8 = offset_q8

    def hash(self):
        whole = b"".join(struct.pack("<Q", entry) for entry in self.whole)
        return blake2b(whole, b"".join(struct.pack("<I", entry) for entry in self.part)).hex()


DENSE, SPARSE = Curve(5, 333), Curve(1, 1152)


def indices(id, end=2**32 - 1, most=None):
    state = mix((id * GOLDEN & MASK) ^ 0xD1B54A32D192ED03)
    curve = SPARSE if state >> 56 >= 220 else DENSE
    index, out = 0, []
    while index < end and (most is None or len(out) < most):
        out.append(index)
        state = (state + GOLDEN) & MASK
        chance = mix(state) | 1
        zeros = 64 - chance.bit_length()
        part = curve.part[((chance << zeros) & MASK) >> 53 & 1023]
        power = curve.whole[zeros] * part >> 30
        step = ((index << 8) + curve.offset_q8) * (power - (1 << 20)) >> 28
        index = min(index + 1 + step, 2**32 - 1)
    return out


def sketch(tokens, cells):
    sums, counts = [0] * cells, [0] * HEAD_CELLS
    for one in tokens:
        for index in indices(one & (1 << ID_BITS) - 1, cells):
            sums[index] ^= one
            if index < HEAD_CELLS:
                counts[index] += 1
    head = lambda at: bytes([counts[at] % 256]) if at < HEAD_CELLS else b""
    return b"".join(cell.to_bytes(TOKEN_BYTES, "little") + head(at) for at, cell in enumerate(sums))


def chacha8(key, length):
    def quarter(s, a, b, c, d):
        turn = lambda x, by: ((x << by) | (x >> (32 - by))) & 0xFFFFFFFF
        s[a] = (s[a] + s[b]) & 0xFFFFFFFF; s[d] = turn(s[d] ^ s[a], 16)
        s[c] = (s[c] + s[d]) & 0xFFFFFFFF; s[b] = turn(s[b] ^ s[c], 12)
        s[a] = (s[a] + s[b]) & 0xFFFFFFFF; s[d] = turn(s[d] ^ s[a], 8)
        s[c] = (s[c] + s[d]) & 0xFFFFFFFF; s[b] = turn(s[b] ^ s[c], 7)

    out = b""
    for block in range(length // 64):
        first = list(struct.unpack("<4I", b"expand 32-byte k"))
        first += list(struct.unpack("<8I", key)) + [block, 0, 0, 0]
        s = first[:]
        for _ in range(4):
            for at in range(4):
                quarter(s, at, 4 + at, 8 + at, 12 + at)
            for at in range(4):
                quarter(s, at, 4 + (at + 1) % 4, 8 + (at + 2) % 4, 12 + (at + 3) % 4)
        out += struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(s, first)))
    return out


def root(items):
    sums = [0] * 1024
    for item in items:
        words = struct.unpack("<1024H", chacha8(blake2b(b"multifeed/1 root item", item), 2048))
        sums = [(sum + word) & 0xFFFF for sum, word in zip(sums, words)]
    return struct.pack("<1024H", *sums)


def root_mac(handshake_hash, role, set, items):
    head = b"multifeed/1 root" + bytes([role, set])
    return blake2b(head, root(items), key=handshake_hash)[:8].hex()


def digest(items):
    return blake2b(b"multifeed/1 settled", root(items))[:16]


def tag(handshake_hash, role, initiator, responder):
    head = b"multifeed/1 known" + bytes([role])
    return blake2b(head, initiator, responder, key=handshake_hash)[:8].hex()


def rice(numbers, width):
    low = max((177 << width >> 8) // max(len(numbers), 1), 1).bit_length() - 1
    bits, next = [], 0
    for number in numbers:
        gap, next = number - next, number + 1
        bits += [1] * (gap >> low) + [0] + [gap >> at & 1 for at in range(low)]
    bits += [0] * (-len(bits) % 8)
    byte = lambda at: sum(bit << place for place, bit in enumerate(bits[at:at + 8]))
    return bytes(byte(at) for at in range(0, len(bits), 8)).hex()


def varint(number):
    more, low = number >> 7, number & 127
    return bytes([low | 128]) + varint(more) if more else bytes([low])


def changed(salt, feeds, heads, entries):
    bits = max(feeds - 1, 1).bit_length() + 7
    id = lambda number: token(salt, discovery_key(number)) & (1 << ID_BITS) - 1
    named = sorted((id(number) >> (ID_BITS - bits), length) for number, length in heads)
    body = varint(len(named)) + bytes.fromhex(rice([id for id, _ in named], bits))
    body += b"".join(varint(2 * length) for _, length in named) + varint(len(entries))
    return body + b"".join(bytes([number] * 32) + varint(2 * length) for number, length in entries)


def discovery_key(number):
    return blake2b(b"feed", struct.pack("<Q", number))


def head_item(number, length, fork):
    return discovery_key(number) + struct.pack("<QQ", length, fork)


def vectors():
    handshake_hash = bytes(range(64))
    group, fresh = salt_of_group(bytes(range(32))), salt_of_connection(handshake_hash, 1)
    heads = [(0, 7, 0), (0, 1 << 40, 3), (5, 1, 0)]
    ids = [mix(number) & (1 << ID_BITS) - 1 for number in range(1000)]
    hash = hashlib.blake2b(digest_size=32)
    for id in ids:
        hash.update(struct.pack("<64I", *(indices(id, most=64) + [2**32 - 1] * 64)[:64]))
    tokens = [token(group, discovery_key(number)) for number in range(100)]
    items = [discovery_key(0), discovery_key(1), head_item(0, 7, 0)]
    sets = [([0, 5, 6, 900, 1023], 10), ([mix(1) >> 28], ID_BITS), ([], 8), (list(range(256)), 8),
            (sorted({mix(number) >> 37 for number in range(100)}), 27)]
    return {
        "tokens": [{"number": number, "group": token(group, discovery_key(number)),
                    "fresh": token(fresh, discovery_key(number))} for number in range(20)],
        "heads": [{"number": number, "length": length, "fork": fork,
                   "group": token(group, head_item(number, length, fork)),
                   "fresh": token(fresh, head_item(number, length, fork))}
                  for number, length, fork in heads],
        "indices": [{"id": id, "cells": indices(id, most=64)} for id in [0, 1] + ids[:6]],
        "hashes": [{"tables_dense": DENSE.hash(), "tables_sparse": SPARSE.hash(),
                    "indices_of_1000": hash.hexdigest()}],
        "sketches": [{"items": count, "cells": cells, "bytes": sketch(tokens[:count], cells).hex()}
                     for count, cells in [(0, 64), (1, 64), (30, 64), (100, 256)]],
        "roots": [{"items": count, "role": role, "set": set,
                   "mac": root_mac(handshake_hash, role, set, items[:count])}
                  for count in [0, 1, 3] for role in [0, 1] for set in [0, 1]],
        "digests": [{"items": count, "digest": digest(items[:count]).hex()} for count in [0, 1, 3]],
        "tags": [{"items": counts, "role": role,
                  "tag": tag(handshake_hash, role, *(digest(items[:count]) for count in counts))}
                 for counts in [[1, 1], [1, 3], [3, 1]] for role in [0, 1]],
        "changes": [{"heads": heads, "entries": entries,
                     "bytes": changed(group, 100, heads, entries).hex()}
                    for heads, entries in [([[3, 7], [90, 1 << 40], [0, 64]], [[200, 1], [7, 300]]),
                                           ([], [[9, 2]]), ([[5, 63]], [])]],
        "rice": [{"numbers": numbers, "width": width, "bytes": rice(numbers, width)}
                 for numbers, width in sets],
    }


if __name__ == "__main__":
    out = ["{"]
    entries = list(vectors().items())
    for place, (name, value) in enumerate(entries):
        comma = "," if place + 1 < len(entries) else ""
        if isinstance(value, list):
            rows = ",\n".join("    " + json.dumps(row) for row in value)
            out.append(f'  "{name}": [\n{rows}\n  ]{comma}')
        else:
            out.append(f'  "{name}": {json.dumps(value)}{comma}')
    path = Path(__file__).resolve().parent.parent / "reconcile.json"
    path.write_text("\n".join(out) + "\n}\n")
