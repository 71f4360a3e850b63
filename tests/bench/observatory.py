"""What MDN's HTTP Observatory says of the headers: `make bench-observatory`.

Runs the site as in production on https://localhost (ports 80 and 443, so usually as root) with a
certificate of its own; gunicorn speaks TLS itself, so that every header is the application's. Needs
npx and the package registry: the scorer is fetched when it runs and is no dependency.
`OBSERVATORY=/folder` names one that lies there already.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
LEAST = 130
PACKAGE = "@mdn/mdn-http-observatory"
GIVE_UP_SECONDS = 180


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a key and a certificate for localhost that holds for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    kept, shown = folder / "key.pem", folder / "certificate.pem"
    kept.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    shown.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return kept, shown


def scorer() -> Path:
    """Return where the scorer lies, fetched now unless `OBSERVATORY` names a folder."""
    folder = Path(os.environ.get("OBSERVATORY") or ROOT / "var" / "observatory")
    package = folder / "node_modules" / PACKAGE
    if not package.exists():
        folder.mkdir(parents=True, exist_ok=True)
        words = ["npm", "install", "--ignore-scripts", "--no-audit", "--prefix", str(folder)]
        subprocess.run([*words, PACKAGE], check=True)
    # Without its scripts the list of preloaded hosts is missing; localhost is not on it.
    preloaded = package / "conf" / "hsts-preload.json"
    if not preloaded.exists():
        preloaded.write_text("{}")
    return package / "src" / "scan.js"


def is_answering() -> bool:
    with suppress(HTTPError, URLError, OSError):
        return bool(urlopen("http://localhost/", timeout=20))
    return False


@contextmanager
def site(folder: Path) -> Iterator[None]:
    """Run the site of production on both ports, until it answers."""
    key, certificate = write_certificate(folder)
    os.environ["SSL_CERT_FILE"] = str(certificate)
    environment = {
        **os.environ,
        "DEBUG": "",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "SITE_URL": "https://localhost",
        "DATABASE_URL": f"sqlite:///{folder / 'kitto.sqlite3'}",
        "REDIS_URL": "",
        "VAR_DIR": str(folder),
        "STATIC_ROOT": str(folder / "static"),
    }
    manage = [sys.executable, "manage.py"]
    for words in (["migrate", "--verbosity", "0"], ["collectstatic", "--no-input", "-v", "0"]):
        subprocess.run([*manage, *words], cwd=ROOT, env=environment, check=True)
    served = [sys.executable, "-m", "gunicorn", "kitting.wsgi", "--no-control-socket"]
    tls = ["--keyfile", str(key), "--certfile", str(certificate)]
    with ExitStack() as stack:
        for bind in (["--bind", "localhost:80"], ["--bind", "localhost:443", *tls]):
            server = subprocess.Popen([*served, *bind], cwd=ROOT, env=environment)
            stack.callback(server.wait)
            stack.callback(server.terminate)
        end = time.monotonic() + GIVE_UP_SECONDS
        while not is_answering():
            if time.monotonic() > end:
                sys.exit("The site does not answer on ports 80 and 443.")
            time.sleep(0.2)
        yield


def main() -> int:
    program = scorer()
    with TemporaryDirectory() as place, site(Path(place)):
        # Milliseconds; the scorer gives up after ten seconds otherwise, busy machine or not.
        patient = {**os.environ, "ABORT_TIMEOUT": "120000", "CLIENT_TIMEOUT": "100000"}
        patient["NODE_EXTRA_CA_CERTS"] = os.environ["SSL_CERT_FILE"]
        words = ["node", program, "localhost"]
        said = subprocess.run(words, env=patient, capture_output=True, check=False)
    found = json.loads(said.stdout)
    for name, test in found.get("tests", {}).items():
        sys.stdout.write(f"{test['scoreModifier']:+4d}  {name}: {test['result']}\n")
    score = found.get("scan", {}).get("score", 0)
    sys.stdout.write(f"score: {score}\n{found.get('error', '')}\n")
    return 0 if score >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
