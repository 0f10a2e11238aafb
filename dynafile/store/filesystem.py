"""What the store asks of the operating system before it trusts a folder."""

from __future__ import annotations

import os
import sys
from functools import cache

from xxhash import xxh3_64_intdigest

from dynafile.errors import NetworkFileSystem

NETWORK_FILE_SYSTEMS = frozenset(
    [
        "9p",
        "afpfs",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "davfs",
        "fuse.ceph",
        "fuse.gcsfuse",
        "fuse.glusterfs",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.sshfs",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "smb",
        "smb2",
        "smb3",
        "smbfs",
        "webdav",
    ]
)
_MOUNTS = "/proc/self/mountinfo"


def refuse_network_file_system(folder: str) -> None:
    """Raise :class:`NetworkFileSystem` where locks and shared memory cannot be trusted."""
    kind = filesystem_type(folder)
    if kind in NETWORK_FILE_SYSTEMS:
        raise NetworkFileSystem(
            f"{folder} is on a network file system ({kind}), whose locks and shared memory cannot "
            f"be trusted: use a folder on a local disk, or serve it with a process on that machine",
            path=folder,
            filesystem=kind,
        )


def filesystem_type(folder: str) -> str | None:
    """Return the type of the file system that holds a folder, as ``ext4``; None: not known."""
    try:
        if sys.platform == "win32":
            return _windows_drive_type(folder)
        if os.path.exists(_MOUNTS):
            return _linux_type(os.path.realpath(folder), _read(_MOUNTS).decode(errors="replace"))
        return _bsd_type(os.path.realpath(folder), _mount_output())
    except (OSError, ValueError):
        return None


def _mount_output() -> str:
    import subprocess  # macOS only, and slow to import

    try:
        return subprocess.run(
            ["/sbin/mount"], capture_output=True, text=True, timeout=5, check=False
        ).stdout
    except subprocess.SubprocessError:
        return ""


def _linux_type(folder: str, mountinfo: str) -> str | None:
    best, kind = "", None
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        if len(fields) < 5 or not right:
            continue
        mount = fields[4].encode().decode("unicode_escape", "replace")
        if _holds(mount, folder) and len(mount) >= len(best):
            best, kind = mount, right.split(" ")[0]
    return kind


def _bsd_type(folder: str, output: str) -> str | None:
    best, kind = "", None
    for line in output.splitlines():
        _, _, right = line.partition(" on ")
        mount, bracket, options = right.rpartition(" (")
        if bracket and _holds(mount, folder) and len(mount) >= len(best):
            best, kind = mount, options.split(",")[0].rstrip(")").strip()
    return kind


def _holds(mount: str, folder: str) -> bool:
    return folder == mount or folder.startswith(mount.rstrip("/") + "/")


def _windows_drive_type(folder: str) -> str | None:
    if sys.platform == "win32":
        import ctypes

        drive = os.path.splitdrive(os.path.abspath(folder))[0] + "\\"
        remote = 4
        if drive.startswith("\\\\") or ctypes.windll.kernel32.GetDriveTypeW(drive) == remote:
            return "smb"
    return None


@cache
def boot_number() -> int:
    """Return a number that changes when the machine restarts; 0 where the system offers none."""
    if sys.platform == "darwin":
        session = _darwin_boot_session()
        return xxh3_64_intdigest(session) | 1 if session else 0
    try:
        return xxh3_64_intdigest(_read("/proc/sys/kernel/random/boot_id")) | 1
    except OSError:
        return 0


def _darwin_boot_session() -> bytes:
    import ctypes

    buffer = ctypes.create_string_buffer(64)
    size = ctypes.c_size_t(len(buffer))
    name = b"kern.bootsessionuuid"
    failed = ctypes.CDLL(None).sysctlbyname(name, buffer, ctypes.byref(size), None, 0)
    return b"" if failed else buffer.value


def folder_bytes(folder: str) -> int:
    """Return the bytes of all files in a folder; files that go meanwhile count nothing."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size
            except OSError:
                continue
    return total


def _read(path: str) -> bytes:
    # Not by pathlib, which takes two milliseconds to import.
    with open(path, "rb") as file:
        return file.read()
