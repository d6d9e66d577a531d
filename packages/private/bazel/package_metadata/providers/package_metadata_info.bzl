"""The provider by which rules_go learns the module and version of a package."""

PackageMetadataInfo = provider(
    doc = "Where a package comes from.",
    fields = {
        "files": "depset of every metadata file",
        "metadata": "File: JSON with the key purl, a package URL",
    },
)
