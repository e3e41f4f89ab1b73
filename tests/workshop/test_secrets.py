"""No password, key or token is in the repository's files."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SIGNS = {
    "a private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
    "a cloud access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a token of a forge": r"\b(?:gh[pousr]_[0-9A-Za-z]{36}|glpat-[0-9A-Za-z_-]{20})\b",
    "a JSON web token": r"\beyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.",
    "a password in a URL": r"\b[a-z]+://[^\s/:@{}$<>'\"]+:(?!password@|pass@|secret@|\*+@|\.\.\.@)"
    r"[^\s/:@{}$<>'\"]{8,}@",
    "a password in YAML": r"(?im)^\s*(?:-\s*)?[\w.]*(?:password|passwd|secret_?key|api_?key|token)"
    r"\s*:\s*[\"']?[0-9A-Za-z+/=_-]{12,}[\"']?\s*$",
}
WHERE_YAML = (".yaml", ".yml", ".env", ".toml", ".json")


def files() -> list[Path]:
    """Everything that git would commit."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def found(text: str, suffix: str) -> list[str]:
    """Which signs of a secret a file shows."""
    return [
        what
        for what, pattern in SIGNS.items()
        if (what != "a password in YAML" or suffix in WHERE_YAML) and re.search(pattern, text)
    ]


def test_no_file_holds_a_secret() -> None:
    """None of the signs is anywhere, this file and locks of hashes apart."""
    guilty = {
        str(path.relative_to(ROOT)): signs
        for path in files()
        if path != Path(__file__) and path.suffix != ".lock"
        for signs in [found(path.read_text(encoding="utf-8", errors="replace"), path.suffix)]
        if signs
    }
    assert not guilty


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("-----BEGIN " + "EC PRIVATE KEY-----", "a private key"),
        ("key = AKIA" + "Q" * 16, "a cloud access key"),
        ("https://ward:" + "correcthorse@example.com", "a password in a URL"),
        ("  password: " + "correcthorsebattery", "a password in YAML"),
    ],
)
def test_a_secret_would_be_found(text: str, what: str) -> None:
    """The scan can fail."""
    assert found(text, ".yaml") == [what]
