"""Sources: what the fetched repositories of pinned files hold."""

load(":providers.bzl", "SourceInfo")

def _source_impl(ctx):
    return [
        SourceInfo(
            version = ctx.attr.version,
            debian_version = ctx.attr.debian_version,
            archives = ctx.files.archives,
        ),
        DefaultInfo(files = depset(ctx.files.archives)),
    ]

source = rule(
    implementation = _source_impl,
    doc = "One pinned source.",
    attrs = {
        "version": attr.string(mandatory = True),
        "debian_version": attr.string(mandatory = True),
        "archives": attr.label_list(mandatory = True, allow_files = True),
    },
)
