"""The contracts between packages, the kernel and what is built from them."""

SourceInfo = provider(
    doc = "One pinned source, fetched and checked.",
    fields = {
        "archives": "list of File: the tarballs, the main one first",
        "debian_version": "string: the archive's version, to match advisories with",
        "version": "string: upstream's version",
    },
)

PackageInfo = provider(
    doc = "One built package.",
    fields = {
        "name": "string",
        "version": "string",
        "license": "string: SPDX licence expression",
        "debian_version": "string: version of the Debian source that was built, or empty",
        "runtime": "File: layer for the image",
        "devel": "File: layer for what compiles against the package",
        "extracted": "dict of string to File: files handed out beside the layers",
        "runtime_closure": "depset of File: runtime layers of this package and its deps",
        "sysroot": "depset of File: runtime and devel layers of this package and its deps",
    },
)

SdkInfo = provider(
    doc = "The toolchain's root file system.",
    fields = {
        "archive": "File: the packed SDK",
        "id": "File: its identity, one line",
    },
)
