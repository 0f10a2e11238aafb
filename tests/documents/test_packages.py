"""The packages of the extra ``documents``: imported when needed, and asked for where missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dynafile.documents.packages import need
from dynafile.errors import MissingExtra

USES = {
    "argon2": "Users(MemoryRecords()).signup('ann@example.com', 'a password')",
    "jwt": "Tokens(SigningKeys(MemoryRecords()), issuer='i', audience='a').issue('u', 's')",
    "cryptography": "Sealer({'users': {'a': Field()}}, SealingKey.generate('k')).seal(('users', 'u'), {'a': 1})",
}
NAMES = {"argon2": "argon2-cffi", "jwt": "PyJWT", "cryptography": "cryptography"}


@pytest.mark.parametrize("package", USES)
def test_what_needs_a_missing_package_says_how_to_install_it(package: str) -> None:
    code = f"""
import sys
sys.modules[{package!r}] = None
from dynafile.documents.access import *
from dynafile.documents.sealing import *
from dynafile.errors import MissingExtra
try:
    {USES[package]}
except MissingExtra as error:
    print(error, error.extra)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert NAMES[package] in done.stdout
    assert "pip install 'dynafile[documents]' documents" in done.stdout


def test_the_packages_are_imported_when_they_are_needed() -> None:
    code = (
        "import sys, dynafile.documents.access, dynafile.documents.sealing; "
        "early = {'argon2', 'jwt', 'cryptography'} & set(sys.modules); assert not early, early"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_module_that_is_not_there_is_named_by_its_package() -> None:
    with pytest.raises(MissingExtra, match="nowhere_at_all") as caught:
        need("nowhere_at_all.inner", "these tests")
    assert isinstance(caught.value, ImportError)
    assert caught.value.extra == "documents"
