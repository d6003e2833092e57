"""The answer to an HTTP server that asks for a user and a password: Basic (RFC 7617) and Digest (RFC 7616)."""

import base64
import hashlib
import os
import re
from dataclasses import dataclass

from edge.errors import FileError

_FIELD = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,]+))')
_ALGORITHMS = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


@dataclass(frozen=True, repr=False)
class Login:
    """A user and a password. Neither appears in its ``repr``."""

    user: str
    password: str

    def answer(self, challenges: list[str], method: str, target: str, random: str = "") -> str:
        """Return the value of the header ``Authorization``.

        Args:
            challenges: the values of the server's headers ``WWW-Authenticate``.
            method: of the request, such as ``GET``.
            target: the path and query of the request.
            random: the client's random text, for tests. Empty makes one.

        Raises:
            FileError: the server knows neither Basic nor Digest with MD5 or SHA-256.
        """
        digests = [_fields(one) for one in challenges if one.lower().startswith("digest ")]
        for fields in sorted(digests, key=lambda one: one.get("algorithm", "MD5").upper() != "SHA-256"):
            if fields.get("algorithm", "MD5").upper() in _ALGORITHMS and "nonce" in fields:
                return self._digest(fields, method, target, random or os.urandom(8).hex())
        if any(one.lower().startswith("basic") for one in challenges):
            return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        raise FileError("the server must take Basic or Digest authentication with MD5 or SHA-256")

    def _digest(self, fields: dict[str, str], method: str, target: str, random: str) -> str:
        """Return the digest of RFC 7616, section 3.4, in its names."""
        algorithm, realm, nonce = fields.get("algorithm", "MD5"), fields.get("realm", ""), fields["nonce"]

        def h(text: str) -> str:
            return _ALGORITHMS[algorithm.upper()](text.encode()).hexdigest()

        a1, a2 = h(f"{self.user}:{realm}:{self.password}"), h(f"{method}:{target}")
        said = {"username": self.user, "realm": realm, "nonce": nonce, "uri": target}
        plain = {"algorithm": algorithm}
        if "auth" in re.split(r"[\s,]+", fields.get("qop", "")):
            plain |= {"qop": "auth", "nc": "00000001"}
            said |= {"cnonce": random, "response": h(f"{a1}:{nonce}:00000001:{random}:auth:{a2}")}
        else:  # RFC 2069, which old cameras follow
            said["response"] = h(f"{a1}:{nonce}:{a2}")
        if "opaque" in fields:
            said["opaque"] = fields["opaque"]
        texts = [f'{name}="{_escaped(value)}"' for name, value in said.items()]
        return "Digest " + ", ".join(texts + [f"{name}={value}" for name, value in plain.items()])


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _fields(challenge: str) -> dict[str, str]:
    """Return the fields of a challenge by their names in lower case."""
    return {name.lower(): quoted or plain for name, quoted, plain in _FIELD.findall(challenge.partition(" ")[2])}
