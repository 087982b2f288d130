"""An independent model of tokens, mapping, sketch, LtHash and Rice code."""
import hashlib, struct
M = (1 << 64) - 1
def rotl(x, b): return ((x << b) | (x >> (64 - b))) & M
def sip24(k0, k1, m):
    v = [k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573]
    def rnd():
        v[0] = (v[0] + v[1]) & M; v[1] = rotl(v[1], 13) ^ v[0]; v[0] = rotl(v[0], 32)
        v[2] = (v[2] + v[3]) & M; v[3] = rotl(v[3], 16) ^ v[2]
        v[0] = (v[0] + v[3]) & M; v[3] = rotl(v[3], 21) ^ v[0]
        v[2] = (v[2] + v[1]) & M; v[1] = rotl(v[1], 17) ^ v[2]; v[2] = rotl(v[2], 32)
    full = len(m) - len(m) % 8
    for i in range(0, full, 8):
        w = struct.unpack_from('<Q', m, i)[0]; v[3] ^= w; rnd(); rnd(); v[0] ^= w
    w = (len(m) & 0xff) << 56 | int.from_bytes(m[full:], 'little')
    v[3] ^= w; rnd(); rnd(); v[0] ^= w; v[2] ^= 0xff
    for _ in range(4): rnd()
    return v[0] ^ v[1] ^ v[2] ^ v[3]
def mix(x):
    x = ((x ^ x >> 30) * 0xbf58476d1ce4e5b9) & M
    x = ((x ^ x >> 27) * 0x94d049bb133111eb) & M
    return x ^ x >> 31
def b2(*p, key=b''): return hashlib.blake2b(b''.join(p), digest_size=32, key=key).digest()
def salt_group(k): h = b2(b'multifeed/1 reconcile', key=k); return struct.unpack('<QQ', h[:16])
def salt_fresh(h, a): h = b2(b'multifeed/1 reconcile fresh', bytes([a]), h); return struct.unpack('<QQ', h[:16])
def token_of_id(i): return i | (mix(i ^ 0x5bf03635dca1ea1d) >> 48) << 40
def token(s, m): return token_of_id(sip24(*s, m) & (1 << 40) - 1)
def root(n, k):
    lo, hi = 0, 1 << (n.bit_length() // k + 1)
    while lo < hi:
        mid = (lo + hi + 1) // 2
        if mid ** k <= n: lo = mid
        else: hi = mid - 1
    return lo
class Curve:
    def __init__(s, al, c):
        s.whole = [root(2 ** (160 + al * k), 8) for k in range(64)]
        s.part = [root(2 ** 240 * 4096 ** al // (2049 + 2 * k) ** al, 8) for k in range(1024)]
        s.c = c
    def hash(s): return b2(b''.join(struct.pack('<Q', x) for x in s.whole), b''.join(struct.pack('<I', x) for x in s.part)).hex()
DENSE, SPARSE = Curve(5, 333), Curve(1, 1152)
G = 0x9e3779b97f4a7c15
def indices(id, end, most=None):
    st = mix((id * G & M) ^ 0xd1b54a32d192ed03)
    cv = SPARSE if st >> 56 >= 220 else DENSE
    i, out = 0, []
    while i < end and (most is None or len(out) < most):
        out.append(i)
        st = (st + G) & M
        r = mix(st) | 1
        z = 64 - r.bit_length()
        f = ((r << z) & M) >> 53 & 1023
        p = cv.whole[z] * cv.part[f] >> 30
        i = min(i + 1 + (((i << 8) + cv.c) * (p - (1 << 20)) >> 28), 2 ** 32 - 1)
    return out
def key(i): return b2(b'feed', struct.pack('<Q', i))
print('tables', DENSE.hash(), SPARSE.hash())
g = salt_group(bytes(range(32))); f = salt_fresh(bytes(range(64)), 1)
print('salts', [hex(x) for x in g + f])
for i in (0, 1, 2): print('key token', hex(token(g, key(i))), hex(token(f, key(i))))
print('head token', hex(token(g, key(0) + struct.pack('<QQ', 7, 0))), hex(token(f, key(0) + struct.pack('<QQ', 1 << 40, 3))))
h = hashlib.blake2b(digest_size=32)
for i in range(1000):
    for x in indices(mix(i) & (1 << 40) - 1, 2 ** 32 - 1, 64): h.update(struct.pack('<I', x))
print('indices', h.hexdigest(), indices(1, 2 ** 32 - 1, 12))
cells = [0] * 256; counts = [0] * 24
for i in range(100):
    t = token(g, key(i))
    for x in indices(t & (1 << 40) - 1, 256):
        cells[x] ^= t
        if x < 24: counts[x] += 1
h = hashlib.blake2b(digest_size=32)
wire = b''.join(c.to_bytes(7, 'little') + (struct.pack('<H', counts[i]) if i < 24 else b'') for i, c in enumerate(cells))
print('sketch', b2(wire).hex(), len(wire))
def chacha(key32, n):
    def q(s, a, b, c, d):
        r = lambda x, k: ((x << k) | (x >> (32 - k))) & 0xffffffff
        s[a] = (s[a] + s[b]) & 0xffffffff; s[d] = r(s[d] ^ s[a], 16)
        s[c] = (s[c] + s[d]) & 0xffffffff; s[b] = r(s[b] ^ s[c], 12)
        s[a] = (s[a] + s[b]) & 0xffffffff; s[d] = r(s[d] ^ s[a], 8)
        s[c] = (s[c] + s[d]) & 0xffffffff; s[b] = r(s[b] ^ s[c], 7)
    out = b''
    for blk in range(n // 64):
        init = list(struct.unpack('<4I', b'expand 32-byte k')) + list(struct.unpack('<8I', key32)) + [blk, 0, 0, 0]
        s = init[:]
        for _ in range(10):
            q(s,0,4,8,12);q(s,1,5,9,13);q(s,2,6,10,14);q(s,3,7,11,15)
            q(s,0,5,10,15);q(s,1,6,11,12);q(s,2,7,8,13);q(s,3,4,9,14)
        out += struct.pack('<16I', *((a + b) & 0xffffffff for a, b in zip(s, init)))
    return out
sums = [0] * 1024
for m in (key(0), key(1), key(0) + struct.pack('<QQ', 7, 0)):
    for i, w in enumerate(struct.unpack('<1024H', chacha(b2(b'multifeed/1 root item', m), 2048))): sums[i] = (sums[i] + w) & 0xffff
hh = bytes(range(64))
for role in (0, 1):
    print('mac', role, b2(b'multifeed/1 root', bytes([role, 1]), struct.pack('<1024H', *sums), key=hh)[:8].hex())
def rice(nums, w):
    low = max((177 << w >> 8) // max(len(nums), 1), 1).bit_length() - 1
    bits, nxt = [], 0
    for n in nums:
        g = n - nxt; nxt = n + 1
        bits += [1] * (g >> low) + [0] + [g >> j & 1 for j in range(low)]
    bits += [0] * (-len(bits) % 8)
    return bytes(sum(b << j for j, b in enumerate(bits[i:i + 8])) for i in range(0, len(bits), 8))
print('rice', rice([0, 5, 6, 900, 1023], 10).hex(), rice([mix(1) >> 24], 40).hex())
