"""Freed memory: kept for the next step, which is fast, or given back to the system, which is small."""

import ctypes
import platform

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -3, -4
_LARGE_BYTES = 2**18


def keep_freed_memory() -> bool:
    """Tell glibc to serve large tensors from its heap and never to shrink it; elsewhere nothing is done.

    By default every tensor above some MB is mapped anew, and the system fills its pages with zeros one by one at first
    touch. In a step of SSR-D (4,096 rows, views of 8 x 128) that took 40 of 300 ms; peak memory grew by 1 %.

    Example:
        >>> keep_freed_memory() in (True, False)
        True
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    return bool(libc.mallopt(_M_MMAP_MAX, 0)) and bool(libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1))


def return_freed_memory() -> bool:
    """Tell glibc to map every large tensor by itself and to give it back once freed; elsewhere nothing is done.

    Where activations are computed again, few large tensors live long and many live shortly. In one heap the former
    cut the holes of the latter into pieces too small to be used: for SSR-D (8,192 rows, six blocks of 8 x 64 views)
    200 MB of live tensors took 760 MB of heap, and 280 MB when mapped one by one.

    Example:
        >>> return_freed_memory() in (True, False)
        True
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    settings = {_M_MMAP_MAX: 2**16, _M_MMAP_THRESHOLD: _LARGE_BYTES, _M_TRIM_THRESHOLD: _LARGE_BYTES}
    return all([bool(libc.mallopt(name, value)) for name, value in settings.items()])


def release_freed_memory() -> bool:
    """Give back what the heap keeps, where work of other shapes begins; elsewhere than in glibc nothing is done.

    Tensors of other sizes do not fit into the holes that the last ones left, and the heap grows beyond both: scoring
    after training took 4.8 GB for SSR-S with 448 views, and 3.0 GB where freed memory was given back in between, in
    the same time.

    Example:
        >>> release_freed_memory() in (True, False)
        True
    """
    return platform.libc_ver()[0] == "glibc" and bool(ctypes.CDLL(None).malloc_trim(0))
