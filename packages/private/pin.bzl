"""The vocabulary of the table of pins (//packages:sources.bzl)."""

def file(path, size, sha256):
    """Names one file of the archive.

    Args:
      path: its path below the root of a mirror.
      size: in bytes.
      sha256: 64 lower-case hex digits.

    Returns:
      A struct with these three fields.
    """
    return struct(path = path, size = size, sha256 = sha256)

def pin(source, version, debian, files, debian_files = [], urls = []):
    """Pins one source.

    Args:
      source: the archive's name of the source package.
      version: upstream's version.
      debian: the archive's version.
      files: upstream's tarballs, the main one first.
      debian_files: the archives with Debian's patch series; none for a
        package that Debian itself is upstream of.
      urls: upstream's own addresses of the main tarball.

    Returns:
      A struct with these fields.
    """
    return struct(
        source = source,
        version = version,
        debian = debian,
        files = files,
        debian_files = debian_files,
        urls = urls,
    )
