"""package_metadata, as far as repositories made by gazelle's go_repository use it."""

load("//providers:package_metadata_info.bzl", "PackageMetadataInfo")

def _package_metadata_impl(ctx):
    file = ctx.actions.declare_file(ctx.label.name + ".json")
    ctx.actions.write(file, json.encode({"purl": ctx.attr.purl}))
    return [
        DefaultInfo(files = depset([file])),
        PackageMetadataInfo(files = depset([file]), metadata = file),
    ]

_package_metadata = rule(
    implementation = _package_metadata_impl,
    attrs = {"purl": attr.string(mandatory = True)},
)

def package_metadata(name, purl, visibility = None):
    """Writes the package URL purl for rules_go, which puts it into binaries.

    The repository's default metadata is this very target, so it opts out of it.
    """
    _package_metadata(
        name = name,
        purl = purl,
        applicable_licenses = [],
        visibility = visibility,
    )
