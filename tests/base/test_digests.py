"""CRC-64, XXH3 and SHA-1 against known answers, a bitwise model and hashlib."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from native import base as native

PATTERN = bytes((i * 131 + (i >> 8) * 7 + 5) & 255 for i in range(70000))
LENGTHS = [*range(301), 512, 1024, 1025, 5000]
XXH3 = """
2d06800538d394c2 929e358d27ae3ee2 9b6c60ecb951e839 30069c90b99182f2 d829f6f5a95030dd
a8f5bedbb34a1ccd 0fe4423f35845db2 ff4ae85fe831d843 69a0b1f9db1af9ca a15196770bf453d4
c6f5548d3f82f7de 8b63a1c8c4df6035 2b15703f8f4bab1a 5a37972e5f1469c0 119b9ae4bcf9d88b
f04bf8072109399b 98ea59f608d94941 a08e9bdf66b32953 95e382b459208da3 2d7a33d68ab25f54
a207b23491cbbb00 d88d5c2905c168df e23bda67581bd22a 1f7e53c288ac311a 54d719baa1e117ff
8fa70b10ec9d9af0 1ad70d54e9f25ab7 61328e7edc7d8a87 f5ea5fb14a86d6b1 98e437c17bfb219e
4ab0bb062ccb6cca fd0fcd048a0cbd90 ec516da5decbd7b8 d4eaf1c2bd9fb64b 4ef1c15d9a03be8f
11bd367e03eb81f0 4b37095f522cf6a2 881bf95de4d4a113 9245dba4d9e2788f 155ea1c3487ea064
eee9b5a440de2845 1eef498110d39877 b55d47c4ad6c7377 6082e4a687d5a02e fa6bcfb98f26959a
329c273759b19d59 03a131db09d7a61c 678b341ac7e32d55 7079eefbe63f0097 9591d1abab4b4530
50c09fb64185cfef 03d000ef82b399d6 3efa8c135fa7d4f8 6039d8d7c002b825 dcfce7b24fb387e2
5d1dc8555c51089d fdc55495f281df7a 75615a066bf96869 eb8ee0a8a97bdd0d 79c347a1f038a4e1
71a5dee1dc2d9a97 e61f529f407f20fe 7fa5043c1cef56ae d95b82ed888dcea2 c54ff9dff4f295f0
e6e445df4b0e396e ad86212808b073c7 338123e255937b30 ef20b04d7c8ef080 b18b9ae26e14ecb7
9196f6850c0f6e7d 6a815fcb40238540 7a6c79dc6113214a 4a3938f64e1e0a66 915c70da996712cd
c0af5b4933213371 b02f2c8470e89ac2 f83982f5b67f1587 67b85fdf92bec68c 49983349d77f5d90
10af8c397e839ec1 e9a5018fa6e49a06 2857f587018455d4 46d18c87d03a6a47 f03fae5a274d6133
d20499615986f9dd 2d8d27852c4ac4c5 72bb22842d0e9450 f2c683fce95b4321 fe889b877bbd6abb
3e2b487fbb4886c7 3063c1f2a1d37fe1 d4befbdd92b4a2aa 7481b5a4e4cf7ccf d65eebc8bc62be18
acbed6d1d5ec76fb 021fb0400f0ace3d a59f5ad60eff326e 97a6506d4a32f720 3a9f0e3f84a5df6d
f543607708549681 893d5beae6a9ee23 77100f9f79f53b8b 2b5b8dd42976a3e8 eb4b11ea15310158
74e77ad035ae9ccc 38761af0e39ace0c 1d453e7d12e50912 3822794e28d204e0 7151cc4ab005dba2
167ba779b08cd2f5 375cb3a2946735c0 7f3ca66a4f3e19ac e321938fe3841854 e766a57dc5e0f042
6f50e014ebdc7a23 b5095ceae8e5bb8a fec6d49b07dd6f05 dd6301de83ddbac7 ffd647dbb1c97786
bc7504374fbe0d94 ef9b9f4eb846e859 4da3f6f6cfffcd76 399156a2f557b472 2261a15f6ddec458
3c840917b094a6f7 2d3539b9eaeb0060 4040b439eb0900f4 99c2e662da058357 77e63534a29d0607
9c47ee615aa9f3a5 675465d13ae02e00 4f3dc6b9164f1062 b5f85b1be0b42a56 ecb3cd9db65a0f05
de67a0d78d8f1441 12763710c5520d19 582284a2b2de48eb e004155aecad068c 02530483d3de0f4d
46673a0e4843baab 421ace6ef9cfa8f8 3fe69e37b4abce26 892af5902d961ff3 4f8f0774bb0e4b82
1062b3517cdbe436 8641a6c6c72710ad ce4b71f0eb44a409 42aff1e69e3bf6e0 f10cfc1c6040ab54
8ec16c572a946d6d 6425bae96b0b6e59 b80b6e0dc828ec40 eead90a42e535ef5 b4d694857dc8b5fd
8a56296ec9280e47 3b53114780ad29d4 ba38520698d2776f 020e0439ad2dc3c3 e3b008a7e0145840
fd85f0e9832417ce 7f1245a8c53b24f1 23d5f177f902ed52 417e7c0c474306f3 7d31ec0b58e8acb9
7cbf31cbae58825b 775fc5298914b8e5 35c8b53be393f1ef fdb78468eeab736e 3ded38b5ef8d5d5d
0426c26c063ede6f c535c007ad1c1e2a a5a62e17357ce520 e49f88c87664a428 540812e2a0844ade
8b2863258b9d14c7 f1bc13d8bdd67f62 2b8648eb3506a07f f409438688b6265d d1d7c55e952f5b5d
e1e5909cf9d13ebe baaf054b457b11ba 8e6237cf62299567 c0e09b26c75832dc fdd55ae97f5984e3
fac4cf58715fbe29 6ba7c235c3f48e17 875c5059c120407e 1562b826e6dd5dc1 2d77a89640edbef3
14b52099b689f80a 96b7ce44da2d32ad 9cbf8494bbba3197 38527e7956c5541b c35afb562566a819
10f9be806e15c14c 4e08525eb1380e9f 67dde4f0485abf33 69c9f3116eb555f6 a976d774d33f04e4
ca7ba93470c5ca2e 052b000008e1ce22 99d8124226b32aa7 3446a77de1525805 536a05046155aaa8
bb420f6719f5b8f7 a65e4639d67c59f4 303041b06ce7c697 4bb6957e9a88f6d0 f97b8e5f3e6ef3fb
12da73127a7e4e20 c45a7fe35f7001bb c3c4d245a97dc75a fe5f904fee0c58c0 ff01cc0a8562480c
7afaf34e05f45ae4 cd9fbd6fd0eb5c55 aa27105230e9faf1 4fc50f01916cb43a 0fb300319de8b256
a450dd039b3197c4 d7a7263c6b793b0c d5e7c5b69375d30f 012d8a71dfdff303 78b116a610fa8917
5977a8c8b7b9275a c8e9933bed00878f 5921bd1859d6c079 e7009c7325d563f0 4ab876332903e25c
ed38a63ce7e65bd5 fd7f664b4a80f3ce a1ffd10c6ddf959b 1d6cb625b9b59157 54c6c799941e7023
e26ad447a21b8e0d 32c2c7420e8f933d cd0f8e8ba5a70f04 cb79a27ce182ec18 6cf6d1f48738fa34
b4d1329d95cf1b74 8bd3aa0d9f127af5 5edb8bad404a8e0d a5bc0bf24494c95d b44bc09bde444cd0
bc6749c4cc78f074 c951a80c699af4af 85add0c8020ad285 e7f0a23eb9664396 167f29b55cba65a6
165eccb902d5b793 f4947871051eb507 1605d24eefc73a37 b01e6ed2900fd0d4 82ff049d258915be
9ae39c7a4685263b 59b1a9b44acd9f1a 4a3b62bd5a24685c e1e694cf78e2640b 0f12389453d970e6
73e1505c92b70731 45291dbeb9032b7f a90068e2264bbae7 aa06057f626f2437 10166ecb8a0beeb3
da01dc9f2a759315 63a97d100cf98e48 b8791cc03d0ef6b2 00dcae4aa0598341 5c53fa6bb3aae76c
895a6fa3a8593ea3 cf88c8189795f003 de3e4a2ed120399e 7b69ef2708bf8976 e92e4520a947565d
9f982b60248a5d45 5c92fde1a95bb921 4efc047df139526f 5358350bfb3f37d2 6550d366c576026d
422927622f7690d9 832908ee4ccbfe1b df1ae4807be096ac 1a88308f1a084443 aff10878595cf66d
4a0e3182f51592ab 21f099e10bacc236 3fab2b5cd6714d1b a1f9723d26ef248f bf84d80c88154861
1b9a1c887beb7cf4 fe96b0f8df1ac816 deb13f4437553107 f0c6b364f2aab387 edd00c1308348a23
3c20a9e8f0078973 78656b4673b2907e 53ec78e6c333c1ae f7955b005710da1d 47f294c1aacf1c94
a956c55ca77e0621 8668bdb4bed06bce 3fa1d4d42c21189e c3b964f69630a13c 5e6781a934ef554f
""".split()  # noqa: SIM905
CHUNKS = st.lists(st.binary(max_size=200), min_size=2, max_size=5)


def test_xxh3_known_answers() -> None:
    """Worked out with xxhash 0.8 by its author."""
    for length, answer in zip(LENGTHS, XXH3, strict=True):
        assert f"{native.xxh3_of(PATTERN[:length]):016x}" == answer, length


def crc64_bit_by_bit(content: bytes) -> int:
    crc = 0
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x95AC9329AC4BC9B5 if crc & 1 else 0)
    return crc


def test_crc64_check_value() -> None:
    assert native.crc64_of(b"123456789") == 0xE9C6D914C4B8D9CA
    assert native.crc64_of(b"") == 0


@given(st.binary(max_size=100))
def test_crc64_against_the_definition(content: bytes) -> None:
    assert native.crc64_of(content) == crc64_bit_by_bit(content)


@pytest.mark.parametrize("length", [*range(250, 400), 448, 511, 512, 4096, 70000])
def test_crc64_of_long_inputs(length: int) -> None:
    """Another way than for short ones, where the processor has it."""
    crc = 0x123456789ABCDEF0
    for start in range(0, length, 100):
        crc = native.crc64_of(PATTERN[start : min(start + 100, length)], crc)
    assert native.crc64_of(PATTERN[:length], 0x123456789ABCDEF0) == crc


@given(CHUNKS)
def test_crc64_in_parts(chunks: list[bytes]) -> None:
    crc = 0
    for chunk in chunks:
        crc = native.crc64_of(chunk, crc)
    assert crc == native.crc64_of(b"".join(chunks))


@pytest.mark.parametrize("length", [*range(0, 200), 1000, 4096, 70000])
def test_sha1(length: int) -> None:
    assert native.sha1_of(PATTERN[:length]) == hashlib.sha1(PATTERN[:length]).digest()


@given(CHUNKS)
def test_sha1_in_parts(chunks: list[bytes]) -> None:
    assert native.sha1_of(*chunks) == hashlib.sha1(b"".join(chunks)).digest()
